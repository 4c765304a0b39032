"""The table of protocols: from sidecars, b-values, images and the cohort sheet, and what of them is wrong."""

import gzip
import json
import logging

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from strokeclock.cohort.protocol import COLUMNS, write_protocol
from strokeclock.cohort.sidecars import beside, read_b_values, read_sidecar

BIDS = {"RepetitionTime": 9.0, "EchoTime": 0.1, "InversionTime": 2.5}  # s
DICOM = {"RepetitionTime": 9000, "EchoTime": 100.0, "InversionTime": 2500}  # ms


@pytest.fixture
def write(tmp_path):
    """Write a sidecar and return its path: call it with its content, or with text."""

    def write(content, name="flair.json"):
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.fixture
def table_of(tmp_path):
    """Write and read the table: patient -> cells of the sheet, and series -> (shape, voxel, sidecar)."""

    def make(patients):
        rows, series = ["patient\tb_value\tfield_t"], {}
        for patient, (cells, images) in patients.items():
            rows.append(f"{patient}\t{cells.get('b_value', '')}\t{cells.get('field_t', '')}")
            series[patient] = {}
            for name, (shape, voxel, sidecar) in images.items():
                path = tmp_path / patient / f"{name}.nii.gz"
                path.parent.mkdir(exist_ok=True)
                nib.save(nib.Nifti1Image(np.zeros(shape, np.int16), np.diag([*voxel, 1.0])), path)
                if sidecar is not None:
                    text = sidecar if isinstance(sidecar, str) else json.dumps(sidecar)
                    (tmp_path / patient / f"{name}.json").write_text(text)
                series[patient][name] = str(path)
        (tmp_path / "cohort.tsv").write_text("\n".join(rows) + "\n")
        used = {patient: float(cells.get("b_value") or 1000) for patient, (cells, _) in patients.items()}
        write_protocol(tmp_path / "cohort.tsv", tmp_path / "protocol.tsv", series=series, b_values=used)
        table = pd.read_csv(tmp_path / "protocol.tsv", sep="\t", dtype=str, keep_default_na=False)
        return table.set_index(["patient", "series"])

    return make


@pytest.mark.parametrize(
    ("image", "sidecar"),
    [("a/flair.nii.gz", "a/flair.json"), ("a.b/dwi.nii", "a.b/dwi.json"), ("x.gz.nii", "x.gz.json")],
)
def test_a_sidecar_lies_beside_its_image(image, sidecar):
    assert beside(image, ".json") == sidecar


@pytest.mark.parametrize(("content", "in_ms"), [(BIDS, False), (DICOM, True)])
def test_times_are_read_in_s_and_in_ms(write, content, in_ms):
    sidecar = read_sidecar(write(content))
    assert (sidecar.tr_ms, sidecar.te_ms, sidecar.ti_ms) == (9000, 100, 2500)
    assert sidecar.in_ms is in_ms
    assert sidecar.faults == ()


@pytest.mark.parametrize(
    ("written", "vendor"),
    [
        ("SIEMENS", "Siemens"),
        ("Siemens Healthineers", "Siemens"),
        ("Siemens_Healthineers", "Siemens"),
        ("Philips Medical Systems", "Philips"),
        ("GE MEDICAL SYSTEMS", "GE"),
        ("GE", "GE"),
        ("Gerda Imaging", "other"),
        ("Philips-Healthcare", "Philips"),
        ("Jane Doe, St Mary Hospital", "other"),
        ("TOSHIBA", "Canon"),
        ("  ", None),
        (3, None),
    ],
)
def test_vendors_have_one_name_each(write, written, vendor):
    assert read_sidecar(write({"Manufacturer": written})).vendor == vendor


