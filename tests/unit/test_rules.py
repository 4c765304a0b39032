"""A rule that lacks what its job needs is refused before any job, in one sentence."""

import pytest

from strokeclock.rules import JobError, check_rule


@pytest.fixture
def check(tmp_path):
    """Check a whole rule, with changes; its files are those that there are."""
    files = [tmp_path / "spread.py", tmp_path / "spread.rst"]
    for file in files:
        file.touch()
    whole = {"script": files[0], "captions": files[1:], "has_log": True, "has_conda": True}
    params = {"settings": {"bins": [1, 2.5], "names": ("a", None)}, "rows": lambda wildcards: {1, 2}}
    return lambda **change: check_rule("spread", **whole | {"params": params} | change)


def test_a_whole_rule_passes(check):
    check()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"has_log": False}, "it has no log"),
        ({"has_conda": False}, "it has no conda"),
        ({"script": "scripts/spred.py"}, "there is no file scripts/spred.py"),
        ({"captions": ["report/spred.rst"]}, "there is no file report/spred.rst"),
        ({"params": {"part": {"test"}}}, "param part has a value of type set; use numbers, texts, lists and"),
        ({"has_log": False, "has_conda": False}, "it has no log; it has no conda: write it as docs/how-to/"),
    ],
)
def test_what_a_rule_lacks_is_said(check, change, sentence):
    with pytest.raises(JobError, match=f"^rule spread: {sentence}"):
        check(**change)
