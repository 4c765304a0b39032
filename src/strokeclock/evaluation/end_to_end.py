"""End to end: each row on the test part with the side that the run finds, beside the side that is given.

A new patient's side is not given. Here the networks of lesion detection find it (`side.find_sides`), and the
hemisphere that was found is scored. Who gets no score stays in the test (intention to diagnose): as in an
external test, such a patient is not called positive, and scores the validation part's share of short times.
A patient whose side was found wrong keeps the score of the wrong hemisphere.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from strokeclock.cohort.cells import read_cells, read_columns
from strokeclock.cohort.external import find_external
from strokeclock.cohort.labels import has_lesion, label_time
from strokeclock.cohort.parts import EXTERNAL, PARTS, read_exclusions, read_parts
from strokeclock.cohort.tables import read_cohort
from strokeclock.evaluation.comparison import bootstrap_test, delong_test
from strokeclock.evaluation.estimates import (
    CALLS,
    Draws,
    draw_persons,
    measure_auc,
    measure_brier,
    measure_calls,
)
from strokeclock.evaluation.external.frozen import Frozen, judge
from strokeclock.evaluation.external.patients import Tested
from strokeclock.evaluation.external.performance import (
    ALL,
    ANSWERED,
    CLUSTERED,
    NO_ANSWER,
    NO_INTERVAL,
    NO_PATIENT,
    NO_PREVALENCE,
    NO_THRESHOLD,
)
from strokeclock.evaluation.external.readings import FOUND, GIVEN
from strokeclock.evaluation.operating import (
    MARGIN,
    Bands,
    Threshold,
    certainty,
    read_bands,
    read_thresholds,
)
from strokeclock.evaluation.side import read_side
from strokeclock.evaluation.tables import (
    KEY,
    name_target,
    rate_columns,
    read_scorers,
    with_interval,
    write_table,
)
from strokeclock.found_sides import UNCLEAR, FoundSide, read_found_sides
from strokeclock.predictions import (
    PAPER,
    PredictionError,
    Scorer,
    ScorerPredictions,
    Tasks,
    Units,
    parse_path,
    read_predictions,
    time_limit,
)
from strokeclock.series import BOTH, NO_LESION, SIDES, list_sides

# The status of a patient, in the words of a reading.
ABSTAINED, UNLIKE = "abstained", "unlike_training"
STATUS_OF = {NO_LESION: "no_lesion", BOTH: "both_sides", UNCLEAR: "side_unclear"}  # where no side is told
EXCLUDED = "excluded"
OUTCOMES = (ANSWERED, ABSTAINED, *STATUS_OF.values(), UNLIKE, EXCLUDED)
WRONG_SIDE = "answered_wrong_side"
# Of the column patients, beside all and answered.
WITH_EXCLUDED, WITHOUT_LESION, NO_CLASS = "all and excluded", "without a lesion", "class not known"
COLUMNS = (
    *("target", *KEY, "side", "patients", "n", "persons", "positives", *OUTCOMES, WRONG_SIDE),
    *("tp", "fn", "tn", "fp", *rate_columns("auc", "auc_difference", *CALLS, "brier")),
    *("threshold", "threshold_source", "coverage", "prevalence", "excluded_in_run", "note"),
)
NOT_RUN = "not run: no row of a time task that a bundle could hold was run"
NO_RULE = "not run: no network of lesion detection was run, or the validation part has one class only"
ONE_CLASS = "one class only: no AUC"
NOBODY_EXCLUDED = "nobody of known class was excluded: as all"
ALL_TEACH = "nobody without a lesion was left to be tested"


@dataclass(frozen=True)
class _People:
    """Who is tested, and what was found in them.

    Attributes
    ----------
    cohort : rows of `read_cohort`, indexed by patient.
    parts : patient -> part.
    excluded : of this run's cohort; nobody of the external part.
    sides : patient -> side found; test patients, and those in no part.
    unlike : those whose images are too unlike the training patients'.
    """

    cohort: pd.DataFrame
    parts: Mapping[str, str]
    excluded: frozenset[str]
    sides: Mapping[str, FoundSide]
    unlike: frozenset[str]


class _Outcome(NamedTuple):
    """What became of a patient: status, score (NaN: none), and whether another hemisphere was scored."""

    status: str
    score: float = math.nan
    is_wrong: bool = False


@dataclass(frozen=True)
class _Point:
    """The frozen numbers of a row, the least certainty of an answer, and the share that it answers."""

    frozen: Frozen
    cut: float | None
    coverage: float

    def name_status(self, units: Units) -> np.ndarray:
        """Whether each unit is answered or abstained, (n,); without a threshold nobody is answered."""
        if self.frozen.threshold is None or self.cut is None:
            return np.full(len(units.label), ABSTAINED)
        sure = certainty(units, self.frozen.threshold, measure=MARGIN)
        return np.where(sure >= self.cut, ANSWERED, ABSTAINED)


def write_end_to_end(
    predictions: Iterable[str | Path],
    scores: Iterable[str | Path],
    table: str | Path,
    *,
    sides: str | Path,
    unlike: str | Path,
    fitted: str | Path,
    thresholds: str | Path,
    abstention: str | Path,
    cohort: str | Path,
    split: str | Path,
    exclusions: str | Path,
    external: Mapping[str, Any],
    file: str | Path | None = None,
    coverage: float,
    settings: Mapping[str, Any],
    tasks: Tasks = PAPER,
) -> None:
    """Write how each row does with the side given, and with the side found.

    Parameters
    ----------
    predictions : paths
        The prediction files of the time tasks' rows that a bundle can hold.
    scores : paths
        Their scores of the hemispheres that were found (`found_sides.write_found_scores`).
    table : path
        tables/end_to_end.csv (`COLUMNS`). A row a group of patients: all; the answered; all and the excluded,
        as many as the test part's share of them; those without a lesion, and those whose class is not known,
        who are counted alone. The columns of `OUTCOMES` add up to n. auc_difference is found minus given.
    sides, unlike : paths
        end_to_end/sides.tsv and unlike.tsv.
    fitted : path
        fitted/side.json: without its numbers no side was found.
    thresholds, abstention : paths
        fitted/thresholds.json and abstention.json, of these predictions.
    cohort, split, exclusions : paths
        cohort/cohort.tsv, split.tsv and exclusions.tsv.
    external, file
        split.external and split.file of the configuration: excluded patients of the external part are not
        this run's.
    coverage : float
        The share of the validation patients who are answered (bundle.coverage).
    settings : mapping
        The configuration's `evaluation`: confidence, bootstraps.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below.

    Raises
    ------
    PredictionError, FittedError
        The predictions contradict the cohort or each other, are not those that the files were fitted on, or
        not those of the scores.
    """
    scorers = read_scorers(predictions, cohort=cohort, split=split, tasks=tasks)
    threshold_of = read_thresholds(thresholds, scorers, tasks=tasks).rows
    band_of = read_bands(abstention, scorers, tasks=tasks)
    files: dict[Scorer, dict[int, Path]] = {}
    for path in map(Path, scores):
        scorer, seed = parse_path(path)
        files.setdefault(scorer, {})[seed] = path
    people = _People(
        read_cohort(cohort).set_index("patient").sort_index(),
        read_parts(split),
        _find_excluded(cohort, exclusions, external=external, file=file),
        read_found_sides(sides),
        frozenset(patient for (patient,) in read_columns(unlike, "patient")),
    )
    rule, _ = read_side(fitted)
    rows: list[dict[str, Any]] = []
    for scorer, own in scorers.items():
        point = _freeze(own, threshold_of[scorer], band_of[scorer], coverage=coverage, tasks=tasks)
        given = _join_given(own, point, people)
        rows += _rows(given, point, settings)
        if rule is None:
            rows.append(_key(point, FOUND) | {"patients": ALL, "note": NO_RULE})
            continue
        outcomes = _read_outcomes(files.get(scorer, {}), own, point, people)
        found = _join_found(outcomes, given)
        wrong = np.array([outcomes[patient].is_wrong for patient in found.patient.tolist()], bool)
        rows += _rows(found, point, settings, wrong=wrong, beside=given)
        rows.append(_add_excluded(found, point, people, settings, wrong=wrong))
        rows += _count_others(outcomes, found, point, people)
    write_table(table, rows or [{"note": NOT_RUN}], columns=COLUMNS)


def _find_excluded(
    cohort: str | Path, exclusions: str | Path, *, external: Mapping[str, Any], file: str | Path | None
) -> frozenset[str]:
    """Name the excluded patients who are not of the external cohort."""
    far: set[str] = set()
    if external:
        header, table = read_cells(cohort)
        far = find_external([dict(zip(header, cells, strict=True)) for _, cells in table], external)
    if file:
        named = ((cell.strip() for cell in cells) for cells in read_columns(file, "patient", "part"))
        far |= {patient for patient, part in named if part == EXTERNAL}
    return frozenset(read_exclusions(exclusions)) - far


def _freeze(
    own: ScorerPredictions, threshold: Threshold, bands: Bands, *, coverage: float, tasks: Tasks
) -> _Point:
    """The numbers that were fixed before the test part was scored, as a bundle of the row has them."""
    label = own.units(*own.fitting_parts).label
    frozen = Frozen(
        row=str(own.scorer),
        below_min=time_limit(own.scorer, tasks),
        threshold=threshold.value,
        source=threshold.source,
        temperature=None,
        prevalence=float(label.mean()) if len({*label.tolist()}) > 1 else None,
    )
    return _Point(frozen, bands.cuts.get(MARGIN, {}).get(coverage), coverage)


def _join_given(own: ScorerPredictions, point: _Point, people: _People) -> Tested:
    """The test patients with the scores of Table 2."""
    units = own.units("test")
    return _make_tested(
        point.frozen,
        GIVEN,
        units,
        person=people.cohort["person"].reindex(units.patient).to_numpy(str),
        status=point.name_status(units),
        score=units.score,
    )


def _read_outcomes(
    files: Mapping[int, Path], own: ScorerPredictions, point: _Point, people: _People
) -> dict[str, _Outcome]:
    """Each patient of sides.tsv -> what was found.

    Raises PredictionError where the scores are not those of the sides and of the row's predictions.
    """
    if lacking := sorted({*own.units("test").patient.tolist()} - people.sides.keys()):
        raise PredictionError(
            f"The sides that were found lack the test patient {lacking[0]}: delete end_to_end and run again."
        )
    told = {patient: one.side for patient, one in people.sides.items() if one.side in SIDES}
    units = _read_scores(files, told, own, people.cohort["lesion_side"])
    statuses = dict(zip(units.patient.tolist(), point.name_status(units).tolist(), strict=True))
    scores = dict(zip(units.patient.tolist(), units.score.tolist(), strict=True))
    outcomes = {}
    for patient, one in people.sides.items():
        if patient in people.unlike:
            outcomes[patient] = _Outcome(UNLIKE)
        elif patient in told:
            is_wrong = one.side not in list_sides(people.cohort["lesion_side"][patient])
            outcomes[patient] = _Outcome(statuses[patient], scores[patient], is_wrong)
        else:
            outcomes[patient] = _Outcome(STATUS_OF[one.side])
    return outcomes


def _read_scores(
    files: Mapping[int, Path], told: Mapping[str, str], own: ScorerPredictions, lesion: pd.Series
) -> Units:
    """The scores of the sides that were told, of all seeds; the labels say nothing."""
    if tuple(sorted(files)) != own.seeds:
        raise PredictionError(f"{own.scorer} lacks scores of the side found for a seed: predict them anew.")
    columns = {}
    for seed, path in sorted(files.items()):
        frame = read_predictions(path, unlabelled=True)
        if dict(zip(frame["patient"], frame["hemisphere"], strict=True)) != told:
            raise PredictionError(
                f"{path} scores other hemispheres than were found: delete it and run again."
            )
        columns[seed] = frame.set_index("patient")["score"]
    scores = pd.DataFrame(columns, index=sorted(told), columns=list(own.seeds), dtype=float)
    given = own.frame.loc[own.frame["part"] == "test", list(own.seeds)].droplevel("hemisphere")
    same = [patient for patient in given.index if told.get(patient) == lesion[patient]]
    if not np.array_equal(scores.loc[same].to_numpy(), given.loc[same].to_numpy()):
        raise PredictionError(
            f"{own.scorer}: the scores of the side found are not those of the predictions: predict them anew."
        )
    return Units(scores.index.to_numpy(str), np.zeros(len(scores), int), scores.to_numpy(float))


def _join_found(outcomes: Mapping[str, _Outcome], given: Tested) -> Tested:
    """The same test patients as with the side given."""
    own = [outcomes[patient] for patient in given.patient.tolist()]
    return _make_tested(
        given.frozen,
        FOUND,
        Units(given.patient, given.label, np.empty((0, 0))),
        person=given.person,
        status=np.array([one.status for one in own], str),
        score=np.array([one.score for one in own], float),
    )


def _make_tested(
    frozen: Frozen, side_from: str, units: Units, *, person: np.ndarray, status: np.ndarray, score: np.ndarray
) -> Tested:
    """Judge scores (n,), NaN where there is none; of the units, patient and label are taken."""
    return Tested(
        frozen=frozen,
        side_from=side_from,
        patient=units.patient,
        person=person,
        status=status,
        score=score,
        abstained=status == ABSTAINED,
        volume_ml=np.full(len(score), np.nan),
        label=units.label,
        judged=judge(score, frozen),
    )


def _key(point: _Point, side_from: str) -> dict[str, Any]:
    frozen = point.frozen
    return {"target": name_target(frozen.below_min), **frozen.key, "side": side_from}


def _count(status: Iterable[str], wrong: np.ndarray | None) -> dict[str, int]:
    status = np.asarray([*status], str)
    cells = {name: Counter(status.tolist())[name] for name in OUTCOMES}
    return cells if wrong is None else cells | {WRONG_SIDE: int((wrong & (status == ANSWERED)).sum())}


def _rows(
    tested: Tested,
    point: _Point,
    settings: Mapping[str, Any],
    *,
    wrong: np.ndarray | None = None,
    beside: Tested | None = None,
) -> Iterator[dict[str, Any]]:
    """The rows of all patients and of the answered ones; ``beside``: with the side given, to compare."""
    for name, inside in ((ALL, np.ones(len(tested.label), bool)), (ANSWERED, tested.answered)):
        row = _key(point, tested.side_from) | {"patients": name} | _describe(tested, inside, wrong)
        if not inside.any():
            yield row | {"note": NO_PATIENT if name == ALL else NO_ANSWER}
            continue
        draws = draw_persons(tested.person[inside], bootstraps=settings["bootstraps"])
        row |= _measure(tested, inside, point, draws, settings["confidence"])
        if name == ALL and beside is not None and "auc" in row:
            row |= _compare(tested, beside, draws, settings["confidence"])
        yield row


def _describe(tested: Tested, inside: np.ndarray, wrong: np.ndarray | None) -> dict[str, Any]:
    return {
        "n": int(inside.sum()),
        "persons": len({*tested.person[inside].tolist()}),
        "positives": int(tested.label[inside].sum()),
        **_count(tested.status[inside], None if wrong is None else wrong[inside]),
    }


def _measure(
    tested: Tested, inside: np.ndarray, point: _Point, draws: Draws, confidence: float
) -> dict[str, Any]:
    frozen, judged = tested.frozen, tested.judged
    label, score = tested.label[inside], judged.predicted[inside]
    cells: dict[str, Any] = {"threshold_source": frozen.source, "coverage": point.coverage}
    notes = []
    if judged.called is None:
        notes.append(NO_THRESHOLD)
    else:
        cells["threshold"] = frozen.threshold
        cells |= measure_calls(label, judged.called[inside], draws, confidence=confidence)
    if frozen.prevalence is not None:
        cells["prevalence"] = frozen.prevalence
    if np.isnan(score).any():
        notes.append(NO_PREVALENCE)
    else:
        cells |= measure_auc(label, score, draws, confidence=confidence)
        cells |= measure_brier(label, score, draws, confidence=confidence)
        if len({*label.tolist()}) < 2:
            notes.append(ONE_CLASS)
        elif np.isnan(cells["auc_low"]):
            notes.append(NO_INTERVAL)
    if draws.clustered:
        notes.append(CLUSTERED.format(len(label), draws.weights.shape[1]))
    return cells | {"note": "; ".join(notes)}


def _compare(found: Tested, given: Tested, draws: Draws, confidence: float) -> dict[str, float]:
    """The AUC with the side found minus that with the side given, of the same patients."""
    scores = found.label, found.judged.predicted, given.judged.predicted
    if draws.clustered:
        difference = bootstrap_test(
            *scores, patient=found.person, confidence=confidence, bootstraps=len(draws.weights)
        )
    else:
        difference = delong_test(*scores, confidence=confidence)
    return with_interval("auc_difference", difference.value, difference.interval)


def _add_excluded(
    tested: Tested, point: _Point, people: _People, settings: Mapping[str, Any], *, wrong: np.ndarray
) -> dict[str, Any]:
    """The row of all patients and of the test part's share of the excluded ones of known class."""
    label = label_time(people.cohort, below_min=point.frozen.below_min).dropna()
    excluded = label[label.index.isin(people.excluded)].to_numpy(int)
    divided = sum(people.parts.get(patient) in PARTS for patient in label.index)
    everyone = _extend(tested, _share(excluded, len(tested.label), divided))
    inside = np.ones(len(everyone.label), bool)
    row = _key(point, FOUND) | {"patients": WITH_EXCLUDED, "excluded_in_run": len(excluded)}
    row |= _describe(everyone, inside, np.pad(wrong, (0, len(inside) - len(wrong))))
    if not len(excluded) or not inside.any():
        return row | {"note": NO_PATIENT if len(excluded) else NOBODY_EXCLUDED}
    draws = draw_persons(everyone.person, bootstraps=settings["bootstraps"])
    return row | _measure(everyone, inside, point, draws, settings["confidence"])


