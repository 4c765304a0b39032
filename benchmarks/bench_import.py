"""Import of a BIDS set of 2,000 subjects with the names of SOOP (ds004889): 16,000 files, a JSON each."""

import gzip
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import nibabel as nib
import numpy as np
from timing import Row, cpu_seconds

_SUBJECTS = 2000
_GOAL = 5.0  # CPU s
_SERIES = {
    "anat/{0}_FLAIR": {"InversionTime": 2.5, "EchoTime": 0.09, "RepetitionTime": 9.0},
    "anat/{0}_T1w": {"RepetitionTime": 2.0},
    "dwi/{0}_rec-TRACE_dwi": {"SeriesDescription": "sB1000", "ImageType": ["DERIVED", "PRIMARY", "TRACEW"]},
    "dwi/{0}_rec-ADC_dwi": {"ImageType": ["DERIVED", "PRIMARY", "ADC"]},
}
_MASK = "derivatives/lesion_masks/{0}/dwi/{0}_space-TRACE_desc-lesionAcute_mask.nii.gz"


def measure() -> Iterable[Row]:
    """Yield CPU seconds and peak memory of the whole command, protocol.tsv included."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "source"), Path(folder, "out")
        _write_set(source)
        command = [sys.executable, "-m", "strokeclock", "import", str(source), "--out", str(out)]

        def run() -> None:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

        spent = cpu_seconds(run, n=1)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    yield Row("import 2,000 BIDS subjects", "CPU s", f"{spent:.2f}", "", "", f"< {_GOAL:g}", 1)
    yield Row("import 2,000 BIDS subjects", "MB, peak", f"{peak:.0f}", "", "", "", 1)


def _write_set(root: Path) -> None:
    image = nib.Nifti1Image(np.arange(60, dtype=np.int16).reshape(4, 5, 3), np.diag([2.0, 2, 5, 1]))
    content = gzip.compress(image.to_bytes(), mtime=0)
    root.mkdir()
    (root / "dataset_description.json").write_text('{"Name": "set", "BIDSVersion": "1.8.0"}')
    (root / "dwi.bval").write_text("0\n")
    (root / "participants.tsv").write_text(
        "participant_id\tsex\tage\tnihss\r\n"
        + "".join(f"sub-{number}\tF\t89+\t4\r\n" for number in range(1, _SUBJECTS + 1))
    )
    for number in range(1, _SUBJECTS + 1):
        subject = f"sub-{number}"
        for name, facts in _SERIES.items():
            path = root / subject / name.format(subject)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(f"{path.name}.nii.gz").write_bytes(content)
            sidecar = {"Manufacturer": "Siemens", "MagneticFieldStrength": 3, **facts}
            path.with_name(f"{path.name}.json").write_text(json.dumps(sidecar))
        mask = root / _MASK.format(subject)
        mask.parent.mkdir(parents=True)
        mask.write_bytes(content)
