"""Challenge folders and plain files: persons, visits and series by words, no name of a person anywhere."""

import gzip
import re

import nibabel as nib
import numpy as np
import pytest

YES = {"dwi": ("dwi", "yes"), "adc": ("adc", "yes"), "flair": ("flair", "yes")}


def columns(tree, patient):
    """Column -> the source's file name, of the series that were taken."""
    sources = {(row["patient"], row["series"]): row["path"] for row in tree.table("sources.tsv")}
    return {
        column: sources[patient, series].rpartition("/")[2]
        for series, (filled, chosen) in tree.chosen(patient).items()
        if chosen == "yes"
        for column in filled.split()
    }


def persons(tree):
    return {row["person"]: row["patient"] for row in tree.table("sources.tsv")}


def test_folders_as_the_johns_hopkins_tool_has_them(tree, capsys):
    for number in ("Subject01", "Subject02"):
        for name in ("DWI", "b0", "ADC"):
            tree.image(f"{number}/{number}_{name}.nii.gz")
    assert tree.run() == 0
    assert persons(tree) == {"Subject01": "patient-0001", "Subject02": "patient-0002"}
    assert columns(tree, "patient-0002") == {
        "dwi": "Subject02_DWI.nii.gz",
        "t2w": "Subject02_b0.nii.gz",
        "adc": "Subject02_ADC.nii.gz",
    }
    said = capsys.readouterr().out
    assert "folder of images with plain names" in said
    assert "Without FLAIR: 2 (" in said


def test_flat_files_as_help_has_them(tree):
    for group in ("positive", "negative"):
        for number in ("0001", "0002"):
            for name in ("b1000", "ADC", "FLAIR", "infarct", "brain"):
                tree.image(f"{group}/{number}_{name}.nii.gz")
    tree.run()
    # each number stands in both groups, so they are four persons
    assert sorted(persons(tree)) == ["negative/0001", "negative/0002", "positive/0001", "positive/0002"]
    patient = persons(tree)["positive/0002"]
    assert columns(tree, patient) == {
        "dwi": "0002_b1000.nii.gz",
        "adc": "0002_ADC.nii.gz",
        "flair": "0002_FLAIR.nii.gz",
        "lesion_mask": "0002_infarct.nii.gz",
    }
    assert tree.sheet[patient]["b_value"] == "1000"


@pytest.mark.parametrize(
    ("names", "people"),
    [
        (["a1/dwi", "b2/dwi"], ["a1", "b2"]),
        (["train/a1/dwi", "test/b2/dwi"], ["a1", "b2"]),
        (["train/a1/dwi", "test/a1/dwi"], ["test/a1", "train/a1"]),
        (["imagesTr/7_dwi", "labelsTr/7_lesion", "imagesTr/8_dwi"], ["7", "8"]),
        (["a1/ses-1/dwi", "a1/ses-2/dwi"], ["a1"]),
        (["a1/20190304/dwi", "a1/20190305/dwi"], ["a1"]),
        (["ward/a1/dwi", "ward/b2/dwi"], ["ward/a1", "ward/b2"]),
        (["ward/001/dwi", "ward/002/dwi"], ["ward/001", "ward/002"]),
        (["DWI/0001", "FLAIR/0001", "DWI/0002"], ["0001", "0002"]),
        (["a1/DWI/image", "a1/FLAIR/image", "b2/DWI/image"], ["a1", "b2"]),
        (["miller_dwi", "smith_dwi", "smith_flair"], ["miller", "smith"]),
        (["dwi_0001", "dwi_0002", "adc_0002"], ["0001", "0002"]),
        (["a1/ax_dwi", "a1/cor_dwi"], ["a1"]),
        (["dwi", "flair"], ["source"]),
    ],
)
def test_persons(tree, names, people):
    for name in names:
        tree.image(f"{name}.nii.gz")
    assert tree.run() == 0
    assert sorted(persons(tree)) == people


