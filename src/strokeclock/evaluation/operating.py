"""Operating points: each row's threshold, temperature and bands of abstention.

They are fitted on the validation part alone (for the radiomics baseline, on the cross-validated scores of the
training and validation parts) and written to files, which the tables read. So nothing that is applied to the
test part is computed together with its results. Where the configuration takes a threshold from the test part,
or a fixed one, the threshold's source says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from strokeclock.cohort.parts import read_split
from strokeclock.evaluation.metrics import youden_threshold
from strokeclock.evaluation.odds import logit
from strokeclock.evaluation.tables import read_scorers
from strokeclock.fitted import FittedError, FittedOn, describe_fit, digest_units, read_fitted, write_fitted
from strokeclock.predictions import PAPER, Scorer, ScorerPredictions, Tasks, Units

THRESHOLDS, TEMPERATURES, ABSTENTION = "thresholds", "temperatures", "abstention"  # kinds of files
SHARPEST, FLATTEST = 0.05, 20.0  # the range of temperatures
MARGIN, SPREAD = "margin", "spread"
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)


class Threshold(NamedTuple):
    """From which score on a unit is called positive.

    Attributes
    ----------
    value : None where the patients that it is chosen on have one class.
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
    rows : of each scorer.
    """

    choice: Mapping[str, Any]
    rows: Mapping[Scorer, Threshold]


@dataclass(frozen=True)
class Bands:
    """The bands around a row's threshold in which it abstains.

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

    A file holds rows under the key <net>/<phase>/<start>: the exact number, the patients that it was fitted
    on, and the seeds whose mean score it is for. Where these patients have one class the number is null.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run, of networks and baselines.
    thresholds, temperatures, abstention : paths
        fitted/thresholds.json, temperatures.json and abstention.json; the last holds rows with a TSS target.
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
    for scorer, found in read_scorers(predictions, cohort=cohort, split=split, tasks=tasks).items():
        own = describe_units(found.units(*found.fitting_parts), found.fitting_parts, split=parts)
        row = {"below_min": tasks[scorer.phase], "seeds": list(found.seeds)}
        threshold = choose_threshold(found, settings)
        chosen = {"threshold": threshold.value, "source": threshold.source}
        chosen_on: FittedOn | None = own
        if settings["threshold"] == "fixed":
            chosen_on = None
        elif settings["threshold"] == "test":
            chosen_on = describe_units(found.units("test"), ("test",), split=parts)
        of_kind[THRESHOLDS][str(scorer)] = row | chosen | {"fitted_on": chosen_on}
        of_kind[TEMPERATURES][str(scorer)] = row | {
            "temperature": fit_temperature(found),
            "fitted_on": own,
        }
        if tasks[scorer.phase] is not None:
            bands = _list_bands(choose_bands(found, threshold))
            of_kind[ABSTENTION][str(scorer)] = row | chosen | {"bands": bands, "fitted_on": own}
    names = ("threshold", "fixed_threshold") if settings["threshold"] == "fixed" else ("threshold",)
    choice = {"choice": {name: settings[name] for name in names}}
    for kind, path, more in (
        (THRESHOLDS, thresholds, choice),
        (TEMPERATURES, temperatures, {"looked_for": [SHARPEST, FLATTEST]}),
        (ABSTENTION, abstention, choice),
    ):
        write_fitted(path, more | {"rows": of_kind[kind]}, kind=kind)


def choose_threshold(predictions: ScorerPredictions, settings: Mapping[str, Any]) -> Threshold:
    """Choose the threshold on the seed-averaged score, by Youden's J."""
    if settings["threshold"] == "fixed":
        return Threshold(float(settings["fixed_threshold"]), "fixed")
    if settings["threshold"] == "test":
        parts: tuple[str, ...] = ("test",)
        source = "test (optimistic)"
    else:
        parts = predictions.fitting_parts
        source = "cross-validation" if "train" in parts else "validation"
    units = predictions.units(*parts)
    if len(set(units.label)) < 2:
        return Threshold(None, source)
    return Threshold(youden_threshold(units.label, units.score), source)


def fit_temperature(predictions: ScorerPredictions) -> float | None:
    """The temperature with the highest likelihood of the validation part's labels under the ensemble's score.

    Temperature scaling (Guo et al. 2017) divides the log odds by one number, here between `SHARPEST` and
    `FLATTEST`. For the radiomics baseline it is fitted on the cross-validated scores of the training and
    validation parts. None where these patients have one class.
    """
    from scipy.optimize import minimize_scalar

    units = predictions.units(*predictions.fitting_parts)
    if len(set(units.label)) < 2:
        return None
    odds = logit(units.score) * np.where(units.label == 1, 1, -1)  # of the true label
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
    with np.errstate(divide="ignore", invalid="ignore"):  # seeds that agree have no spread
        return np.nan_to_num(margin / logit(units.scores).std(axis=1, ddof=1), nan=0.0)


