"""Bad input of every kind, through the sheet's check and the loading of series, as the workflow does it.

bad_inputs.tsv says what must happen to each kind: it is refused before the first job, its patient is excluded
when the sheet is read, its patient is excluded when the series are read, or it is accepted. Each time one
sentence must say what is wrong; the other patient of the sheet must go on. Kinds that only a whole
preprocessing can tell are in tests/integration/test_bad_inputs.py.
"""

import csv
import gzip
import io
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import yaml
from scipy.ndimage import gaussian_filter

from strokeclock.cohort.readers import read_reader_sheet
from strokeclock.cohort.sheet import read_sheet
from strokeclock.cohort.split_file import check_split_file
from strokeclock.cohort.verdicts import read_verdicts
from strokeclock.errors import ConfigurationError, PatientError
from strokeclock.imaging.volume import read_series
from strokeclock.series import list_needed
from strokeclock.settings.check import check_configuration

ROOT = Path(__file__).parents[2]
SHAPE, VOXEL = (48, 48, 12), (4.0, 4.0, 12.0)
AFFINE = np.diag([*VOXEL, 1.0])
AFFINE[:3, 3] = -(np.array(SHAPE) - 1) / 2 * VOXEL
GOOD = {"onset_to_mri_min": "120", "lesion_side": "left", "age": "70", "sex": "F"}
KINDS: dict[str, Callable[["Cohort"], Any]] = {}


def kind(name):
    """Register a function that makes one kind of bad input, by its name in the table."""
    assert name not in KINDS

    def register(make):
        KINDS[name] = make
        return make

    return register


def each(values):
    """Register one function for several kinds: kind -> the value that it is given."""

    def register(make):
        for name, value in values.items():
            assert name not in KINDS
            KINDS[name] = lambda cohort, value=value: make(cohort, value)
        return make

    return register


def head(rng):
    """A ball of brain with a shell of fluid in air: b0, b1000, FLAIR and ADC in mm2/s."""
    grid = np.indices(SHAPE).reshape(3, -1).T * VOXEL + AFFINE[:3, 3]
    grid[:, 1] += 0.5 * grid[:, 2]  # as heads lean: no slice is like its mirror image
    radius = np.linalg.norm(grid, axis=1).reshape(SHAPE)
    brain, fluid = radius < 62, (radius >= 62) & (radius < 70)
    adc = np.where(brain, 0.8e-3, 3e-3)
    grain = gaussian_filter(rng.normal(size=SHAPE), (4, 4, 1.5))  # so that neighbouring slices look alike
    noise = np.exp(0.3 * grain / grain.std()) * rng.normal(1, 0.02, SHAPE)
    t2w = np.where(brain, 300, np.where(fluid, 900, 5)) * noise
    return {
        "t2w": t2w,
        "dwi": np.where(brain | fluid, t2w * np.exp(-1000 * adc), 4),
        "flair": np.where(brain, 400, np.where(fluid, 60, 6)) * noise[::-1],
        "adc": np.where(brain | fluid, adc, 0) * 1e6,
    }


