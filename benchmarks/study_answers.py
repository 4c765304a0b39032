"""Write the tables of the phantom study (docs/study): what its runs say to its questions.

    python benchmarks/study_answers.py results docs/study

It reads the runs study, study_paper, study_external and study_unknown. A run that is not there is left out.
"""

import argparse
import shutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from strokeclock.evaluation.comparison import delong_test, is_trained
from strokeclock.evaluation.end_to_end import ALL
from strokeclock.evaluation.external.readings import FOUND, GIVEN
from strokeclock.evaluation.intervals import delong_interval
from strokeclock.evaluation.metrics import auc
from strokeclock.evaluation.tables import KEY, choose_best, name_target, read_scorers, write_table
from strokeclock.found_sides import read_found_sides
from strokeclock.phantom.ceiling import LIMITS_HOURS, measure_ceiling, ratio_observer
from strokeclock.phantom.clinic import PatientRecord, cohort_seed, draw_patient
from strokeclock.predictions import PAPER, Scorer, ScorerPredictions, Units, read_predictions
from strokeclock.series import SIDES

CONFIG = Path(__file__).parents[1] / "config"
CONFIDENCE = 0.95
FOLDERS = {
    "study": "tuned",
    "study_paper": "paper",
    "study_unknown": "unknown",
}  # run -> folder of its tables
COPIED = ("table2", "comparisons", "end_to_end", "subgroups", "calibration")
COLUMNS = (
    *("question", "target", "a", "b", "n", "auc_a", "auc_a_low", "auc_a_high"),
    *("auc_b", "auc_b_low", "auc_b_high", "difference", "low", "high", "p", "p_holm"),
)
CHAIN, ATTENTION = "chain against random weights", "attention against the phase before"
BASELINE = "network against a ratio"
CEILING = "practical ceiling against the best row"
SIDE, HOSPITAL, UNKNOWN = (
    "side found",
    "second hospital against the first",
    "with 1,000 patients of unknown onset",
)
OBSERVER = "practical ceiling"
CLOCK = "score of phase 1 as a clock"
OTHER_SEEDS = range(21, 29)  # of cohorts that only this script draws
SHARED_SEEDS = (0,)  # of the runs with and without patients of unknown onset


class Run:
    """One run of the study, in results/<name>, which is complete once it holds ``last``."""

    def __init__(self, results: Path, name: str, *, last: str = "index.html"):
        self.folder = results / name
        self.last = last

    def __bool__(self) -> bool:
        return self.folder.joinpath(self.last).exists()

    def read(self, name: str) -> pd.DataFrame:
        """Read tables/<name>.csv."""
        return pd.read_csv(self.folder / f"tables/{name}.csv", dtype=dict.fromkeys(KEY, str))

    @cached_property
    def scorers(self) -> dict[Scorer, ScorerPredictions]:
        """The rows' predictions."""
        return read_scorers(
            sorted(self.folder.glob("predictions/*/*/*/seed-*.tsv")),
            cohort=self.folder / "cohort/cohort.tsv",
            split=self.folder / "cohort/split.tsv",
            tasks=PAPER,
        )

    def choose_best(self, below_min: float) -> ScorerPredictions:
        """Choose the row with the highest AUC in the validation part, as the bundle does."""
        return choose_best(
            own for scorer, own in self.scorers.items() if PAPER[scorer.phase] == below_min and is_timed(own)
        )

    def read_found(self, own: ScorerPredictions) -> np.ndarray:
        """Read the scores with the side found, (n,), of the test patients of ``own``, in their order.

        Who gets none scores the share of short times of the validation part.
        """
        sides = read_found_sides(self.folder / "end_to_end/sides.tsv")
        unlike = set(pd.read_csv(self.folder / "end_to_end/unlike.tsv", sep="\t", dtype=str)["patient"])
        files = sorted(self.folder.glob(f"end_to_end/{own.scorer}/seed-*.tsv"))
        seeds = [read_predictions(file, unlabelled=True).set_index("patient")["score"] for file in files]
        scores = pd.concat(seeds, axis=1).mean(axis=1)
        prevalence = own.units("validation").label.mean()
        return np.array(
            [
                scores[patient] if sides[patient].side in SIDES and patient not in unlike else prevalence
                for patient in own.units("test").patient.tolist()
            ]
        )


def is_timed(own: ScorerPredictions) -> bool:
    """Whether a bundle could hold the row."""
    return PAPER[own.scorer.phase] is not None and own.scorer.net not in ("clinical", "ml")


def draw_records(
    run: Run, patients: Iterable[str], *, settings: Mapping[str, Any]
) -> tuple[list[PatientRecord], np.ndarray]:
    """Draw the phantoms of a run again, and read the grey share of their lesions, (n,)."""
    records, grey = [], []
    for patient in patients:
        truth = yaml.safe_load((run.folder / f"derivatives/truth/{patient}/truth.json").read_text())
        record = draw_patient(truth["number"], seed=cohort_seed(settings), settings=settings)
        if record.onset_to_mri_min != truth["onset_to_mri_min"]:
            raise SystemExit(f"{patient} of {run.folder} is another phantom: give the run's own settings.")
        records.append(record)
        grey.append(truth["grey_share"])
    return records, np.array(grey)


