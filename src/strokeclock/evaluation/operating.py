"""What is chosen before anybody is tested: a row's threshold, its temperature, its bands of abstention.

They are fitted on the validation part alone (of the radiomics baseline, on the cross-validated scores of all
whom it learns from) and written to files, which the tables read: nothing that is applied to the test part is
computed beside it. A configuration that asks for a threshold of the test part itself, or for a fixed one, is
named as its source.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from strokeclock.cohort.parts import read_split
from strokeclock.evaluation.metrics import youden_threshold
from strokeclock.evaluation.odds import logit
from strokeclock.evaluation.tables import read_arms
from strokeclock.fitted import FittedError, FittedOn, describe_fit, digest_units, read_fitted, write_fitted
from strokeclock.predictions import PAPER, Arm, ArmPredictions, Tasks, Units

THRESHOLDS, TEMPERATURES, ABSTENTION = "thresholds", "temperatures", "abstention"  # kinds of files
SHARPEST, FLATTEST = 0.05, 20.0  # temperatures, as far as one is looked for
MARGIN, SPREAD = "margin", "spread"
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)


class Threshold(NamedTuple):
    """From which score on a unit is called positive.

    Attributes
    ----------
    value : None where the patients who should choose it have one class.
    source : "validation", "cross-validation" (of training and validation, for the radiomics baseline),
        "test (optimistic)" or "fixed".
    """

    value: float | None
    source: str


@dataclass(frozen=True)
class Thresholds:
    """The thresholds of a run.

    Attributes
    ----------
    choice : of the configuration's `evaluation`: threshold, and fixed_threshold where that is fixed.
    rows : of each arm.
    """

    choice: Mapping[str, Any]
    rows: Mapping[Arm, Threshold]


@dataclass(frozen=True)
class Bands:
    """Around its threshold, where a row says nothing.

    Attributes
    ----------
    threshold : with value None, there are no bands.
    cuts : certainty (`MARGIN`, `SPREAD`) -> share of the patients who are answered -> the least certainty of
        those.
    """

    threshold: Threshold
    cuts: Mapping[str, Mapping[float, float]]


def fit_operating_points(
    predictions: Iterable[str | Path],
    *,
    thresholds: str | Path,
    temperatures: str | Path,
    abstention: str | Path,
    cohort: str | Path,
    split: str | Path,
    settings: Mapping[str, Any],
    tasks: Tasks = PAPER,
) -> None:
    """Fit every row's threshold, temperature and bands of abstention, and write a file of each kind.

    A file holds rows under the key <net>/<phase>/<weights>: the exact number, whom it was fitted on, the
    seeds whose mean score it is for. Where these patients have one class the number is null.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run, of networks and baselines.
    thresholds, temperatures, abstention : paths
        fitted/thresholds.json, temperatures.json and abstention.json; the last holds the rows that tell time.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    settings : mapping
        The configuration's `evaluation`: threshold, fixed_threshold.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.

    Raises
    ------
    PredictionError
        The predictions contradict the cohort, or each other.
    """
    parts = read_split(split)
    of_kind: dict[str, dict[str, Any]] = {THRESHOLDS: {}, TEMPERATURES: {}, ABSTENTION: {}}
    for arm, found in read_arms(predictions, cohort=cohort, split=split, tasks=tasks).items():
        learned = _describe(found.units(*found.learning), found.learning, split=parts)
        row = {"below_min": tasks[arm.phase], "seeds": list(found.seeds)}
        threshold = choose_threshold(found, settings)
        chosen = {"threshold": threshold.value, "source": threshold.source}
        rested: FittedOn | None = learned
        if settings["threshold"] == "fixed":
            rested = None
        elif settings["threshold"] == "test":
            rested = _describe(found.units("test"), ("test",), split=parts)
        of_kind[THRESHOLDS][str(arm)] = row | chosen | {"fitted_on": rested}
        of_kind[TEMPERATURES][str(arm)] = row | {"temperature": fit_temperature(found), "fitted_on": learned}
        if tasks[arm.phase] is not None:
            bands = _list_bands(choose_bands(found, threshold))
            of_kind[ABSTENTION][str(arm)] = row | chosen | {"bands": bands, "fitted_on": learned}
    names = ("threshold", "fixed_threshold") if settings["threshold"] == "fixed" else ("threshold",)
    choice = {"choice": {name: settings[name] for name in names}}
    for kind, path, more in (
        (THRESHOLDS, thresholds, choice),
        (TEMPERATURES, temperatures, {"looked_for": [SHARPEST, FLATTEST]}),
        (ABSTENTION, abstention, choice),
    ):
        write_fitted(path, more | {"rows": of_kind[kind]}, kind=kind)


def choose_threshold(predictions: ArmPredictions, settings: Mapping[str, Any]) -> Threshold:
    """Choose the threshold on the seed-averaged score, by Youden's J."""
    if settings["threshold"] == "fixed":
        return Threshold(float(settings["fixed_threshold"]), "fixed")
    if settings["threshold"] == "test":
        parts: tuple[str, ...] = ("test",)
        source = "test (optimistic)"
    else:
        parts = predictions.learning
        source = "cross-validation" if "train" in parts else "validation"
    units = predictions.units(*parts)
    if len(set(units.label)) < 2:
        return Threshold(None, source)
    return Threshold(youden_threshold(units.label, units.score), source)


