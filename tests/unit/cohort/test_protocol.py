"""The table of protocols: from sidecars, b-values, images and the cohort sheet, and what of them is wrong."""

import json
import logging

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from strokeclock.cohort.protocol import COLUMNS, write_protocol
from strokeclock.cohort.sidecars import beside, read_b_value, read_sidecar

BIDS = {"RepetitionTime": 9.0, "EchoTime": 0.1, "InversionTime": 2.5}  # s
DICOM = {"RepetitionTime": 9000, "EchoTime": 100.0, "InversionTime": 2500}  # ms


@pytest.fixture
def write(tmp_path):
    """Write a sidecar and return its path: call it with its content, or with text."""

    def write(content, name="flair.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.fixture
def table_of(tmp_path):
    """Write and read the table: patient -> cells of the sheet, and series -> (shape, voxel, sidecar)."""

    def make(patients):
        rows, series = ["patient\tb_value\tfield_t"], {}
        for patient, (cells, images) in patients.items():
            rows.append(f"{patient}\t{cells.get('b_value', '')}\t{cells.get('field_t', '')}")
            series[patient] = {}
            for name, (shape, voxel, sidecar) in images.items():
                path = tmp_path / patient / f"{name}.nii.gz"
                path.parent.mkdir(exist_ok=True)
                nib.save(nib.Nifti1Image(np.zeros(shape, np.int16), np.diag([*voxel, 1.0])), path)
                if sidecar is not None:
                    text = sidecar if isinstance(sidecar, str) else json.dumps(sidecar)
                    (tmp_path / patient / f"{name}.json").write_text(text)
                series[patient][name] = str(path)
        (tmp_path / "cohort.tsv").write_text("\n".join(rows) + "\n")
        used = {patient: float(cells.get("b_value") or 1000) for patient, (cells, _) in patients.items()}
        write_protocol(tmp_path / "cohort.tsv", tmp_path / "protocol.tsv", series=series, b_values=used)
        table = pd.read_csv(tmp_path / "protocol.tsv", sep="\t", dtype=str, keep_default_na=False)
        return table.set_index(["patient", "series"])

    return make


@pytest.mark.parametrize(
    ("image", "sidecar"),
    [("a/flair.nii.gz", "a/flair.json"), ("a.b/dwi.nii", "a.b/dwi.json"), ("x.gz.nii", "x.gz.json")],
)
def test_a_sidecar_lies_beside_its_image(image, sidecar):
    assert beside(image, ".json") == sidecar


@pytest.mark.parametrize(("content", "in_ms"), [(BIDS, False), (DICOM, True)])
def test_times_are_read_in_s_and_in_ms(write, content, in_ms):
    sidecar = read_sidecar(write(content))
    assert (sidecar.tr_ms, sidecar.te_ms, sidecar.ti_ms) == (9000, 100, 2500)
    assert sidecar.in_ms is in_ms
    assert sidecar.faults == ()


@pytest.mark.parametrize(
    ("written", "vendor"),
    [
        ("SIEMENS", "Siemens"),
        ("Siemens Healthineers", "Siemens"),
        ("Siemens_Healthineers", "Siemens"),
        ("Philips Medical Systems", "Philips"),
        ("GE MEDICAL SYSTEMS", "GE"),
        ("GE", "GE"),
        ("Gerda Imaging", "Gerda Imaging"),
        ("TOSHIBA", "Canon"),
        ("  ", None),
        (3, None),
    ],
)
def test_vendors_have_one_name_each(write, written, vendor):
    assert read_sidecar(write({"Manufacturer": written})).vendor == vendor


def test_no_sidecar_says_nothing(tmp_path):
    sidecar = read_sidecar(tmp_path / "absent.json")
    assert sidecar.faults == ()
    assert sidecar.vendor is sidecar.tr_ms is sidecar.field_t is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is no JSON object: write it again, or remove it"),
        ("[1]", "is no JSON object: write it again, or remove it"),
        ({"EchoTime": "0.1"}, "gives EchoTime as '0.1', no number: correct it or remove it"),
        ({"EchoTime": [0.1, 0.2]}, "gives EchoTime as [0.1, 0.2], no number: correct it or remove it"),
        ({"RepetitionTime": True}, "gives RepetitionTime as True, no number: correct it or remove it"),
        (
            {"RepetitionTime": 0.1},
            "gives RepetitionTime as 0.1, in s or in ms outside 300 to 30000 ms: correct it or remove it",
        ),
        (
            {"RepetitionTime": 9e6},
            "gives RepetitionTime as 9e+06, in s or in ms outside 300 to 30000 ms: correct it or remove it",
        ),
        (
            {"MagneticFieldStrength": 15000},
            "gives MagneticFieldStrength as 15000, outside 0.05 to 12: correct it or remove it",
        ),
    ],
)
def test_a_value_that_cannot_be_is_left_out_with_one_sentence(write, content, sentence):
    sidecar = read_sidecar(write(content))
    assert sidecar.faults == (sentence,)
    assert sidecar.tr_ms is sidecar.te_ms is sidecar.field_t is None