def test_no_sidecar_says_nothing(tmp_path):
    sidecar = read_sidecar(tmp_path / "absent.json")
    assert sidecar.faults == ()
    assert sidecar.vendor is sidecar.tr_ms is sidecar.field_t is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is no JSON object: write it again, or remove it"),
        ("[1]", "is no JSON object: write it again, or remove it"),
        ("[" * 200_000, "is no JSON object: write it again, or remove it"),
        ('{"Manufacturer": "Müller"}'.encode("latin-1"), "is not in UTF-8: write it again, or remove it"),
        ({"EchoTime": "Jane Doe"}, "gives EchoTime as text, no number: correct it or remove it"),
        ({"EchoTime": [0.1, 0.2]}, "gives EchoTime as a list, no number: correct it or remove it"),
        ({"EchoTime": {"a": "Jane"}}, "gives EchoTime as an object, no number: correct it or remove it"),
        (
            {"RepetitionTime": True},
            "gives RepetitionTime as true or false, no number: correct it or remove it",
        ),
        (
            {"RepetitionTime": 10**400},
            "gives RepetitionTime as inf, no finite number: correct it or remove it",
        ),
        ('{"EchoTime": NaN}', "gives EchoTime as nan, no finite number: correct it or remove it"),
        (
            {"RepetitionTime": 0.1},
            "gives RepetitionTime as 0.1, in s or in ms outside 300 to 30000 ms: correct it or remove it",
        ),
        (
            {"RepetitionTime": 9e6},
            "gives RepetitionTime as 9e+06, in s or in ms outside 300 to 30000 ms: correct it or remove it",
        ),
        (
            {"MagneticFieldStrength": 15000},
            "gives MagneticFieldStrength as 15000, outside 0.05 to 12: correct it or remove it",
        ),
    ],
)
def test_a_value_that_cannot_be_is_left_out_with_one_sentence(write, content, sentence):
    sidecar = read_sidecar(write(content))
    assert sidecar.faults == (sentence,)
    assert sidecar.tr_ms is sidecar.te_ms is sidecar.field_t is None


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_mark_of_the_encoding_is_no_fault(write, encoding):
    sidecar = read_sidecar(write(json.dumps(BIDS).encode(encoding)))
    assert (sidecar.faults, sidecar.tr_ms) == ((), 9000)


def test_a_sidecar_that_cannot_be_read_says_so(tmp_path):
    (tmp_path / "flair.json").mkdir()
    (fault,) = read_sidecar(tmp_path / "flair.json").faults
    assert fault.startswith("cannot be read (")


def test_b_values_beside_an_image(tmp_path):
    path = tmp_path / "dwi.bval"
    assert read_b_values(path) == ((), ())
    path.write_text("0 0 8.0e2 1000\n")
    assert read_b_values(path) == ((0, 0, 800, 1000), ())
    path.write_bytes(b"\xef\xbb\xbf1000")
    assert read_b_values(path) == ((1000,), ())


@pytest.mark.parametrize(
    "text",
    ["", "b1000", "nan", "0 nan", "inf", "-1000", "1000001000", "0,1000", "1_000", b"\xff\xfe1\x000\x00"],
)
def test_what_is_no_b_value_is_named(tmp_path, text):
    path = tmp_path / "dwi.bval"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    sentence = "does not hold b-values, numbers from 0 to 10000 s/mm²: correct it or remove it"
    assert read_b_values(path) == ((), (sentence,))


def test_a_row_a_patient_and_series(table_of, tmp_path, caplog):
    epi = {"Manufacturer": "SIEMENS", "MagneticFieldStrength": 3, "RepetitionTime": 6.1, "EchoTime": 0.0892}
    table = table_of(
        {
            "p2": ({}, {"dwi": ((4, 5, 3), (2, 2, 6.5), None)}),
            "p1": (
                {"field_t": "3", "b_value": "800"},
                {
                    "t2w": ((4, 5, 3), (1.85, 1.85, 6.5), epi | {"DiffusionBValue": 0}),
                    "dwi": ((4, 5, 3), (1.85, 1.85, 6.5), epi | {"DiffusionBValue": 800}),
                    "flair": ((7, 20, 20), (5, 0.9, 0.9), BIDS),
                },
            ),
        }
    )
    assert (*table.index.names, *table.columns) == COLUMNS
    assert list(table.index) == [("p1", "t2w"), ("p1", "dwi"), ("p1", "flair"), ("p2", "dwi")]
    scanner = ["Siemens", "3", "6100", "89.2", "n/a"]
    assert [*table.loc["p1", "t2w"]] == [*scanner, "0", "1.85", "1.85", "6.5", "3"]
    assert [*table.loc["p1", "dwi"]] == [*scanner, "800", "1.85", "1.85", "6.5", "3"]
    sagittal = ["n/a", "3", "9000", "100", "2500", "n/a", "5", "0.9", "0.9", "7"]
    assert [*table.loc["p1", "flair"]] == sagittal
    assert [*table.loc["p2", "dwi"]] == [*["n/a"] * 6, "2", "2", "6.5", "3"]
    assert not caplog.records


def test_the_sheet_fills_what_no_sidecar_gives(table_of):
    table = table_of({"p1": ({"field_t": "1.5", "b_value": "900"}, {"dwi": ((2, 2, 2), (1, 1, 5), None)})})
    assert (table.loc["p1", "dwi"]["field_t"], table.loc["p1", "dwi"]["b_value"]) == ("1.5", "900")


def test_a_bval_file_fills_what_the_sidecar_leaves_out_unless_it_is_zero(table_of, tmp_path, caplog):
    images = {"dwi": ((2, 2, 2), (1, 1, 5), {})}
    (tmp_path / "p1").mkdir()
    (tmp_path / "p1/dwi.bval").write_text("1000")
    assert table_of({"p1": ({}, images)}).loc["p1", "dwi"]["b_value"] == "1000"
    assert not caplog.records


