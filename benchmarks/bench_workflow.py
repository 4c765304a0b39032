"""The cost of the workflow itself, for the paper's 422 patients.

A dry run over them beside one over 42; and the share of all CPU time that Snakemake, process starts and
imports take when the open toolchain preprocesses them (measured on three jobs, counted for all).
"""

import os

os.environ |= {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1", "OMP_NUM_THREADS": "1"}

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml
from timing import Row, compare, cpu_seconds

from strokeclock.batches import deal_batches
from strokeclock.imaging.atlas import Atlas, read_atlas
from strokeclock.imaging.open_chain import preprocess_patient
from strokeclock.phantom.patient import SERIES, make_patient, write_patient

ROOT = Path(__file__).parents[1]
SETTINGS = yaml.safe_load((ROOT / "config/config.yaml").read_text())
RUNS = 2
PATIENTS = 422
JOBS = 3


def measure() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        large, small = (
            cpu_seconds(
                lambda n=n: _snakemake("all", "-n", folder=Path(folder), change={"phantom": {"patients": n}}),
                n=RUNS,
            )
            for n in (PATIENTS, 42)
        )
        yield compare("dry_run_422_vs_42", large, small, goal="", n=RUNS)
        yield _orchestration(Path(folder))


def _orchestration(folder: Path) -> Row:
    raw = {name: folder / f"{name}.nii.gz" for name in SERIES}
    patient = make_patient(1, seed=SETTINGS["phantom"]["seed"], settings=SETTINGS["phantom"])
    write_patient(patient, scans=raw, lesion=folder / "lesion.nii.gz", brain_mask=folder / "mask.nii.gz")
    patients = [f"p{i:03d}" for i in range(PATIENTS)]
    lines = ["patient\tt2w\tdwi\tflair\tadc\tonset_to_mri_min\tlesion_side"]
    lines += [f"{p}\t{raw['t2w']}\t{raw['dwi']}\t{raw['flair']}\t\t120\tleft" for p in patients]
    (folder / "cohort.tsv").write_text("\n".join(lines) + "\n")
    where = {"folder": folder, "change": {"cohort": {"sheet": str(folder / "cohort.tsv")}}}
    _snakemake("results/bench/atlas/grid.nii.gz", **where)
    batches = deal_batches(patients, most=SETTINGS["preprocessing"]["patients_per_job"])
    chosen = [*batches][:JOBS]
    measured = sum(len(batches[batch]) for batch in chosen)
    wanted = [f"results/bench/batches/preprocess/{batch}.tsv" for batch in chosen]
    start = cpu_seconds(lambda: _snakemake(*wanted, "-n", **where), n=1)
    whole = cpu_seconds(lambda: _snakemake(*wanted, **where), n=1)
    chain = cpu_seconds(lambda: [_preprocess(raw, folder) for _ in range(measured)], n=1)
    share = 1 - chain / (start * measured / PATIENTS + whole - start)
    return Row("orchestration_share", "of CPU time", f"{share:.3f}", "", "", "0.25", measured)


def _preprocess(raw: dict[str, Path], folder: Path) -> None:
    prep = SETTINGS["preprocessing"]
    names = (*SERIES, "adc", "brain_mask", "t2w_to_atlas", "flair_to_t2w")
    preprocess_patient(
        raw, patient="p", b_value=1000.0, atlas=_atlas(folder / "results/bench/atlas"),
        shrink=prep["n4"]["shrink"], iterations=prep["open"]["n4_iterations"], shared_dwi=True,
        outputs={name: folder / "out" / f"{name}{'.txt' if '_to_' in name else '.nii.gz'}" for name in names}
        | {"findings": folder / "out/findings.json"},
    )  # fmt: skip


@cache
def _atlas(folder: Path) -> Atlas:
    return read_atlas(**{name: folder / f"{name}.nii.gz" for name in ("t2w", "brain_mask", "grid")})


def _snakemake(*arguments: str, folder: Path, change: dict) -> None:
    own = folder / "own.yaml"
    base = {"run": "bench", "split": {"counts": None}, "preprocessing": {"toolchain": "open"}}
    own.write_text(yaml.safe_dump(base | change))
    subprocess.run(
        [
            sys.executable, "-m", "snakemake", *arguments, "--quiet", "all", "--cores", "1",
            "--snakefile", ROOT / "Snakefile", "--directory", folder, "--configfile", own,
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
