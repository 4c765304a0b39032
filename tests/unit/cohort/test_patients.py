"""The patients of a run, their batches, and their files before any job."""

import pandas as pd
import pytest
import yaml

from strokeclock.cohort.patients import read_patients
from strokeclock.errors import ConfigurationError

RUN = "results/r"


@pytest.fixture
def config(root):
    """The shipped configuration, of six phantoms."""
    config = yaml.safe_load((root / "config/config.yaml").read_text())
    config["phantom"]["patients"] = 6
    return config


@pytest.fixture
def sheet(config, tmp_path):
    """A sheet of four patients: p2 has no FLAIR, p3 no T2w; p1 has a lesion mask and a b-value."""
    rows = ["patient\tt2w\tdwi\tflair\tadc\tonset_to_mri_min\tlesion_side\tlesion_mask\tb_value"]
    for patient in ("p4", "p3", "p2", "p1"):
        for name in ("t2w", "dwi", "flair", "adc", "drawn"):
            (tmp_path / f"{patient}_{name}.nii").touch()
        t2w = "" if patient == "p3" else f"{patient}_t2w.nii"
        flair = "" if patient == "p2" else f"{patient}_flair.nii"
        mask, b_value = ("p1_drawn.nii", "800") if patient == "p1" else ("", "")
        rows.append(
            f"{patient}\t{t2w}\t{patient}_dwi.nii\t{flair}\t{patient}_adc.nii\t120\tleft\t{mask}\t{b_value}"
        )
    (tmp_path / "cohort.tsv").write_text("\n".join(rows) + "\n")
    config["cohort"]["sheet"] = str(tmp_path / "cohort.tsv")
    config["phantom"]["patients"] = 0
    return tmp_path


def test_phantoms(config):
    patients = read_patients(config, folder=RUN)
    assert patients.are_phantoms
    assert not patients.in_template_space
    assert patients.ids == patients.labelled == [f"phantom-000{number}" for number in range(1, 7)]
    assert patients.exclusions == {}
    assert patients.sheet == "results/r/phantom/cohort.tsv"
    assert patients.readers == "results/r/phantom/readers.tsv"
    assert patients.batches == patients.phantom_batches == {"b": patients.ids}
    assert patients.raw_series("phantom-0002") == {
        "t2w": "results/r/phantom/phantom-0002/t2w.nii.gz",
        "dwi": "results/r/phantom/phantom-0002/dwi.nii.gz",
        "flair": "results/r/phantom/phantom-0002/flair.nii.gz",
        "adc": None,
    }
    assert patients.raw_files_of(["phantom-0002"]) == ["results/r/batches/phantom/b.tsv"]
    assert patients.drawn_files_of(patients.ids) == ["results/r/batches/phantom/b.tsv"]
    assert patients.lesion_mask("phantom-0002") == "results/r/derivatives/truth/phantom-0002/lesion.nii.gz"
    assert patients.drawn_on("phantom-0002") == "results/r/phantom/phantom-0002/dwi.nii.gz"
    assert patients.b_value("phantom-0002") == 1000
    assert patients.cell("phantom-0002", "lesion_side") == ""
    folder = "results/r/phantom/phantom-0002"
    assert patients.scans("phantom-0002") == {
        name: f"{folder}/{name}.nii.gz" for name in ("t2w", "dwi", "flair")
    }
    assert patients.scanned_files == ["results/r/batches/phantom/b.tsv"]
    patients.check_any_left()
    patients.check_readers_and_split()


def test_patients_of_a_sheet(config, sheet):
    patients = read_patients(config, folder=RUN)
    assert not patients.are_phantoms
    assert patients.ids == ["p1", "p3", "p4"]
    assert list(patients.exclusions) == ["p2"]
    assert patients.sheet == str(sheet / "cohort.tsv")
    assert patients.readers is None
    assert patients.phantom_tables == []
    assert patients.raw_series("p3") == {
        "t2w": None,
        "dwi": f"{sheet}/p3_dwi.nii",
        "flair": f"{sheet}/p3_flair.nii",
        "adc": f"{sheet}/p3_adc.nii",
    }
    assert patients.raw_files_of(["p3"]) == [f"{sheet}/p3_{name}.nii" for name in ("dwi", "flair", "adc")]
    assert [*map(patients.b_value, patients.ids)] == [800, 1000, 1000]
    assert [patients.lesion_mask(patient) for patient in patients.ids] == [
        f"{sheet}/p1_drawn.nii",
        None,
        None,
    ]
    assert [patients.drawn_on(patient) for patient in patients.ids] == [f"{sheet}/p1_dwi.nii", None, None]
    assert patients.drawn_files_of(patients.ids) == [f"{sheet}/p1_drawn.nii", f"{sheet}/p1_dwi.nii"]
    assert patients.cell("p1", "lesion_side") == "left"


