"""Run every benchmark of this folder and write latest.tsv: ours beside a named baseline, measured in one run.

    make bench

A benchmark is a module bench_<subject>.py with ``measure() -> Iterable[Row]``. Times are CPU seconds of this
process and its children, the least of ``n`` runs; ratios, not seconds, may be compared between machines.
"""

import csv
import importlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from timing import Row

HERE = Path(__file__).parent
# this checkout's code, here and in the processes that a benchmark starts, whatever is installed
SOURCE = str(HERE.parent / "src")
sys.path.insert(0, SOURCE)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (SOURCE, os.getenv("PYTHONPATH"))))


def main() -> None:
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("bench_*.py"))
    rows = [row for name in names for row in _measured(name)]
    with open(HERE / "latest.tsv", "w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(Row._fields)
        writer.writerows(rows)


def _measured(name: str) -> Iterable[Row]:
    print(f"{name} ...", flush=True)
    for row in importlib.import_module(name).measure():
        print("  " + "  ".join(f"{name} {value}" for name, value in row._asdict().items()), flush=True)
        yield row


if __name__ == "__main__":
    main()
