"""The benchmark that trains Table 2's rows on a GPU goes through all of them, here tiny and on CPU."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]
ROOT = Path(__file__).parents[2]


def test_every_row_is_trained(tmp_path):
    tiny = (
        "--patients 14 8 8 --epochs 1 --processes 2 --segmenter --set training.seeds=[0] models.2d.width=4 "
    )
    tiny += "models.3d.width=2 preprocessing.grid=[48,48,16] training.phase0_genesis.batch=4"
    run = subprocess.run(
        [sys.executable, ROOT / "benchmarks/gpu_table2.py", tmp_path, "--device", "cpu", *tiny.split()],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    made, columns, *rows, total = run.stdout.splitlines()
    assert made.startswith("30 phantom patients")
    assert columns.split("\t")[:3] == ["net", "phase", "start"]
    trained = {tuple(row.split("\t")[:3]) for row in rows}
    assert len(trained) == len(rows) == 20
    for row in (dict(zip(columns.split("\t"), row.split("\t"), strict=True)) for row in rows):
        scored = not row["phase"].startswith("phase0") and row["start"] not in ("imagenet", "medical")
        assert bool(row["test_auc"]) == scored
        assert float(row["pflop"]) > 0
    for net, first in (("2d", "random"), ("3d", "genesis")):
        chain = [
            ("phase1_stroke", first),
            ("phase2_tss3h", "phase1"),
            ("phase3_tss4h5", "phase2"),
            ("phase4_attention", "phase3"),
        ]
        assert {(net, *run) for run in chain} <= trained
    assert {("3d", "phase0_genesis", "random"), ("3d", "phase0_segmentation", "random")} <= trained
    assert "of the matrix rate" in total