@pytest.mark.parametrize(
    ("visits", "taken"),
    [
        (("ses-2", "ses-10"), "ses-2"),
        (("2019-03-05", "2019-03-04_brain"), "2019-03-04_brain"),
        (("acute", "chronic"), None),
    ],
)
def test_visits_are_numbered_in_their_order_and_their_names_stay_where_they_are(tree, visits, taken):
    paths = {
        visit: {name: tree.image(f"a1/{visit}/{name}.nii.gz") for name in ("dwi", "adc", "flair")}
        for visit in visits
    }
    tree.run()
    chosen = {(session, row["chosen"]) for (_, session, _), row in tree.selection.items()}
    if taken:
        assert chosen == {("visit-1", "yes"), ("visit-2", "no")}
        assert tree.same_voxels("patient-0001", "flair", paths[taken]["flair"])
    else:
        assert chosen == {("visit-a", "ask"), ("visit-b", "ask")}


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("dwi", "dwi"),
        ("DWI_b1000", "dwi"),
        ("trace", "dwi"),
        ("b0", "t2w"),
        ("dwi_b0", "t2w"),
        ("nodif", "t2w"),
        ("ADC_map", "adc"),
        ("dADC", "adc"),
        ("eADC", None),
        ("exp_adc", None),
        ("t2_flair", "flair"),
        ("T2FLAIR", "flair"),
        ("lesion", "lesion_mask"),
        ("dwi_lesion_mask", "lesion_mask"),
        ("x_msk", "lesion_mask"),
        ("brain_mask", None),
        ("chronic_lesion", None),
        ("t1", None),
        ("FA", None),
        ("unknown", None),
    ],
)
def test_series_by_words(tree, name, column):
    tree.image(f"a1/{name}.nii.gz")
    tree.run()
    [(filled, chosen)] = tree.chosen("patient-0001").values()
    assert (filled, chosen) == ((column, "yes") if column else ("n/a", "no"))


@pytest.mark.parametrize("name", ["t1_flair", "flair_post", "flair_gd"])
def test_a_flair_of_another_kind_is_doubted(tree, name):
    tree.image(f"a1/{name}.nii.gz")
    tree.run()
    assert list(tree.chosen("patient-0001").values()) == [("flair", "no")]


@pytest.mark.parametrize(
    ("t2", "flair", "chosen"),
    [
        ({}, {"spacing": 1.0}, "yes"),  # the DWI's grid alone
        ({}, {}, "no"),  # all series on one grid were resampled
        ({"spacing": 1.0}, {"spacing": 1.0}, "no"),
        ({"shift": 4.0}, {"spacing": 1.0}, "no"),
    ],
)
def test_a_t2w_is_a_b0_only_where_the_grid_says_so(tree, t2, flair, chosen):
    tree.image("a1/dwi.nii.gz")
    tree.image("a1/flair.nii.gz", **flair)
    tree.image("a1/t2w.nii.gz", **t2)
    tree.run()
    assert tree.chosen("patient-0001")["t2w"] == ("t2w", chosen)


def write_mask(tree, name, *, voxels):
    data = np.zeros((60, 60, 60), np.uint8)
    data.flat[:voxels] = 1  # of 5 x 5 x 5 mm: an eighth of a mL
    nib.save(nib.Nifti1Image(data, np.diag([5.0, 5, 5, 1])), tree.write(name, ""))


@pytest.mark.parametrize(("voxels", "column"), [(800, "lesion_mask"), (12_000, None)])
def test_a_mask_without_a_further_word_is_that_of_the_brain_where_it_is_as_large(tree, voxels, column):
    write_mask(tree, "a1/Subject_Mask.nii", voxels=voxels)
    tree.run()
    [(filled, chosen)] = tree.chosen("patient-0001").values()
    assert (filled, chosen) == ((column, "yes") if column else ("n/a", "no"))


def test_a_stripped_copy_comes_after_the_original(tree):
    tree.image("a1/dwi_brain.nii.gz")
    original = tree.image("a1/dwi.nii.gz")
    tree.run()
    assert tree.same_voxels("patient-0001", "dwi", original)


def test_what_is_not_recognised_is_listed_and_can_be_chosen(tree):
    path = tree.image("a1/series-17.nii.gz")
    tree.run()
    assert tree.chosen("patient-0001") == {"series": ("n/a", "no")}
    assert "not recognised" in tree.selection["patient-0001", "n/a", "series"]["why"]
    rows = (tree.out / "selection.tsv").read_text().replace("\tn/a\tno\t", "\tflair\tyes\t")
    mine = tree.write("../mine.tsv", rows)
    assert tree.run("--selection", mine) == 0
    assert tree.same_voxels("patient-0001", "flair", path)


def test_volumes_with_b_values_beside_them(tree):
    tree.image("a1/dwi.nii.gz", volumes=2)
    tree.write("a1/dwi.bval", "0 1000")
    tree.run()
    assert tree.chosen("patient-0001") == {"dwi": ("t2w dwi", "yes")}


