"""Manual verdicts: read exactly, faults named with their line."""

import pytest

from strokeclock.cohort.verdicts import read_verdicts
from strokeclock.errors import ConfigurationError

HEADER = "patient\tverdict\treason\n"


def test_read(tmp_path):
    (tmp_path / "v.tsv").write_text(HEADER + "p1\tpass\t\np2\tfail\tsevere motion\n")
    verdicts = read_verdicts(tmp_path / "v.tsv", patients=["p1", "p2", "p3"])
    assert verdicts == {"p1": ("pass", ""), "p2": ("fail", "severe motion")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patient\tverdict\n", "lacks the column reason"),
        (HEADER + "p9\tpass\t\n", "line 2: patient 'p9' is not in the cohort"),
        (HEADER + "p1\tpass\t\np1\tfail\tx\n", "line 3: patient p1 has a verdict already"),
        (HEADER + "p1\tgood\t\n", "line 2: verdict 'good' is unknown: use pass, review, fail"),
        (HEADER + "p1\tlook\t\n", "line 2: the verdict look is now called review: write review"),
        (HEADER + "p1\tfail\t\n", "line 2: a fail needs a reason"),
        (HEADER + "p1\tfail\n", "line 2 has 2 cells where the header has 3: correct its tabs"),
        (HEADER + 'p1\tpass\t"dark\np2\tfail\tblurred\n', "line 2 has a quotation mark that opens"),
    ],
)
def test_faults(tmp_path, text, message):
    (tmp_path / "v.tsv").write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        read_verdicts(tmp_path / "v.tsv", patients=["p1", "p2"])
