"""The table of readings: what a bundle found in each patient, for each of its rows, by each way to a side.

It is the contract between who reads the patients and who evaluates the readings.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from strokeclock.cohort.cells import read_cells, write_cells
from strokeclock.errors import StrokeclockError

COLUMNS = ("patient", "row", "side_from", "status", "score", "abstained", "volume_ml")
GIVEN, FOUND = "given", "found"  # where the lesion's side is from: the cohort sheet, or the reading itself
SIDES_FROM = (GIVEN, FOUND)
_REMEDY = "delete it and read the patients anew"


class ReadingsError(StrokeclockError):
    """The table of readings is damaged, incomplete, or contradicts the cohort or the bundle."""


@dataclass(frozen=True, kw_only=True)
class ReadingLine:
    """One line of the table.

    Attributes
    ----------
    patient : identifier of the cohort.
    row : <net>/<phase>/<start>, of the bundle.
    side_from : `GIVEN` or `FOUND`.
    status : the reading's status, a word such as answered or no_lesion.
    score : probability of a shorter time, mean over the seeds; None: there was no reading.
    abstained : the score lies in the band of abstention; None without a score.
    volume_ml : of the lesion that was segmented; None where there is none.
    """

    patient: str
    row: str
    side_from: str
    status: str
    score: float | None = None
    abstained: bool | None = None
    volume_ml: float | None = None


def write_readings(path: str | Path, lines: Iterable[ReadingLine]) -> None:
    """Write readings.tsv whole or not at all; scores are read back exactly."""
    write_cells(path, COLUMNS, ([_write(getattr(line, name)) for name in COLUMNS] for line in lines))


def read_readings(path: str | Path) -> list[ReadingLine]:
    """Read readings.tsv (`COLUMNS`; further columns are ignored).

    Raises
    ------
    ReadingsError
        A column or a word is missing, a cell cannot be read, a score lies outside [0, 1] or has no
        abstention beside it, or a patient has two lines of one row and side. One sentence.
    """
    name = Path(path).name
    header, table = read_cells(path, error=ReadingsError, remedy=_REMEDY, name=name)
    if missing := [column for column in COLUMNS if column not in header]:
        raise ReadingsError(f"{name} lacks the column {missing[0]}: {_REMEDY}.")
    lines = [
        _read_line(dict(zip(header, cells, strict=True)), place=f"{name} line {number}")
        for number, cells in table
    ]
    times = Counter((line.patient, line.row, line.side_from) for line in lines)
    for (patient, row, side_from), count in times.items():
        if count > 1:
            raise ReadingsError(
                f"{name} has patient {patient} twice for {row} with the side {side_from}: {_REMEDY}."
            )
    return lines


def _write(value: str | float | bool | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return value if isinstance(value, str) else repr(float(value))


def _read_line(cells: dict[str, str], *, place: str) -> ReadingLine:
    def refuse(column: str, allowed: str) -> ReadingsError:
        patient = cells["patient"] or "(no identifier)"
        return ReadingsError(
            f"{place}: patient {patient} has {column} {cells[column]!r}, not {allowed}: {_REMEDY}."
        )

    for column in ("patient", "row", "status"):
        if not cells[column]:
            raise refuse(column, "a word")
    if cells["row"].count("/") != 2:
        raise refuse("row", "<net>/<phase>/<start>")
    if cells["side_from"] not in SIDES_FROM:
        raise refuse("side_from", " or ".join(SIDES_FROM))
    score, volume = _read_number(cells["score"]), _read_number(cells["volume_ml"])
    if score is not None and not 0 <= score <= 1:  # NaN is not between either
        raise refuse("score", "empty or a probability")
    if volume is not None and not 0 <= volume < float("inf"):
        raise refuse("volume_ml", "empty or a volume")
    if cells["abstained"] not in (("0", "1") if score is not None else ("",)):
        raise refuse("abstained", "0 or 1 beside a score" if score is not None else "empty without a score")
    return ReadingLine(
        patient=cells["patient"],
        row=cells["row"],
        side_from=cells["side_from"],
        status=cells["status"],
        score=score,
        abstained=cells["abstained"] == "1" if score is not None else None,
        volume_ml=volume,
    )


def _read_number(cell: str) -> float | None:
    """A number; None for an empty cell, NaN for any other text."""
    try:
        return float(cell) if cell else None
    except ValueError:
        return float("nan")
