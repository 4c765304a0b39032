"""selection.tsv: what a person may write into it, and that nothing of it is lost."""

import pytest

FLAIR = {"InversionTime": 2.5}


@pytest.fixture
def set_(tree):
    """Two equal FLAIRs of sub-1; sub-2 is complete."""
    for subject in ("sub-1", "sub-2"):
        tree.image(f"{subject}/dwi/{subject}_trace.nii.gz", {"DiffusionBValue": 1000})
        tree.image(f"{subject}/dwi/{subject}_ADC.nii.gz", {})
        tree.image(f"{subject}/anat/{subject}_FLAIR.nii.gz", FLAIR)
    tree.image("sub-1/anat/sub-1_run-2_FLAIR.nii.gz", FLAIR)
    assert tree.run() == 0
    return tree


def list_written(tree):
    return {
        path.relative_to(tree.out): path.read_bytes()
        for path in tree.out.rglob("*")
        if path.is_file() and "before" not in path.name
    }


def edit(tree, old, new, *, times=1):
    text = (tree.out / "selection.tsv").read_text()
    assert text.count(old) >= 1
    return tree.write("../mine.tsv", text.replace(old, new, times))


def test_the_same_selection_gives_the_same_files(set_):
    mine = set_.choose(FLAIR="yes", run_2_FLAIR="no")
    assert set_.run("--selection", mine) == 0
    first = list_written(set_)
    assert set_.run("--selection", set_.out / "selection.tsv") == 0
    assert list_written(set_) == first
    assert set_.run("--selection", mine) == 0
    assert list_written(set_) == first


def test_an_import_twice_gives_the_same_files(set_):
    first = list_written(set_)
    assert set_.run() == 0
    assert list_written(set_) == first


def test_a_persons_choices_are_not_overwritten(set_, capsys):
    path = edit(set_, "run-2_FLAIR\tflair\task", "run-2_FLAIR\tflair\tyes")
    text = path.read_text().replace("FLAIR\tflair\task", "FLAIR\tflair\tno")
    (set_.out / "selection.tsv").write_text(text)
    assert set_.run() == 2
    assert "--selection" in capsys.readouterr().err
    assert (set_.out / "selection.tsv").read_text() == text


def test_an_earlier_selection_is_kept_beside(set_, capsys):
    before = (set_.out / "selection.tsv").read_text()
    assert set_.run("--selection", set_.choose(FLAIR="yes", run_2_FLAIR="no")) == 0
    assert (set_.out / "selection.before.tsv").read_text() == before
    assert "selection.before.tsv" in capsys.readouterr().out


def test_a_series_can_be_left_out(set_):
    assert set_.run("--selection", set_.choose(ADC="no", FLAIR="yes", run_2_FLAIR="no")) == 0
    assert {row["adc"] for row in set_.sheet.values()} == {"n/a"}
    assert "person's choice" in set_.selection["sub-2", "n/a", "ADC"]["note"]
    assert not (set_.out / "images/sub-2/adc.nii.gz").exists()


def test_who_is_still_asked_is_not_in_the_sheet(set_):
    assert set_.run("--selection", set_.out / "selection.tsv") == 0
    assert list(set_.sheet) == ["sub-2"]


def test_series_that_came_later_do_not_change_a_choice(set_):
    mine = set_.choose(FLAIR="yes", run_2_FLAIR="no")
    set_.image("sub-1/anat/sub-1_run-3_FLAIR.nii.gz", FLAIR)
    set_.image("sub-3/dwi/sub-3_trace.nii.gz", {"DiffusionBValue": 1000})
    assert set_.run("--selection", mine) == 0
    assert set_.chosen("sub-1")["FLAIR"] == ("flair", "yes")
    assert set_.chosen("sub-1")["run-3_FLAIR"][1] == "no"
    assert list(set_.sheet) == ["sub-1", "sub-2", "sub-3"]


def test_spreadsheets_may_change_separators_and_capitals(set_):
    text = set_.choose(FLAIR="Yes", run_2_FLAIR="NO").read_text()
    mine = set_.write(
        "../mine.csv", "\ufeff" + text.replace(",", " ").replace("\t", ",").replace("\n", "\r\n")
    )
    assert set_.run("--selection", mine) == 0
    assert list(set_.sheet) == ["sub-1", "sub-2"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("flair\task", "flair\tyes", ["lines 3 and 4", "column flair", "write no"]),
        ("flair\task", "flair\tmaybe", ["line 3", "'maybe'", "write yes, no or ask"]),
        ("flair\task", "flar\tyes", ["line 3", "'flar'", "flair"]),
        ("flair\task", "n/a\tyes", ["line 3", "column is empty"]),
        ("sub-1\tn/a\tFLAIR", "sub-01\tn/a\tFLAIR", ["line 3", "'sub-01'", "remove the line"]),
        ("sub-1\tn/a\tFLAIR", "sub-1\tn/a\tflair", ["line 3", "no such series", "remove the line"]),
        ("sub-1\tn/a\trun-2_FLAIR", "sub-1\tn/a\tFLAIR", ["line 4", "already in line 3"]),
        ("\tchosen\t", "\tchoice\t", ["lacks the column chosen"]),
        ("sub-1\tn/a\tFLAIR\t", "sub-1\tFLAIR\t", ["line 3", "7 cells", "8"]),
    ],
)
def test_a_contradiction_is_refused_with_its_line_and_the_remedy(set_, capsys, old, new, words):
    before = list_written(set_)
    lines = (set_.out / "selection.tsv").read_text().splitlines(keepends=True)
    order = sorted(lines[1:], key=lambda line: "FLAIR" not in line)
    ordered = [lines[0], *order]
    ordered.insert(
        1, ordered.pop(next(n for n, line in enumerate(ordered) if line.startswith("sub-2\tn/a\tFLAIR")))
    )
    (set_.out / "selection.tsv").write_text("".join(ordered))
    mine = edit(set_, old, new, times=2)
    (set_.out / "selection.tsv").write_text("".join(lines))
    assert set_.run("--selection", mine) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    for word in ("mine.tsv", *words):
        assert word in said
    assert list_written(set_) == before


def test_two_visits_of_one_patient_are_refused(tree, capsys):
    for visit in ("1", "2"):
        tree.image(f"sub-1/ses-{visit}/dwi/sub-1_ses-{visit}_trace.nii.gz", {"DiffusionBValue": 1000})
        tree.image(f"sub-1/ses-{visit}/anat/sub-1_ses-{visit}_FLAIR.nii.gz", FLAIR)
    tree.run()
    mine = edit(tree, "2\tFLAIR\tflair\tno", "2\tFLAIR\tflair\tyes")
    mine.write_text(mine.read_text().replace("1\tFLAIR\tflair\tyes", "1\tFLAIR\tflair\tno"))
    assert tree.run("--selection", mine) == 2
    assert "two visits" in capsys.readouterr().err


def test_a_file_of_two_volumes_can_give_one_of_them_alone(tree):
    tree.image("sub-1/dwi/sub-1_dwi.nii.gz", {}, volumes=2)
    tree.write("dwi.bval", "0 1000")
    tree.run()
    mine = edit(tree, "t2w dwi\tyes", "dwi\tyes")
    assert tree.run("--selection", mine) == 0
    assert tree.sheet["sub-1"]["t2w"] == "n/a"
    assert tree.chosen("sub-1") == {"dwi": ("dwi", "yes")}
    first = list_written(tree)
    assert tree.run("--selection", tree.out / "selection.tsv") == 0
    assert list_written(tree) == first
    assert tree.run("--selection", edit(tree, "dwi\tyes", "flair\tyes")) == 2
