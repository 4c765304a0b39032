"""The authors' statements: read as they are, refused where nobody would find them again."""

import pytest

from strokeclock.errors import ConfigurationError
from strokeclock.statements import read_statements


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "ours.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_statements(path)

    return read


def test_texts_are_read_on_one_line_and_empty_keys_are_left_out(read):
    text = "title: Stroke clocks\nfunding: >-\n  Grant 7,\n  no role\nethics:\nabstract: ' '\n"
    assert read(text) == {"title": "Stroke clocks", "funding": "Grant 7, no role"}
    assert read("") == {}
    assert read_statements(None) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fundng: x", "unknown key fundng: did you mean funding\\?"),
        ("zzz: x", "unknown key zzz: use some of title, abstract, "),
        ("1: x", "unknown key 1: use some of"),
        ("registration: 12345", "registration is 12345, which is no text: write it in quotes."),
        ("ethics: [a]", r"ethics is \['a'\], which is no text"),
        ("- title", "ours.yaml, holds no keys: write lines such as funding"),
        ("title: 'x", r"ours.yaml, is not YAML in UTF-8 \(line 1\)"),
        (b"title: \xff\xfe", "ours.yaml, is not YAML in UTF-8: write lines"),
    ],
)
def test_faults_are_told_with_the_key_and_the_remedy(read, text, said):
    with pytest.raises(ConfigurationError, match=said):
        read(text)


def test_every_fault_has_its_sentence(read):
    with pytest.raises(ConfigurationError) as error:
        read("fundng: x\nethics: 3\n")
    assert len(str(error.value).splitlines()) == 2
