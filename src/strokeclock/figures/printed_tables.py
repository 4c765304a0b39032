"""Tables 1 and 2 for print, from their CSV alone."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from strokeclock.evaluation.digits import format_digits
from strokeclock.figures.rows import style_of
from strokeclock.figures.typeset import NOTHING, Row, Table
from strokeclock.models.registry import find_network, networks

RATES = ("sensitivity", "specificity", "accuracy", "auc")
TITLES = ("Sensitivity", "Specificity", "Accuracy", "AUC")
COUNTS = {"n": "n", "positives": "pos.", "tp": "TP", "fn": "FN", "tn": "TN", "fp": "FP"}
_STARTS = {"imagenet": "ImageNet", "medical": "medical images", "genesis": "Models Genesis"}
NO_INTERVAL = "no interval"
FURTHER = "Not in the paper."


def set_table1(table: str | Path) -> Table:
    """Set tables/table1.csv (`demographics.describe_cohort`)."""
    header, *lines = _read(table)
    return Table(
        title="Table 1. The patients",
        labels=["Characteristic"],
        values=[name.capitalize() for name in header[1:]],
        rows=[Row([name], [cell.replace("-", "–") or NOTHING for cell in cells]) for name, *cells in lines],
        notes=["Training: the training and the validation part together. IQR: first to third quartile."],
    )


def set_table2(table: str | Path, *, confidence: float) -> Table:
    """Set tables/table2.csv (`evaluation.table2.COLUMNS`); `confidence` is its intervals'."""
    header, *lines = _read(table)
    rows = [dict(zip(header, cells, strict=True)) for cells in lines]
    return Table(
        title="Table 2. Sensitivity, specificity, accuracy and AUC on the test part",
        labels=["Model", "Start"],
        values=[*COUNTS.values(), *TITLES, "AUC over seeds", "Threshold", "Chosen on", "Accesses"],
        rows=[*_group(rows)],
        notes=[*_notes(rows, confidence)],
        beside=["Sens.", "Spec.", "Acc.", "AUC"],
        beside_title="The paper's, as printed",
    )


def _read(path: str | Path) -> list[list[str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def _group(rows: Iterable[Mapping[str, str]]) -> Iterator[Row | str]:
    for (stage, further), members in groupby(rows, key=lambda row: (row["stage"], _is_further(row))):
        own = list(members)
        head = _head(stage, own[0]["target"], {row["unit"] for row in own})
        yield f"{FURTHER} {head}" if further else head
        yield from map(_set_row, own)


def _is_further(row: Mapping[str, str]) -> bool:
    """Whether the paper has no such row; its table is for any number of readers."""
    return row["stage"] != "readers" and not any(row[f"paper_{name}"] for name in RATES)


def _head(stage: str, target: str, units: set[str]) -> str:
    name = "Readers" if stage == "readers" else "Phase " + stage.removeprefix("phase").split("_")[0]
    attention = " with attention" if stage == "phase4_attention" else ""
    counted = " in a hemisphere (n: hemispheres)" if "hemisphere" in units else ""
    return f"{name}{attention}: {target}{counted}" if target else f"{name}{attention}"


def _set_row(row: Mapping[str, str]) -> Row:
    labels = _labels(row)
    beside = [format_digits(row[f"paper_{name}"]) or NOTHING for name in RATES]
    if row["status"] != "ok":
        return Row(labels, row["status"], beside)
    values = [
        *(row[name] for name in COUNTS),
        *(_with_interval(row, name) for name in RATES),
        _spread(row),
        format_digits(row["threshold"]),
        row["threshold_source"],
        row["accesses"],
    ]
    return Row(labels, [value or NOTHING for value in values], beside)


def _labels(row: Mapping[str, str]) -> list[str]:
    model, start = row["model"], row["start"]
    if row["stage"] == "readers":
        return [model.replace("reader", "Reader ").replace("majority", "Majority"), ""]
    if model in networks():
        return [find_network(model).title, _STARTS.get(start) or start.replace("phase", "phase ")]
    label = style_of(model, start).label
    return [label[0].upper() + label[1:], ""]


def _with_interval(row: Mapping[str, str], name: str) -> str:
    value, low, high = (format_digits(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    if not value:
        return ""
    if not (low and high):
        return f"{value} ({NO_INTERVAL})"
    between = " to " if "-" in low else "–"
    return f"{value} ({low}{between}{high})".replace("-", "−")


def _spread(row: Mapping[str, str]) -> str:
    """The single seeds' AUC as mean ± SD."""
    if not row["auc_seed_sd"]:
        return "one seed" if row["seeds"] else ""
    mean, sd = (format_digits(row[f"auc_seed_{name}"], digits=3) for name in ("mean", "sd"))
    return f"{mean} ± {sd} ({row['seeds']} seeds)"


def _notes(rows: Sequence[Mapping[str, str]], confidence: float) -> Iterator[str]:
    evaluated = [row for row in rows if row["status"] == "ok"]
    yield _INTERVALS.format(100 * confidence)
    if sources := sorted({row["threshold_source"] for row in evaluated} - {""}):
        yield _CALLS.format(", ".join(sources)) + (_OPTIMISTIC if "test (optimistic)" in sources else _BEST)
    if recipes := sorted({row["recipe"] for row in rows} - {""}):
        yield f"Recipe by which the networks were trained: {', '.join(recipes)}."
    for row in evaluated:
        if row["model"] == "majority":
            kappa = _with_interval(row, "kappa") or "undefined (one reader, or all calls alike)"
            paper = format_digits(row["paper_kappa"])
            yield f"Agreement of the readers, Fleiss' κ: {kappa}; the paper's {paper}."
    if accesses := [int(row["accesses"]) for row in evaluated]:
        again = sum(count > 1 for count in accesses)
        yield _ACCESSES + (_AGAIN.format(again, len(accesses), max(accesses)) if again else _ONCE)
    yield _PAPER


_INTERVALS = (
    "Value ({:g} % interval): Wilson's for sensitivity, specificity and accuracy, DeLong's for the AUC; "
    "where hemispheres are counted, from resampled patients. No interval: too few patients for one, or "
    f"an AUC without variance. {NOTHING}: does not apply. pos.: with label 1."
)
_CALLS = "TP to accuracy: the score averaged over seeds, at a threshold that was chosen on: {}. "
_BEST = "Rates at the test part's own best threshold are in table2.csv, in the columns optimistic_…."
_OPTIMISTIC = "With a threshold chosen on the test part, sensitivity, specificity and accuracy are too high."
_ACCESSES = (
    "Accesses: how often the row was evaluated on this test part, in all runs, each time with other "
    "predictions or another threshold (results/ledger.tsv). "
)
_ONCE = "Each row was evaluated once."
_AGAIN = (
    "More than one access: {} of {} rows, up to {} accesses a row. A choice that is made after an access may "
    "rest on the test part."
)
_PAPER = (
    "The paper's values are as printed; some of its rows have other patients than its readers, or count "
    "the other class as positive (docs/methods/paper-audit.md)."
)