class Cohort:
    """Two patients with their files and a sheet, before one thing is spoilt. The first is the bad one."""

    def __init__(self, folder):
        self.folder = folder
        self.rows = []
        self.images = {}
        for number, patient in enumerate(("bad", "good")):
            self.images[patient] = head(np.random.default_rng(number))
            row = {"patient": patient} | {
                name: f"{patient}/{name}.nii.gz" for name in ("t2w", "dwi", "flair")
            }
            self.rows.append(row | GOOD)
            (folder / patient).mkdir()
            for name, data in self.images[patient].items():
                self.save(name, data, patient=patient)
        self.separator = "\t"
        self.text: str | bytes | None = None  # of the whole sheet
        self.exclude: dict = {}
        self.channels = ("dwi", "t2w", "flair")

    @property
    def bad(self):
        return self.rows[0]

    @property
    def image(self):
        return {name: data.copy() for name, data in self.images["bad"].items()}

    def save(
        self, name, data, affine=AFFINE, *, patient="bad", dtype=None, change=None, kind=nib.Nifti1Image
    ):
        """Write a series of a patient; ``change`` edits the header that is written."""
        data = np.asarray(data)
        if dtype is None:
            dtype = np.uint16 if np.issubdtype(data.dtype, np.floating) else data.dtype
        image = kind(data.astype(dtype), affine)
        image.set_sform(affine, 1)
        image.set_qform(affine, 1)
        content = bytearray(image.to_bytes())
        if change:  # of the bytes: nibabel would mend the header when it writes an image
            header = kind.header_class(bytes(content[: kind.header_class.sizeof_hdr]), check=False)
            change(header)
            content[: header.sizeof_hdr] = header.binaryblock
        self.path(name, patient).write_bytes(gzip.compress(content, 1))

    def path(self, name, patient="bad"):
        return self.folder / patient / f"{name}.nii.gz"

    def content(self, name="dwi"):
        """The bytes of the bad patient's file, unpacked, to be changed."""
        return bytearray(gzip.decompress(self.path(name).read_bytes()))

    def write(self, content, name="dwi"):
        self.path(name).write_bytes(gzip.compress(bytes(content), 1))

    def write_sheet(self):
        columns = list(dict.fromkeys(column for row in self.rows for column in row))
        lines = [columns, *([row.get(column, "") for column in columns] for row in self.rows)]
        text = self.text
        if text is None:
            text = "".join(self.separator.join(line) + "\n" for line in lines)
        path = self.folder / "cohort.tsv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path


def meet(cohort):
    """Return (what happens to the bad patient, the sentence) by the steps of the workflow."""
    needed = list_needed(cohort.channels)
    sheet = cohort.write_sheet()
    try:
        checked = read_sheet(sheet, needed=needed, exclude=cohort.exclude)
    except ConfigurationError as error:
        return "refused", str(error)
    name = cohort.bad["patient"].strip()
    if "good" in (row["patient"] for row in cohort.rows):
        assert "good" in checked.patients, checked.exclusions
    if name in checked.exclusions:
        return "excluded", checked.exclusions[name]
    outcomes = {}
    for row in checked.rows:
        files = {column: row[column] or None for column in (*needed, "adc")}
        try:
            read_series(files, patient=row["patient"], b_value=float(row["b_value"] or 1000))
            outcomes[row["patient"]] = "accepted", ""
        except PatientError as error:
            outcomes[row["patient"]] = "unusable", error.reason
    assert outcomes.get("good", ("accepted", ""))[0] == "accepted", outcomes
    return outcomes.get(name, next(iter(outcomes.values())))


# The sheet as a file


@each(
    {
        "semicolons between cells": ";",
        "commas between cells": ",",
        "spaces between cells": "  ",
        "bars between cells": "|",
    }
)
def separate(cohort, separator):
    cohort.separator = separator


def good_text(cohort):
    return cohort.write_sheet().read_text()


@each(
    {
        "an empty sheet": lambda text: "",
        "a sheet of blank lines": lambda text: "\n\n \n",
        "a header alone": lambda text: text.splitlines()[0] + "\n",
        "Latin-1 letters": lambda text: (
            text.replace("patient\t", "patient\tsite\t", 1)
            .replace("bad\t", "bad\tK\u00f6ln\t", 1)
            .replace("good\t", "good\tUlm\t", 1)
            .encode("latin-1")
        ),
        "UTF-16": lambda text: text.encode("utf-16"),
        "a NUL byte": lambda text: text.replace("left", "le\0ft", 1),
        "an Excel file": lambda text: b"PK\x03\x04\x14\0\x06\0" + bytes(60),
        "a gzip file": lambda text: gzip.compress(text.encode()),
        "a web page": lambda text: "<!doctype html>\n<html><body>Sign in</body></html>\n",
        "a cell too many": lambda text: text.replace("\tF\n", "\tF\textra\n", 1),
        "a cell too few": lambda text: text.replace("\tF\n", "\n", 1),
        "an open quote": lambda text: text.replace("left", '"left', 1),
        "a column twice": lambda text: text.replace("\tage\t", "\tsex\t", 1),
        "a blank heading": lambda text: text.replace("\tage\t", "\t\t", 1),
        "an unknown column": lambda text: text.replace("\tage\t", "\tAlter\t", 1),
        "a heading in capitals": lambda text: text.replace("\tage\t", "\tAge\t", 1),
        "a missing column": lambda text: re.sub(r"\tflair\t", "\tt1w\t", text, count=1),
        "no patient column": lambda text: text.replace("patient\t", "id\t", 1),
        "the same row twice": lambda text: text + text.splitlines()[1] + "\n",
        "line ends of Windows": lambda text: text.replace("\n", "\r\n"),
        "a byte order mark": lambda text: "\ufeff" + text,
        "line ends of old Macs": lambda text: text.replace("\n", "\r"),
        "no line end at the end": lambda text: text.rstrip("\n"),
        "blank lines between": lambda text: text.replace("\n", "\n\n"),
    }
)
def spoil_text(cohort, change):
    cohort.text = change(good_text(cohort))


