"""Every key of the configuration is given, one after the other, what it cannot be."""

import copy
import math

import pytest
import yaml

from strokeclock.errors import ConfigurationError
from strokeclock.settings.check import check_configuration

ODD = [
    None,
    math.nan,
    math.inf,
    -math.inf,
    -1,
    -1e-9,
    0,
    0.0,
    1.5,
    10**30,
    1e300,
    True,
    "",
    " ",
    "..",
    "/",
    "{x}",
    "a\nb",
    "x" * 10_000,
    "\0",
    [],
    [[]],
    [None],
    [math.nan] * 3,
    [-1, -1, -1],
    ["a"] * 3,
    {},
    {"a": 1},
    {1: 2},
    {None: None},
    {"a": {"b": {"c": []}}},
    b"bytes",
]


def list_places(group, place=()):
    """Every key of a configuration, groups too."""
    for key, value in group.items():
        yield (*place, key)
        if isinstance(value, dict):
            yield from list_places(value, (*place, key))


def put(config, place, value):
    changed = copy.deepcopy(config)
    group = changed
    for key in place[:-1]:
        group = group[key]
    group[place[-1]] = value
    return changed


def check(config):
    """Return the sentences with which a configuration is refused."""
    try:
        check_configuration(config)
    except ConfigurationError as error:
        return str(error).splitlines()
    return []


@pytest.mark.slow
def test_every_key_refuses_what_it_cannot_be(config):
    """A group, and what is no number, text or list of the right kind, in particular."""
    places = [*list_places(config)]
    assert len(places) > 150
    for place in places:
        refused = 0
        for value in ODD:
            sentences = check(put(config, place, value))
            refused += bool(sentences)
            for sentence in sentences:
                assert 20 < len(sentence) < 600 or value == "x" * 10_000, (place, value, sentence)
                assert sentence.endswith((".", "?")), (place, value, sentence)
            if sentences and not isinstance(value, dict):
                name = ".".join(place)
                assert any(name in one or place[-1] in one for one in sentences), (place, value, sentences)
        assert refused >= len(ODD) // 2, place


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_may_be_infinite_or_none(config, value):
    for place in list_places(config):
        group = config
        for key in place:
            group = group[key]
        if isinstance(group, float | int) and not isinstance(group, bool):
            assert check(put(config, place, value)), place
        if isinstance(group, list) and group and isinstance(group[0], float | int):
            assert check(put(config, place, [value, *group[1:]])), place


@pytest.mark.parametrize(
    "text",
    [
        "007",
        "1e3",
        "0x10",
        "on",
        "yes",
        "2021-01-01",
        "1.5",
        "~",
        "1_000",
        "12:30",
        "null",
        ".inf",
        "2021-01-01 10:00",
    ],
)
def test_an_identifier_that_yaml_reads_as_another_type_is_refused_or_stays_text(laid_over, tmp_path, text):
    (tmp_path / "cohort.tsv").touch()
    own = yaml.safe_load(f"{{cohort: {{sheet: {tmp_path}/cohort.tsv, exclude: {{{text}: moved}}}}}}")
    config = laid_over({"phantom": {"patients": 0}}, own)
    (key,) = config["cohort"]["exclude"]
    if isinstance(key, str):
        assert key == text
        assert check_configuration(config).cohort.exclude == {text: "moved"}
    else:
        with pytest.raises(ConfigurationError, match=r"cohort\.exclude has the key .*: write it in quotes"):
            check_configuration(config)
