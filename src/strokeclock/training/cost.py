"""What a training takes in time and memory: cost.json beside run.json. Imports no torch.

These numbers differ from one training to the next of the same settings, data and code. So they stand in a
file of their own, and model.pt, history.tsv and run.json keep their bytes.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from strokeclock.errors import StrokeclockError
from strokeclock.files import write_whole

GB = 2**30  # bytes, as nvidia-smi counts
_STATUS = Path("/proc/self/status")
_PEAK = "VmHWM:"  # of the process's own memory, kB; getrusage's may be that of the process that started it


class CostError(StrokeclockError):
    """A cost.json is damaged."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a training took.

    Attributes
    ----------
    device : cpu, or the GPU's name.
    seconds : from its start to its end, reading of the data included. Of a resumed training, the sum of its
        runs, each up to its last saved state.
    memory_gb : the most resident memory of the process; the largest of all runs.
    gpu_memory_gb : the most that torch has reserved on the GPU, the largest of all runs; None on a CPU.
        CUDA's own few hundred MB are not in it.
    resumed : how many earlier runs, each ended by a kill, are in these numbers.
    """

    device: str
    seconds: float
    memory_gb: float
    gpu_memory_gb: float | None
    resumed: int


class Meter:
    """Measures a training, from when it is made.

    Parameters
    ----------
    device : cpu, or the GPU's name.
    measure_gpu : returns the bytes that torch has reserved on the GPU at most; None: there is no GPU.
    """

    def __init__(self, device: str = "cpu", measure_gpu: Callable[[], int] | None = None):
        self._device, self._measure_gpu = device, measure_gpu
        self._begin = time.monotonic()
        self._before: Cost | None = None

    def resume(self, before: Mapping[str, Any]) -> None:
        """Add what the training had taken until it was killed, as of `asdict`."""
        self._before = Cost(**before)

    def read(self) -> Cost:
        """Return what the training has taken until now."""
        seconds, memory = time.monotonic() - self._begin, measure_peak_memory() / GB
        gpu = self._measure_gpu() / GB if self._measure_gpu else None
        before = self._before
        if before is None:
            return Cost(device=self._device, seconds=seconds, memory_gb=memory, gpu_memory_gb=gpu, resumed=0)
        return Cost(
            device=self._device,
            seconds=before.seconds + seconds,
            memory_gb=max(before.memory_gb, memory),
            gpu_memory_gb=max(before.gpu_memory_gb or 0.0, gpu) if gpu is not None else None,
            resumed=before.resumed + 1,
        )


def measure_peak_memory() -> int:
    """Return the most bytes that this process has had in memory at a time."""
    for line in _STATUS.read_text(encoding="utf-8").splitlines():
        if line.startswith(_PEAK):
            return 1024 * int(line.split()[1])
    raise CostError(f"{_STATUS} lacks {_PEAK[:-1]}, the peak memory: use another Linux kernel.")


def write_cost(path: str | Path, cost: Cost) -> None:
    """Write cost.json; seconds to a tenth, memory to a thousandth of a GB."""
    content = asdict(cost) | {"seconds": round(cost.seconds, 1), "memory_gb": round(cost.memory_gb, 3)}
    if cost.gpu_memory_gb is not None:
        content["gpu_memory_gb"] = round(cost.gpu_memory_gb, 3)
    write_whole(path, json.dumps(content, indent=2, sort_keys=True) + "\n")


def read_cost(path: str | Path) -> Cost:
    """Read cost.json; CostError where it holds something else."""
    try:
        return Cost(**json.loads(Path(path).read_bytes()))
    except (TypeError, ValueError):  # other keys; not JSON, or not text
        raise CostError(f"{path} holds no cost of a training: delete it and train again.") from None