def fit_temperature(predictions: ArmPredictions) -> float | None:
    """The temperature with the highest likelihood of the validation part's labels under the ensemble's score.

    Temperature scaling (Guo et al. 2017) divides the log odds by one number. Of the radiomics baseline it is
    fitted on all that its cross-validated scores may learn from. Between `SHARPEST` and `FLATTEST`; None
    where these patients have one class.
    """
    from scipy.optimize import minimize_scalar

    units = predictions.units(*predictions.learning)
    if len(set(units.label)) < 2:
        return None
    odds = logit(units.score) * np.where(units.label == 1, 1, -1)  # of what was true
    found = minimize_scalar(
        lambda power: np.logaddexp(0, -odds / np.exp(power)).sum(),
        bounds=np.log([SHARPEST, FLATTEST]),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return float(np.exp(found.x))


def certainty(units: Units, threshold: float, *, measure: str) -> np.ndarray:
    """How sure the ensemble is of its answer, (n,): `MARGIN`, or with 2 seeds or more `SPREAD`."""
    margin = np.abs(logit(units.score) - logit(threshold))
    if measure == MARGIN:
        return margin
    with np.errstate(divide="ignore", invalid="ignore"):  # seeds that agree are sure
        return np.nan_to_num(margin / logit(units.scores).std(axis=1, ddof=1), nan=0.0)


def choose_bands(predictions: ArmPredictions, threshold: Threshold) -> Bands:
    """Choose the cuts by which each of `COVERAGES` of the validation part's patients is answered."""
    if threshold.value is None:
        return Bands(threshold, {})
    units = predictions.units(*predictions.learning)
    measures = (MARGIN, SPREAD) if len(predictions.seeds) > 1 else (MARGIN,)
    cuts = {}
    for measure in measures:
        certainties = certainty(units, threshold.value, measure=measure)
        cuts[measure] = {coverage: _choose_cut(certainties, coverage) for coverage in COVERAGES}
    return Bands(threshold, cuts)


def _choose_cut(certainties: np.ndarray, coverage: float) -> float:
    """The certainty from which this share of the patients is answered; all: 0."""
    if coverage == 1:
        return 0.0
    return float(np.quantile(certainties, 1 - coverage, method="higher"))


def _list_bands(bands: Bands) -> dict[str, list[dict[str, float]]]:
    return {
        measure: [{"coverage": coverage, "cut": cut} for coverage, cut in cuts.items()]
        for measure, cuts in bands.cuts.items()
    }


def _describe(units: Units, parts: Sequence[str], *, split: Mapping[str, Iterable[str]]) -> FittedOn:
    return describe_fit(units.patient.tolist(), units.label, units.scores, parts=parts, split=split)


def read_thresholds(
    path: str | Path, arms: Mapping[Arm, ArmPredictions], *, tasks: Tasks = PAPER
) -> Thresholds:
    """Read the thresholds of these arms.

    Raises
    ------
    FittedError
        The file is damaged or foreign, lacks an arm, or was fitted on other predictions of it.
    """
    content, rows = _read_rows(path, THRESHOLDS, arms, tasks)
    return Thresholds(
        content["choice"], {arm: Threshold(row["threshold"], row["source"]) for arm, row in rows.items()}
    )


def read_temperatures(
    path: str | Path, arms: Mapping[Arm, ArmPredictions], *, tasks: Tasks = PAPER
) -> dict[Arm, float | None]:
    """Read the temperatures of these arms, None where there is none; FittedError as `read_thresholds`."""
    _, rows = _read_rows(path, TEMPERATURES, arms, tasks)
    return {arm: row["temperature"] for arm, row in rows.items()}


def read_bands(
    path: str | Path, arms: Mapping[Arm, ArmPredictions], *, tasks: Tasks = PAPER
) -> dict[Arm, Bands]:
    """Read the bands of abstention of these arms, which tell time; FittedError as `read_thresholds`."""
    _, rows = _read_rows(path, ABSTENTION, arms, tasks)
    return {
        arm: Bands(
            Threshold(row["threshold"], row["source"]),
            {
                measure: {cut["coverage"]: cut["cut"] for cut in cuts}
                for measure, cuts in row["bands"].items()
            },
        )
        for arm, row in rows.items()
    }


def _read_rows(
    path: str | Path, kind: str, arms: Mapping[Arm, ArmPredictions], tasks: Tasks
) -> tuple[dict[str, Any], dict[Arm, dict[str, Any]]]:
    """Read a file, and the rows of these arms, which must rest on these predictions."""
    content = read_fitted(path, kind=kind)
    rows = {}
    for arm, found in arms.items():
        if (row := content["rows"].get(str(arm))) is None:
            raise FittedError(f"{path} holds nothing of {arm}: delete it and fit it anew.")
        rested = row["fitted_on"]
        if (row["below_min"], row["seeds"]) != (tasks[arm.phase], list(found.seeds)) or (
            rested is not None and rested["sha256"] != _digest(found.units(*rested["parts"]))
        ):
            raise FittedError(
                f"{path} was fitted on other predictions of {arm} than those at hand: delete it and fit it "
                "anew."
            )
        rows[arm] = row
    return content, rows


def _digest(units: Units) -> str:
    return digest_units(units.patient.tolist(), units.label, units.scores)
