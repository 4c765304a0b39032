"""An exclusion note is passed on from the step that wrote it to the last file."""

from strokeclock.errors import PatientError
from strokeclock.imaging.exclusion import read_exclusion, run_step
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
