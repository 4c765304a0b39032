"""The main table of an external test: each row's frozen performance, and the development's beside it.

All patients of known class count (intention to diagnose): who has no reading is not called positive, and
scores the validation part's prevalence. The answered ones, outside the band of abstention, stand beside them.
Recalibrated scores have rows of their own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokeclock.evaluation.calibration import AS_PREDICTED, BINS, SCALED, bin_cells
from strokeclock.evaluation.estimates import (
    BENEFIT_AT,
    BENEFITS,
    CALLS,
    Draws,
    are_enough,
    bin_patients,
    draw_persons,
    measure_auc,
    measure_benefit,
    measure_calls,
    measure_probabilities,
)
from strokeclock.evaluation.external.frozen import CALIBRATION, PERFORMANCE, Estimate, Frozen
from strokeclock.evaluation.external.patients import ExternalTest, Tested, read_external
from strokeclock.evaluation.external.readers import read_external_calls
from strokeclock.evaluation.external.readings import FOUND
from strokeclock.evaluation.external.recalibration import RECALIBRATIONS, recalibrate
from strokeclock.evaluation.ledger import EXTERNAL, RESULTS, Line, digest, record_external, write_lines
from strokeclock.evaluation.tables import KEY, TOO_FEW, name_target, rate_columns, with_interval, write_table
from strokeclock.predictions import READER_THRESHOLD_MIN
from strokeclock.provenance import digest_file

ALL, ANSWERED = "all", "answered"  # of the column patients
GROUP = ("target", *KEY, "side", "patients")
PROBABILITIES = ("brier", "observed_expected", "intercept", "slope")
COLUMNS = (
    *(*GROUP, "scores", "n", "persons", "positives", "no_reading", "abstained", "tp", "fn", "tn", "fp"),
    *rate_columns("auc", *CALLS),
    *("threshold", "threshold_source", "temperature"),
    *(*rate_columns(*PROBABILITIES), "ece", *rate_columns(*BENEFITS)),
    *("development_n", "development_positives"),
    *(f"development_{name}" for name in rate_columns(*PERFORMANCE, *CALIBRATION)),
    *("accesses", "note"),
)
RELIABILITY = (*GROUP, *BINS[BINS.index("scores") :])
NOT_RUN = "nothing to test: no row of the bundle was read"
NO_PATIENT = "no patient: nobody's class is known"
NO_ANSWER = "no patient: nobody was answered"
ONE_CLASS = "one class only: no AUC, and no calibration line"
NO_LINE = f"no calibration line: {TOO_FEW}"
SEPARATED = "no calibration line: the scores separate the classes completely"
NO_INTERVAL = "no interval of the AUC: its variance is 0, or a class has one patient"
ALIKE = "no calibration line: all scores are the same"
NO_THRESHOLD = "no calls: the part that the threshold is chosen on has one class only"
NO_TEMPERATURE = "not scaled: the validation part has one class only"
NO_PREVALENCE = "no score for patients without a reading: the validation part has one class only"
NOT_RECALIBRATED = "not recalibrated: {}"
NOT_CONVERGED = "a fold's regression does not converge"
CLUSTERED = "{} patients are {} persons, who are resampled for the intervals"


@dataclass(frozen=True)
class Group:
    """Patients of one row and side: all, or the answered ones."""

    tested: Tested
    name: str
    inside: np.ndarray  # (n,) of the tested

    @property
    def cells(self) -> dict[str, Any]:
        """The first cells of its rows."""
        frozen, inside = self.tested.frozen, self.inside
        return {
            "target": name_target(frozen.below_min),
            **frozen.key,
            "side": self.tested.side_from,
            "patients": self.name,
            "n": int(inside.sum()),
            "persons": len(set(self.tested.person[inside])),
            "positives": int(self.label.sum()),
            "no_reading": int((inside & ~self.tested.is_read).sum()),
            "abstained": int((inside & self.tested.abstained).sum()),
        }

    @property
    def label(self) -> np.ndarray:
        return self.tested.label[self.inside]


def write_external(
    readings: str | Path,
    table: str | Path,
    reliability: str | Path,
    accesses: str | Path,
    *,
    operating: str | Path,
    cohort: str | Path,
    exclusions: str | Path,
    readers: str | Path | None = None,
    bundle: str | Path,
    ledger: str | Path,
    run: str,
    settings: Mapping[str, Any],
) -> None:
    """Write the external test of each row of a bundle, and record it in the ledger.

    Parameters
    ----------
    readings : path
        readings.tsv (`readings.read_readings`).
    table, reliability, accesses : paths
        tables/external.csv (`COLUMNS`), external_reliability.csv (`RELIABILITY`), and accesses.tsv for the
        ledger's lines on these patients. Calls and AUC stand in the rows of the scores as predicted:
        temperature and recalibration keep the order of the scores, so they change neither.
    operating : path
        operating.json of the bundle (`frozen.read_frozen`).
    cohort, exclusions : paths
        cohort.tsv and exclusions.tsv of the external patients alone.
    readers : path or None
        Their reader sheet.
    bundle : path
        The bundle's file, for its sha256.
    ledger : path
        results/ledger.tsv, which gets a line if this test is new.
    run : str
        The run's name, for the ledger.
    settings : mapping
        The configuration's `evaluation`: confidence, bootstraps.

    Raises
    ------
    ReadingsError, FittedError, ConfigurationError
        The readings, the bundle's file or the reader sheet are damaged or contradict the cohort.
    LedgerError
        The ledger was damaged.
    """
    test = read_external(readings, operating=operating, cohort=cohort, exclusions=exclusions)
    rows: list[dict[str, Any]] = []
    bins: list[dict[str, Any]] = []
    for tested in test.tested:
        recalibrated = _recalibrate(tested)
        for group in list_groups(tested):
            rows += _rows(group, recalibrated, settings)
            bins += _bins(group, recalibrated, settings["confidence"])
    rows = rows or [{"note": NOT_RUN}]
    lines: list[Line] = []
    if patients := {str(one) for tested in test.tested for one in tested.patient}:
        lines = record_external(
            ledger,
            run=run,
            bundle=digest_file(bundle),
            rows=dict.fromkeys(tested.frozen.row for tested in test.tested),
            patients=patients,
            readings=_digest(test),
            results=_results(rows),
        )
        times = sum(line["stage"] == EXTERNAL for line in lines)
        rows = [row | {"accesses": times} for row in rows]
    write_lines(accesses, lines)
    if readers:
        rows += _reader_rows(readers, test, settings)
    check_frozen(rows, test)
    write_table(table, rows, columns=COLUMNS)
    write_table(reliability, bins, columns=RELIABILITY)


def list_groups(tested: Tested) -> tuple[Group, Group]:
    """All patients, and the answered ones."""
    return Group(tested, ALL, np.ones(len(tested.label), bool)), Group(tested, ANSWERED, tested.answered)


def check_frozen(rows: list[dict[str, Any]], test: ExternalTest) -> None:
    """Assert that threshold and temperature of every row are those of the bundle's file.

    Raises
    ------
    AssertionError
        One is not: an external label may have entered it.
    """
    frozen = {tuple(tested.frozen.key.values()): tested.frozen for tested in test.tested}
    for row in rows:
        own = frozen.get(tuple(row.get(name, "") for name in KEY))
        for name in ("threshold", "temperature"):
            if own and row.get(name) is not None and row[name] != getattr(own, name):
                raise AssertionError(f"{own.row}: the {name} {row[name]} is not the bundle's")


def _recalibrate(tested: Tested) -> dict[str, np.ndarray | str]:
    """Kind of recalibration -> scores (n,) or why there are none. Without a reading, the prevalence stays."""
    read = tested.is_read
    found: dict[str, np.ndarray | str] = {}
    for kind in RECALIBRATIONS:
        if not are_enough(tested.label[read]):
            found[kind] = f"{TOO_FEW} with a reading"
            continue
        score = recalibrate(tested.score[read], tested.label[read], person=tested.person[read], kind=kind)
        if score is None:
            found[kind] = NOT_CONVERGED
            continue
        filled = tested.judged.predicted.copy()
        filled[read] = score
        found[kind] = filled
    return found


def _rows(
    group: Group, recalibrated: Mapping[str, np.ndarray | str], settings: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """A row for each kind of scores."""
    tested, inside = group.tested, group.inside
    for scores, found in _list_scores(tested, recalibrated).items():
        row = group.cells | {"scores": scores} | _frozen_cells(tested.frozen, scores)
        if not inside.any():
            yield row | {"note": NO_PATIENT if group.name == ALL else NO_ANSWER}
        elif isinstance(found, str):
            yield row | {"note": found}
        else:
            draws = draw_persons(tested.person[inside], bootstraps=settings["bootstraps"])
            yield row | _measure(group, scores, found[inside], draws, settings["confidence"])


def _list_scores(tested: Tested, recalibrated: Mapping[str, np.ndarray | str]) -> dict[str, np.ndarray | str]:
    """Kind of scores -> scores (n,), or why there are none."""
    scaled = tested.judged.scaled
    return {
        AS_PREDICTED: tested.judged.predicted,
        SCALED: NO_TEMPERATURE if scaled is None else scaled,
        **{
            kind: NOT_RECALIBRATED.format(found) if isinstance(found, str) else found
            for kind, found in recalibrated.items()
        },
    }


def _frozen_cells(frozen: Frozen, scores: str) -> dict[str, Any]:
    """The bundle's numbers, and the development's performance."""
    cells: dict[str, Any] = {}
    if scores == AS_PREDICTED and frozen.threshold is not None:
        cells |= {"threshold": frozen.threshold, "threshold_source": frozen.source}
    if scores == SCALED and frozen.temperature is not None:
        cells["temperature"] = frozen.temperature
    if (development := frozen.development) is None or scores not in (AS_PREDICTED, SCALED):
        return cells
    cells |= {"development_n": development.n, "development_positives": development.positives}
    if scores == AS_PREDICTED:
        cells |= _development_cells(development.performance)
    return cells | _development_cells(development.calibration.get(scores, {}))


def _development_cells(estimates: Mapping[str, Estimate]) -> dict[str, float]:
    return {
        f"development_{column}": value
        for name, estimate in estimates.items()
        for column, value in with_interval(name, estimate.value, estimate.interval).items()
    }


def _measure(group: Group, scores: str, score: np.ndarray, draws: Draws, confidence: float) -> dict[str, Any]:
    label, tested, is_read = group.label, group.tested, group.tested.is_read[group.inside]
    cells: dict[str, Any] = {}
    notes = []
    if scores == AS_PREDICTED:
        if tested.judged.called is None:
            notes.append(NO_THRESHOLD)
        else:
            called = tested.judged.called[group.inside]
            cells |= measure_calls(label, called, draws, confidence=confidence)
    if np.isnan(score).any():
        notes.append(NO_PREVALENCE)
    else:
        if scores == AS_PREDICTED:
            cells |= measure_auc(label, score, draws, confidence=confidence)
        cells |= measure_probabilities(label, score, is_read, draws, confidence=confidence)
        notes += _explain(label, score, cells)
    treated = is_read[:, None] & (score[:, None] >= BENEFIT_AT)
    benefits = measure_benefit(label, treated, BENEFIT_AT, draws, confidence=confidence)
    for name, benefit in zip(BENEFITS, benefits, strict=True):
        cells |= {column.replace("net_benefit", name): value for column, value in benefit.items()}
    if draws.clustered:
        notes.append(CLUSTERED.format(len(label), draws.weights.shape[1]))
    return cells | {"note": "; ".join(notes)}


def _explain(label: np.ndarray, score: np.ndarray, cells: Mapping[str, Any]) -> Iterator[str]:
    """Say why numbers are missing."""
    if len(set(label)) < 2:
        yield ONE_CLASS
        return
    if np.isnan(cells.get("auc_low", 0)):
        yield NO_INTERVAL
    if not are_enough(label):
        yield NO_LINE
    elif np.isnan(cells["slope"]):
        yield SEPARATED if np.ptp(score) else ALIKE


def _bins(
    group: Group, recalibrated: Mapping[str, np.ndarray | str], confidence: float
) -> Iterator[dict[str, Any]]:
    """The reliability of each kind of scores."""
    if not group.inside.any():
        return
    own = {name: group.cells[name] for name in GROUP}
    for scores, found in _list_scores(group.tested, recalibrated).items():
        if isinstance(found, str) or np.isnan(found[group.inside]).any():
            continue
        bins = bin_patients(group.label, found[group.inside], group.tested.is_read[group.inside])
        for number, part in bins.items():
            yield own | {"scores": scores, "bin": number} | bin_cells(part, confidence)


def _reader_rows(
    readers: str | Path, test: ExternalTest, settings: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """A row a reader, and the majority, of the patients who were not excluded."""
    tested = next((one for one in test.tested if one.frozen.below_min == READER_THRESHOLD_MIN), None)
    if tested is None:
        return
    calls = read_external_calls(readers, test=test, tested=tested)
    label = pd.Series(tested.label, tested.patient)[calls.index].to_numpy()
    person = pd.Series(tested.person, tested.patient)[calls.index].to_numpy()
    for name, called in calls.items() if len(label) else ():
        draws = draw_persons(person, bootstraps=settings["bootstraps"])
        cells = measure_calls(label, called.to_numpy(), draws, confidence=settings["confidence"])
        left = len(tested.label) - len(label)
        yield {
            "target": name_target(READER_THRESHOLD_MIN),
            **dict(zip(KEY, ("readers", str(name), ""), strict=True)),
            "patients": ALL,
            "n": len(label),
            "persons": draws.weights.shape[1],
            "positives": int(label.sum()),
            **cells,
            "note": f"without {left} patients who were excluded before they were read" if left else "",
        }


def _digest(test: ExternalTest) -> str:
    """A digest of what was evaluated: patients, labels, scores, abstentions."""
    lines = [
        "\t".join((tested.frozen.row, tested.side_from, patient, f"{label}", repr(float(score)), f"{band}"))
        for tested in test.tested
        for patient, label, score, band in zip(
            tested.patient, tested.label, tested.score, tested.abstained, strict=True
        )
    ]
    return digest("\n".join(lines))


def _results(rows: list[dict[str, Any]]) -> dict[str, str]:
    """The ledger's results: of the first row, all patients, with the side found if it was."""
    first = [row for row in rows if row["patients"] == ALL and row["scores"] == AS_PREDICTED]
    own = [row for row in first if all(row[name] == first[0][name] for name in KEY)]
    row = next((row for row in own if row["side"] == FOUND), own[0])
    return {name: _write(row.get(name, np.nan)) for name in RESULTS}


def _write(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6f}" if isinstance(value, float) else str(value)