def test_sidecars_and_b_values_are_among_the_scanned_files_where_they_are(config, sheet):
    (sheet / "p1_flair.json").touch()
    (sheet / "p3_dwi.bval").touch()
    patients = read_patients(config, folder=RUN)
    assert [*patients.scans("p1")] == ["t2w", "dwi", "flair", "adc"]
    assert [*patients.scans("p3")] == ["dwi", "flair", "adc"]
    found = patients.scanned_files
    assert len(found) == 4 + 3 + 4 + 2
    assert {f"{sheet}/p1_flair.json", f"{sheet}/p3_dwi.bval", f"{sheet}/p4_adc.nii"} <= {*found}


def test_registered_phantoms_share_larger_batches(config):
    config["phantom"] |= {"patients": 120, "space": "template"}
    config["preprocessing"]["patients_per_job"] = 64
    patients = read_patients(config, folder=RUN)
    assert patients.in_template_space
    assert list(patients.phantom_batches) == ["b0", "b1"]
    assert all(len(members) <= 64 for members in patients.batches.values())
    assert patients.preprocessed_tables == patients.phantom_tables
    assert patients.phantom_tables == [
        "results/r/batches/phantom_registered/b0.tsv",
        "results/r/batches/phantom_registered/b1.tsv",
    ]
    assert patients.preprocessed_table("b01") == "results/r/batches/phantom_registered/b0.tsv"
    assert patients.drawn_on("phantom-0002") is None
    assert patients.scans("phantom-0002")["flair"] == "results/r/preprocessed/phantom-0002/flair.nii.gz"
    assert patients.scanned_files == patients.phantom_tables
    assert patients.drawn_files_of(patients.ids) == []


def test_a_batch_and_its_patients(config):
    config["preprocessing"]["patients_per_job"] = 4
    patients = read_patients(config, folder=RUN)
    assert sorted(patients.batches) == ["b0", "b1"]
    assert sorted([*patients.of_batch("b0"), *patients.of_batch("b1")]) == patients.ids
    patients.of_batch("b0").clear()
    assert patients.of_batch("b0")


def test_studies_are_made_where_they_are_asked_for(config, sheet):
    def tables():
        patients = read_patients(config, folder=RUN)
        assert set(patients.study_tables) <= set(patients.all_tables)
        return patients.study_tables

    config["phantom"]["dicom"] = True
    assert tables() == []  # the cohort is the sheet's
    config["cohort"]["sheet"], config["phantom"]["patients"] = None, 6
    assert tables() == ["results/r/batches/phantom_dicom/b.tsv"]
    config["phantom"]["dicom"] = False
    assert tables() == []


def test_the_tables_of_all_steps(config):
    patients = read_patients(config, folder=RUN)
    assert patients.table_of("check") == "results/r/batches/check/{batch}.tsv"
    assert patients.all_tables == [
        "results/r/batches/phantom/b.tsv",
        "results/r/batches/preprocess/b.tsv",
        "results/r/batches/check/b.tsv",
        "results/r/batches/lesions/b.tsv",
        "results/r/batches/hemispheres/b.tsv",
        "results/r/batches/quality_picture/b.tsv",
    ]
    assert patients.preprocessed_table("b") == "results/r/batches/preprocess/b.tsv"


@pytest.mark.parametrize(("transform", "registered"), [("t2w", ("flair",)), ("register", ("dwi", "flair"))])
def test_preprocessed_files_of_a_patient(config, transform, registered):
    config["preprocessing"]["dwi_transform"] = transform
    patients = read_patients(config, folder=RUN)
    assert patients.series == ("t2w", "dwi", "flair", "adc")
    assert patients.registered == registered
    assert patients.preprocessed == {
        "t2w": "preprocessed/{patient}/t2w.nii.gz",
        "dwi": "preprocessed/{patient}/dwi.nii.gz",
        "flair": "preprocessed/{patient}/flair.nii.gz",
        "adc": "preprocessed/{patient}/adc.nii.gz",
        "brain_mask": "preprocessed/{patient}/brain_mask.nii.gz",
        "t2w_to_atlas": "preprocessed/{patient}/transforms/t2w_to_atlas.txt",
        **{f"{name}_to_t2w": f"preprocessed/{{patient}}/transforms/{name}_to_t2w.txt" for name in registered},
        "findings": "preprocessed/{patient}/findings.json",
    }


def test_what_the_head_shows_is_told_for_all_or_for_one(config, sheet):
    assert read_patients(config, folder=RUN).head("p1") == "auto"
    config["preprocessing"] |= {"head": "whole", "head_of": {"p1": "stripped"}}
    patients = read_patients(config, folder=RUN)
    patients.check_heads()
    assert [patients.head(patient) for patient in ("p1", "p3")] == ["stripped", "whole"]
    config["preprocessing"]["head_of"] = {"p9": "whole"}
    with pytest.raises(ConfigurationError, match=r"preprocessing\.head_of names p9, not in the cohort"):
        read_patients(config, folder=RUN).check_heads()


def test_a_sheet_whose_patients_are_all_excluded_is_refused(config, sheet):
    config["cohort"]["exclude"] = {patient: "withdrew" for patient in ("p1", "p2", "p3", "p4")}
    patients = read_patients(config, folder=RUN)
    assert set(patients.exclusions) == {"p1", "p2", "p3", "p4"}
    with pytest.raises(ConfigurationError, match=r"^Every patient of .*cohort\.tsv is excluded: correct"):
        patients.check_any_left()