# Identifiers


@each(
    {
        "an identifier with a slash": "a/b",
        "an identifier with a space": "a b",
        "an identifier that goes up": "..",
        "an empty identifier": "",
        "an identifier of 300 letters": "a" * 300,
        "an identifier with braces": "a{b}",
        "an identifier with an umlaut": "M\u00fcller",
        "an identifier with a zero-width space": "a\u200bb",
        "an identifier with a hyphen first": "-rf",
        "an identifier that differs in case alone": "GOOD",
        "an identifier that Windows keeps": "con",
        "an identifier that ends in a dot": "bad.",
        "an identifier with plus": "sub-01+02",
        "an identifier of digits": "007",
        "an identifier called null": "null",
    }
)
def name_patient(cohort, patient):
    cohort.bad["patient"] = patient


@kind("an excluded patient who is not there")
def an_excluded_patient_who_is_not_there(cohort):
    cohort.exclude = {"nobody": "moved"}


@kind("an excluded patient")
def an_excluded_patient(cohort):
    cohort.exclude = {"bad": "moved"}


# Cells


def cells(column, values):
    """Register kinds: what is wrong -> a value of this column."""

    def put(cohort, value):
        for row in cohort.rows:
            row.setdefault(column, "")
        cohort.bad[column] = value

    each({f"{column}: {what}": value for what, value in values.items()})(put)


cells(
    "onset_to_mri_min",
    {
        "words": "two hours",
        "a unit": "120 min",
        "hours": "4.5",
        "zero": "0",
        "negative": "-10",
        "infinite": "inf",
        "not a number": "nan",
        "underscore": "1_20",
        "full-width digits": "\uff11\uff12\uff10",
        "decimal comma": "120,5",
        "thousands": "1,200",
        "hexadecimal": "0x78",
        "an hour and minutes": "2:00",
        "two years": "1051200",
        "a date": "2026-01-01",
        "a spreadsheet's error": "#REF!",
        "a formula": "=B2*60",
    },
)
cells(
    "lesion_side",
    {
        "one letter": "L",
        "another word": "leftish",
        "another language": "links",
        "capitals": "Left",
    },
)
cells("age", {"words": "old", "negative": "-1", "too high": "200", "over 89": "89+", "a range": "60-70"})
cells("sex", {"a word": "female", "a number": "1", "another letter": "X"})
cells("nihss", {"too high": "43", "a half": "4.5", "words": "mild"})
cells("field_t", {"in gauss": "15000", "with a unit": "3T", "zero": "0"})
cells("b_value", {"in s/m2": "1000000000", "zero": "0", "negative": "-1000", "words": "b1000", "small": "50"})
cells("onset_kind", {"another word": "sleep", "wake-up with a time": "wake-up"})
cells("onset_class", {"another word": "early", "against the time": ">=4.5h"})
cells("onset_to_mri_h", {"minutes": "240", "against the minutes": "6"})
cells("onset", {"without the time of the MRI": "2026-01-01T08:00"})
cells("lesion_mask", {"not there": "bad/mask.nii.gz", "a folder": "bad"})
cells(
    "dwi",
    {
        "not there": "bad/none.nii.gz",
        "a folder": "bad",
        "empty": "",
        "a web address": "https://example.org/dwi.nii.gz",
        "a path of Windows": "C:\\data\\dwi.nii.gz",
        "a path from home": "~/dwi.nii.gz",
        "braces": "bad/{run}.nii.gz",
        "a pattern": "bad/*.nii.gz",
        "two files": "bad/dwi.nii.gz bad/t2w.nii.gz",
        "missing in words": "N/A",
    },
)