def test_b_values_beside_an_image(tmp_path):
    path = tmp_path / "dwi.bval"
    assert read_b_value(path) is None
    path.write_text("0 0 800 1000\n")
    assert read_b_value(path) == 1000
    for text in ("", "b1000"):
        path.write_text(text)
        assert read_b_value(path) is None


def test_a_row_a_patient_and_series(table_of, tmp_path, caplog):
    epi = {"Manufacturer": "SIEMENS", "MagneticFieldStrength": 3, "RepetitionTime": 6.1, "EchoTime": 0.0892}
    table = table_of(
        {
            "p2": ({}, {"dwi": ((4, 5, 3), (2, 2, 6.5), None)}),
            "p1": (
                {"field_t": "3", "b_value": "800"},
                {
                    "t2w": ((4, 5, 3), (1.85, 1.85, 6.5), epi | {"DiffusionBValue": 0}),
                    "dwi": ((4, 5, 3), (1.85, 1.85, 6.5), epi | {"DiffusionBValue": 800}),
                    "flair": ((7, 20, 20), (5, 0.9, 0.9), BIDS),
                },
            ),
        }
    )
    assert (*table.index.names, *table.columns) == COLUMNS
    assert list(table.index) == [("p1", "t2w"), ("p1", "dwi"), ("p1", "flair"), ("p2", "dwi")]
    scanner = ["Siemens", "3", "6100", "89.2", "n/a"]
    assert [*table.loc["p1", "t2w"]] == [*scanner, "0", "1.85", "1.85", "6.5", "3"]
    assert [*table.loc["p1", "dwi"]] == [*scanner, "800", "1.85", "1.85", "6.5", "3"]
    sagittal = ["n/a", "3", "9000", "100", "2500", "n/a", "5", "0.9", "0.9", "7"]
    assert [*table.loc["p1", "flair"]] == sagittal
    assert [*table.loc["p2", "dwi"]] == [*["n/a"] * 6, "2", "2", "6.5", "3"]
    assert not caplog.records


def test_the_sheet_fills_what_no_sidecar_gives(table_of):
    table = table_of({"p1": ({"field_t": "1.5", "b_value": "900"}, {"dwi": ((2, 2, 2), (1, 1, 5), None)})})
    assert (table.loc["p1", "dwi"]["field_t"], table.loc["p1", "dwi"]["b_value"]) == ("1.5", "900")


def test_a_bval_file_fills_what_the_sidecar_leaves_out_unless_it_is_zero(table_of, tmp_path, caplog):
    images = {"dwi": ((2, 2, 2), (1, 1, 5), {})}
    (tmp_path / "p1").mkdir()
    for text, b_value in (("1000", "1000"), ("0", "n/a")):
        (tmp_path / "p1/dwi.bval").write_text(text)
        assert table_of({"p1": ({}, images)}).loc["p1", "dwi"]["b_value"] == b_value
    assert not caplog.records
    (tmp_path / "p1/dwi.bval").write_text("800")
    assert table_of({"p1": ({}, images)}).loc["p1", "dwi"]["b_value"] == "800"
    (record,) = caplog.records
    assert record.getMessage() == (
        "patient p1: dwi.bval gives a b-value of 800 s/mm², and 1000 is computed with: "
        "correct column b_value of the cohort sheet."
    )


