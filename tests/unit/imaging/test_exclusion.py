"""An exclusion note is passed on from the step that wrote it to the last file."""

import subprocess
from functools import partial

import numpy as np
import pytest

from strokeclock.batches import BatchError
from strokeclock.errors import ConfigurationError, KilledError, MissingSoftwareError, PatientError
from strokeclock.imaging.exclusion import explain, read_exclusion, run_step
from strokeclock.imaging.volume import read_volume


def test_a_reason_is_passed_on_and_no_later_step_runs(tmp_path):
    raw, first, second = (tmp_path / name for name in ("raw.nii", "first.nii", "second.nii"))
    raw.write_bytes(b"\x5c\x01")

    def fail():
        raise PatientError("p1", "dwi.nii.gz is cut short: copy it again")

    run_step(fail, patient="p1", inputs=[raw], outputs=[first])
    run_step(lambda: second.write_bytes(b"never"), patient="p1", inputs=[raw, first], outputs=[second])
    assert read_exclusion(raw) is None
    assert read_exclusion(second) == "dwi.nii.gz is cut short: copy it again"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.nii", "raw.nii", "second.nii"]


def test_a_raw_series_that_cannot_be_read_excludes_its_patient(tmp_path):
    folder, output = tmp_path / "dicom", tmp_path / "out.nii"
    folder.mkdir()

    def read():
        read_volume(folder, patient="p1", series="dwi")

    run_step(read, patient="p1", inputs=[folder], outputs=[output])
    assert read_exclusion(output) == (
        "dwi file dicom cannot be read (Is a directory); correct the path in the cohort sheet"
    )


def test_a_step_that_works_writes_its_own_outputs(tmp_path):
    output = tmp_path / "out.nii"
    run_step(lambda: output.write_bytes(b"volume"), patient="p1", inputs=[], outputs=[output])
    assert output.read_bytes() == b"volume"


def spoil(*_, **__):
    """A step that a degenerate series breaks."""
    return np.zeros(3)[7]


def test_any_exception_excludes_its_patient_and_leaves_a_traceback(tmp_path, caplog):
    output = tmp_path / "out.nii"
    run_step(partial(spoil, patient="p1"), patient="p1", inputs=[], outputs=[output])
    assert read_exclusion(output) == (
        "the step spoil failed with IndexError (index 7 is out of bounds for axis 0 with size 3); look at "
        "the series"
    )
    assert "in spoil" in caplog.text
    assert "return np.zeros(3)[7]" in caplog.text


@pytest.mark.parametrize(
    ("error", "described"),
    [
        (ValueError(""), "ValueError"),
        (RecursionError("too deep"), "RecursionError (too deep)"),
        (np.linalg.LinAlgError("Singular matrix"), "LinAlgError (Singular matrix)"),
        (TypeError("line one\n line two"), "TypeError (line one line two)"),
        (ValueError("no image in /home/Jane Doe/b0.nii"), "ValueError"),
        (ValueError(r"no image in C:\Jane Doe\b0.nii"), "ValueError"),
        (subprocess.CalledProcessError(-11, ["bet"]), "CalledProcessError"),
    ],
)
def test_the_reason_describes_the_error_without_paths(error, described, caplog):
    assert f" failed with {described}" in explain(error, patient="p1", step="preprocess patient")
    assert "Jane" not in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        FileNotFoundError(2, "no such program", "niimath"),
        MemoryError(),
        ModuleNotFoundError("No module named 'ants'"),
        NameError("name 'x' is not defined"),
        ConfigurationError("preprocessing.grid is odd"),
        MissingSoftwareError("niimath is not installed"),
        KilledError("niimath was ended by signal 9"),
        BatchError("a table is damaged"),
        PatientError("atlas", "t2w file atlas.nii.gz is truncated; copy it again"),
        KeyboardInterrupt(),
        SystemExit(1),
    ],
)
def test_what_no_series_causes_stops_the_job(tmp_path, error):
    def fail():
        raise error

    with pytest.raises(type(error)) as caught:
        run_step(fail, patient="p1", inputs=[], outputs=[tmp_path / "out.nii"])
    assert caught.value is error
    assert not list(tmp_path.iterdir())
