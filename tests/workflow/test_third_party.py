"""The list of third-party licences is that of the locked packages."""

import subprocess
import sys


def test_the_page_is_what_the_script_writes(root):
    process = subprocess.run(
        [sys.executable, "tools/third_party.py"], cwd=root, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout == (root / "THIRD_PARTY.md").read_text()