def test_voxels_of_the_scan_precede_those_of_an_image_on_another_grid(table_of):
    scan = {"PixelSpacing": [0.9, 0.8], "SpacingBetweenSlices": 6.2, "NumberOfSlices": 25}
    row = table_of({"p1": ({}, {"flair": ((4, 4, 4), (1, 1, 1), scan)})}).loc["p1", "flair"]
    assert [*row[-4:]] == ["0.8", "0.9", "6.2", "25"]


@pytest.mark.parametrize(
    ("name", "cells", "sidecar", "sentence"),
    [
        (
            "dwi",
            {"field_t": "1.5"},
            {"MagneticFieldStrength": 3},
            "gives a field strength of 3 T, and column field_t of the cohort sheet 1.5 T: correct the wrong "
            "one.",
        ),
        (
            "dwi",
            {},
            {"DiffusionBValue": 800},
            "gives a b-value of 800 s/mm², and 1000 is computed with: correct column b_value of the cohort "
            "sheet.",
        ),
        (
            "flair",
            {},
            BIDS | {"InversionTime": 0.9},
            "gives a TI of 900 ms, that of a T1-weighted FLAIR: name the T2-weighted one in column flair, or "
            "exclude the patient (cohort.exclude).",
        ),
        (
            "t2w",
            {},
            {"DiffusionBValue": 1000},
            "gives a b-value of 1000 s/mm²: name the image at b = 0 in column t2w of the cohort sheet.",
        ),
        ("flair", {}, "{", "is no JSON object: write it again, or remove it."),
    ],
)
def test_a_fault_is_one_warning_and_others_go_on(table_of, caplog, name, cells, sidecar, sentence):
    image = ((2, 2, 2), (1, 1, 5))
    table = table_of({"p1": (cells, {name: (*image, sidecar)}), "p2": ({}, {"flair": (*image, BIDS)})})
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"patient p1: {name}.json {sentence}"
    assert table.loc["p2", "flair"]["tr_ms"] == "9000"


def test_a_field_strength_as_scanners_round_it_is_no_contradiction(table_of, caplog):
    image = ((2, 2, 2), (1, 1, 5))
    for sheet, measured in (("3", 2.89362), ("1.5", 1.494)):
        table_of({"p1": ({"field_t": sheet}, {"dwi": (*image, {"MagneticFieldStrength": measured})})})
    assert not caplog.records


def test_the_unit_of_times_is_said_once(table_of, caplog):
    image = ((2, 2, 2), (1, 1, 5))
    table = table_of({patient: ({}, {"flair": (*image, DICOM)}) for patient in ("p1", "p2", "p3")})
    assert set(table["tr_ms"]) == {"9000"}
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "3 sidecars give times in ms, where BIDS has s, the first flair.json of patient p1: "
    )


def test_an_image_that_cannot_be_read_has_no_voxels(table_of, tmp_path):
    (tmp_path / "p1").mkdir()
    table = table_of({"p1": ({}, {"flair": ((2, 2, 2), (1, 1, 5), BIDS)})})
    assert table.loc["p1", "flair"]["slices"] == "2"
    (tmp_path / "p1/flair.nii.gz").write_bytes(b"no image")
    write_protocol(
        tmp_path / "cohort.tsv",
        tmp_path / "protocol.tsv",
        series={"p1": {"flair": str(tmp_path / "p1/flair.nii.gz")}},
        b_values={"p1": 1000.0},
    )
    table = pd.read_csv(tmp_path / "protocol.tsv", sep="\t", dtype=str, keep_default_na=False)
    assert [*table.iloc[0][-4:]] == ["n/a"] * 4
    assert table.iloc[0]["ti_ms"] == "2500"


def test_nothing_else_of_a_sidecar_is_copied(table_of, tmp_path, caplog):
    secret = {
        "InstitutionName": "Secret Hospital",
        "InstitutionAddress": "Secret Street",
        "StationName": "SECRET1",
        "DeviceSerialNumber": "SECRET2",
        "PatientName": "Secret^Person",
        "AcquisitionTime": "SECRET3",
        "SeriesInstanceUID": "SECRET4",
        "SeriesDescription": "SECRET5",
        "ImageComments": "SECRET6",
    }
    table_of({"p1": ({}, {"flair": ((2, 2, 2), (1, 1, 5), BIDS | secret)})})
    text = (tmp_path / "protocol.tsv").read_text()
    assert "9000" in text
    assert "secret" not in (text + caplog.text).lower()
    assert str(tmp_path) not in text
