"""The command: what a source is, and one sentence where it is none."""

import subprocess
import sys

import pytest

from strokeclock.cli import main


def refused(tree, capsys, *, source=None, out=None):
    status = main(["import", str(source or tree.source), "--out", str(out or tree.out)])
    said = capsys.readouterr()
    assert status == 2
    assert said.out == ""
    assert said.err.startswith("strokeclock: ")
    assert said.err.count("\n") == 1
    assert str(tree.source) not in said.err
    return said.err


def test_a_source_that_is_not_there(tree, capsys):
    assert "not there" in refused(tree, capsys, source=tree.source / "no")


@pytest.mark.parametrize("content", [{}, {"notes.txt": "no image"}, {"sub/deeper/notes.txt": "no image"}])
def test_a_source_without_an_image(tree, capsys, content):
    for name, text in content.items():
        tree.write(name, text)
    assert "no image" in refused(tree, capsys)
    assert not tree.out.exists()


def test_a_bids_set_without_an_image(tree, capsys):
    tree.write("sub-1/anat/sub-1_FLAIR.json", "{}")
    assert "no series" in refused(tree, capsys)


def test_a_file(tree, capsys):
    path = tree.image("dwi.nii.gz")
    assert "is a file" in refused(tree, capsys, source=path)


def test_source_and_output_in_each_other(tree, capsys):
    tree.image("a/dwi.nii.gz")
    assert "lies in the source" in refused(tree, capsys, out=tree.source / "out")
    assert "lies in the source" in refused(tree, capsys, out=tree.source)
    assert "lies in the output" in refused(tree, capsys, out=tree.source.parent)
    (tree.source.parent / "link").symlink_to(tree.source)
    assert "lies in the source" in refused(tree, capsys, out=tree.source.parent / "link/out")


def test_an_output_that_is_a_file(tree, capsys):
    tree.image("a/dwi.nii.gz")
    assert "a file" in refused(tree, capsys, out=tree.write("../taken", ""))


def test_dicom_and_other_images_in_one_source(tree, capsys):
    tree.image("a/dwi.nii.gz")
    tree.write("b/IM0001", bytes(128) + b"DICM" + bytes(200))
    assert "one of both" in refused(tree, capsys)


def test_a_missing_table(tree, capsys):
    tree.image("a/dwi.nii.gz")
    assert tree.run("--selection", "no.tsv") == 2
    assert "no.tsv cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["import"], ["import", "x"], ["nothing"]])
def test_wrong_use(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2


def test_a_program_of_its_own(tree):
    tree.image("a/dwi.nii.gz")
    command = [sys.executable, "-m", "strokeclock", "import", str(tree.source), "--out", str(tree.out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "cohort.tsv has 1 patient.\nWithout a known onset: 1. Without a lesion" in done.stdout
    assert done.stderr == ""
    assert sorted(path.name for path in tree.out.iterdir()) == [
        ".gitignore",
        "cohort.tsv",
        "cohort.tsv.sha256",
        "images",
        "protocol.tsv",
        "selection.tsv",
        "sources.tsv",
    ]


def list_seen_by_git(folder):
    command = ["git", "-C", str(folder), "status", "--porcelain", "--untracked-files=all"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_git_sees_nothing_of_a_new_output(tree):
    tree.image("a/dwi.nii.gz")
    subprocess.run(["git", "init", "-q", str(tree.out.parent)], check=True)
    (tree.out.parent / "own.txt").touch()
    tree.run()
    assert [name for name in list_seen_by_git(tree.out.parent) if not name.startswith("source/")] == [
        "??",
        "own.txt",
        "??",
    ]


def test_a_folder_that_holds_other_files_stays_visible_to_git(tree):
    tree.image("a/dwi.nii.gz")
    tree.out.mkdir()
    (tree.out / "notes.txt").write_text("mine")
    assert tree.run() == 0
    assert not (tree.out / ".gitignore").exists()
    assert (tree.out / "notes.txt").read_text() == "mine"


def test_a_gitignore_that_was_removed_does_not_come_back(tree):
    tree.image("a/dwi.nii.gz")
    tree.run()
    (tree.out / ".gitignore").unlink()
    assert tree.run() == 0
    assert not (tree.out / ".gitignore").exists()
