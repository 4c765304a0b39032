"""Reasons of exclusions are counted without file, number, other patient, and without a person's own words."""

import pytest

from strokeclock.cohort.reasons import generalise, read_reason_groups
from strokeclock.imaging.findings import Findings, find_shared_scans


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("no FLAIR series: name its file in column flair", "no FLAIR series"),
        ("column dwi names Doe, Jane.nii.gz, which is not there: correct the path",
         "column dwi names a file, which is not there"),
        ("column dwi names dwi, which is not there: correct the path",
         "column dwi names a file, which is not there"),
        ("column flair names a file whose path holds a brace, which Snakemake takes for a wildcard: rename",
         "column flair names a file whose path holds a brace, which Snakemake takes for a wildcard"),
        ("column age is 300, outside 0 to 125: correct it", "column age is …, outside 0 to 125"),
        ("column age is '4,5': write the number with a decimal point", "column age is …"),
        ("column sex is 'Doe; f': use F or M, or leave it empty", "column sex is …"),
        ("the minutes from onset to MRI are 120 by column onset_to_mri_min and 180 by column onset: correct",
         "the minutes from onset to MRI are … by column onset_to_mri_min and … by column onset"),
        ("dwi file Jane Doe 1950.nii.gz has too few slices: 2 (128×128×2); give the whole series",
         "dwi file has too few slices"),
        ("flair file x.nii has single voxels of 3.2e+04, and all others are at most about 500; export it",
         "flair file has single voxels of …, and all others are at most about …"),
        ("t2w (128×128×20) and dwi (128×128×22) are not on one grid; give both from one scan",
         "t2w (…) and dwi (…) are not on one grid"),
        ("flirt failed (Image Exception : #22 :: Could not open /data/Doe/x); look", "flirt failed"),
        ("the step preprocess patient failed with ValueError (bad shape of p7); look at the series",
         "the step preprocess patient failed with ValueError"),
        ("p1.npy holds values that are not finite: delete it and make it anew.",
         "a file holds values that are not finite"),
        ("T2w shows 40% of the atlas's brain, below 60%; NMI of T2w and atlas 1.001, below 1.02",
         "T2w shows … of the atlas's brain, below 60%"),
        ("median ADC of the brain is 0.31·10⁻³ mm²/s, below 0.5: DWI and T2w may be exchanged",
         "median ADC of the brain is …·10⁻³ mm²/s, below 0.5"),
        ("Dice of brain and atlas mask 0.31, below 0.6", "Dice of brain and atlas mask …, below 0.6"),
        ("adc at /home/doe/x is bad", "adc at … is bad"),
        ("", "no reason given"),
    ],
)  # fmt: skip
def test_what_is_one_patients_is_left_out(reason, expected):
    assert generalise(reason) == expected


def test_another_patient_is_not_named():
    scans = {name: Findings(derived=False, stripped={}, scans={"dwi": "a0"}) for name in ("p1", "p2", "p3")}
    assert {generalise(reason) for reason in find_shared_scans(scans).values()} == {
        "its DWI is the same scan as the DWI of another patient"
    }


def test_groups_are_counted_by_stage_and_a_persons_words_are_not_repeated(tmp_path):
    rows = [
        ("a", "entry", "no FLAIR series: x"),
        ("b", "entry", "withdrew consent, Mrs Doe"),
        ("c", "quality", "Dice of brain and atlas mask 0.31, below 0.6"),
        ("d", "quality", "brain mask of 640 mL, outside 900 to 2000 mL; y"),
        ("e", "quality", "Dice of brain and atlas mask 0.59, below 0.6; x"),
        ("f", "quality", "moved, says Dr Roe"),
        ("b2", "quality", "brain mask of 2640.5 mL, outside 900 to 2000 mL"),
    ]
    path = tmp_path / "exclusions.tsv"
    path.write_text("patient\tstage\treason\n" + "".join("\t".join(row) + "\n" for row in rows))
    assert read_reason_groups(path, by_person={"entry": ["b"], "quality": ["f", "a"]}) == {
        "entry": [("left out by a person (cohort.exclude)", 1), ("no FLAIR series", 1)],
        "quality": [
            ("Dice of brain and atlas mask …, below 0.6", 2),
            ("brain mask of … mL, outside 900 to 2000 mL", 2),
            ("left out by a person (quality.verdicts)", 1),
        ],
    }
