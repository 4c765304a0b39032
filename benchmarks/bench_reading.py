"""Reading a patient: from a DICOM folder to the page, by parts, with untrained networks of two sizes.

Small: the phantom study's widths, the brain in voxels averaged two by two. Full: the paper's widths, the
brain in every voxel. Both have five seeds: lesion detection in 2D and 3D, the segmentation network, and
the 3D network of TSS < 4.5 h. Seconds are wall-clock of one process on all cores that it may use. Imports
count in the whole.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from timing import Row

sys.path.append(str(Path(__file__).parents[1] / "tests/shared"))

from small_bundle import Size, make_files, write_bundle

_ROOT = Path(__file__).parents[1]
_GRID = (224, 224, 26)
_BOX = ((12, 112), (14, 214), (1, 26))  # of the atlas's brain on this grid (`imaging.hemispheres.write_box`)
_SIZES = {
    "small": (Size(_GRID, tuple(range(5)), (16, 8, 8), _BOX, (2, 2, 1)), 20),
    "full": (Size(_GRID, tuple(range(5)), (64, 32, 32), _BOX), 60),
}
_SIDE = "left"  # that of the whole command: untrained networks tell no side


def measure() -> Iterable[Row]:
    """Yield seconds of each step of the command, and of the whole."""
    from strokeclock.reading.demo import write_new_study

    with tempfile.TemporaryDirectory() as folder:
        study = write_new_study(Path(folder, "study"))
        for name, (size, goal) in _SIZES.items():
            model = Path(folder, f"{name}.zip")
            write_bundle(model, make_files(Path(folder, name), _ROOT, size=size))
            yield from _read(name, goal, study, model, Path(folder, f"{name}-out"))


def _read(name: str, goal: float, study: Path, model: Path, out: Path) -> Iterator[Row]:
    command = [
        sys.executable,
        "-m",
        "strokeclock",
        "read",
        "-i",
        study,
        "-m",
        model,
        "-o",
        out,
        "--side",
        _SIDE,
    ]
    began = time.perf_counter()
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    whole = time.perf_counter() - began
    steps = [
        line.rpartition(" ")[0].rpartition(" ") for line in done.stderr.splitlines() if line.endswith(" s")
    ]
    for step, _, seconds in steps:
        if float(seconds) >= 0.1:
            yield Row(f"read, {name}: {step}", "s", seconds, "", "", "", 1)
    cores = len(os.sched_getaffinity(0))
    yield Row(f"read, {name}: whole, {cores} cores", "s", f"{whole:.1f}", "", "", f"< {goal}", 1)
    yield Row(f"bundle, {name}", "MB", f"{model.stat().st_size / 1e6:.0f}", "", "", "", 1)
