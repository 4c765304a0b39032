"""The results of a run for the terminal: python -m strokeclock.report.summary results/<run>

Prints Table 2, the readers' agreement, how many patients left, where tables and figures lie, and for a
phantom run the highest AUC that its patients allow and what such a run can show. It uses the standard library
alone, so it starts at once.
"""

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from strokeclock.evaluation.digits import format_digits

STAGES = {
    "phase1_stroke": "P1 lesion",
    "phase2_tss3h": "P2 <3 h",
    "phase3_tss4h5": "P3 <4.5 h",
    "phase4_attention": "P4 <4.5 h",
    "readers": "readers",
}
RATES = {"sensitivity": "sensitivity", "specificity": "specificity", "accuracy": "accuracy", "auc": "AUC"}
WIDTH = 120
SEVERAL_HUNDRED = 200  # test patients from which an AUC's interval is about 0.15 wide


def summarise(results: str | Path) -> Iterator[str]:
    """Yield the summary of results/<run>, at most 120 characters a line; it needs tables/table2.csv."""
    results = Path(results)
    rows = _read(results / "tables/table2.csv", delimiter=",")
    yield f"Table 2 of {results}: value (interval), beside each AUC the paper's"
    yield ""
    yield _line("stage", "model", "start", "n", "TP/FN/TN/FP", *RATES.values(), "paper")
    yield "─" * WIDTH
    stage, is_further = None, False
    for row in rows:
        if not is_further and row["stage"] != "readers" and not row["paper_auc"]:
            is_further, stage = True, None
            yield "Not in the paper:"
        label = _name(row["stage"]) if row["stage"] != stage else ""
        stage = row["stage"]
        name = (label, row["model"], row["start"])
        if row["status"] == "ok":
            cells = "/".join(row[cell] for cell in ("tp", "fn", "tn", "fp"))
            yield _line(
                *name, row["n"], cells, *(_rate(row, rate) for rate in RATES), format_digits(row["paper_auc"])
            )
        else:
            yield f"{_line(*name)} {row['status']}"[:WIDTH]
    yield ""
    for row in rows:
        if row["kappa"]:
            kappa = f"{_rate(row, 'kappa')}; the paper's {format_digits(row['paper_kappa'])}"
            yield f"Readers' agreement, Fleiss' kappa: {kappa}."
    sources = sorted({row["threshold_source"] for row in rows if row["threshold_source"]})
    if sources:
        yield f"Threshold: {', '.join(sources)}. Seeds: {max(int(row['seeds'] or 0) for row in rows)}."
    if accesses := max((int(row["accesses"]) for row in rows if row["accesses"]), default=0):
        yield f"Test-set accesses: at most {accesses} a row, kept in {results.parent / 'ledger.tsv'}"
    excluded = {row["patient"] for row in _read(results / "cohort/exclusions.tsv", delimiter="\t")}
    reasons = f"; reasons in {results / 'cohort/exclusions.tsv'}" if excluded else ""
    yield f"Patients excluded: {len(excluded)}{reasons}."
    yield f"Tables: {_list(results / 'tables', '*.csv')}"
    yield f"Figures: {_list(results / 'figures', '*.svg')} (also .png)"
    if (results / "quality/index.html").exists():
        yield f"Pictures of every patient: {results / 'quality/index.html'}"
    if (results / "phantom").is_dir():
        yield ""
        yield from _describe_phantom(results, rows)


def _name(stage: str) -> str:
    """A stage's short name; of a further task, one made from it: phase5_tss6h is P5 tss6h."""
    return STAGES.get(stage) or stage.replace("phase", "P").replace("_", " ")[:10]


def _describe_phantom(results: Path, rows: list[dict[str, str]]) -> Iterator[str]:
    path = results / "phantom/ceiling.json"
    if path.exists():
        ceiling = json.loads(path.read_text())
        limits = (
            f"TSS {target[3:]} {ceiling[target]['all']['auc']:.2f}" for target in ("tss<3h", "tss<4.5h")
        )
        yield f"Practical ceiling, the AUC of the best observer of one ratio a series: {', '.join(limits)}."
    test = max((int(row["n"]) for row in rows if row["unit"] == "patient"), default=0)
    if test < SEVERAL_HUNDRED:
        yield f"A phantom run with {test} test patients shows that every step works. It cannot show which"
        yield "network or start is better (the intervals are too wide), or anything about real patients."
    else:
        yield f"A phantom run with {test} test patients can show which network or start is better on"
        yield "these phantoms, within the intervals. It shows nothing about real patients."


def _line(*cells: str) -> str:
    stage, model, start, n, counts, *rates = (*cells, *[""] * (10 - len(cells)))
    head = f"{stage:<10} {model:<8} {start:<8}"
    if not n:
        return head
    *intervals, paper = rates
    return f"{head} {n:>4} {counts:>12} " + " ".join(f"{rate:<16}" for rate in intervals) + f" {paper:>5}"


def _rate(row: Mapping[str, str], name: str) -> str:
    """A value with its interval, as .83 (.70–.91)."""
    if not row[name]:
        return ""
    low, high = (format_digits(row[f"{name}_{end}"]) for end in ("low", "high"))
    return f"{format_digits(row[name])} ({low}–{high})" if low else format_digits(row[name])


def _read(path: Path, *, delimiter: str) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def _list(folder: Path, pattern: str) -> str:
    return f"{folder}: {', '.join(path.name for path in sorted(folder.glob(pattern)))}"


if __name__ == "__main__":
    for line in summarise(sys.argv[1]):
        print(line)
