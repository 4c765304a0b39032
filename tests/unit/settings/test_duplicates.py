import pytest

from strokeclock.errors import ConfigurationError
from strokeclock.settings.duplicates import check_duplicate_keys


@pytest.fixture
def write(tmp_path):
    def write(text, name="own.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("run: a\nsplit: {}\nrun: b\n", "own.yaml line 3: key run is already in line 1: keep one."),
        (
            "split:\n  seed: 1\n  file: null\n  seed: 2\n",
            "own.yaml line 4: key split.seed is already in line 2: keep one.",
        ),
        ("split: {seed: 1, seed: 2}\n", "own.yaml line 1: key split.seed is already in line 1"),
        ("models:\n  2d: {width: 1}\n  '2d': {width: 2}\n", "own.yaml line 3: key models.2d is already"),
        ('{"run": "a",\n "run": "b"}', "own.yaml line 2: key run is already in line 1"),
        ("- {a: 1, a: 2}\n", "own.yaml line 1: key 0.a is already in line 1"),
    ],
)
def test_a_repeated_key_is_named_with_its_line(write, text, sentence):
    with pytest.raises(ConfigurationError) as caught:
        check_duplicate_keys([write(text)])
    assert sentence in str(caught.value)


def test_all_files_and_keys_are_reported_at_once(write):
    files = [write("a: 1\na: 2\nb: 1\nb: 2\n"), write("c: 1\nc: 2\n", "other.yaml")]
    with pytest.raises(ConfigurationError) as caught:
        check_duplicate_keys(files)
    assert len(str(caught.value).splitlines()) == 3


def test_what_is_not_utf_8_is_one_sentence(write):
    with pytest.raises(ConfigurationError, match=r"own\.yaml is not UTF-8 text \(byte 8\): save it as"):
        check_duplicate_keys([write("run: café".encode("latin-1"))])


@pytest.mark.parametrize(
    "text", ["", "run: ä\n", "\ufeffrun: a\n", "a: {x: 1}\nb: {x: 1}\n", "a: [\n", '{"a":\t1}']
)
def test_other_files_are_let_pass(write, text):
    check_duplicate_keys([write(text)])


def test_shipped_files_and_addresses_are_let_pass(root):
    check_duplicate_keys([*(root / "config").glob("*.yaml"), "https://example.org/config.yaml"])
