"""The table of the searches of hyper-parameters: a row a candidate. It holds validation results alone."""

from collections.abc import Iterable
from pathlib import Path

from strokeclock.evaluation.tables import KEY, write_table
from strokeclock.training.grid import name_point
from strokeclock.training.search import read_search

COLUMNS = (
    *(*KEY, "candidate", "settings", "seed", "validation_auc", "validation_loss", "epochs", "kept_epoch"),
    *("chosen", "looks", "note"),
)


def write_search(chosen: Iterable[str | Path], table: str | Path) -> None:
    """Write tables/search.csv (`COLUMNS`).

    ``looks`` is the number of candidates that were compared on the validation part for this network, phase
    and start.

    Parameters
    ----------
    chosen : paths
        fitted/search/<net>/<phase>/<start>.json (`training.search.choose_settings`).
    table : path
        tables/search.csv.
    """
    rows = []
    for path in chosen:
        found = read_search(path)
        key = dict(zip(KEY, (found["phase"], found["net"], found["start"]), strict=True))
        for number, candidate in enumerate(found["candidates"], start=1):
            measures = ("validation_auc", "validation_loss", "epochs", "kept_epoch")
            rows.append(
                key
                | {"candidate": number, "settings": name_point(candidate["settings"]), "seed": found["seed"]}
                | {name: candidate[name] for name in measures if candidate[name] is not None}
                | {"chosen": "yes" if number == found["chosen"] else "", "looks": found["looks"]}
                | {"note": candidate["note"]}
            )
    write_table(table, rows, columns=COLUMNS)