def test_a_b_value_of_the_sidecar(tree):
    tree.image("a1/dwi.nii.gz", {"DiffusionBValue": 800})
    tree.run()
    assert tree.sheet["patient-0001"]["b_value"] == "800"


@pytest.mark.parametrize(
    ("text", "taken"),
    [("800\n", "800"), ("1000", "1000"), ("", "n/a")],
)
def test_a_b_value_of_the_file_beside_one_volume(tree, text, taken):
    tree.image("a1/dwi.nii.gz")
    if text:
        tree.write("a1/dwi.bval", text)
    tree.run()
    assert tree.sheet["patient-0001"]["b_value"] == taken


def test_one_volume_of_b_0_is_the_b0(tree):
    tree.image("a1/dwi.nii.gz")
    tree.write("a1/dwi.bval", "0")
    tree.image("a1/dwi_2.nii.gz")
    tree.write("a1/dwi_2.bval", "1000")
    tree.run()
    assert tree.chosen("patient-0001") == {"dwi": ("t2w", "yes"), "dwi (2)": ("dwi", "yes")}


@pytest.mark.parametrize(
    ("text", "fault"),
    [("0 1000", "it holds 1 volume and its .bval file 2 numbers"), ("b1000", "does not hold b-values")],
)
def test_a_wrong_file_of_b_values_beside_one_volume(tree, text, fault):
    tree.image("a1/dwi.nii.gz")
    tree.write("a1/dwi.bval", text)
    tree.run()
    (row,) = tree.selection.values()
    assert row["chosen"] != "yes"
    assert fault in row["note"]


def test_another_format_is_converted(tree):
    data = np.arange(24, dtype="<i2").reshape(4, 3, 2)
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        "CompressedData = False\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\n"
        "ElementSpacing = 1 2 3\nDimSize = 2 3 4\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    )
    tree.write("a1/dwi.mha", header.encode() + data.tobytes())
    assert tree.run() == 0
    written = nib.load(tree.out / "images/patient-0001/dwi.nii.gz")
    np.testing.assert_array_equal(np.asanyarray(written.dataobj).ravel().sum(), data.sum())
    assert "converted" in tree.selection["patient-0001", "n/a", "dwi"]["note"]


def test_no_name_of_a_folder_or_file_leaves_the_file_of_sources(tree, capsys):
    """Names of people in folders, files and dates of visits, and in what goes wrong."""
    for visit in ("2019-03-04 Miller, Ann", "2020-01-02 Miller, Ann"):
        for name in ("dwi", "flair", "Brown_adc", "Smith"):
            tree.image(f"Miller; Ann {{1951}}/{visit}/MILLER_{name}.nii.gz", {"PatientName": "Miller"})
    tree.write("Miller; Ann {1951}/2019-03-04 Miller, Ann/MILLER_lesion.nii.gz", tree.make(volumes=2))
    tree.write("Brown, Bob/BROWN_dwi.nii.gz", b"")
    assert tree.run() == 0
    said = "".join(capsys.readouterr())
    written = [path for path in tree.out.rglob("*") if path.is_file() and path.name != "sources.tsv"]
    assert len(written) > 8
    for path in written:
        content = path.read_bytes()
        said += path.name + (gzip.decompress(content) if path.suffix == ".gz" else content).decode("latin-1")
    for word in ("miller", "ann", "brown", "smith", "bob", "1951", "2019", "2020"):
        assert not re.search(rf"(?<![a-z]){word}(?![a-z])", said.lower())
    assert (tree.out / "sources.tsv").stat().st_mode & 0o777 == 0o600


def test_patients_keep_their_numbers_when_others_come(tree):
    tree.image("m/dwi.nii.gz")
    tree.run()
    tree.image("a/dwi.nii.gz")
    tree.run()
    assert persons(tree) == {"m": "patient-0001", "a": "patient-0002"}
    for file in (tree.source / "m").iterdir():
        file.unlink()
    tree.image("b/dwi.nii.gz")
    tree.run()
    assert persons(tree) == {"m": "patient-0001", "a": "patient-0002", "b": "patient-0003"}
    assert sorted(tree.sheet) == ["patient-0002", "patient-0003"]


def test_a_damaged_file_of_sources_stops_before_patients_get_other_numbers(tree, capsys):
    tree.image("m/dwi.nii.gz")
    tree.run()
    (tree.out / "sources.tsv").write_text("patient\tperson\n")
    assert tree.run() == 2
    assert "sources.tsv is damaged" in capsys.readouterr().err
