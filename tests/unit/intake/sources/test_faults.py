"""What goes wrong while a series is brought: a fault of the series, or of the computer."""

import errno

import pytest

from strokeclock.cli import main
from strokeclock.intake import source
from strokeclock.intake.found import Found
from strokeclock.intake.importer import _hide_names


def raising(error):
    def bring(columns):
        raise error

    return bring


@pytest.fixture
def found(tree, monkeypatch):
    """Let the source hold series whose bringing raises these errors, one a person."""
    tree.image("a/dwi.nii.gz")

    def hold(*errors):
        series = [
            Found(person=f"{number}", name="dwi", gives=("dwi",), why="", bring=raising(error))
            for number, error in enumerate(errors)
        ]
        monkeypatch.setattr(source, "find_plain", lambda _: series)

    return hold


@pytest.mark.parametrize(
    "error",
    [RuntimeError("in /home/miller/x.nii"), MemoryError(), OSError(errno.EACCES, "Permission denied", "/m")],
)
def test_any_error_of_one_series_is_its_fault_and_tells_no_path(tree, found, capsys, error):
    found(error, ValueError("of another"))
    assert tree.run() == 0
    said = capsys.readouterr().out
    assert "2 without a usable series" in said
    assert "  patient-0001: dwi: it could not be read (" in said
    assert "/" not in said.partition("could not be read")[2].partition(":")[0]
    assert len(tree.selection) == 2


def test_a_full_disk_is_no_fault_of_a_patient(tree, found, capsys):
    found(OSError(errno.ENOSPC, "No space left on device"))
    assert main(["import", str(tree.source), "--out", str(tree.out)]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert not (tree.out / "cohort.tsv").exists()


def test_names_of_dicom_files_are_no_numbers_of_a_sentence(tmp_path):
    """Archives call files 4 or 1.2: where a sentence has these, they are numbers."""
    files = tuple(tmp_path / name for name in ("4", "1.2", "Mueller.nii.gz"))
    found = Found(person="p", name="one", gives=("dwi",), why="", files=files, bring=lambda targets: [])
    text = _hide_names("series 4 has slices of 1.2 mm in Mueller.nii.gz", found)
    assert text == "series 4 has slices of 1.2 mm in one"
