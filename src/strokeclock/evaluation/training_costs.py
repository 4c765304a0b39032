"""What each training took in time and memory, and together by network, phase and start, beside the paper's.

The numbers differ from run to run: nothing else is made from this table.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from strokeclock.cohort.cells import write_cells
from strokeclock.evaluation.tables import KEY
from strokeclock.models.registry import networks, place_of
from strokeclock.training.cost import Cost, read_cost
from strokeclock.training.record import TrainingRecord, read_record

ALL = "all"  # in place of a seed: the trainings above together
COLUMNS = (
    *(*KEY, "seed", "fold", "trainings", "device", "precision", "batch", "epochs", "seconds"),
    *("memory_gb", "gpu_memory_gb", "paper_gpu_memory_gb", "resumed"),
)


class _Training(NamedTuple):
    record: TrainingRecord
    cost: Cost

    @property
    def key(self) -> tuple[str, str, str]:
        """Of a row of Table 2."""
        return self.record.phase, self.record.net, self.record.start

    @property
    def place(self) -> tuple:
        fold = self.record.fold or 0
        return self.record.phase, place_of(self.record.net), *self.key[1:], self.record.seed, fold


def write_training_costs(
    records: Iterable[str | Path], costs: Iterable[str | Path], *, table: str | Path
) -> None:
    """Write a row a training; below those of a network, phase and start, their sums and largest values.

    Parameters
    ----------
    records, costs : paths
        run.json and cost.json of each training, in the same order.
    table : path
        tables/training.tsv (`COLUMNS`). ``memory_gb`` is the process's, ``gpu_memory_gb`` what torch had
        reserved on the GPU; empty on a CPU. A row ``all`` sums trainings, epochs, seconds and resumptions.
        ``paper_gpu_memory_gb`` is what the paper gives for the network and the hemispheres of a step.

    Raises
    ------
    CheckpointError, CostError
        A file is damaged.
    """
    trainings = [
        _Training(read_record(record), read_cost(cost)) for record, cost in zip(records, costs, strict=True)
    ]
    trainings.sort(key=lambda training: training.place)
    write_cells(
        table,
        COLUMNS,
        (row for _, group in groupby(trainings, lambda one: one.key) for row in _rows([*group])),
    )


def _rows(group: list[_Training]) -> Iterator[tuple[object, ...]]:
    for training in group:
        yield _row([training], seed=training.record.seed, fold=training.record.fold or "")
    yield _row(group, seed=ALL, fold="")


def _row(group: list[_Training], *, seed: object, fold: object) -> tuple[object, ...]:
    records, costs = [one.record for one in group], [one.cost for one in group]
    settings = [record.settings for record in records if record.settings]
    gpu = [cost.gpu_memory_gb for cost in costs if cost.gpu_memory_gb is not None]
    return (
        *group[0].key,
        seed,
        fold,
        len(group),
        _join(cost.device for cost in costs),
        _join(one.precision for one in settings),
        _join(str(one.batch) for one in settings),
        sum(record.epochs for record in records),
        f"{sum(cost.seconds for cost in costs):.1f}",
        f"{max(cost.memory_gb for cost in costs):.3f}",
        f"{max(gpu):.3f}" if gpu else "",
        _join({f"{gb:g}" for gb in map(_find_paper_gb, records) if gb is not None}),
        sum(cost.resumed for cost in costs),
    )


def _find_paper_gb(record: TrainingRecord) -> float | None:
    """The GPU memory that the paper gives for this network and batch; None for other tasks than its own."""
    if record.task is None or record.settings is None or record.net not in networks():
        return None
    return networks()[record.net].paper_gb.get(record.settings.batch)


def _join(values: Iterable[str]) -> str:
    return ", ".join(sorted({*values}))
