"""Series that are not what they should be, each a patient of one cohort, through the workflow.

bad_series.tsv says what must happen to each kind: its patient is excluded (fail) or a person is asked
(review), with a sentence that says why; "pass" means that no harm is done. Good patients beside them pass.
"""

import csv
import gzip
import json
import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import yaml
from scipy.ndimage import binary_closing, binary_fill_holes

from strokeclock.phantom.patient import SERIES, make_patient, write_patient

pytestmark = [pytest.mark.integration, pytest.mark.slow]

KINDS = {}
TABLE = list(csv.DictReader(Path(__file__).with_name("bad_series.tsv").open(), delimiter="\t"))


def kind(name):
    """Register a function that makes one kind of bad input, by its name in the table."""
    assert name not in KINDS

    def register(make):
        KINDS[name] = make
        return make

    return register


class Patient:
    """The raw series of one patient, in a folder of its own, before one thing is spoilt."""

    def __init__(self, folder, source, other):
        self.folder, self.source, self.other = folder, source, other
        folder.mkdir()
        self.row = {name: str(source / f"{name}.nii.gz") for name in SERIES}
        self.row |= {"adc": "", "lesion_mask": "", "lesion_side": "", "onset_to_mri_min": "200"}

    def image(self, name, source=None):
        return nib.load((source or self.source) / f"{name}.nii.gz")

    def data(self, name):
        return np.asarray(self.image(name).dataobj).astype(np.float64)

    def put(self, name, data, affine=None, *, dtype=np.float32):
        """Write a column's file on the grid of the T2w or of the FLAIR."""
        like = self.image("flair" if name == "flair" else "t2w")
        image = nib.Nifti1Image(np.asarray(data).astype(dtype), like.affine if affine is None else affine)
        image.set_sform(image.affine, 1)
        image.set_qform(image.affine, 1)
        self.row[name] = str(self.folder / f"{name}.nii.gz")
        nib.save(image, self.row[name])

    def adc(self):
        t2w, dwi = (self.data(name).clip(1) for name in ("t2w", "dwi"))
        seen = t2w > 0.05 * np.percentile(t2w, 99.9)
        return np.where(seen, np.log(t2w / dwi) / 1000, 0).clip(0, 4e-3)


@kind("b0 and b1000 exchanged")
def b0_and_b1000_exchanged(patient):
    patient.row["t2w"], patient.row["dwi"] = patient.row["dwi"], patient.row["t2w"]


@kind("b0 named as DWI")
def b0_named_as_dwi(patient):
    patient.row["dwi"] = patient.row["t2w"]


@kind("DWI named as b0")
def dwi_named_as_b0(patient):
    patient.row["t2w"] = patient.row["dwi"]


@kind("b0 named as FLAIR")
def b0_named_as_flair(patient):
    patient.row["flair"] = patient.row["t2w"]


@kind("DWI named as FLAIR")
def dwi_named_as_flair(patient):
    patient.row["flair"] = patient.row["dwi"]


@kind("FLAIR named as b0 and DWI")
def flair_named_as_b0_and_dwi(patient):
    patient.row["t2w"] = patient.row["dwi"] = patient.row["flair"]


@kind("the ADC named as DWI")
def the_adc_named_as_dwi(patient):
    patient.put("dwi", 1e6 * patient.adc(), dtype=np.uint16)


@kind("an exponential ADC in adc")
def an_exponential_adc_in_adc(patient):
    patient.put("adc", 1000 * np.exp(-1000 * patient.adc()))
    patient.row["t2w"] = ""


@kind("DWI times four")
def dwi_times_four(patient):
    patient.put("dwi", 4 * patient.data("dwi"))


@kind("DWI a quarter")
def dwi_a_quarter(patient):
    patient.put("dwi", patient.data("dwi") / 4)


@kind("b0 squeezed into 8 bits")
def b0_squeezed_into_8_bits(patient):
    data = patient.data("t2w")
    patient.put("t2w", (255 * data / data.max()).round(), dtype=np.uint8)


@kind("DWI that overflowed")
def dwi_that_overflowed(patient):
    data = patient.data("dwi")
    patient.put("dwi", (data * 1e5 / data.max()) % 65536, dtype=np.uint16)


@kind("a FLAIR of noise")
def a_flair_of_noise(patient):
    noise = np.random.default_rng(1).rayleigh(50, patient.data("flair").shape)
    patient.put("flair", noise, dtype=np.uint16)