def _share(label: np.ndarray, part: int, whole: int) -> np.ndarray:
    """Labels of part / whole of these patients; of each class so many, rounded up, that few are not lost."""
    counts = [-(-int((label == value).sum()) * part // max(whole, 1)) for value in (1, 0)]
    return np.repeat([1, 0], counts)


def _extend(tested: Tested, label: np.ndarray) -> Tested:
    """Add excluded patients of these labels, each another person, who have no score."""
    names = np.array([f"{EXCLUDED} {number}" for number in range(len(label))], str)
    return _make_tested(
        tested.frozen,
        tested.side_from,
        Units(
            np.concatenate([tested.patient, names]), np.concatenate([tested.label, label]), np.empty((0, 0))
        ),
        person=np.concatenate([tested.person, names]),
        status=np.concatenate([tested.status, np.full(len(label), EXCLUDED)]),
        score=np.concatenate([tested.score, np.full(len(label), np.nan)]),
    )


def _count_others(
    outcomes: Mapping[str, _Outcome], tested: Tested, point: _Point, people: _People
) -> Iterator[dict[str, Any]]:
    """The rows of patients without a class: those without a lesion, and those whose class is not known."""
    others = sorted(outcomes.keys() - {*tested.patient.tolist()})
    rows = people.cohort.loc[others]
    sided = has_lesion(rows).to_numpy()
    for name, inside in ((WITHOUT_LESION, ~sided), (NO_CLASS, sided)):
        own = [outcomes[patient] for patient in rows.index[inside]]
        row = _key(point, FOUND) | {"patients": name, "n": len(own)}
        if own:
            wrong = None if name == WITHOUT_LESION else np.array([one.is_wrong for one in own], bool)
            counts = _count([one.status for one in own], wrong)
            yield row | {"persons": rows["person"][inside].nunique(), **counts}
        elif name == WITHOUT_LESION:
            yield row | {"note": ALL_TEACH}
