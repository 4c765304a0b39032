"""The ledger: which rows of Table 2 have been evaluated on the test part, and with what result.

To evaluate on the test part, change something and evaluate again is to choose on the test part. So the ledger
records every access to the test part with the digests of predictions, split and settings; Table 2 prints the
number of accesses. The same evaluation again is no new access. Lines are only added: each line's seal is a
digest of the line and all lines before it.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from strokeclock.cohort.cells import read_cells
from strokeclock.errors import StrokeclockError
from strokeclock.evaluation.tables import KEY
from strokeclock.files import write_whole

ROW = KEY
DIGESTS = ("configuration", "predictions", "split")
RESULTS = ("n", "sensitivity", "specificity", "accuracy", "auc")
COLUMNS = (*ROW, "access", *DIGESTS, *RESULTS, "seal")
FORMER = {"weights": "start", "look": "access"}  # columns of older ledgers
FORMER_MODELS = {"outline": "segmentation"}  # of older ledgers' lines, which stay as they are sealed


class LedgerError(StrokeclockError):
    """The ledger is cut off or was edited."""


def digest(content: bytes | str) -> str:
    """The first 16 digits of the content's sha256."""
    content = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(content).hexdigest()[:16]


def record_accesses(path: str | Path, accesses: Iterable[Mapping[str, str]]) -> Counter[tuple[str, str, str]]:
    """Add the new ones of these accesses to the ledger; return how many each row has.

    An access is new where its row has no line with the same `DIGESTS`. Of each access the columns `ROW`,
    `DIGESTS` and `RESULTS` are taken. The file is written whole or not at all, and made where there is none.
    Raises LedgerError where it was damaged.
    """
    path = Path(path)
    lines = read_ledger(path) if path.exists() else []
    known = {_identify(line) for line in lines}
    for access in accesses:
        if _identify(access) not in known:
            line = {column: access[column] for column in (*ROW, *DIGESTS, *RESULTS)}
            line["access"] = str(1 + sum(_name(before) == _name(access) for before in lines))
            lines.append(line | {"seal": _seal(line, after=lines)})
            known.add(_identify(access))
    text = ["\t".join(line[column] for column in COLUMNS) for line in lines]
    write_whole(path, "\n".join(["\t".join(COLUMNS), *text]) + "\n")
    return Counter(_name(line) for line in lines)


def read_ledger(path: str | Path) -> list[dict[str, str]]:
    """Read the ledger's lines, oldest first; LedgerError where a line does not fit its seal."""
    remedy = "restore the file from a copy, or move it away to begin counting anew"
    header, table = read_cells(path, error=LedgerError, remedy=remedy)
    if tuple(FORMER.get(column, column) for column in header) != COLUMNS:
        raise LedgerError(f"{path} does not begin with the columns of a ledger: {remedy}.")
    lines: list[dict[str, str]] = []
    for number, cells in table:
        line = dict(zip(COLUMNS, cells, strict=True))
        if line["seal"] != _seal(line, after=lines):
            raise LedgerError(f"{path} line {number} was changed, or a line before it is missing: {remedy}.")
        lines.append(line)
    return lines


def _name(line: Mapping[str, str]) -> tuple[str, str, str]:
    return line["stage"], FORMER_MODELS.get(line["model"], line["model"]), line["start"]


def _identify(line: Mapping[str, str]) -> tuple[str, ...]:
    return *_name(line), *(line[column] for column in DIGESTS)


def _seal(line: Mapping[str, str], *, after: list[dict[str, str]]) -> str:
    before = after[-1]["seal"] if after else ""
    return digest("\t".join([before, *(line[column] for column in COLUMNS if column != "seal")]))