def test_reader_sheet_and_split_file_are_checked(config, sheet):
    readers, split = sheet / "readers.tsv", sheet / "split.tsv"
    config["cohort"]["readers"], config["split"]["file"] = str(readers), str(split)
    readers.write_text("patient\treader1\np1\t1\np2\t0\n")  # p2 is in the sheet, though excluded
    split.write_text("patient\tpart\np1\ttrain\np2\ttest\np3\tvalidation\np4\ttest\n")
    patients = read_patients(config, folder=RUN)
    assert patients.readers == str(readers)
    patients.check_readers_and_split()
    assert patients.without_part == set()
    split.write_text("patient\tpart\np1\ttrain\np3\tvalidation\np9\ttest\n")
    with pytest.raises(ConfigurationError, match="names patients who are not in the cohort: p9; remove"):
        patients.check_readers_and_split()
    split.write_text("patient\tpart\np1\ttrain\np2\ttest\np3\tvalidation\n")  # p2, excluded, fills no part
    with pytest.raises(ConfigurationError, match="leaves the test part empty"):
        patients.check_readers_and_split()
    readers.write_text("patient\treader1\np9\t1\n")
    with pytest.raises(ConfigurationError, match="has patient p9, not in the cohort"):
        patients.check_readers_and_split()


def test_a_patient_whom_the_split_file_lacks_may_still_fail_the_checks(config, sheet):
    write_rows(config, sheet)
    config["split"]["file"] = str(sheet / "split.tsv")
    (sheet / "split.tsv").write_text("patient\tpart\np1\ttrain\np2\ttest\np3\tvalidation\n")
    patients = read_patients(config, folder=RUN)
    patients.check_readers_and_split()
    assert patients.without_part == {"p4"}
    config["split"]["file"] = None
    assert patients.without_part == set()


def write_rows(config, folder, **columns):
    """Change the sheet's columns: name -> the cells of p1 to p4, who then all enter."""
    table = pd.read_csv(folder / "cohort.tsv", sep="\t", dtype=str, keep_default_na=False).sort_values(
        "patient"
    )
    table["flair"] = table["patient"] + "_flair.nii"
    table.assign(**columns).to_csv(folder / "cohort.tsv", sep="\t", index=False)
    config["cohort"]["require_onset"] = False


def test_whose_side_is_measured_and_on_which_tables_it_rests(config, sheet):
    write_rows(config, sheet, lesion_side=["", "", "right", "none"])
    config["preprocessing"]["patients_per_job"] = 1
    patients = read_patients(config, folder=RUN)
    assert patients.sided_by_mask == ["p1"]  # p2 has no mask
    own = next(name for name, members in patients.batches.items() if members == ["p1"])
    assert patients.side_tables == [f"results/r/batches/lesions/{own}.tsv"]
    assert patients.drawn_tables(own) == patients.side_tables
    assert [patients.drawn_in(name) for name in patients.batches if name != own] == [[], [], []]
    write_rows(config, sheet, lesion_side=["left", "", "right", "none"])
    assert read_patients(config, folder=RUN).side_tables == []


def test_who_is_divided_who_teaches_without_an_onset_and_who_is_external(config, sheet):
    write_rows(
        config,
        sheet,
        lesion_side=["", "left", "right", "none"],
        onset_to_mri_min=["90", "", "100", ""],
        site=[*"AAAB"],
    )
    patients = read_patients(config, folder=RUN)
    assert (patients.labelled, patients.to_divide) == (["p1", "p3"], 2)  # p1's side may follow from its mask
    assert patients.learners == []
    config["training"]["unknown_onset"] = True
    assert read_patients(config, folder=RUN).learners == ["p2", "p4"]
    config["split"]["external"] = {"patient": ["p3"]}
    patients = read_patients(config, folder=RUN)
    assert (patients.external, patients.to_divide) == ({"p3"}, 1)
    config["split"]["external"] = {"site": ["C"]}
    with pytest.raises(
        ConfigurationError, match=r"split\.external names site C, which no patient who enters has"
    ):
        _ = read_patients(config, folder=RUN).to_divide
    config["split"]["external"] = {"hospital": ["C"]}
    with pytest.raises(ConfigurationError, match="names the column hospital: use one of patient, person"):
        read_patients(config, folder=RUN)


def test_which_phantoms_are_external_is_known_when_they_are_made(config):
    assert read_patients(config, folder=RUN).to_divide == 6
    config["split"]["external"] = {"site": ["siemens-2"]}
    assert read_patients(config, folder=RUN).to_divide is None


def test_a_patient_needs_no_flair_that_is_no_channel(config, sheet):
    config["models"]["channels"] = ["dwi", "t2w", "adc"]
    patients = read_patients(config, folder=RUN)
    assert patients.ids == ["p1", "p2", "p3", "p4"]
    assert [*patients.raw_series("p1")] == ["t2w", "dwi", "adc"]
    assert patients.registered == ()
