"""The ledger: which rows of Table 2 have been evaluated on the test part, and with what result.

To evaluate on the test part, change something and evaluate again is to choose on the test part, also where
the second evaluation has another run's name. So one ledger lies beside the runs. It records every access to a
test part with the digests of predictions, settings and test patients; Table 2 prints the number of accesses
to its test part. The same evaluation again is no new access. Lines are only added: each line's seal is a
digest of the line and all lines before it.

An external test is an access, too: to the onset of the external patients. Its line has the stage "external",
the bundle's rows as model, the bundle's sha256 as configuration, and its patients as test part.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from strokeclock.cohort.cells import read_cells, write_cells
from strokeclock.cohort.parts import read_split
from strokeclock.errors import StrokeclockError
from strokeclock.evaluation.tables import KEY
from strokeclock.files import locked

ROW = KEY
RESULTS = ("n", "sensitivity", "specificity", "accuracy", "auc")
EXTERNAL = "external"  # the stage of an external test
COLUMNS = ("run", *ROW, "access", "configuration", "predictions", "test_part", *RESULTS, "seal")
# Of the ledgers that each run once had, results/<run>/ledger.tsv
_FORMER_COLUMNS = (*ROW, "access", "configuration", "predictions", "split", *RESULTS, "seal")
_FORMER_NAMES = {"weights": "start", "look": "access"}
_FORMER_MODELS = {"outline": "segmentation"}
_REMEDY = "restore the file from a copy, or move it away to begin counting anew"

Line = dict[str, str]


class LedgerError(StrokeclockError):
    """The ledger is cut off or was edited."""


def digest(content: bytes | str) -> str:
    """The first 16 digits of the content's sha256."""
    content = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(content).hexdigest()[:16]


def record_accesses(
    ledger: str | Path, accesses: Iterable[Mapping[str, str]], *, run: str, split: str | Path
) -> list[Line]:
    """Add the new ones of these accesses to the ledger; return its lines on the test part of ``split``.

    An access is new where its row has no line with the same configuration, predictions and test patients,
    whatever the run. Accesses on this split that a run's own ledger holds (results/<run>/ledger.tsv, of
    versions before this one) are added first; that file stays as it is. Several processes may record at once.

    Parameters
    ----------
    ledger : path
        results/ledger.tsv, which is made where there is none, and written whole or not at all.
    accesses : of `ROW`, configuration, predictions and `RESULTS`
        Other keys are not read.
    run : str
        The run that evaluates.
    split : path
        Its cohort/split.tsv.

    Raises
    ------
    LedgerError
        The ledger, or a run's own one, was damaged.
    SplitError
        The split is damaged.
    """
    ledger = Path(ledger)
    former = [*_read_former(ledger, split=digest(Path(split).read_bytes()))]
    new = [{**access, "run": run} for access in accesses]
    return _add(ledger, [*former, *new], test_part=_digest_patients(read_split(split)["test"]))


def record_external(
    ledger: str | Path,
    *,
    run: str,
    bundle: str,
    rows: Iterable[str],
    patients: Iterable[str],
    readings: str,
    results: Mapping[str, str],
) -> list[Line]:
    """Add an external test to the ledger if it is new; return the ledger's lines on these patients.

    It is new where these rows have no line with the same bundle, readings and patients.

    Parameters
    ----------
    ledger : path
        As of `record_accesses`.
    run : str
        The run that evaluates.
    bundle : str
        The sha256 of the bundle's file.
    rows : of <net>/<phase>/<start>
        The bundle's rows that were evaluated.
    patients : of str
        The external patients whose class is known.
    readings : str
        A digest of their scores and labels.
    results : of `RESULTS`
        Of the first row.

    Raises
    ------
    LedgerError
        The ledger was damaged.
    """
    names = dict(zip(ROW, (EXTERNAL, ", ".join(rows), ""), strict=True))
    access = {**names, **results, "run": run, "configuration": bundle, "predictions": readings}
    return _add(Path(ledger), [access], test_part=_digest_patients(patients))


def _digest_patients(patients: Iterable[str]) -> str:
    return digest("\n".join(sorted(patients)))


def _add(ledger: Path, accesses: Iterable[Mapping[str, str]], *, test_part: str) -> list[Line]:
    """Add the new ones of these accesses to a test part; return the ledger's lines on it."""
    with locked(ledger):
        lines = read_ledger(ledger) if ledger.exists() else []
        known = {_identify(line) for line in lines}
        for access in accesses:
            new = {**access, "test_part": test_part}
            if _identify(new) not in known:
                number = 1 + sum(_name(line) == _name(new) for line in lines)
                new |= {"access": str(number)}
                line = {column: new[column] for column in COLUMNS[:-1]}
                lines.append(line | {"seal": _seal(line, after=lines)})
                known.add(_identify(new))
        write_lines(ledger, lines)
    return [line for line in lines if line["test_part"] == test_part]


def read_ledger(path: str | Path) -> list[Line]:
    """Read the ledger's lines, oldest first; LedgerError where a line does not fit its seal."""
    return _read(path, columns=COLUMNS)


def write_lines(path: str | Path, lines: Iterable[Mapping[str, str]]) -> None:
    """Write lines of a ledger as TSV with `COLUMNS`, whole or not at all."""
    write_cells(path, COLUMNS, ([line[column] for column in COLUMNS] for line in lines))


def _read(path: str | Path, *, columns: tuple[str, ...]) -> list[Line]:
    header, table = read_cells(path, error=LedgerError, remedy=_REMEDY)
    if tuple(_FORMER_NAMES.get(column, column) for column in header) != columns:
        raise LedgerError(f"{path} does not begin with the columns of a ledger: {_REMEDY}.")
    lines: list[Line] = []
    for number, cells in table:
        line = dict(zip(columns, cells, strict=True))
        if line["seal"] != _seal(line, after=lines):
            raise LedgerError(f"{path} line {number} was changed, or a line before it is missing: {_REMEDY}.")
        lines.append(line)
    return lines


def _read_former(ledger: Path, *, split: str) -> Iterator[Line]:
    """Yield the accesses on a split (its file's digest) in the runs' own ledgers beside ``ledger``."""
    for path in sorted(ledger.parent.glob("*/ledger.tsv")):
        for line in _read(path, columns=_FORMER_COLUMNS):
            if line["split"] == split:
                model = _FORMER_MODELS.get(line["model"], line["model"])
                yield line | {"run": path.parent.name, "model": model}


def _name(line: Mapping[str, str]) -> tuple[str, ...]:
    """What accesses are counted for: a row on a test part."""
    return *(line[column] for column in ROW), line["test_part"]


def _identify(line: Mapping[str, str]) -> tuple[str, ...]:
    return *_name(line), line["configuration"], line["predictions"]


def _seal(line: Mapping[str, str], *, after: list[Line]) -> str:
    before = after[-1]["seal"] if after else ""
    return digest("\t".join([before, *(cell for column, cell in line.items() if column != "seal")]))