@kind("a FLAIR of another patient")
def a_flair_of_another_patient(patient):
    patient.row["flair"] = str(patient.other / "flair.nii.gz")


@kind("half of the slices empty")
def half_of_the_slices_empty(patient):
    for name in ("t2w", "dwi"):
        data = patient.data(name)
        data[:, :, data.shape[2] // 2 :] = 0
        patient.put(name, data)


@kind("half of the FLAIR empty")
def half_of_the_flair_empty(patient):
    data = patient.data("flair")
    data[: data.shape[0] // 2] = 0
    patient.put("flair", data)


@kind("a head upside down")
def a_head_upside_down(patient):
    for name in SERIES:
        patient.put(name, patient.data(name)[:, :, ::-1])


@kind("a head back to front")
def a_head_back_to_front(patient):
    for name in SERIES:
        patient.put(name, patient.data(name)[:, ::-1])


@kind("three slices")
def three_slices(patient):
    for name in ("t2w", "dwi"):
        patient.put(name, patient.data(name)[:, :, 8:11])


@kind("one voxel of a trillion")
def one_voxel_of_a_trillion(patient):
    data = patient.data("dwi")
    data[data.shape[0] // 2, data.shape[1] // 2, data.shape[2] // 2] = 1e12
    patient.put("dwi", data)


@kind("one bright voxel alone")
def one_bright_voxel_alone(patient):
    data = np.zeros_like(patient.data("dwi"))
    data[20, 20, 5] = 900
    patient.put("dwi", data)


@kind("a phantom of water")
def a_phantom_of_water(patient):
    grid = np.indices(patient.data("t2w").shape)
    middle = np.array(grid.shape[1:]).reshape(3, 1, 1, 1) / 2
    inside = (((grid - middle) / (0.35 * 2 * middle)) ** 2).sum(axis=0) < 1
    noise = np.random.default_rng(2).rayleigh(5, inside.shape)
    patient.put("t2w", 800 * inside + noise)
    patient.put("dwi", 800 * np.exp(-2.2) * inside + noise)


@kind("NaN outside the head")
def nan_outside_the_head(patient):
    data, head = patient.data("dwi"), patient.data("t2w")
    head = binary_closing(head > 0.1 * np.percentile(head, 99), iterations=4)
    for axis in 4 * (0, 1, 2):  # until no plane has a hole: air in the nose lies inside the head
        planes = [binary_fill_holes(plane) for plane in np.moveaxis(head, axis, 0)]
        head = np.stack(planes, axis=axis)
    patient.put("dwi", np.where(head, data, np.nan))


@kind("a header that claims more")
def a_header_that_claims_more(patient):
    content = bytearray(gzip.decompress(Path(patient.row["dwi"]).read_bytes()))
    struct.pack_into("<8h", content, 40, 3, 30000, 30000, 30000, 1, 1, 1, 1)
    path = patient.folder / "dwi.nii.gz"
    path.write_bytes(gzip.compress(bytes(content), 1))
    patient.row["dwi"] = str(path)


@kind("a truncated file")
def a_truncated_file(patient):
    path = patient.folder / "dwi.nii.gz"
    path.write_bytes(Path(patient.row["dwi"]).read_bytes()[:-3000])
    patient.row["dwi"] = str(path)


@kind("colours")
def colours(patient):
    data = patient.data("dwi")
    levels = (255 * data / data.max()).astype(np.uint8)
    colour = np.stack([levels] * 3, axis=-1).copy().view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    image = nib.Nifti1Image(colour, patient.image("dwi").affine)
    patient.row["dwi"] = str(patient.folder / "dwi.nii.gz")
    nib.save(image, patient.row["dwi"])


@kind("a mask of the whole brain")
def a_mask_of_the_whole_brain(patient):
    patient.put("lesion_mask", nib.load(patient.source / "brain_mask.nii.gz").dataobj, dtype=np.uint8)


@kind("a mask without a lesion")
def a_mask_without_a_lesion(patient):
    patient.put("lesion_mask", np.zeros(patient.data("t2w").shape), dtype=np.uint8)


@kind("a mask outside the brain")
def a_mask_outside_the_brain(patient):
    mask = np.zeros(patient.data("t2w").shape)
    mask[:6, :6, :2] = 1
    patient.put("lesion_mask", mask, dtype=np.uint8)


@kind("the lesion on the other side")
def the_lesion_on_the_other_side(patient):
    patient.row["lesion_side"] = {"left": "right", "right": "left"}[patient.row["lesion_side"]]


@kind("voxels of half their size")
def voxels_of_half_their_size(patient):
    affine = patient.image("t2w").affine @ np.diag([0.5, 0.5, 0.5, 1])
    for name in ("t2w", "dwi"):
        patient.put(name, patient.data(name), affine)


@kind("a head in a background of zero")
def a_head_in_a_background_of_zero(patient):
    for name in ("t2w", "dwi"):
        data = patient.data(name)
        data[data < 0.12 * np.percentile(data, 99)] = 0
        patient.put(name, data)


@pytest.fixture(scope="module")
def sources(tmp_path_factory, root):
    """Three phantoms: the one that is spoilt, one beside it, and the one of whom a series is taken."""
    settings = yaml.safe_load((root / "config/config.yaml").read_text())["phantom"]
    folders = []
    for number in (3, 4, 6):
        folder = tmp_path_factory.mktemp("raw")
        made = make_patient(number, seed=settings["seed"], settings=settings)
        write_patient(
            made,
            scans={name: folder / f"{name}.nii.gz" for name in SERIES},
            lesion=folder / "lesion.nii.gz",
            brain_mask=folder / "brain_mask.nii.gz",
        )
        (folder / "side").write_text(made.record.lesion_side)
        folders.append(folder)
    return folders


@pytest.fixture(scope="module")
def results(sources, tmp_path_factory, run_snakemake):
    """Return patient -> its record; every patient is made of the first phantom but has voxels of its own."""
    folder = tmp_path_factory.mktemp("cohort")
    spoilt, beside, other = sources
    rows = {}
    for number, (name, make) in enumerate(KINDS.items()):
        patient = Patient(folder / f"p{number:02d}", _alter(spoilt, folder / f"raw{number}", number), other)
        patient.row["lesion_side"] = (spoilt / "side").read_text()
        make(patient)
        rows[name.replace(" ", "-")] = patient.row
    for name, source in (("good-1", _alter(spoilt, folder / "raw-good", 99)), ("good-2", beside)):
        patient = Patient(folder / name, source, other)
        patient.row["lesion_side"] = (source / "side").read_text()
        patient.row["lesion_mask"] = str(source / "lesion.nii.gz")
        rows[name] = patient.row
    columns = [*next(iter(rows.values()))]
    lines = ["\t".join(["patient", *columns])]
    lines += ["\t".join([patient, *(row[column] for column in columns)]) for patient, row in rows.items()]
    (folder / "cohort.tsv").write_text("\n".join(lines) + "\n")
    config = {
        "run": "bad",
        "cohort": {"sheet": str(folder / "cohort.tsv")},
        "split": {"counts": None},
        "preprocessing": {"toolchain": "open", "grid": [112, 112, 26]},
    }
    process = run_snakemake(folder, "quality", "--quiet", "rules", "host", config=config)
    assert process.returncode == 0, process.stdout[-3000:]
    assert "Traceback" not in process.stdout
    run = folder / "results/bad"
    return {path.stem: json.loads(path.read_text()) for path in (run / "quality").glob("*.json")}, run


def _alter(source, folder, number):
    """Copy a phantom's files; a few voxels outside the head differ, so that no two are the same scan."""
    folder.mkdir()
    for path in source.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    for name in SERIES:
        image = nib.load(source / f"{name}.nii.gz")
        data = np.asarray(image.dataobj).copy()
        data[:2, :2, :2] += np.random.default_rng(number).integers(0, 3, (2, 2, 2)).astype(data.dtype)
        nib.save(nib.Nifti1Image(data, image.affine, image.header), folder / f"{name}.nii.gz")
    return folder


def test_the_table_has_every_kind():
    assert [row["kind"] for row in TABLE] == [*KINDS]
    assert len(TABLE) >= 24


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["kind"])
def test_what_happens_to_a_bad_series(row, results):
    records, run = results
    patient = row["kind"].replace(" ", "-")
    with open(run / "cohort/exclusions.tsv", newline="") as file:
        excluded = {line["patient"]: line["reason"] for line in csv.DictReader(file, delimiter="\t")}
    verdict, reason = (
        ("fail", excluded[patient])
        if patient in excluded
        else (records[patient]["verdict"], records[patient]["reason"])
    )
    assert verdict == row["verdict"], reason
    assert row["says"] in reason


@pytest.mark.parametrize("patient", ["good-1", "good-2"])
def test_the_good_patients_pass(patient, results):
    assert results[0][patient]["verdict"] == "pass", results[0][patient]["reason"]
