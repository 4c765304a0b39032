"""Keyed tokens: a copy of a scan is noticed, and a token tells of nobody."""

import hashlib
import hmac

import pytest

from strokeclock.bundle.tokens import find_seen, make_key, make_token, read_seen, write_seen

SCANS = {"train": ["aa", "bb"], "test": ["cc"]}


def test_a_token_is_an_hmac():
    key = bytes(range(32))
    assert make_token(key, "aa") == hmac.new(key, b"aa", hashlib.sha256).hexdigest()


def test_seen_scans_are_found_with_their_part():
    key = make_key([b"weights"])
    content = write_seen(key, SCANS)
    read_key, seen = read_seen(content)
    assert read_key == key
    assert find_seen(seen, key, {"t2w": "bb", "dwi": "cc", "flair": "zz"}) == {
        "train": ["t2w"],
        "test": ["dwi"],
    }
    assert find_seen(seen, make_key([b"other"]), {"t2w": "bb"}) == {}


def test_the_order_of_tokens_tells_nothing():
    key = make_key([b"weights"])
    reversed_ = {part: scans[::-1] for part, scans in reversed(SCANS.items())}
    assert write_seen(key, SCANS) == write_seen(key, reversed_)


def test_keys_follow_from_the_weights():
    assert make_key([b"a", b"b"]) == make_key([b"a", b"b"])
    assert make_key([b"a", b"b"]) != make_key([b"ab"])


@pytest.mark.parametrize(
    "content",
    [b"", b"key\tzz\ntoken\tpart\n", b"key\t00\ntoken\tpart\nshort\ttrain\n",
     b"key\t00\ntoken\tpart\n" + b"0" * 64 + b"\tstaff\n", b"\xff"],
)  # fmt: skip
def test_another_table_is_refused(content):
    with pytest.raises(ValueError):  # noqa: PT011
        read_seen(content)
