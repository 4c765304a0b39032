"""Names in folders, in every text of the headers and in sidecars: none of them in results, pages or logs."""

import json
import re
import zlib

import nibabel as nib
import numpy as np
import pytest
import yaml

from strokeclock.phantom.patient import SERIES, make_patient

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FOLDER = "Mueller, Hans; ward 7/St.Marien (Köln)"
NAMES = (
    "Mueller",
    "Hans; w",
    "ward 7",
    "Marien",
    "(Köln)",
)  # four letters turn up in compressed bytes by chance
COLUMNS = ("patient", *SERIES, "lesion_mask", "onset_to_mri_min", "lesion_side")


def save(path, data, affine):
    """A NIfTI file with a name in every text field, in an extension and in the sidecar beside it."""
    image = nib.Nifti1Image(data, affine)
    image.set_qform(affine, 1)
    for text in ("descrip", "aux_file", "intent_name", "db_name"):
        image.header[text] = b"Mueller^Hans"
    image.header.extensions.append(nib.nifti1.Nifti1Extension(6, b"Mueller^Hans, ward 7"))
    nib.save(image, path)
    texts = ("PatientName", "InstitutionName", "Manufacturer", "SeriesDescription", "ConversionSoftware")
    sidecar = {key: "Mueller^Hans" for key in texts} | {"RepetitionTime": "Mueller", "EchoTime": 0.09}
    path.with_name(path.name.replace(".nii.gz", ".json")).write_text(json.dumps(sidecar))


@pytest.fixture(scope="module")
def run(tmp_path_factory, root, run_snakemake):
    """A good patient, two with one scan, and one for each way out; the folder in which they were run."""
    folder = tmp_path_factory.mktemp("identity")
    scans = folder / FOLDER
    scans.mkdir(parents=True)
    settings = yaml.safe_load((root / "config/config.yaml").read_text())["phantom"]
    rows = {}

    def add(patient, number):
        phantom = make_patient(number, seed=0, settings=settings)
        for name, scan in phantom.scans.items():
            coarse = np.ascontiguousarray(scan.data[::2, ::2])
            save(scans / f"{patient}_{name}.nii.gz", coarse, scan.affine @ np.diag([2, 2, 1, 1]))
        rows[patient] = {"patient": patient, "onset_to_mri_min": "120", "lesion_side": "both"}
        rows[patient] |= {name: f"{FOLDER}/{patient}_{name}.nii.gz" for name in SERIES}
        return phantom

    head = add("good", 1)
    whole = np.ascontiguousarray(head.brain_mask[::2, ::2])
    save(scans / "good_mask.nii.gz", whole, head.scans["dwi"].affine @ np.diag([2, 2, 1, 1]))
    rows["good"]["lesion_mask"] = f"{FOLDER}/good_mask.nii.gz"  # of the brain: it is refused
    add("first", 2)
    rows["second"] = rows["first"] | {"patient": "second"}
    rows["cut"] = rows["good"] | {"patient": "cut", "dwi": f"{FOLDER}/cut.nii.gz", "lesion_mask": ""}
    (scans / "cut.nii.gz").write_bytes((scans / "good_dwi.nii.gz").read_bytes()[:-2000])
    rows["gone"] = rows["good"] | {"patient": "gone", "flair": f"{FOLDER}/gone.nii.gz"}
    rows["text"] = rows["good"] | {"patient": "text", "t2w": f"{FOLDER}/text.nii.gz"}
    (scans / "text.nii.gz").write_text("Mueller, Hans")
    lines = ["\t".join(COLUMNS), *("\t".join(row.get(key, "") for key in COLUMNS) for row in rows.values())]
    (folder / "sheet.tsv").write_text("\n".join(lines) + "\n")
    config = {
        "run": "own",
        "cohort": {"sheet": "sheet.tsv"},
        "split": {"counts": None},
        "preprocessing": {"toolchain": "open", "grid": [64, 64, 16]},
    }
    process = run_snakemake(folder, "quality", "--quiet", "all", config=config)
    assert process.returncode == 0, process.stdout
    return folder


def unpacked(path):
    """The bytes of a file, and what is compressed inside: gzip, the chunks of PNG, and zip."""
    content = path.read_bytes()
    yield content
    for start in re.finditer(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]", content):
        stream = zlib.decompressobj(47)
        try:
            yield stream.decompress(content[start.start() :])
        except zlib.error:
            continue


def test_no_name_leaves_the_source(run):
    files = [path for top in ("results", "logs") for path in sorted((run / top).rglob("*")) if path.is_file()]
    suffixes = {path.suffix for path in files}
    assert {".png", ".html", ".tsv", ".json", ".gz", ".npy", ".log", ".txt"} <= suffixes
    named = [name.encode(code) for name in NAMES for code in ("utf-8", "latin-1", "utf-16-le")]
    found = {
        str(path.relative_to(run)): name
        for path in files
        for content in unpacked(path)
        for name in named
        if name.lower() in content.lower()
    }
    assert found == {}
    assert not [path for path in files if any(name in str(path.relative_to(run)) for name in NAMES)]


def test_everyone_who_left_is_named_with_a_file_and_no_folder(run):
    text = (run / "results/own/cohort/exclusions.tsv").read_text()
    reasons = {line.split("\t")[0]: line.split("\t")[2] for line in text.splitlines()[1:]}
    assert set(reasons) == {"first", "second", "cut", "gone", "text"}
    for patient, words in {
        "first": "the same scan as the T2w of patient second",
        "second": "the same scan as the T2w of patient first",
        "cut": "cut.nii.gz",
        "gone": "gone.nii.gz, which is not there",
        "text": "text.nii.gz",
    }.items():
        assert words in reasons[patient]
    page = (run / "results/own/quality/index.html").read_text()
    assert all(f'class="patient">{patient}</th>' in page for patient in (*reasons, "good"))
    assert "good_mask.nii.gz marks" in page


def test_who_shares_a_scan_is_gone_from_the_manifest(run):
    folder = run / "results/own"
    table = (folder / "hemispheres/manifest.tsv").read_text()
    assert [line.split("\t")[0] for line in table.splitlines()[1:]] == ["good"]
    assert (folder / "hemispheres/first.npy").read_bytes().startswith(b"excluded: its T2w is the same scan")
