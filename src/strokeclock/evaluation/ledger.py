"""The ledger: which rows of Table 2 have been evaluated on the test part, and with what result.

Whoever looks at the test part, changes something and looks again has begun to choose on it. So every look is
written down, with the digests of what was evaluated and how, and their number stands beside Table 2. The same
look again is none. Lines are only ever added: each carries a seal over itself and all before it.
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
SEEN = ("n", "sensitivity", "specificity", "accuracy", "auc")
COLUMNS = (*ROW, "look", *DIGESTS, *SEEN, "seal")


class LedgerError(StrokeclockError):
    """The ledger is cut off, or was changed by other hands."""


def digest(content: bytes | str) -> str:
    """The first 16 digits of the content's sha256."""
    content = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(content).hexdigest()[:16]


def record_looks(path: str | Path, looks: Iterable[Mapping[str, str]]) -> Counter[tuple[str, str, str]]:
    """Add to the ledger what is new among these looks; return how often each row has been looked at.

    A look is new where its row has no line with the same `DIGESTS`. Of each look the columns `ROW`, `DIGESTS`
    and `SEEN` are taken. The file is written whole or not at all; without one, it begins. Raises LedgerError
    where it was damaged.
    """
    path = Path(path)
    lines = read_ledger(path) if path.exists() else []
    known = {_identify(line) for line in lines}
    for look in looks:
        if _identify(look) not in known:
            line = {column: look[column] for column in (*ROW, *DIGESTS, *SEEN)}
            line["look"] = str(1 + sum(_name(before) == _name(look) for before in lines))
            lines.append(line | {"seal": _seal(line, after=lines)})
            known.add(_identify(look))
    text = ["\t".join(line[column] for column in COLUMNS) for line in lines]
    write_whole(path, "\n".join(["\t".join(COLUMNS), *text]) + "\n")
    return Counter(_name(line) for line in lines)


def read_ledger(path: str | Path) -> list[dict[str, str]]:
    """Read the ledger's lines, oldest first; LedgerError where a line does not fit its seal."""
    mend = "restore the file from a copy, or move it away to begin counting anew"
    header, table = read_cells(path, error=LedgerError, mend=mend)
    if tuple(header) != COLUMNS:
        raise LedgerError(f"{path} does not begin with the columns of a ledger: {mend}.")
    lines: list[dict[str, str]] = []
    for number, cells in table:
        line = dict(zip(COLUMNS, cells, strict=True))
        if line["seal"] != _seal(line, after=lines):
            raise LedgerError(f"{path} line {number} was changed, or one before it is gone: {mend}.")
        lines.append(line)
    return lines


def _name(line: Mapping[str, str]) -> tuple[str, str, str]:
    return line["stage"], line["model"], line["weights"]


def _identify(line: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(line[column] for column in (*ROW, *DIGESTS))


def _seal(line: Mapping[str, str], *, after: list[dict[str, str]]) -> str:
    before = after[-1]["seal"] if after else ""
    return digest("\t".join([before, *(line[column] for column in COLUMNS if column != "seal")]))