@pytest.mark.parametrize(
    ("text", "sheet", "b_value", "sentence"),
    [
        (
            "800",
            "",
            "800",
            "gives a b-value of 800 s/mm², and 1000 is computed with: give the scanner's in column b_value "
            "of the cohort sheet",
        ),
        (
            "0 2000",
            "",
            "2000",
            "gives a b-value of 2000 s/mm² (dcm2niix writes 2000 where it finds none), and 1000 is computed "
            "with: give the scanner's in column b_value of the cohort sheet",
        ),
        (
            "0 2000",
            "1000",
            "1000",
            "gives a b-value of 2000 s/mm², and column b_value of the cohort sheet 1000: correct the wrong "
            "one",
        ),
        *(
            (
                text,
                "",
                in_table,
                f"gives a b-value of {text} s/mm², which no diffusion-weighted image has: name that image in "
                "column dwi of the cohort sheet, or correct the file",
            )
            for text, in_table in (("0", "n/a"), ("5", "5"))
        ),
    ],
)
def test_a_doubtful_b_value_is_told_with_the_right_remedy(
    table_of, tmp_path, caplog, text, sheet, b_value, sentence
):
    (tmp_path / "p1").mkdir()
    (tmp_path / "p1/dwi.bval").write_text(text)
    images = {"dwi": ((2, 2, 2), (1, 1, 5), {})}
    assert table_of({"p1": ({"b_value": sheet}, images)}).loc["p1", "dwi"]["b_value"] == b_value
    assert [record.getMessage() for record in caplog.records] == [
        f"patient p1: the .bval file of dwi {sentence}."
    ]


@pytest.mark.parametrize(("text", "is_named"), [("1000", True), ("0", False), ("0 1000", False)])
def test_an_image_at_b1000_in_the_place_of_b0_is_named(table_of, tmp_path, caplog, text, is_named):
    (tmp_path / "p1").mkdir()
    (tmp_path / "p1/t2w.bval").write_text(text)
    table_of({"p1": ({}, {"t2w": ((2, 2, 2), (1, 1, 5), {})})})
    told = [record.getMessage() for record in caplog.records]
    assert told == is_named * [
        "patient p1: the .bval file of t2w gives a b-value of 1000 s/mm²: name the image at b = 0 in column "
        "t2w of the cohort sheet."
    ]


def test_voxels_of_the_scan_precede_those_of_an_image_on_another_grid(table_of):
    scan = {"PixelSpacing": [0.9, 0.8], "SpacingBetweenSlices": 6.2, "NumberOfSlices": 25}
    row = table_of({"p1": ({}, {"flair": ((4, 4, 4), (1, 1, 1), scan)})}).loc["p1", "flair"]
    assert [*row[-4:]] == ["0.8", "0.9", "6.2", "25"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"PixelSpacing": [-1, 0.8]},
            "gives PixelSpacing as -1, outside 0.05 to 20: correct it or remove it",
        ),
        ({"PixelSpacing": "12"}, "gives PixelSpacing not as a list of two numbers: correct it or remove it"),
        (
            {"PixelSpacing": [1, 1, 5]},
            "gives PixelSpacing not as a list of two numbers: correct it or remove it",
        ),
        ({"PixelSpacing": ["a", 1]}, "gives PixelSpacing as text, no number: correct it or remove it"),
        ({"PixelSpacing": [None, 1]}, "gives PixelSpacing as null, no number: correct it or remove it"),
        (
            {"PixelSpacing": [10**400, 1]},
            "gives PixelSpacing as inf, no finite number: correct it or remove it",
        ),
        (
            {"NumberOfSlices": -20},
            "gives NumberOfSlices as -20, outside 1 to 10000: correct it or remove it",
        ),
        ({"NumberOfSlices": 20.7}, "gives NumberOfSlices as 20.7, no whole number: correct it or remove it"),
        (
            {"NumberOfSlices": True},
            "gives NumberOfSlices as true or false, no number: correct it or remove it",
        ),
        (
            {"SpacingBetweenSlices": float("inf")},
            "gives SpacingBetweenSlices as inf, no finite number: correct it or remove it",
        ),
    ],
)
def test_a_wrong_geometry_leaves_the_images_own(table_of, caplog, change, sentence):
    scan = {"PixelSpacing": [0.9, 0.8], "SpacingBetweenSlices": 6.2, "NumberOfSlices": 25} | change
    row = table_of({"p1": ({}, {"flair": ((4, 4, 3), (1, 1, 5), scan)})}).loc["p1", "flair"]
    assert [*row[-4:]] == ["1", "1", "5", "3"]
    assert [record.getMessage() for record in caplog.records] == [
        f"patient p1: the sidecar of flair {sentence}."
    ]


