"""Read another hospital's patients for an external test: with the side given, and with the side found."""

import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from strokeclock.bundle.model import Bundle, open_bundle
from strokeclock.cohort.cells import read_cells, read_columns, write_cells
from strokeclock.cohort.external import find_external
from strokeclock.cohort.parts import EXTERNAL, read_parts
from strokeclock.cohort.reading_sheet import AUTO
from strokeclock.cohort.sheet import EXCLUSIONS, read_sides
from strokeclock.errors import StrokeclockError
from strokeclock.evaluation.external.patients import SEEN
from strokeclock.evaluation.external.readings import (
    FOUND,
    GIVEN,
    ReadingLine,
    read_readings,
    write_readings,
)
from strokeclock.reading.batch import make_study
from strokeclock.reading.clock import Clock
from strokeclock.reading.examination import Examined, examine
from strokeclock.reading.patient import score
from strokeclock.reading.result import SIDE_UNCLEAR, Reading
from strokeclock.reading.scoring import Scoring
from strokeclock.series import list_sides


def read_external_batch(
    bundle: str | Path,
    passed: str | Path,
    readings: str | Path,
    seen: str | Path,
    *,
    cohort: str | Path,
    studies: Mapping[str, Mapping[str, Any]],
    split: str | Path | None = None,
    device: str,
    threads: int,
) -> None:
    """Read patients in turn and write what was found, without pages.

    A patient with a scan of the bundle's own training, validation or test part is refused: such a score is
    no external one.

    Parameters
    ----------
    bundle, passed : paths
        The bundle, and what `batch.write_self_test` wrote of it: it waits for the test.
    readings : path
        `evaluation.external.readings` of the batch.
    seen : path
        `EXCLUSIONS` of the refused patients.
    cohort : path
        The patients' cohort.tsv, for the sides that are given.
    studies : patient -> raw, b_value, field_t (`batch.make_study`); their side is not read.
    split : path, optional
        split.tsv of the run whose part external is read; the other patients of the batch are left out.
    device, threads
        Of torch.
    """
    opened = open_bundle(bundle)
    parts = read_parts(split) if split else dict.fromkeys(studies, EXTERNAL)
    sides = read_sides(cohort)
    lines: list[ReadingLine] = []
    refused = []
    for patient, given in studies.items():
        if parts.get(patient) != EXTERNAL:
            continue
        with tempfile.TemporaryDirectory() as folder:
            examined = examine(make_study(patient, given, Path(folder)), opened, clock=Clock())
        if reason := _find_seen(examined.reading):
            refused.append((patient, SEEN, reason))
            continue
        lines += _read_both(examined, opened, sides[patient], device=device, threads=threads)
    write_readings(readings, lines)
    write_cells(seen, EXCLUSIONS, refused)


def _find_seen(reading: Reading) -> str:
    for part, series in reading.seen.items():
        if part != EXTERNAL:
            return f"its {series[0]} is a scan of the {part} part of the bundle's own cohort"
    return ""


def _read_both(
    examined: Examined, bundle: Bundle, side: str, *, device: str, threads: int
) -> Iterator[ReadingLine]:
    """Yield a patient's lines: with the side given, and with the side found."""
    rows = [str(row.row.scorer) for row in bundle.recipe.rows]
    patient = examined.reading.patient
    if not examined.can_be_scored:
        for way in (GIVEN, FOUND):
            yield from _without(patient, rows, way, examined.reading.status)
        return
    assert examined.hemispheres is not None
    scoring = Scoring(bundle, examined.hemispheres, device=device, threads=threads)
    for way, asked in ((GIVEN, side), (FOUND, AUTO)):
        if way == GIVEN and not list_sides(side):
            yield from _without(patient, rows, way, SIDE_UNCLEAR)
            continue
        reading = score(examined, bundle, scoring, side=asked, clock=Clock(), explains=False).reading
        if not reading.answers:
            yield from _without(patient, rows, way, reading.status)
        for answer in reading.answers:
            yield ReadingLine(
                patient=patient,
                row=answer.row,
                side_from=way,
                status=reading.status,
                score=answer.score,
                abstained=answer.abstained,
                volume_ml=reading.lesion.volume_ml if reading.lesion else None,
            )


def _without(patient: str, rows: Iterable[str], way: str, status: str) -> Iterator[ReadingLine]:
    for row in rows:
        yield ReadingLine(patient=patient, row=row, side_from=way, status=status)


def join_external(
    batches: Iterable[str | Path],
    refused: Iterable[str | Path],
    readings: str | Path,
    cohort: str | Path,
    exclusions: str | Path,
    *,
    entered: str | Path,
    entry_exclusions: str | Path,
    split: str | Path | None = None,
    external: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Join the batches, and write the external patients' cohort and exclusions.

    Parameters
    ----------
    batches, refused : paths
        What `read_external_batch` wrote.
    readings, cohort, exclusions : paths
        Written; of the external patients alone. Who was excluded stays in the cohort.
    entered, entry_exclusions : paths
        cohort.tsv and exclusions.tsv of the sheet, or of the run whose part external it is.
    split : path, optional
        As of `read_external_batch`.
    external : mapping, optional
        split.external of that run: excluded patients have no part, and are known by it.

    Raises
    ------
    StrokeclockError
        No external patient is left.
    """
    write_readings(readings, [line for batch in batches for line in read_readings(batch)])
    header, table = read_cells(entered)
    rows = [dict(zip(header, cells, strict=True)) for _, cells in table]
    members = {row["patient"] for row in rows}
    if split:
        members = {patient for patient, part in read_parts(split).items() if part == EXTERNAL}
        members |= find_external(rows, external or {}) if external else set()
    seen = [row for path in refused for row in read_columns(path, *EXCLUSIONS)]
    if not members or len(seen) == len(members):
        raise StrokeclockError(
            "No external patient is left: "
            + ("all were in the bundle's own cohort. Give other patients." if members else "there is none.")
        )
    before = read_columns(entry_exclusions, *EXCLUSIONS)
    out = [*seen, *(row for row in before if not split or row[0] in members)]
    chosen = [[row[name] for name in header] for row in rows if row["patient"] in members]
    write_cells(cohort, header, chosen)
    write_cells(exclusions, EXCLUSIONS, out)