@each(
    {
        "stamps: day first": ("31.12.2025 08:00", "31.12.2025 10:00"),
        "stamps: times alone": ("08:00", "10:00"),
        "stamps: one time zone": ("2026-01-01T08:00+01:00", "2026-01-01T10:00"),
        "stamps: the 30th of February": ("2026-02-30T08:00", "2026-03-02T10:00"),
        "stamps: against the minutes": ("2026-01-01T08:00", "2026-01-01T18:00"),
        "stamps: two years": ("2024-01-01T08:00", "2026-01-01T10:00"),
    }
)
def put_stamps(cohort, stamps):
    for row in cohort.rows:
        row.update({"onset": "", "mri_time": ""})
    cohort.bad.update(zip(("onset", "mri_time"), stamps, strict=True))
    if stamps[0][:4] != "2026" or stamps[1][:4] != "2026" or "18:00" not in stamps[1]:
        cohort.bad["onset_to_mri_min"] = ""


@kind("the time of the MRI before the onset")
def the_time_of_the_mri_before_the_onset(cohort):
    for row in cohort.rows:
        row.update({"onset": "", "mri_time": ""})
    cohort.bad.update({"onset_to_mri_min": "", "onset": "2026-01-02T08:00", "mri_time": "2026-01-01T08:00"})


@kind("a whole sheet in hours")
def a_whole_sheet_in_hours(cohort):
    cohort.rows += [cohort.rows[1] | {"patient": f"good-{number}"} for number in range(4)]
    for number, row in enumerate(cohort.rows):
        row["onset_to_mri_min"] = f"{2 + number / 2}"


@kind("neither b0 nor ADC")
def neither_b0_nor_adc(cohort):
    cohort.bad["t2w"] = ""


@kind("a file without permission to read")
def a_file_without_permission_to_read(cohort):
    cohort.path("dwi").unlink()
    cohort.path("dwi").symlink_to("dwi.nii.gz")  # a link to itself: nobody can read it, not even root


# Files of series


@each(
    {
        "an empty file": b"",
        "text": b"not an image\n",
        "a web page as a series": b"<!doctype html><html><body>404</body></html>",
        "a JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(900),
        "a PNG": b"\x89PNG\r\n\x1a\n" + bytes(900),
        "DICOM": bytes(128) + b"DICM" + bytes(900),
        "a zip archive": b"PK\x03\x04" + bytes(900),
        "MetaImage": b"ObjectType = Image\nNDims = 3\nElementDataFile = LOCAL\n" + bytes(900),
        "NRRD": b"NRRD0004\ntype: short\ndimension: 3\n\n" + bytes(900),
        "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(900),
        "a pointer of git-annex": b"/annex/objects/MD5E-s123--0123456789abcdef.nii.gz\n",
        "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "an exclusion note": b"excluded: something else\n",
        "zeros": bytes(4000),
    }
)
def put_bytes(cohort, content):
    cohort.path("dwi").write_bytes(content)


@kind("a truncated gzip file")
def a_truncated_gzip_file(cohort):
    path = cohort.path("dwi")
    path.write_bytes(path.read_bytes()[:-200])