def read_settings(*files: str) -> dict[str, Any]:
    """Read the phantom section of config/config.yaml, changed by these files of config/."""
    settings: dict[str, Any] = {}
    for file in ("config.yaml", *files):
        settings |= yaml.safe_load((CONFIG / file).read_text()).get("phantom", {})
    return settings


def from_comparisons(run: Run, recipe: str) -> Iterator[dict[str, Any]]:
    """The comparisons that the run's own table holds."""
    for row in run.read("comparisons").astype(object).fillna("").to_dict("records"):
        question = name_question(str(row["a"]), str(row["b"]))
        if question:
            cells = {str(name): cell for name, cell in row.items() if name in COLUMNS}
            yield cells | {"question": f"{question}, {recipe} recipe"}


def name_question(a: str, b: str) -> str:
    """The question that a pair of rows answers; "" if it is none of the study's."""
    if a.count("/") != 2 or b.count("/") != 2:
        return ""
    first, second = Scorer(*a.split("/")), Scorer(*b.split("/"))
    if first.net not in ("2d", "3d") or not first.start.startswith("phase"):
        return ""
    if second.net == "ratio":
        return BASELINE
    if first.net != second.net:
        return ""
    if first.phase == second.phase and second.start == "random":
        return CHAIN
    is_before = second.phase < first.phase == "phase4_attention" and second.start.startswith("phase")
    return ATTENTION if is_before else ""


def compare(
    question: str,
    label: np.ndarray,
    *,
    below_min: float,
    a: tuple[str, np.ndarray],
    b: tuple[str, np.ndarray],
) -> dict[str, Any]:
    """Compare two scores (n,) of the same patients."""
    (name_a, score_a), (name_b, score_b) = a, b
    found = delong_test(label, score_a, score_b, confidence=CONFIDENCE)
    return {
        "question": question,
        "target": name_target(below_min),
        "n": len(label),
        "difference": found.value,
        "low": found.interval.low,
        "high": found.interval.high,
        "p": found.p,
        **measure("a", name_a, label, score_a),
        **measure("b", name_b, label, score_b),
    }


def measure(column: str, name: str, label: np.ndarray, score: np.ndarray) -> dict[str, Any]:
    """The cells of one row's AUC."""
    low, high = delong_interval(label, score, confidence=CONFIDENCE)
    area = f"auc_{column}"
    return {column: name, area: auc(label, score), f"{area}_low": low, f"{area}_high": high}


