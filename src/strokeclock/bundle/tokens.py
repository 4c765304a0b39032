"""Keyed tokens of scans: a bundle notices a patient whom it has seen, and names none.

A token is the HMAC-SHA256 of a scan's digest (`imaging.findings.digest_scan`), which copies of the scan share
whatever their names and headers. The key lies in the bundle, so that others can compare their scans with it:
whoever holds a scan can find out whether it was in the cohort, and nobody can find a scan from its token.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from strokeclock.cohort.parts import EXTERNAL, PARTS

_PARTS = (*PARTS, EXTERNAL)
_DIGEST = 64  # hexadecimal digits of a sha256


def make_key(content: Iterable[bytes]) -> bytes:
    """Make a bundle's key from its weights: the same for the same bundle, and another one for another."""
    digest = hashlib.sha256(b"strokeclock tokens")
    for part in content:
        digest.update(hashlib.sha256(part).digest())
    return digest.digest()


def make_token(key: bytes, scan: str) -> str:
    """Return the token of a scan's digest."""
    return hmac.new(key, scan.encode(), hashlib.sha256).hexdigest()


def write_seen(key: bytes, scans: Mapping[str, Iterable[str]]) -> bytes:
    """Return seen.tsv: key, then token and part of every scan, in the tokens' order.

    Parameters
    ----------
    scans : part -> the digests of its patients' scans.
    """
    lines = sorted(f"{make_token(key, scan)}\t{part}" for part, some in scans.items() for scan in some)
    return "\n".join([f"key\t{key.hex()}", "token\tpart", *lines, ""]).encode()


def read_seen(content: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the key, and token -> part; ValueError where the content is no seen.tsv."""
    first, header, *lines = content.decode("ascii").splitlines()
    name, _, key = first.partition("\t")
    if name != "key" or header != "token\tpart":
        raise ValueError("no table of tokens")
    seen = {}
    for line in lines:
        token, part = line.split("\t")
        if len(token) != _DIGEST or part not in _PARTS:
            raise ValueError("no token, or an unknown part")
        seen[token] = part
    return bytes.fromhex(key), seen


def find_seen(seen: Mapping[str, str], key: bytes, scans: Mapping[str, str]) -> dict[str, list[str]]:
    """Return part -> the series of a patient that are scans of that part's patients.

    ``scans``: series -> digest.
    """
    found: dict[str, list[str]] = {}
    for series, scan in scans.items():
        if part := seen.get(make_token(key, scan)):
            found.setdefault(part, []).append(series)
    return found