def choose_bands(predictions: ScorerPredictions, threshold: Threshold) -> Bands:
    """Choose the cuts by which each of `COVERAGES` of the validation part's patients is answered."""
    if threshold.value is None:
        return Bands(threshold, {})
    units = predictions.units(*predictions.fitting_parts)
    measures = (MARGIN, SPREAD) if len(predictions.seeds) > 1 else (MARGIN,)
    cuts = {}
    for measure in measures:
        certainties = certainty(units, threshold.value, measure=measure)
        cuts[measure] = {coverage: _choose_cut(certainties, coverage) for coverage in COVERAGES}
    return Bands(threshold, cuts)


def _choose_cut(certainties: np.ndarray, coverage: float) -> float:
    """The certainty from which this share of the patients is answered; 0 for all."""
    if coverage == 1:
        return 0.0
    return float(np.quantile(certainties, 1 - coverage, method="higher"))


def _list_bands(bands: Bands) -> dict[str, list[dict[str, float]]]:
    return {
        measure: [{"coverage": coverage, "cut": cut} for coverage, cut in cuts.items()]
        for measure, cuts in bands.cuts.items()
    }


def describe_units(units: Units, parts: Sequence[str], *, split: Mapping[str, Iterable[str]]) -> FittedOn:
    """Describe units of these parts that are about to be fitted on; FittedError as `describe_fit`."""
    return describe_fit(units.patient.tolist(), units.label, units.scores, parts=parts, split=split)


def read_thresholds(
    path: str | Path, scorers: Mapping[Scorer, ScorerPredictions], *, tasks: Tasks = PAPER
) -> Thresholds:
    """Read the thresholds of these scorers.

    Raises
    ------
    FittedError
        The file is damaged or foreign, lacks a scorer, or was fitted on other predictions of it.
    """
    content, rows = read_rows(path, THRESHOLDS, scorers, tasks)
    return Thresholds(
        content["choice"],
        {scorer: Threshold(row["threshold"], row["source"]) for scorer, row in rows.items()},
    )


def read_temperatures(
    path: str | Path, scorers: Mapping[Scorer, ScorerPredictions], *, tasks: Tasks = PAPER
) -> dict[Scorer, float | None]:
    """Read the temperatures of these scorers, None where there is none; FittedError as `read_thresholds`."""
    _, rows = read_rows(path, TEMPERATURES, scorers, tasks)
    return {scorer: row["temperature"] for scorer, row in rows.items()}


def read_bands(
    path: str | Path, scorers: Mapping[Scorer, ScorerPredictions], *, tasks: Tasks = PAPER
) -> dict[Scorer, Bands]:
    """Read the bands of abstention of these scorers of TSS; FittedError as `read_thresholds`."""
    _, rows = read_rows(path, ABSTENTION, scorers, tasks)
    return {
        scorer: Bands(
            Threshold(row["threshold"], row["source"]),
            {
                measure: {cut["coverage"]: cut["cut"] for cut in cuts}
                for measure, cuts in row["bands"].items()
            },
        )
        for scorer, row in rows.items()
    }


def read_rows(
    path: str | Path, kind: str, scorers: Mapping[Scorer, ScorerPredictions], tasks: Tasks
) -> tuple[dict[str, Any], dict[Scorer, dict[str, Any]]]:
    """Read a file, and the rows of these scorers, which must have been fitted on these predictions.

    A row has the keys below_min, seeds and fitted_on. FittedError as `read_thresholds`.
    """
    content = read_fitted(path, kind=kind)
    rows = {}
    for scorer, found in scorers.items():
        if (row := content["rows"].get(str(scorer))) is None:
            raise FittedError(f"{path} holds nothing of {scorer}: delete it and fit it anew.")
        fitted_on = row["fitted_on"]
        if (row["below_min"], row["seeds"]) != (tasks[scorer.phase], list(found.seeds)) or (
            fitted_on is not None and fitted_on["sha256"] != _digest(found.units(*fitted_on["parts"]))
        ):
            raise FittedError(
                f"{path} was fitted on other predictions of {scorer} than those at hand: delete it and fit "
                "it anew."
            )
        rows[scorer] = row
    return content, rows


def _digest(units: Units) -> str:
    return digest_units(units.patient.tolist(), units.label, units.scores)
