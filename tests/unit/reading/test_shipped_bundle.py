"""The bundle of resources/: the file that README names, of phantoms alone; it reads as where it was made."""

import hashlib
import re
from pathlib import Path

import pytest

from strokeclock.bundle.model import open_bundle
from strokeclock.bundle.names import CARD
from strokeclock.reading.self_test import run_self_test

ROOT = Path(__file__).parents[3]
BUNDLE = ROOT / "resources/phantom_bundle.zip"


@pytest.fixture(scope="module")
def bundle():
    return open_bundle(BUNDLE)


def test_it_is_the_file_that_readme_names():
    digest = hashlib.sha256(BUNDLE.read_bytes()).hexdigest()
    text = (ROOT / "resources/README.md").read_text()
    assert re.findall(r"`([0-9a-f]{64})`", text) == [digest]
    assert BUNDLE.stat().st_size < 10e6


def test_its_card_says_that_it_learned_from_phantoms(bundle):
    card = bundle.archive.read(CARD).decode()
    assert "phantom" in card
    assert "cc0-1.0" in card.lower()
    assert "Research use only" in card


def test_it_reads_as_where_it_was_made(bundle):
    assert run_self_test(bundle).startswith("Passed")
