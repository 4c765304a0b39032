"""cohort.tsv: what a person corrects in it is not lost, and an import that changes it itself goes on."""

import shutil

import pytest

from strokeclock.errors import ConfigurationError
from strokeclock.intake.cohort_sheet import check_unedited, write_sheet


@pytest.fixture
def set_(tree):
    """Two complete patients, and a table of persons."""
    for subject in ("sub-1", "sub-2"):
        tree.image(f"{subject}/dwi/{subject}_trace.nii.gz", {"DiffusionBValue": 1000})
        tree.image(f"{subject}/dwi/{subject}_ADC.nii.gz", {})
        tree.image(f"{subject}/anat/{subject}_FLAIR.nii.gz", {"InversionTime": 2.5})
    give(tree, "left")
    assert tree.run() == 0
    return tree


def give(tree, side, **more):
    columns = {"lesion_side": side, **more}
    lines = [["participant_id", *columns], ["sub-1", *columns.values()]]
    return tree.write("participants.tsv", "".join("\t".join(line) + "\n" for line in lines))


def edit(tree):
    path = tree.out / "cohort.tsv"
    path.write_text(path.read_text().replace("left", "both").replace("right", "both"))


def list_all(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("selection", [False, True])
def test_a_persons_corrections_are_not_overwritten(set_, capsys, selection):
    edit(set_)
    before = list_all(set_.out)
    capsys.readouterr()
    assert set_.run(*(("--selection", set_.out / "selection.tsv") if selection else ())) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "strokeclock: cohort.tsv in the output is not as an import wrote it, maybe by a person's "
        "corrections. They would be lost: write them into the table of persons (--participants) and rename "
        "or delete cohort.tsv, or name another folder with --out.\n"
    )
    assert list_all(set_.out) == before


def test_each_remedy_works(set_):
    edit(set_)
    give(set_, "right")
    (set_.out / "cohort.tsv").rename(set_.out / "mine.tsv")
    assert set_.run() == 0
    assert set_.sheet["sub-1"]["lesion_side"] == "right"
    assert "both" in (set_.out / "mine.tsv").read_text()
    edit(set_)
    assert set_.run() == 2
    (set_.out / "cohort.tsv").unlink()
    assert set_.run() == 0
    edit(set_)
    set_.out = set_.out.with_name("another")
    assert set_.run() == 0


def test_what_the_table_of_persons_changes_is_no_correction(set_):
    for side in ("right", "both", "left"):
        give(set_, side)
        assert set_.run() == 0
        assert set_.sheet["sub-1"]["lesion_side"] == side


def test_a_sheet_of_unknown_origin_is_not_overwritten(set_):
    (set_.out / "cohort.tsv.sha256").unlink()
    assert set_.run() == 2


def test_an_output_that_was_copied_is_known(set_):
    shutil.copytree(set_.out, set_.out.with_name("copy"))
    set_.out = set_.out.with_name("copy")
    assert set_.run() == 0


def test_a_sheet_that_could_not_be_replaced_is_still_known(tmp_path):
    sheet = tmp_path / "cohort.tsv"
    write_sheet(sheet, [{"patient": "a"}])
    before = sheet.read_bytes()
    sheet.unlink()
    sheet.mkdir()  # no file can take its place
    with pytest.raises(IsADirectoryError):
        write_sheet(sheet, [{"patient": "b"}])
    sheet.rmdir()
    sheet.write_bytes(before)
    check_unedited(sheet)
    write_sheet(sheet, [{"patient": "b"}])
    check_unedited(sheet)
    sheet.write_bytes(before)
    with pytest.raises(ConfigurationError, match="is not as an import wrote it"):
        check_unedited(sheet)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Without a known onset: 2. Without a lesion side or mask: 1. A run excludes them unless"),
        ({"onset_class": "<4.5h"}, "Without a known onset: 1. Without a lesion side or mask: 1. A run"),
        ({"onset_to_mri_min": "100"}, "Without a known onset: 1. Without a lesion side or mask: 1. A run"),
        ({"onset_kind": "wake-up"}, "Without a known onset: 2. Without a lesion side or mask: 1. A run"),
    ],
)
def test_who_lacks_onset_or_side_is_counted(set_, capsys, given, said):
    give(set_, "left", **given)
    capsys.readouterr()
    set_.run()
    assert said in capsys.readouterr().out


def test_a_mask_is_in_place_of_a_side(set_, capsys):
    for name in ("sub-1", "sub-2"):
        set_.image(f"derivatives/masks/{name}/dwi/{name}_desc-lesion_mask.nii.gz")
    give(set_, "n/a", onset_to_mri_min="100")
    capsys.readouterr()
    set_.run()
    assert {row["lesion_mask"] for row in set_.sheet.values()} != {"n/a"}
    assert "Without a known onset: 1. Without a lesion side or mask: 0. A run" in capsys.readouterr().out


def test_where_nothing_is_unknown_no_exclusion_is_announced(set_, capsys):
    text = "patient,lesion_side,onset_to_mri_min\nsub-1,left,100\nsub-2,none,300\n"
    capsys.readouterr()
    set_.run("--participants", set_.write("../table.csv", text))
    assert capsys.readouterr().out.endswith("Without a known onset: 0. Without a lesion side or mask: 0.\n")
