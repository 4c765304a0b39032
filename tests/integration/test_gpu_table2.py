"""The benchmark that trains Table 2's rows on a GPU goes through all of them, here tiny and on CPU."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


def test_every_row_is_trained():
    tiny = "--patients 6 4 --grid 24 32 9 --width-2d 4 --width-3d 2 --epochs 2 --processes 2 --workers 1"
    run = subprocess.run(
        [sys.executable, ROOT / "benchmarks/gpu_table2.py", "--device", "cpu", *tiny.split()],
        check=True,
        capture_output=True,
        text=True,
    )
    *rows, total = run.stdout.splitlines()
    trained = {tuple(row.split()[:3]) for row in rows}
    assert len(trained) == len(rows) == 19
    for net, first in (("2d", "random"), ("3d", "genesis")):
        chain = [
            ("phase1_stroke", first),
            ("phase2_tss3h", "phase1"),
            ("phase3_tss4h5", "phase2"),
            ("phase4_attention", "phase3"),
        ]
        assert {(net, *run) for run in chain} <= trained
    assert ("3d", "phase0_genesis", "random") in trained
    assert "of the matrix rate" in total
