"""The phantom's sheets: accepted like a clinic's, and without the truth."""

import json

import pandas as pd
import pytest

from strokeclock.cohort.sheet import COLUMNS, read_sheet
from strokeclock.cohort.sidecars import read_sidecar
from strokeclock.phantom.clinic import draw_patient
from strokeclock.phantom.readers import read_mismatch
from strokeclock.phantom.sheet import (
    SERIES,
    join_records,
    join_truths,
    write_record,
    write_sidecars,
    write_truth,
)
from strokeclock.phantom.sites import SITES


@pytest.fixture
def run(tmp_path, laws):
    """Records, series files and truths of three patients, joined; returns the folder and the records."""
    records = [draw_patient(number, seed=0, settings=laws) for number in (1, 2, 3)]
    for record in records:
        folder = tmp_path / "phantom" / record.patient
        folder.mkdir(parents=True)
        series = {name: folder / f"{name}.nii.gz" for name in SERIES}
        for path in series.values():
            path.touch()
        write_record(folder / "record.json", record, series=series, settings=laws)
        write_truth(
            tmp_path / "truth" / f"{record.patient}.json", record, grey_share=0.5, pose=[[1, 0], [0, 1]]
        )
    join_records(
        sorted(tmp_path.glob("phantom/*/record.json")),
        cohort=tmp_path / "phantom/cohort.tsv",
        readers=tmp_path / "phantom/readers.tsv",
    )
    join_truths(sorted(tmp_path.glob("truth/*.json")), table=tmp_path / "truth.tsv")
    return tmp_path, records


def test_the_cohort_sheet_is_accepted(run):
    folder, records = run
    cohort = read_sheet(folder / "phantom/cohort.tsv")
    assert cohort.exclusions == {}
    assert cohort.patients == [record.patient for record in records]
    row, record = cohort.rows[0], records[0]
    assert row["t2w"] == str(folder / "phantom" / record.patient / "t2w.nii.gz")
    assert float(row["onset_to_mri_min"]) == record.onset_to_mri_min
    assert (row["lesion_side"], row["sex"], row["site"]) == (record.lesion_side, record.sex, record.site)
    assert (float(row["field_t"]), float(row["b_value"])) == (record.field_t, 1000)


def test_the_record_holds_nothing_of_the_truth(run):
    folder, records = run
    record = json.loads((folder / "phantom" / records[0].patient / "record.json").read_text())
    assert set(record) == {"sheet", "readers"}
    assert set(record["sheet"]) <= set(COLUMNS)


def test_readers_calls_are_joined(run, laws):
    folder, records = run
    table = pd.read_csv(folder / "phantom/readers.tsv", sep="\t", index_col="patient")
    assert list(table.columns) == ["reader1", "reader2", "reader3"]
    for record in records:
        assert tuple(table.loc[record.patient]) == read_mismatch(
            record, seed=0, contrast_gain=2.0, time_sigma=0.6
        )


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("is_scan", [True, False])
def test_sidecars_say_how_the_scanner_scanned(tmp_path, laws, site, is_scan):
    for number in range(1, 5):
        record = draw_patient(number, seed=0, settings=laws | {"site": site})
        paths = {name: tmp_path / f"{name}.json" for name in SERIES}
        write_sidecars(paths, record, is_scan=is_scan)
        for name, path in paths.items():
            sidecar, stack = read_sidecar(path), record.flair if name == "flair" else record.epi
            assert (sidecar.vendor, sidecar.field_t) == (record.vendor, record.field_t)
            assert (sidecar.tr_ms, sidecar.te_ms) == pytest.approx((stack.tr_ms, stack.te_ms), abs=0.01)
            assert (sidecar.faults, sidecar.in_ms) == ((), False)
            assert sidecar.ti_ms == (pytest.approx(stack.ti_ms, abs=0.01) if name == "flair" else None)
            assert sidecar.b_value == {"t2w": 0, "dwi": 1000, "flair": None}[name]
            assert sidecar.voxel_mm == (None if is_scan else stack.voxel_mm)
            assert sidecar.slices == (None if is_scan else stack.slices)


def test_the_truth_is_joined_to_its_own_table(run):
    folder, records = run
    table = pd.read_csv(folder / "truth.tsv", sep="\t", index_col="patient")
    for record in records:
        row = table.loc[record.patient]
        assert row["tissue_hours"] == pytest.approx(record.tissue_hours)
        assert row["flair.ti_ms"] == pytest.approx(record.flair.ti_ms)
        assert row["grey_share"] == 0.5
    assert "pose" not in table