@kind("a gzip file with a changed byte")
def a_gzip_file_with_a_changed_byte(cohort):
    content = bytearray(cohort.path("dwi").read_bytes())
    content[len(content) // 2] ^= 0x10
    cohort.path("dwi").write_bytes(bytes(content))


@kind("fewer voxels than the header says")
def fewer_voxels_than_the_header_says(cohort):
    cohort.write(cohort.content()[:-1000])


@kind("a gzip bomb")
def a_gzip_bomb(cohort):
    bomb = io.BytesIO()
    with gzip.GzipFile(fileobj=bomb, mode="wb", compresslevel=9) as file:
        file.write(cohort.content())
        for _ in range(64):
            file.write(bytes(1 << 20))
    cohort.path("dwi").write_bytes(bomb.getvalue())


@kind("a header of 30000 cubed")
def a_header_of_30000_cubed(cohort):
    content = cohort.content()
    struct.pack_into("<8h", content, 40, 3, 30000, 30000, 30000, 1, 1, 1, 1)
    cohort.write(content)


@each(
    {
        "a negative dimension": (3, -48, 48, 12, 1, 1, 1, 1),
        "a dimension of zero": (3, 48, 0, 12, 1, 1, 1, 1),
        "no dimensions": (0, 0, 0, 0, 0, 0, 0, 0),
        "nine dimensions": (9, 48, 48, 12, 1, 1, 1, 1),
        "two dimensions": (2, 48, 48, 1, 1, 1, 1, 1),
    }
)
def put_dimensions(cohort, dimensions):
    content = cohort.content()
    struct.pack_into("<8h", content, 40, *dimensions)
    cohort.write(content)


@each(
    {
        "an unknown type of voxel": (9999, 16),
        "complex voxels": (32, 64),
        "RGB voxels": (128, 24),
    }
)
def put_datatype(cohort, datatype):
    content = cohort.content()
    struct.pack_into("<2h", content, 70, *datatype)
    cohort.write(content + bytes(8 * np.prod(SHAPE)))


@kind("offsets of the data beyond the file")
def offsets_of_the_data_beyond_the_file(cohort):
    content = cohort.content()
    struct.pack_into("<f", content, 108, 1e9)
    cohort.write(content)


def scale(cohort, pair):
    content = cohort.content()
    struct.pack_into("<2f", content, 112, *pair)
    cohort.write(content)


each(
    {
        "a scale that is no number": (float("nan"), 0),
        "a negative scale": (-1.0, 0),
        "an infinite intercept": (1.0, float("inf")),
        "a scale of zero": (0.0, 0),
    }
)(scale)


def put_sform(header, affine):
    header["qform_code"], header["sform_code"] = 0, 1
    header["srow_x"], header["srow_y"], header["srow_z"] = affine[:3]


@kind("no orientation")
def no_orientation(cohort):
    def change(header):
        header["qform_code"] = header["sform_code"] = 0

    cohort.save("dwi", cohort.image["dwi"], change=change)


@kind("left and right contradict each other")
def left_and_right_contradict_each_other(cohort):
    flipped = np.diag([-1.0, 1, 1, 1]) @ AFFINE
    cohort.save("dwi", cohort.image["dwi"], change=lambda header: header.set_qform(flipped, 1))


@kind("a sheared affine")
def a_sheared_affine(cohort):
    sheared = AFFINE.copy()
    sheared[0, 1] = 4
    cohort.save("dwi", cohort.image["dwi"], change=lambda header: put_sform(header, sheared))


@each(
    {
        "voxels in metres": np.diag([0.008, 0.008, 0.012, 1]),
        "voxels of 8 cm": np.diag([80.0, 80, 120, 1]),
        "voxels of zero": np.diag([0.0, 8, 12, 1]),
        "an affine that is no number": np.full((4, 4), np.nan),
    }
)
def put_affine(cohort, affine):
    cohort.save("dwi", cohort.image["dwi"], change=lambda header: put_sform(header, affine))


@kind("an Analyze image")
def an_analyze_image(cohort):
    image = nib.AnalyzeImage(cohort.image["dwi"].astype(np.int16), AFFINE)
    holders = {"header": nib.FileHolder(fileobj=io.BytesIO()), "image": nib.FileHolder(fileobj=io.BytesIO())}
    image.to_file_map(holders)
    cohort.path("dwi").write_bytes(gzip.compress(holders["header"].fileobj.getvalue()))


# Voxels of series


def voxels(values):
    """Register kinds: what is wrong -> the DWI, made from all images of the patient."""

    def put(cohort, make):
        made = make(cohort.image)
        cohort.save("dwi", made, dtype=np.float32 if np.asarray(made).dtype.kind == "f" else None)

    each(values)(put)


def with_some(data, value, count):
    changed = data.astype(np.float32)
    changed.flat[np.random.default_rng(5).choice(changed.size, count, replace=False)] = value
    return changed


voxels(
    {
        "one value everywhere": lambda image: np.full(SHAPE, 7, np.int16),
        "one slice": lambda image: image["dwi"][:, :, :1],
        "two slices": lambda image: image["dwi"][:, :, 5:7],
        "five slices": lambda image: image["dwi"][:, :, 3:8],
        "one column": lambda image: image["dwi"][:1],
        "one bright voxel": lambda image: with_some(np.zeros(SHAPE), 900, 1),
        "one voxel of 1e12": lambda image: with_some(image["dwi"], 1e12, 1),
        "one voxel that is no number": lambda image: with_some(image["dwi"], np.nan, 1),
        "a tenth that are no numbers": lambda image: with_some(image["dwi"], np.nan, image["dwi"].size // 10),
        "infinite voxels": lambda image: with_some(image["dwi"], np.inf, image["dwi"].size // 10),
        "no numbers outside the head": lambda image: np.where(image["dwi"] < 20, np.nan, image["dwi"]),
        "all no numbers": lambda image: np.full(SHAPE, np.nan, np.float32),
        "standard scores": lambda image: (image["dwi"] - image["dwi"].mean()) / image["dwi"].std(),
        "four volumes": lambda image: np.stack([image["dwi"]] * 4, axis=-1),
        "a fourth axis of one": lambda image: image["dwi"][..., None],
        "another number of slices": lambda image: image["dwi"][:, :, :-1],
        "double the grid": lambda image: np.repeat(image["dwi"], 2, axis=0),
    }
)


@kind("a series on another grid")
def a_series_on_another_grid(cohort):
    moved = AFFINE.copy()
    moved[:3, 3] += 5
    cohort.save("dwi", cohort.image["dwi"], moved)


@kind("an ADC in an unknown unit")
def an_adc_in_an_unknown_unit(cohort):
    for row in cohort.rows:
        row["adc"] = f"{row['patient']}/adc.nii.gz"
    cohort.bad["t2w"] = ""
    cohort.save("adc", cohort.image["adc"] * 40, dtype=np.float32)


@kind("an ADC on another grid")
def an_adc_on_another_grid(cohort):
    for row in cohort.rows:
        row["adc"] = f"{row['patient']}/adc.nii.gz"
    cohort.bad["t2w"] = ""
    cohort.save("adc", cohort.image["adc"][:-1], dtype=np.float32)


@kind("a FLAIR far away")
def a_flair_far_away(cohort):
    far = AFFINE.copy()
    far[:3, 3] += 900
    cohort.save("flair", cohort.image["flair"], far)


@kind("a file of big endian numbers")
def a_file_of_big_endian_numbers(cohort):
    image = nib.Nifti1Image(cohort.image["dwi"].astype(">i2"), AFFINE, nib.Nifti1Header(endianness=">"))
    image.set_sform(AFFINE, 1)
    cohort.path("dwi").write_bytes(gzip.compress(image.to_bytes()))


@kind("NIfTI 2")
def nifti_2(cohort):
    cohort.save("dwi", cohort.image["dwi"], kind=nib.Nifti2Image)


@kind("a file that is not compressed")
def a_file_that_is_not_compressed(cohort):
    cohort.path("dwi").write_bytes(bytes(cohort.content()))


# Files beside the sheet: (name of the file, its text) -> the error


def beside(values):
    def put(cohort, case):
        read, text = case
        path = cohort.folder / "beside.tsv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return lambda: read(path)

    each(values)(put)


def verdicts(path):
    read_verdicts(path, patients=("bad", "good"))


def readers(path):
    read_reader_sheet(path, known={"bad", "good"}, needed=("bad", "good"))


def split(path):
    patients = ("bad", "good", "third")
    check_split_file(path, labelled=patients, needed=patients)


beside(
    {
        "verdicts without a column": (verdicts, "patient\tverdict\nbad\tpass\n"),
        "a verdict on nobody": (verdicts, "patient\tverdict\treason\nnobody\tpass\t\n"),
        "an unknown verdict": (verdicts, "patient\tverdict\treason\nbad\tgood\t\n"),
        "a fail without a reason": (verdicts, "patient\tverdict\treason\nbad\tfail\t\n"),
        "two verdicts on one patient": (verdicts, "patient\tverdict\treason\nbad\tpass\t\nbad\tfail\tx\n"),
        "verdicts in Latin-1": (
            verdicts,
            "patient\tverdict\treason\nbad\tfail\tunsch\u00e4rfe\n".encode("latin-1"),
        ),
        "an open quote in a verdict": (verdicts, 'patient\tverdict\treason\nbad\tpass\t"x\ngood\tfail\ty\n'),
        "verdicts with semicolons": (verdicts, "patient;verdict;reason\nbad;pass;\n"),
        "an empty file of verdicts": (verdicts, ""),
        "a verdict cell too many": (verdicts, "patient\tverdict\treason\nbad\tpass\tx\ty\n"),
        "readers without a patient": (readers, "patient\treader1\nbad\t1\n"),
        "a reader's call of 2": (readers, "patient\treader1\nbad\t2\ngood\t0\n"),
        "a reader twice": (readers, "patient\treader1\treader1\nbad\t1\t1\ngood\t0\t1\n"),
        "readers without a reader": (readers, "patient\nbad\ngood\n"),
        "a call with the model of no reader": (
            readers,
            "patient\treader1\treader2_with_model\nbad\t1\t1\ngood\t0\t1\n",
        ),
        "no call with the model": (readers, "patient\treader1\treader1_with_model\nbad\t1\t\ngood\t0\t1\n"),
        "a split without parts": (split, "patient\nbad\ngood\nthird\n"),
        "an unknown part": (split, "patient\tpart\nbad\ttrain\ngood\tdev\nthird\ttest\n"),
        "a patient in two parts": (
            split,
            "patient\tpart\nbad\ttrain\nbad\ttest\ngood\tvalidation\nthird\ttest\n",
        ),
        "a split with an empty part": (split, "patient\tpart\nbad\ttrain\ngood\ttrain\nthird\ttest\n"),
        "a split that lacks a patient": (split, "patient\tpart\nbad\ttrain\ngood\tvalidation\n"),
        "a split of other patients": (
            split,
            "patient\tpart\nbad\ttrain\ngood\tvalidation\nthird\ttest\nfourth\ttest\n",
        ),
    }
)


# The configuration: its text -> the error


def configured(values):
    def put(cohort, change):
        config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
        config["phantom"]["patients"] = 0 if change[0] == "cohort.sheet" else 40
        config["split"]["counts"] = None
        place = config
        *way, last = change[0].split(".")
        for key in way:
            place = place[key]
        place[last] = change[1]
        return lambda: check_configuration(config)

    each(values)(put)


configured(
    {
        "an unknown key": ("quality.sharpness", 1),
        "a word for a number": ("split.seed", "many"),
        "a bound that is no number": ("quality.min_dice_to_atlas", float("nan")),
        "an infinite bound": ("quality.max_midplane_tilt_deg", float("inf")),
        "percentiles that fall": ("preprocessing.intensity.percentiles", [99.9, 0.1]),
        "shares over one": ("split.fractions", [0.7, 0.3, 0.3]),
        "a run that goes up": ("run", ".."),
        "a run with a slash": ("run", "a/b"),
        "a run with braces": ("run", "{run}"),
        "an empty run": ("run", ""),
        "an odd grid": ("preprocessing.grid", [223, 224, 26]),
        "a sheet that is not there": ("cohort.sheet", "nowhere/cohort.tsv"),
        "an exclusion without a reason": ("cohort.exclude", {"bad": ""}),
        "an exclusion of a number": ("cohort.exclude", {7: "moved"}),
        "a confidence of one": ("evaluation.confidence", 1.0),
        "an unknown toolchain": ("preprocessing.toolchain", "freesurfer"),
        "no seeds": ("training.seeds", []),
        "an unknown channel": ("models.channels", ["dwi", "swi"]),
        "a channel twice": ("models.channels", ["dwi", "dwi"]),
    }
)

TABLE = list(csv.DictReader(Path(__file__).with_name("bad_inputs.tsv").open(), delimiter="\t"))


def test_the_table_has_every_kind():
    assert [row["kind"] for row in TABLE] == list(KINDS)
    assert len(TABLE) >= 120


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["kind"])
def test_what_happens_to_bad_input(row, tmp_path):
    cohort = Cohort(tmp_path)
    made = KINDS[row["kind"]](cohort)
    if made is None:
        outcome, sentence = meet(cohort)
    else:
        with pytest.raises(ConfigurationError) as caught:
            made()
        outcome, sentence = "refused", str(caught.value)
    assert outcome == row["outcome"], sentence
    if outcome != "accepted":
        assert row["says"]
        assert row["says"] in sentence
        assert "\n" not in sentence
        assert "Traceback" not in sentence
        if outcome != "refused":
            assert str(tmp_path) not in sentence
