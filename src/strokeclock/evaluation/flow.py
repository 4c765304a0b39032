"""From the patients who entered a run to those of each analysis, as CONSORT and STARD ask (`STEPS`).

The numbers of patients are those of `people.count_people`, the numbers of the analyses those of Table 2.
"""

import csv
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from strokeclock.cohort.cells import read_columns
from strokeclock.cohort.labels import has_onset
from strokeclock.cohort.parts import PARTS
from strokeclock.cohort.people import People, count_people
from strokeclock.cohort.reasons import read_reason_groups
from strokeclock.cohort.tables import read_cohort, read_split_table
from strokeclock.evaluation.tables import name_target, write_table
from strokeclock.predictions import SUBSET, Tasks
from strokeclock.segmentation.lesion import DRAWN, FOUND, read_volumes

COLUMNS = ("step", "part", "what", "reason", "unit", "n", "positives", "note")
ENTERED, EXCLUDED, UNLABELLED, NO_PART = "entered", "excluded", "without onset or side", "in no part"
EXTERNAL_COHORT, NO_TIME = "external cohort", "teach no time"
DIVIDED, PART, ANALYSED = "divided into parts", "part", "analysed"
STEPS = (ENTERED, EXCLUDED, UNLABELLED, NO_PART, EXTERNAL_COHORT, NO_TIME, DIVIDED, PART, ANALYSED)
STAGES = ("entry", "preprocessing", "quality")  # of exclusions, in their order
OF_CLASS = "with a class of the onset alone"
READERS, RADIOMICS, OUTLINE = "readers", "radiomics baseline", "lesion outline known"
PATIENT, HEMISPHERE = "patient", "hemisphere"
MOST_REASONS = 5  # of a stage; the rest are counted together
OTHER_REASONS = "other reasons"
SIDE_FOUND = "side found"
NOT_RUN = "not run"
FURTHER = "phases 0 and 1 and the segmentation; not among the patients divided"


def write_flow(
    table2: str | Path,
    table: str | Path,
    *,
    cohort: str | Path,
    split: str | Path,
    exclusions: str | Path,
    quality: str | Path,
    volumes: str | Path,
    end_to_end: str | Path,
    left_out: Collection[str],
    tasks: Tasks,
) -> None:
    """Write how many patients entered, left and why, are in each part, and in each analysis.

    Parameters
    ----------
    table2 : path
        tables/table2.csv.
    table : path
        tables/flow.csv (`COLUMNS`). A line without ``what`` counts all of a step (`STEPS`) or part, the lines
        below it some of them: at which stage and for which reason they were excluded, whose time is short.
        ``positives`` are lesions, or times below the target's limit.
    cohort, split, exclusions : paths
        cohort/cohort.tsv, split.tsv and exclusions.tsv.
    quality : path
        quality/quality.tsv, which says whom a person judged.
    volumes : path
        lesions/volumes.tsv.
    end_to_end : path
        tables/end_to_end.csv, which counts those whose side was told.
    left_out : patients
        Whom a person excluded at entry (cohort.exclude).
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.
    """
    limits = tuple(sorted({limit for limit in tasks.values() if limit}))
    people = count_people(cohort, split, exclusions=exclusions, below_min=limits)
    judged = read_columns(quality, "patient", "judged_by")
    by_person = {"entry": left_out, "quality": {patient for patient, by in judged if by == "person"}}
    rows = [
        *_enter(people, read_reason_groups(exclusions, by_person=by_person)),
        *_divide(people),
        *_analyse(table2),
        *_find_side(end_to_end),
        _count_outlines(cohort, split, volumes),
    ]
    write_table(table, rows, columns=COLUMNS)


