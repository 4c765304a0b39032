"""The check-lists: their items as published, and an answer for each."""

import pytest
import yaml

from strokeclock.errors import ConfigurationError
from strokeclock.report.checklists.lists import ANSWERS, read_checklist
from strokeclock.statements import STATEMENTS

# Numbers of the items in the published lists.
PUBLISHED = {
    "TRIPOD+AI": "1 2 3a 3b 3c 4 5a 5b 6a 6b 6c 7 8a 8b 8c 9a 9b 9c 10 11 12a 12b 12c 12d 12e 12f 12g 13 14 "
    "15 16 17 18a 18b 18c 18d 18e 18f 19 20a 20b 20c 21 22 23a 23b 24 25 26 27a 27b 27c",
    "CLAIM 2024": " ".join(map(str, range(1, 45))),
    "STARD-AI": "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15a 15b 15c 15d 16a 16b 16c 17a 17b 18 19 20 21 22 23 24 "
    "25 26a 26b 27 28 29 30 31 32 33 34 35 36 37 38 39 40a 40b",
}
MAIN_ITEMS = {"TRIPOD+AI": 27, "CLAIM 2024": 44, "STARD-AI": 40}
DOIS = {
    "TRIPOD+AI": "10.1136/bmj-2023-078378",
    "CLAIM 2024": "10.1148/ryai.240300",
    "STARD-AI": "10.1038/s41591-025-03953-8",
}


@pytest.fixture
def read(lists):
    return {one.name: one for one in map(read_checklist, lists)}


def test_no_item_is_missing_and_none_is_invented(read):
    assert {name: " ".join(item.item for item in one.items) for name, one in read.items()} == PUBLISHED


def test_there_are_as_many_items_as_published(read):
    counted = {name: len({item.item.rstrip("abcdefg") for item in one.items}) for name, one in read.items()}
    assert counted == MAIN_ITEMS
    assert {name: len(one.items) for name, one in read.items()} == {
        "TRIPOD+AI": 52,
        "CLAIM 2024": 44,
        "STARD-AI": 48,
    }


def test_each_list_is_cited(read):
    assert {name: one.doi for name, one in read.items()} == DOIS
    for one in read.values():
        assert one.licence
        assert one.citation.endswith(("e078378", "e240300", "3283-3289"))


def test_every_answer_is_given_to_some_item(read):
    assert {item.answer for one in read.values() for item in one.items} == set(ANSWERS)


def test_what_is_asked_is_short_and_plain(read):
    for one in read.values():
        asked = [item.asked for item in one.items]
        assert len(set(asked)) == len(asked)
        for text in asked:
            assert text[0].isupper(), text
            assert text.endswith((".", "?")), text
            assert 10 < len(text) < 130, text


def test_an_item_without_an_answer_is_refused(lists, tmp_path):
    found = yaml.safe_load(lists[0].read_text())
    found["items"][2]["answer"] = "backgrounds"
    path = tmp_path / "tripod_ai.yaml"
    path.write_text(yaml.safe_dump(found))
    with pytest.raises(ConfigurationError, match=r"tripod_ai\.yaml: item 3a names the answer backgrounds"):
        read_checklist(path)


def test_the_template_of_statements_has_every_key(lists):
    template = yaml.safe_load((lists[0].parent / "statements.yaml").read_text())
    assert template == dict.fromkeys(STATEMENTS)


def test_the_documentation_names_every_key_and_the_numbers_of_items(root, read):
    text = (root / "docs/reference/checklists.md").read_text()
    assert not [key for key in STATEMENTS if f"`{key}`" not in text]
    for name, one in read.items():
        assert one.doi in text
        assert f"| {name} | {MAIN_ITEMS[name]} | {len(one.items)} |" in text
