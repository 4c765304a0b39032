"""Redrawing the tables and figures of the phantom study: 1,422 patients, 1,082 of them tested, 5 seeds.

The files that are drawn from are made up: patients, scores that know a little of the onset, checks. What
needs images or networks is left out: Figures 1 to 5 and 9, training curves, explanation. Beside it stands the
same with 142 patients, which shows what does not depend on their number: the start of the jobs.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1"}

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from snakemake.utils import update_config
from timing import Row, compare, cpu_seconds

from strokeclock.evaluation.side import fit_side
from strokeclock.found_sides import UNCLEAR, FoundSide, write_found_sides
from strokeclock.plan.plan import Plan, make_plan
from strokeclock.predictions import write_predictions
from strokeclock.series import SIDES

ROOT = Path(__file__).parents[1]
FILES = [ROOT / "config/phantom.yaml"]
CORES = 2
PATIENTS = 1422
RULES = (
    *("table1", "table2", "typeset_table1", "typeset_table2", "fit_operating_points", "roc"),
    *("comparisons", "calibration", "decision_curve", "abstention", "subgroups", "sides", "accuracy"),
    *(
        "fit_wanted_rates",
        "wanted_rates",
        "interactions",
        "readers",
        "sample_size",
        "flow",
        "end_to_end",
        "case_mix",
        "onset",
    ),
    *("protocol_table", "missing"),
)


def measure() -> Iterator[Row]:
    spent = {}
    for patients in (PATIENTS, PATIENTS // 10):
        with tempfile.TemporaryDirectory() as folder:
            plan, change = _make_up(Path(folder), patients)
            began = time.monotonic()
            spent[patients] = cpu_seconds(lambda: _redraw(plan, Path(folder), change), n=1)  # noqa: B023
            if patients == PATIENTS:
                taken = time.monotonic() - began
    rows = {path.rpartition("/")[0] for path in plan.predictions.all}
    measured = f"redraw_{PATIENTS}_vs_{PATIENTS // 10}"
    yield compare(measured, spent[PATIENTS], spent[PATIENTS // 10], goal="", n=1)
    yield Row(
        f"redraw: {len(rows)} rows, {len(plan.trainings.seeds)} seeds",
        f"s on {CORES} cores",
        f"{taken:.1f}",
        "",
        "",
        "60",
        1,
    )


def _redraw(plan: Plan, folder: Path, change: Path) -> None:
    figures = [f"{plan.folder}/figures/{name}.svg" for name in plan.figures.roc]
    left_out = {
        *plan.evaluation.lesions,
        *plan.evaluation.radiomics,
        *plan.evaluation.worst_errors,
        f"{plan.folder}/tables/training.tsv",
    }
    drawn = [path for path in plan.evaluation.files if path not in left_out]
    subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", *drawn, *plan.evaluation.typeset, *figures),
            *(
                "--snakefile",
                ROOT / "Snakefile",
                "--directory",
                folder,
                "--cores",
                str(CORES),
                "--quiet",
                "all",
            ),
            *("--rerun-triggers", "mtime", "--allowed-rules", *RULES, "--configfile", *FILES, change),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _make_up(folder: Path, patients: int) -> tuple[Plan, Path]:
    """Write what the tables and figures are drawn from; return the plan, and what differs from the files."""
    change = folder / "change.yaml"
    change.write_text(
        yaml.safe_dump({"phantom": {"patients": patients}, "training": {"seeds": [0, 1, 2, 3, 4]}})
    )
    config: dict[str, Any] = {}
    for file in (ROOT / "config/config.yaml", *FILES, change):
        update_config(config, yaml.safe_load(file.read_text()))
    plan = make_plan(config, folder=f"results/{config['run']}")
    results = folder / plan.folder
    draw = np.random.default_rng(0)
    names = [f"phantom-{number:04d}" for number in range(1, patients + 1)]
    minutes = draw.integers(40, 600, patients)
    sides = draw.choice(SIDES, patients)
    shares = np.cumsum(config["split"]["fractions"])[:2]
    parts = np.select(
        [draw.permutation(patients) < share * patients for share in shares], ["train", "validation"], "test"
    )
    _write(
        results / "cohort/cohort.tsv",
        {
            "patient": names,
            "person": names,
            "b_value": 1000.0,
            "onset_to_mri_min": minutes,
            "onset_kind": "known",
            "onset_class": "",
            "lesion_side": sides,
            "age": draw.integers(40, 95, patients),
            "sex": draw.choice(["F", "M"], patients),
            "nihss": draw.integers(0, 30, patients),
            "site": draw.choice(["A", "B"], patients),
            "field_t": draw.choice(["1.5", "3.0"], patients),
            "side_from": "sheet",
        },
    )
    _write(results / "cohort/split.tsv", {"patient": names, "part": parts})
    _write(results / "cohort/exclusions.tsv", {"patient": [], "stage": [], "reason": []})
    _write(
        results / "cohort/protocol.tsv",
        {
            "patient": names,
            "series": "dwi",
            "vendor": "Siemens",
            "field_t": "3",
            "tr_ms": "8000",
            "te_ms": "100",
            "ti_ms": "n/a",
            "b_value": "1000",
            "voxel_x_mm": "0.9",
            "voxel_y_mm": "0.9",
            "voxel_z_mm": "6",
            "slices": "28",
        },
    )
    volumes = draw.lognormal(2, 1, patients).round(3)
    _write(
        results / "lesions/volumes.tsv",
        {"patient": names, "volume_ml": volumes, "source": "mask", "note": ""},
    )
    _write(
        results / "quality/quality.tsv",
        {"patient": names, "verdict": "pass", "reason": "", "judged_by": "checks", "side_seen": sides},
    )
    calls = draw.integers(0, 2, (3, patients))
    _write(
        results / "phantom/readers.tsv",
        {"patient": names, **{f"reader{n}": call for n, call in enumerate(calls, 1)}},
    )
    _write(results / "hemispheres/manifest.tsv", {"patient": names, "sha256": "0" * 64})
    told = [side if number % 20 else UNCLEAR for number, side in enumerate(sides)]
    found = {
        name: FoundSide(
            part, side, 3.0, side, "" if side else "the scores of the two hemispheres are too close"
        )
        for name, part, side in zip(names, parts, told, strict=True)
        if part == "test"
    }
    _write(results / "end_to_end/unlike.tsv", {"patient": [], "reason": []})
    write_found_sides(results / "end_to_end/sides.tsv", found)
    people = [*zip(names, sides, parts, minutes, strict=True)]
    for path in plan.predictions.all:
        place = Path(path).relative_to(f"{plan.folder}/predictions")
        scores = [*_score(people, plan.tasks.below_min[place.parts[1]], draw)]
        write_predictions(folder / path, scores)
        if str(place.with_suffix("")) in plan.end_to_end.timed:
            own = [row for row in scores if row[0] in found and row[1] == found[row[0]].side]
            write_predictions(results / "end_to_end" / place, own)
    # Not by its rule: Snakemake would find the sides anew, with networks.
    fit_side(
        [folder / path for path in plan.predictions.of_networks],
        results / "fitted/side.json",
        cohort=results / "cohort/cohort.tsv",
        split=results / "cohort/split.tsv",
        tasks=plan.tasks.below_min,
    )
    return plan, change


def _score(
    people: Iterable[tuple[str, str, str, int]], below_min: float | None, draw: np.random.Generator
) -> Iterator[tuple[str, str, str, float, float]]:
    for name, lesion_side, part, minutes in people:
        for side in SIDES if part != "train" else ():
            if below_min is not None and side != lesion_side:
                continue
            label = side == lesion_side if below_min is None else minutes < below_min
            yield name, side, part, label, 1 / (1 + np.exp(-(1.2 * label - 0.6 + draw.normal())))


def _write(path: Path, columns: Mapping[str, Any]) -> None:
    rows = max((len(column) for column in columns.values() if not isinstance(column, str | float)), default=0)
    cells = [[column] * rows if isinstance(column, str | float) else [*column] for column in columns.values()]
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(columns), *("\t".join(map(str, row)) for row in zip(*cells, strict=True))]
    path.write_text("\n".join(lines) + "\n")