def against_ceiling(run: Run, *, settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The observer of the true contrast against the best row of each target, side given and found."""
    for column, hours in enumerate(LIMITS_HOURS):
        best = run.choose_best(60 * hours)
        units = best.units("test")
        records, grey = draw_records(run, units.patient.tolist(), settings=settings)
        observer = ratio_observer(records, grey, settings=settings)[:, column]
        found = run.read_found(best)
        for side, score in ((GIVEN, units.score), (FOUND, found)):
            yield compare(
                f"{CEILING}, side {side}",
                units.label,
                below_min=60 * hours,
                a=(OBSERVER, observer),
                b=(str(best.scorer), score),
            )
        given = (str(best.scorer), units.score)
        yield compare(SIDE, units.label, below_min=60 * hours, a=(str(best.scorer), found), b=given)


def at_second_hospital(run: Run, external: Run) -> Iterator[dict[str, Any]]:
    """Each row of the bundle at the second hospital against the first, whose patients are others."""
    home, away = run.read("end_to_end"), external.read("external")
    away = away[away["scores"] == "as predicted"]
    for row in away[(away["patients"] == ALL) & away["auc"].notna()].to_dict("records"):
        same = home[(home[[*KEY]] == [row[name] for name in KEY]).all(axis=1)]
        own = same[(same["side"] == row["side"]) & (same["patients"] == ALL)].iloc[0]
        error = np.hypot(*((cells["auc_high"] - cells["auc_low"]) / 3.92 for cells in (row, own)))
        difference = row["auc"] - own["auc"]
        name = "/".join(row[part] for part in ("model", "stage", "start"))
        yield {
            "question": f"{HOSPITAL}, side {row['side']}",
            "target": row["target"],
            "n": row["n"],
            "difference": difference,
            "low": difference - 1.96 * error,
            "high": difference + 1.96 * error,
            "a": f"{name} at the second",
            "b": f"{name} at the first",
            **{f"auc_a{end}": row[f"auc{end}"] for end in ("", "_low", "_high")},
            **{f"auc_b{end}": own[f"auc{end}"] for end in ("", "_low", "_high")},
        }


def ceiling_of(run: Run, patients: Run, *, settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The observer's AUC on the patients of the second hospital."""
    cohort = pd.read_csv(run.folder / "cohort.tsv", sep="\t", dtype=str)
    minutes = cohort["onset_to_mri_min"].astype(float).to_numpy()
    records, grey = draw_records(patients, cohort["patient"], settings=settings)
    observer = ratio_observer(records, grey, settings=settings)
    for column, hours in enumerate(LIMITS_HOURS):
        label = (minutes < 60 * hours).astype(int)
        row = {
            "question": f"{OBSERVER} at the second hospital",
            "target": name_target(60 * hours),
            "n": len(label),
        }
        yield row | measure("a", OBSERVER, label, observer[:, column])


def of_other_cohorts(settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The observer's AUC in cohorts of the study's size and other seeds: how much easier are its patients?"""
    for seed in OTHER_SEEDS:
        own = {**settings, "seed": seed}
        ceiling = measure_ceiling(own["patients"], settings=own)
        for hours in LIMITS_HOURS:
            found = ceiling[f"tss<{hours:g}h"]["all"]
            yield {
                "question": f"{OBSERVER} of {own['patients']} phantoms of seed {seed}",
                "target": name_target(60 * hours),
                "n": own["patients"],
                "a": OBSERVER,
                **{
                    f"auc_a{end}": found[name]
                    for end, name in (("", "auc"), ("_low", "low"), ("_high", "high"))
                },
            }


def of_phase1(run: Run, recipe: str) -> Iterator[dict[str, Any]]:
    """How well phase 1 tells short from long times, in the test patients with a lesion on one side."""
    cohort = pd.read_csv(run.folder / "cohort/cohort.tsv", sep="\t", dtype={"patient": str})
    minutes_of = cohort.set_index("patient")["onset_to_mri_min"]
    for scorer, own in run.scorers.items():
        if PAPER[scorer.phase] is not None:
            continue
        patients, score = select_one_sided(own.units("test"))
        minutes = minutes_of[patients].to_numpy(float)
        for hours in LIMITS_HOURS:
            label = (minutes < 60 * hours).astype(int)
            row = {
                "question": f"{CLOCK}, {recipe} recipe",
                "target": name_target(60 * hours),
                "n": len(label),
            }
            yield row | measure("a", str(scorer), label, score)


def select_one_sided(units: Units) -> tuple[np.ndarray, np.ndarray]:
    """Select the patients with one hemisphere with a lesion, (n,) str, and its score, (n,)."""
    lesion = units.label == 1
    patients, first, count = np.unique(units.patient[lesion], return_index=True, return_counts=True)
    return patients[count == 1], units.score[lesion][first[count == 1]]


def with_unknown(run: Run, unknown: Run) -> Iterator[dict[str, Any]]:
    """Each row of both runs, with the patients of unknown onset against without them."""
    for scorer, own in unknown.scorers.items():
        below_min = PAPER[scorer.phase]
        if below_min is None or not is_trained(scorer):
            continue
        a, b = own.units("test"), run.scorers[scorer].units("test")
        assert np.array_equal(a.patient, b.patient)
        yield compare(
            UNKNOWN,
            a.label,
            below_min=below_min,
            a=(f"{scorer} with them", a.scores[:, list(SHARED_SEEDS)].mean(axis=1)),
            b=(f"{scorer} without", b.scores[:, list(SHARED_SEEDS)].mean(axis=1)),
        )


def answer(results: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of answers.csv."""
    run, paper, unknown = (Run(results, name) for name in ("study", "study_paper", "study_unknown"))
    external = Run(results, "study_external/external", last="summary.json")
    settings = read_settings("study/study.yaml")
    yield from from_comparisons(run, "tuned")
    if paper:
        yield from from_comparisons(paper, "paper's")
    for trained, recipe in ((run, "tuned"), (paper, "paper's")):
        if trained:
            yield from of_phase1(trained, recipe)
    yield from against_ceiling(run, settings=settings)
    yield from of_other_cohorts(settings)
    if external:
        yield from at_second_hospital(run, external)
        second = read_settings("study/study.yaml", "study/second.yaml")
        yield from ceiling_of(external, Run(results, "study_second"), settings=second)
    if unknown:
        yield from with_unknown(run, unknown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("results", type=Path, help="folder of the runs")
    parser.add_argument("output", type=Path, help="folder of the tables")
    options = parser.parse_args()
    for run, name in FOLDERS.items():
        if Run(options.results, run):
            folder = options.output / name
            folder.mkdir(parents=True, exist_ok=True)
            for table in COPIED:
                shutil.copy(options.results / run / f"tables/{table}.csv", folder)
    shutil.copy(options.results / "study/figures/end_to_end.png", options.output)
    write_table(options.output / "answers.csv", answer(options.results), columns=COLUMNS)


if __name__ == "__main__":
    main()
