"""Headers and tables changed at random: a refusal in one sentence or an image, never another error."""

import gzip
import json
import os
import resource
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strokeclock.errors import PatientError
from strokeclock.intake.bringing import bring_image
from strokeclock.intake.diffusion import combine, plan_diffusion, read_b_values, read_directions
from strokeclock.intake.formats import read_image
from strokeclock.intake.privacy import KEPT, keep

pytestmark = pytest.mark.slow

MOST = 2**26  # bytes that may be taken for a file of a few hundred
EXAMPLES = settings(
    max_examples=1500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
NUMBERS = st.one_of(
    st.sampled_from(
        ["0", "-1", "1", "nan", "inf", "1e308", "-1e308", "1e-308", "30000", "2147483648", "1_0", "３"]
    ),
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(repr),
)
VALUES = st.one_of(
    NUMBERS,
    st.lists(NUMBERS, max_size=18).map(" ".join),
    st.lists(NUMBERS, min_size=3, max_size=3).map(lambda words: f"({','.join(words)})"),
    st.text(max_size=40),
    st.sampled_from(
        [
            "True",
            "False",
            "LOCAL",
            "LIST",
            "../x",
            "x.raw",
            "none none none",
            "gzip",
            "raw",
            "bzip2",
            "MET_DOUBLE",
        ]
    ),
)


def use(path, folder):
    """Read and bring a file; check what comes of it."""
    image, reason = attempt(read_image, path, patient="p1", series="dwi", several=True)
    _, other = attempt(bring_image, path, {"dwi": folder / "out.nii.gz"}, person="p1", facts={})
    for said in filter(None, (reason, other)):
        assert said.startswith(f"dwi file {path.name} ")
        assert "\n" not in said
        assert str(folder) not in said
    if image:
        assert image.data.ndim in (3, 4)
        assert np.isfinite(image.affine).all()
        assert abs(np.linalg.det(image.affine[:3, :3])) > 1e-4


def attempt(function, *arguments, **options):
    """Return what a function returns, or why it refuses; it takes little memory."""
    try:
        with little_memory():
            return function(*arguments, **options), ""
    except PatientError as error:
        return None, error.reason


def attempt_table(function, *arguments):
    """Return what a function returns, or the sentence that it raises."""
    try:
        return function(*arguments), ""
    except ValueError as error:
        return None, str(error)


@contextmanager
def little_memory():
    """Give this process little more memory than it has."""
    has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (has + MOST, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture(autouse=True)
def quick(monkeypatch, caplog):
    """Neither wait for the disk nor keep what is logged."""
    caplog.set_level("ERROR")
    monkeypatch.setattr(os, "fsync", lambda _: None)


def change_bytes(content, changes):
    content = bytearray(content)
    for place, value in changes:
        content[place % len(content)] = value
    return bytes(content)


def change_lines(lines, changes, separator):
    """Give fields other values, leave lines out or repeat them."""
    lines = list(lines)
    for place, kind, value in changes:
        place %= len(lines)
        name = lines[place].partition(separator)[0]
        if kind == "value":
            lines[place] = f"{name}{separator}{value}"
        elif kind == "drop" and len(lines) > 1:
            del lines[place]
        elif kind == "repeat":
            lines.insert(place, lines[place])
        elif kind == "line":
            lines[place] = value
    return lines


LINE_CHANGES = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(["value", "value", "drop", "repeat", "line"]), VALUES),
    min_size=1,
    max_size=3,
)


@pytest.mark.parametrize("write", ["write_nifti", "write_mgh"])
def test_binary_headers(tmp_path, make_scan, write):
    whole = getattr(make_scan(), write)(tmp_path / "a").read_bytes()
    size = 352 if write == "write_nifti" else 90
    words = st.tuples(st.integers(0, size // 2), st.binary(min_size=1, max_size=8))

    @EXAMPLES
    @given(st.lists(words, min_size=1, max_size=4), st.booleans(), st.integers(0, 40))
    def check(changes, packed, cut):
        content = bytearray(whole)
        for place, value in changes:
            content[2 * place : 2 * place + len(value)] = value
        content = bytes(content[: len(content) - cut])
        path = tmp_path / "b"
        path.write_bytes(gzip.compress(content, 1, mtime=0) if packed else content)
        use(path, tmp_path)

    check()


@pytest.mark.parametrize(("write", "separator"), [("write_mha", " = "), ("write_nrrd", ": ")])
def test_text_headers(tmp_path, make_scan, write, separator):
    options = {"data_file": "a.raw"}
    path = getattr(make_scan(), write)(tmp_path / "a.hdr", **options)
    lines = path.read_text().rstrip("\n").split("\n")

    @EXAMPLES
    @given(LINE_CHANGES)
    def check(changes):
        path.write_text("\n".join(change_lines(lines, changes, separator)) + "\n\n", encoding="utf-8")
        use(path, tmp_path)

    check()


@pytest.mark.parametrize("write", ["write_mha", "write_nrrd", "write_nifti", "write_mgh"])
def test_whole_files(tmp_path, make_scan, write):
    options = {"write_mha": {"compressed": True}, "write_nrrd": {"encoding": "gzip"}}.get(write, {})
    path = getattr(make_scan(), write)(tmp_path / "a.gz", **options)
    whole = path.read_bytes()
    change = st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255))

    @settings(EXAMPLES, max_examples=300)
    @given(st.lists(change, min_size=1, max_size=6), st.integers(0, 60))
    def check(changes, cut):
        path.write_bytes(change_bytes(whole, changes)[: len(whole) - cut])
        use(path, tmp_path)

    check()


def test_tables_of_b_values_and_directions(tmp_path):
    @EXAMPLES
    @given(st.lists(NUMBERS, max_size=8), st.sampled_from([" ", "\n", "\t"]), st.binary(max_size=40))
    def check(words, separator, raw):
        path = tmp_path / "a.bval"
        for content in (separator.join(words).encode(), raw):
            path.write_bytes(content)
            for read in (read_b_values, read_directions):
                assert "\n" not in attempt_table(read, path)[1]

    check()


def test_plans():
    b_values = st.lists(
        st.one_of(st.floats(-10, 3000), st.sampled_from([0, 50, 1000, float("nan")])), max_size=9
    )
    vectors = st.lists(st.floats(-2, 2), min_size=27, max_size=27)

    @EXAMPLES
    @given(b_values, vectors, st.booleans())
    def check(b, numbers, with_directions):
        directions = np.array(numbers).reshape(9, 3)[: len(b)] if with_directions else None
        data = np.arange(8 * len(b), dtype=np.int16).reshape(2, 2, 2, len(b)) - 4
        plan, reason = attempt_table(plan_diffusion, b, directions)
        assert "\n" not in reason
        if plan is None:
            return
        assert 700 <= plan.b_value <= 1300
        assert min(b[number] for number in plan.trace) > max(b[number] for number in plan.b0)
        for values in combine(data, plan, to_b1000=True)[:2]:
            assert np.isfinite(values).all()

    check()


def test_sidecars():
    texts = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))
    values = st.recursive(
        texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner)
    )

    @EXAMPLES
    @given(st.dictionaries(st.sampled_from([*KEPT, "PatientName", "StudyDate"]), values))
    def check(content):
        kept = keep(content)
        assert set(kept) <= set(KEPT)
        json.dumps(kept, allow_nan=False)
        assert keep(kept) == kept

    check()
