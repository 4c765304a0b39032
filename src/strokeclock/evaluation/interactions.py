"""Does a row of Table 2 do better in some groups of patients than in others?

Groups are those of `subgroups`, of the test patients, for the rows with the target TSS < 4.5 h. They hold
different patients, so that their AUCs are independent: the test is Cochran's Q, the chi-square test of
heterogeneity, with DeLong's variances. Sensitivity and specificity at the row's threshold are compared by
Fisher's exact test between two groups, and by Pearson's chi-square test between more. Holm's correction is
within a row, over all its variables and measures. Where two variables have the same groups of patients, the
first is tested alone. A test that finds nothing does not show that groups are alike: few patients show large
differences alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from strokeclock.evaluation.comparison import correct_by_holm
from strokeclock.evaluation.intervals import delong_variance
from strokeclock.evaluation.metrics import auc, count
from strokeclock.evaluation.operating import Threshold, read_thresholds
from strokeclock.evaluation.subgroups import ALL, NOT_GIVEN, NOT_RUN, read_groups
from strokeclock.evaluation.tables import FEWEST, KEY, name_row, read_scorers, write_table
from strokeclock.predictions import PAPER, READER_THRESHOLD_MIN, ScorerPredictions, Tasks

COLUMNS = (*KEY, "variable", "groups", "measure", "test", "statistic", "df", "p", "p_holm", "note")
MEASURES = ("AUC", "sensitivity", "specificity")
COCHRAN, FISHER, PEARSON = "Cochran's Q", "Fisher, exact", "Pearson's chi-square"
TOO_FEW = f"{{}} left out with too few (fewer than {FEWEST} of a class): {{}}"
ONE_GROUP = "nothing to compare: fewer than two groups are large enough"
NO_VARIANCE = "nothing to compare: fewer than two groups have an AUC with a variance"
NO_THRESHOLD = "no threshold: the part that it is chosen on has one class only"
ALIKE = "nothing to compare: all calls are the same"
FEW_EXPECTED = "an expected count is under 5: p is approximate"
REPEATED = "nothing more to compare: these are the patients of the groups by {}"
LEAST_EXPECTED = 5  # of a cell, for Pearson's test (Cochran 1954)


class Tested(NamedTuple):
    """A test; numbers that it does not have are NaN."""

    test: str
    statistic: float
    df: float
    p: float
    note: str = ""

    @classmethod
    def refuse(cls, note: str) -> "Tested":
        """No test, and why."""
        return cls("", np.nan, np.nan, np.nan, note)


class Group(NamedTuple):
    """The test patients of a group: label (n,) of 0 and 1, score (n,)."""

    name: str
    label: np.ndarray
    score: np.ndarray

    @property
    def is_enough(self) -> bool:
        """Whether it is measured in tables/subgroups.csv."""
        positives = int(self.label.sum())
        return min(positives, len(self.label) - positives) >= FEWEST


def write_interactions(
    predictions: Iterable[str | Path],
    table: str | Path,
    *,
    thresholds: str | Path,
    cohort: str | Path,
    split: str | Path,
    volumes: str | Path,
    protocols: str | Path,
    tasks: Tasks = PAPER,
) -> None:
    """Write whether AUC, sensitivity and specificity differ between groups, a line a row and variable each.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run, of networks and baselines.
    table : path
        tables/interactions.csv (`COLUMNS`). ``groups`` are those that take part.
    thresholds : path
        fitted/thresholds.json, of these predictions.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    volumes, protocols : paths
        lesions/volumes.tsv and cohort/protocol.tsv.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.

    Raises
    ------
    PredictionError, FittedError
        The predictions contradict the cohort or each other, or are not those that the file was fitted on.
    """
    groups, _ = read_groups(cohort, volumes=volumes, protocols=protocols)
    scorers = {
        scorer: found
        for scorer, found in read_scorers(predictions, cohort=cohort, split=split, tasks=tasks).items()
        if tasks[scorer.phase] == READER_THRESHOLD_MIN
    }
    rows = []
    for scorer, threshold in read_thresholds(thresholds, scorers, tasks=tasks).rows.items():
        tested = [{"family": str(scorer)} | row for row in _rows(scorers[scorer], groups, threshold)]
        for row in correct_by_holm(tested):
            del row["family"]
            rows.append(name_row(scorer) | row)
    write_table(table, rows or [{"note": NOT_RUN}], columns=COLUMNS)


def _rows(
    predictions: ScorerPredictions, groups: pd.DataFrame, threshold: Threshold
) -> Iterator[dict[str, Any]]:
    test = predictions.units("test")
    before: dict[frozenset[bytes], str] = {}  # how a variable divides the patients -> its name
    for variable, column in groups.loc[test.patient].drop(columns=ALL).items():
        inside = {str(name): (column == name).to_numpy() for name in column.cat.categories}
        found = [Group(name, test.label[own], test.score[own]) for name, own in inside.items() if own.any()]
        taken = [group for group in found if group.name != NOT_GIVEN and group.is_enough]
        divided = frozenset(inside[group.name].tobytes() for group in taken)
        first = before.setdefault(divided, str(variable))
        for measure in MEASURES:
            if first != variable and len(taken) > 1:
                tested = Tested.refuse(REPEATED.format(first))
            else:
                tested = _test(taken, measure, threshold)
            yield {
                "variable": variable,
                "groups": "; ".join(group.name for group in taken),
                "measure": measure,
                **tested._asdict(),
                "note": "; ".join(filter(None, [tested.note, *_count_left_out(found)])),
            }


def _count_left_out(groups: Sequence[Group]) -> Iterator[str]:
    few = [group for group in groups if group.name != NOT_GIVEN and not group.is_enough]
    if few:
        names = ", ".join(f"{group.name} ({len(group.label)})" for group in few)
        yield TOO_FEW.format(f"{len(few)} group{'s' if len(few) > 1 else ''}", names)
    yield from (f"{NOT_GIVEN}: {len(group.label)}" for group in groups if group.name == NOT_GIVEN)


def _test(groups: Sequence[Group], measure: str, threshold: Threshold) -> Tested:
    if len(groups) < 2:
        return Tested.refuse(ONE_GROUP)
    if measure == "AUC":
        return compare_aucs(
            [auc(group.label, group.score) for group in groups],
            [delong_variance(group.label, group.score) for group in groups],
        )
    if threshold.value is None:
        return Tested.refuse(NO_THRESHOLD)
    counts = [count(group.label, group.score >= threshold.value) for group in groups]
    return compare_shares(
        [(one.tp, one.fn) if measure == "sensitivity" else (one.tn, one.fp) for one in counts]
    )


def compare_aucs(areas: Sequence[float], variances: Sequence[float]) -> Tested:
    """Test whether independent AUCs are equal: Cochran's Q, a chi-square of groups - 1 degrees of freedom.

    Q is the sum of (AUC - mean)² / variance, with the mean weighted by 1 / variance. An AUC whose variance is
    0 (of 0 or 1) takes no part.
    """
    from statsmodels.stats.meta_analysis import combine_effects

    known = [(area, variance) for area, variance in zip(areas, variances, strict=True) if variance > 0]
    if len(known) < 2:
        return Tested.refuse(NO_VARIANCE)
    found = combine_effects(*np.transpose(known)).test_homogeneity()
    left = len(areas) - len(known)
    note = f"{left} group{'s' if left > 1 else ''} left out with an AUC of 0 or 1" if left else ""
    return Tested(COCHRAN, float(found.statistic), float(found.df), float(found.pvalue), note)


def compare_shares(cells: Sequence[tuple[int, int]]) -> Tested:
    """Test whether shares are equal, given (right, wrong) of each group.

    Two groups: Fisher's exact test; more: Pearson's chi-square test, without Yates' correction.
    """
    from scipy.stats import chi2_contingency, fisher_exact

    table = np.array(cells)
    if not table.sum(axis=0).all():
        return Tested.refuse(ALIKE)
    if len(table) == 2:
        return Tested(FISHER, np.nan, np.nan, float(fisher_exact(table).pvalue))
    found = chi2_contingency(table, correction=False)
    note = FEW_EXPECTED if found.expected_freq.min() < LEAST_EXPECTED else ""
    return Tested(PEARSON, float(found.statistic), float(found.dof), float(found.pvalue), note)
