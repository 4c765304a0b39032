"""A command of Snakemake ends when its work is done."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# As Snakemake's own limit of its rate does, a timer waits when the work is done.
WAITS = f"""
include: "{ROOT}/Snakefile"

import threading

threading.Timer(3600, print).start()


rule ends:
    output:
        "done",
    shell:
        config["command"]
"""


@pytest.mark.parametrize(("command", "status"), [("touch {output}", 0), ("false", 1)])
def test_no_timer_keeps_a_command_that_is_done(tmp_path, run_snakemake, command, status):
    """Well done or failed: without the Snakefile's calls of end_timers this lasts an hour."""
    snakefile = tmp_path / "Snakefile"
    snakefile.write_text(WAITS.replace('config["command"]', f'"{command}"'))
    config = {"phantom": {"patients": 12}, "split": {"counts": None}}
    ended = run_snakemake(tmp_path, "done", config=config, snakefile=snakefile, timeout=300)
    assert ended.returncode == status, ended.stdout