@pytest.mark.parametrize(
    ("name", "cells", "sidecar", "sentence"),
    [
        (
            "dwi",
            {"field_t": "1.5"},
            {"MagneticFieldStrength": 3},
            "gives a field strength of 3 T, and column field_t of the cohort sheet 1.5 T: correct the wrong "
            "one.",
        ),
        (
            "dwi",
            {},
            {"DiffusionBValue": 800},
            "gives a b-value of 800 s/mm², and 1000 is computed with: give the scanner's in column b_value "
            "of the cohort sheet.",
        ),
        (
            "flair",
            {},
            BIDS | {"InversionTime": 0.9},
            "gives a TI of 900 ms, that of a T1-weighted FLAIR: name the T2-weighted one in column flair, or "
            "exclude the patient (cohort.exclude).",
        ),
        (
            "t2w",
            {},
            {"DiffusionBValue": 1000},
            "gives a b-value of 1000 s/mm²: name the image at b = 0 in column t2w of the cohort sheet.",
        ),
        ("flair", {}, "{", "is no JSON object: write it again, or remove it."),
    ],
)
def test_a_fault_is_one_warning_and_others_go_on(table_of, caplog, name, cells, sidecar, sentence):
    image = ((2, 2, 2), (1, 1, 5))
    table = table_of({"p1": (cells, {name: (*image, sidecar)}), "p2": ({}, {"flair": (*image, BIDS)})})
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"patient p1: the sidecar of {name} {sentence}"
    assert table.loc["p2", "flair"]["tr_ms"] == "9000"


def test_a_field_strength_as_scanners_round_it_is_no_contradiction(table_of, caplog):
    image = ((2, 2, 2), (1, 1, 5))
    for sheet, measured in (("3", 2.89362), ("1.5", 1.494)):
        table_of({"p1": ({"field_t": sheet}, {"dwi": (*image, {"MagneticFieldStrength": measured})})})
    assert not caplog.records


def test_the_unit_of_times_is_said_once(table_of, caplog):
    image = ((2, 2, 2), (1, 1, 5))
    table = table_of({patient: ({}, {"flair": (*image, DICOM)}) for patient in ("p1", "p2", "p3")})
    assert set(table["tr_ms"]) == {"9000"}
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "sidecars that give times in ms, where BIDS has s: 3, the first that of flair of patient p1. "
    )


def test_an_image_that_cannot_be_read_has_no_voxels(table_of, tmp_path):
    (tmp_path / "p1").mkdir()
    table = table_of({"p1": ({}, {"flair": ((2, 2, 2), (1, 1, 5), BIDS)})})
    assert table.loc["p1", "flair"]["slices"] == "2"
    path = tmp_path / "p1/flair.nii.gz"
    whole = path.read_bytes()
    header = nib.Nifti1Image(np.zeros((2, 2, 2), np.int16), np.eye(4))
    header.header["pixdim"][3] = np.nan
    for content in (
        b"no image",
        whole[:10] + bytes([whole[10] ^ 255]) + whole[11:],
        whole[: len(whole) // 2],
        gzip.compress(header.to_bytes(), mtime=0),
    ):
        path.write_bytes(content)
        write_protocol(
            tmp_path / "cohort.tsv",
            tmp_path / "protocol.tsv",
            series={"p1": {"flair": str(path)}},
            b_values={"p1": 1000.0},
        )
        table = pd.read_csv(tmp_path / "protocol.tsv", sep="\t", dtype=str, keep_default_na=False)
        assert [*table.iloc[0][-4:]] == ["n/a"] * 4
        assert table.iloc[0]["ti_ms"] == "2500"


def test_nothing_else_of_a_sidecar_is_copied(table_of, tmp_path, caplog):
    secret = {
        "InstitutionName": "Secret Hospital",
        "InstitutionAddress": "Secret Street",
        "StationName": "SECRET1",
        "DeviceSerialNumber": "SECRET2",
        "PatientName": "Secret^Person",
        "AcquisitionTime": "SECRET3",
        "SeriesInstanceUID": "SECRET4",
        "SeriesDescription": "SECRET5",
        "ImageComments": "SECRET6",
        "Manufacturer": "Secret^Person",
        "MagneticFieldStrength": "Secret^Person",
    }
    table_of({"p1": ({}, {"flair": ((2, 2, 2), (1, 1, 5), BIDS | secret)})})
    text = (tmp_path / "protocol.tsv").read_text()
    assert "9000" in text
    assert "secret" not in (text + caplog.text).lower()
    assert str(tmp_path) not in text
