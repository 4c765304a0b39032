"""Files that people write, mutated at random: they are read, or refused by an error of ours."""

import contextlib
import json

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strokeclock.cohort.parts import read_exclusions
from strokeclock.cohort.readers import read_reader_sheet
from strokeclock.cohort.sheet import read_sheet, write_cohort
from strokeclock.cohort.sidecars import read_b_values, read_sidecar
from strokeclock.cohort.split_file import check_split_file
from strokeclock.cohort.verdicts import read_verdicts
from strokeclock.errors import StrokeclockError
from strokeclock.settings.check import check_configuration
from strokeclock.settings.duplicates import check_duplicate_keys

pytestmark = pytest.mark.slow

SHEET = b"""patient\tt2w\tdwi\tflair\tadc\tonset_to_mri_min\tlesion_side\tage\tsex\tsite\tperson
p1\tx.nii\tx.nii\tx.nii\t\t120\tleft\t70\tF\ta\tq1
p2\tx.nii\tx.nii\tx.nii\t\t300\tboth\t89+\tM\t"b, c"\t
"""
VERDICTS = b"patient\tverdict\treason\np1\tpass\t\np2\tfail\tmotion\n"
SPLIT = b"patient\tpart\np1\ttrain\np2\tvalidation\np3\ttest\n"
READERS = b"patient\treader1\treader2\np1\t1\t0\np2\t0\t0\n"
EXCLUSIONS = b"patient\tstage\treason\np1\tentry\tno FLAIR\n"
SIDECAR = json.dumps(
    {"Manufacturer": "Siemens", "MagneticFieldStrength": 3, "EchoTime": 0.1, "ImageType": ["ORIGINAL"]}
).encode()
PATIENTS = ("p1", "p2", "p3")
# What people and programs put into files, and what has broken readers before.
PIECES = st.sampled_from(
    b"""\t|\n|\r|"|'|\0|\xff|\xfe\xff|\xef\xbb\xbf|{}|[|]|:|-1|nan|1e999|null|{{{|..|/|~|!!python|&a|*a|? |+|;
|,|%|>|#|\xe2\x80\xa8|\xd9\xa1|\xf0\x9f\xa7\xa0|PK\x03\x04| |00000000000000000000""".split(b"|")
)
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 12), st.one_of(PIECES, st.binary(max_size=6))), max_size=6
)
MANY = settings(
    max_examples=1300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def mutate(content, edits):
    """Replace pieces: each edit is a place, how many bytes go, and what comes."""
    for place, length, new in edits:
        at = round(place * len(content))
        content = content[:at] + new + content[at + length :]
    return content


def read_mutated(path, content, edits, read):
    """Read a mutated file; any error but ours is a failure, and ours is one line."""
    path.write_bytes(mutate(content, edits))
    sentence = "read"
    try:
        read(path)
    except StrokeclockError as error:
        sentence = str(error)
    assert len(sentence.splitlines()) == 1, sentence


@MANY
@given(edits=EDITS)
def test_sheets(tmp_path, edits):
    (tmp_path / "x.nii").touch()

    def read(path):
        cohort = read_sheet(path, require_onset=False)
        write_cohort(cohort, table=tmp_path / "t.tsv", exclusions=tmp_path / "e.tsv")
        assert read_exclusions(tmp_path / "e.tsv").keys() == cohort.exclusions.keys()

    read_mutated(tmp_path / "cohort.tsv", SHEET, edits, read)


@MANY
@given(edits=EDITS)
def test_verdicts(tmp_path, edits):
    read_mutated(tmp_path / "v.tsv", VERDICTS, edits, lambda path: read_verdicts(path, patients=PATIENTS))


@MANY
@given(edits=EDITS)
def test_split_files(tmp_path, edits):
    read_mutated(
        tmp_path / "s.tsv",
        SPLIT,
        edits,
        lambda path: check_split_file(path, labelled=PATIENTS, needed=PATIENTS),
    )


@MANY
@given(edits=EDITS)
def test_reader_sheets(tmp_path, edits):
    read_mutated(
        tmp_path / "r.tsv",
        READERS,
        edits,
        lambda path: read_reader_sheet(path, known=PATIENTS, needed=["p1"]),
    )


@MANY
@given(edits=EDITS)
def test_exclusions(tmp_path, edits):
    read_mutated(tmp_path / "e.tsv", EXCLUSIONS, edits, read_exclusions)


@MANY
@given(edits=EDITS)
def test_sidecars(tmp_path, edits):
    read_mutated(tmp_path / "x.json", SIDECAR, edits, read_sidecar)
    read_mutated(tmp_path / "x.bval", b"0 1000 1000\n", edits, read_b_values)


@settings(MANY, max_examples=2500)
@given(edits=EDITS)
def test_configurations(tmp_path, root, edits):
    path = tmp_path / "config.yaml"
    path.write_bytes(mutate((root / "config/config.yaml").read_bytes(), edits))
    with contextlib.suppress(StrokeclockError):
        check_duplicate_keys([path])
        try:
            read = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (yaml.YAMLError, UnicodeDecodeError, ValueError):
            return  # Snakemake's own sentence
        if isinstance(read, dict):
            check_configuration(read)
