"""report.statements is checked before the first job."""

import pytest

from strokeclock.errors import ConfigurationError
from strokeclock.settings.check import check_configuration


def test_a_file_of_statements_is_accepted(laid_over, tmp_path):
    path = tmp_path / "ours.yaml"
    path.write_text("funding: none\n")
    assert check_configuration(laid_over({"report": {"statements": str(path)}})).report.statements == str(
        path
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            None,
            r"Configuration key report.statements names .*ours.yaml, which does not exist: correct the path",
        ),
        ("fundng: none\n", "has the unknown key fundng: did you mean funding"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(laid_over, tmp_path, text, said):
    path = tmp_path / "ours.yaml"
    if text:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        check_configuration(laid_over({"report": {"statements": str(path)}}))
