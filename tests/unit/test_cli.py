import os
import subprocess
import sys
from pathlib import Path

BUNDLE = Path(__file__).parents[2] / "resources/phantom_bundle.zip"


def test_a_reader_that_stops_early_ends_the_command_without_a_message():
    reader, writer = os.pipe()
    os.close(reader)  # as of `strokeclock bundle show model.zip | head`, once head has ended
    done = subprocess.run(
        [sys.executable, "-m", "strokeclock", "bundle", "show", BUNDLE],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")