def _enter(people: People, reasons: Mapping[str, list[tuple[str, int]]]) -> Iterator[dict[str, Any]]:
    """Yield who entered and who left before the parts; who is left over is in no part, and said to be so."""
    excluded = sum(people.excluded.values())
    yield _line(ENTERED, n=people.entered)
    yield _line(EXCLUDED, n=excluded)
    for stage in sorted(reasons, key=lambda stage: STAGES.index(stage) if stage in STAGES else len(STAGES)):
        yield _line(EXCLUDED, what=stage, n=people.excluded[stage])
        for reason, n in reasons[stage][:MOST_REASONS]:
            yield _line(EXCLUDED, what=stage, reason=reason, n=n)
        if rest := sum(n for _, n in reasons[stage][MOST_REASONS:]):
            yield _line(EXCLUDED, what=stage, reason=OTHER_REASONS, n=rest)
    divided = sum(people.parts.values()) + people.unknown_onset + people.without_lesion
    rest = people.entered - excluded - people.unlabelled - people.external - divided
    for step, n in ((UNLABELLED, people.unlabelled), (NO_PART, rest), (EXTERNAL_COHORT, people.external)):
        if n:
            yield _line(step, n=n)
    for what, n in (("onset unknown", people.unknown_onset), ("no acute lesion", people.without_lesion)):
        if n:
            yield _line(NO_TIME, what=what, n=n, note=FURTHER)


def _divide(people: People) -> Iterator[dict[str, Any]]:
    yield _line(DIVIDED, n=sum(people.parts.values()))
    if people.of_class:
        yield _line(DIVIDED, what=OF_CLASS, n=people.of_class)
    for part in PARTS:
        yield _line(PART, part=part, n=people.parts[part])
        for limit, counts in people.below.items():
            yield _line(PART, part=part, what=name_target(limit), n=counts[part])


def _analyse(table2: str | Path) -> Iterator[dict[str, Any]]:
    """Yield a line an analysis of the test part that Table 2 holds: each target once, readers, radiomics."""
    with open(table2, newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["target"]]
    found: dict[str, dict[str, str] | None] = {}
    for row in rows:
        kind = {"readers": READERS}.get(row["stage"]) or {SUBSET: RADIOMICS}.get(row["model"], "")
        what = f"{row['target']}, {kind}" if kind else row["target"]
        if row["status"] == "ok":
            found[what] = found.get(what) or row
        else:
            found.setdefault(what, None)
    for what, first in found.items():
        cells = (
            {"note": NOT_RUN} if first is None else {name: first[name] for name in ("unit", "n", "positives")}
        )
        yield _line(ANALYSED, part="test", what=what, **cells)


def _find_side(end_to_end: str | Path) -> Iterator[dict[str, Any]]:
    """Yield a line for each target that was tested with the side found, and in how many a side was told."""
    with open(end_to_end, newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (row["side"], row["patients"]) == ("found", "all")]
    firsts: dict[str, dict[str, str] | None] = {}
    for row in rows:
        firsts[row["target"]] = firsts.get(row["target"]) or (row if row["n"] else None)
    for target, first in firsts.items():
        cells = {"note": NOT_RUN}
        if first is not None:
            told = int(first["answered"]) + int(first["abstained"])
            cells = {name: first[name] for name in ("n", "positives")} | {"note": f"side told in {told}"}
        yield _line(ANALYSED, part="test", what=f"{target}, {SIDE_FOUND}", **cells)


def _count_outlines(cohort: str | Path, split: str | Path, volumes: str | Path) -> dict[str, Any]:
    """Count the test patients whose lesion is outlined: for its segmentation, Grad-CAM on it, occlusion."""
    parts = read_split_table(split).set_index("patient")["part"]
    patients = read_cohort(cohort).set_index("patient").reindex(parts.index[parts == "test"])
    sizes = read_volumes(volumes)
    sources = [sizes[patient].source for patient in patients.index[has_onset(patients)] if patient in sizes]
    drawn, automatic = (sources.count(source) for source in (DRAWN, FOUND))
    return _line(
        ANALYSED,
        part="test",
        what=OUTLINE,
        n=drawn + automatic,
        note=f"{drawn} from a mask, {automatic} found on DWI",
    )


def _line(step: str, **cells: Any) -> dict[str, Any]:
    return {"step": step, "unit": PATIENT} | cells
