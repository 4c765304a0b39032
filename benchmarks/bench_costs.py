"""What a patient and a job cost, in the open toolchain: the numbers of `strokeclock estimate`.

The same targets are made for one patient and for eight in one batch. The difference is the cost of seven
patients; what remains of the first is the start of its jobs. Disk is counted of eight patients.
"""

import os

os.environ |= {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1", "OMP_NUM_THREADS": "1"}

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from timing import Row, cpu_seconds

from strokeclock.phantom.patient import SERIES, make_patient, write_patient
from strokeclock.settings.patients import Phantom

ROOT = Path(__file__).parents[1]
MANY = 8
RUN = "results/bench"
TARGETS = {
    "preprocessing": [f"{RUN}/batches/preprocess/b.tsv"],
    "quality and lesions": [f"{RUN}/quality/index.html", f"{RUN}/lesions/volumes.tsv"],
    "radiomics": [f"{RUN}/batches/radiomics/b.tsv"],
    "hemispheres": [f"{RUN}/hemispheres/manifest.tsv"],
}
FOLDERS = {
    "preprocessed": "preprocessed/*/*",
    "quality pictures": "quality/*.png",
    "hemispheres": "hemispheres/*.npy",
}


def measure() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        one, many = (_make_cohort(Path(folder, str(number)), number) for number in (1, MANY))
        jobs, start = 0, 0.0
        for stage, targets in TARGETS.items():
            few, costs = (_cost(targets, folder=where) for where in (one, many))
            patient = (costs[1] - few[1]) / (MANY - 1)
            jobs, start = jobs + few[0], start + few[1] - patient
            yield Row(f"cost: {stage}", "CPU s a patient", f"{patient:.2f}", "", "", "", MANY)
        yield Row("cost: start of a job", "CPU s", f"{start / jobs:.2f}", "", "", "", jobs)
        for name, pattern in FOLDERS.items():
            size = sum(path.stat().st_size for path in (many / RUN).glob(pattern))
            yield Row(f"disk: {name}", "MB a patient", f"{size / MANY / 1e6:.2f}", "", "", "", MANY)


def _make_cohort(folder: Path, number: int) -> Path:
    """Write so many phantoms as whole heads, and their sheet; return the folder."""
    lines = ["patient\tt2w\tdwi\tflair\tlesion_mask\tonset_to_mri_min\tlesion_side"]
    for patient in range(1, number + 1):
        raw = {name: folder / f"raw/{patient}/{name}.nii.gz" for name in SERIES}
        made = make_patient(patient, seed=0, settings=Phantom().model_dump())
        lesion = folder / f"raw/{patient}/lesion.nii.gz"
        write_patient(made, scans=raw, lesion=lesion, brain_mask=folder / f"raw/{patient}/brain.nii.gz")
        files = [raw[name] for name in ("t2w", "dwi", "flair")]
        cells = [f"p{patient}", *files, lesion, made.record.onset_to_mri_min, made.record.lesion_side]
        lines.append("\t".join(map(str, cells)))
    (folder / "cohort.tsv").write_text("\n".join(lines) + "\n")
    own = {
        "run": "bench",
        "cohort": {"sheet": "cohort.tsv"},
        "split": {"counts": None, "fractions": [0.5, 0.25, 0.25]},
        "preprocessing": {"toolchain": "open", "patients_per_job": MANY},
    }
    (folder / "own.yaml").write_text(yaml.safe_dump(own))
    _snakemake(f"{RUN}/atlas/grid.nii.gz", folder=folder)
    return folder


def _cost(targets: Sequence[str], *, folder: Path) -> tuple[int, float]:
    """Return how many jobs made the targets, and the CPU s that they took beyond a dry run."""
    planned = _snakemake(*targets, "-n", folder=folder)
    total = re.search(r"^total\s+(\d+)", planned, re.MULTILINE)
    if total is None:
        raise RuntimeError(f"nothing is to be made of {', '.join(targets)}: {planned}")
    dry = cpu_seconds(lambda: _snakemake(*targets, "-n", folder=folder), n=1)
    return int(total[1]), cpu_seconds(lambda: _snakemake(*targets, folder=folder), n=1) - dry


def _snakemake(*arguments: str, folder: Path) -> str:
    command = [
        sys.executable,
        "-m",
        "snakemake",
        *arguments,
        "--cores",
        "1",
        "--snakefile",
        ROOT / "Snakefile",
    ]
    where = ["--directory", folder, "--configfile", folder / "own.yaml"]
    done = subprocess.run([*command, *where], check=True, capture_output=True, text=True)
    return done.stdout + done.stderr
