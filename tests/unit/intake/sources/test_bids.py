"""BIDS sets by the names and traps of the public ones; each through the command, to the sheet."""

import os

import nibabel as nib
import numpy as np
import pytest

from strokeclock.cohort.sheet import read_sheet

TRACE = {"SeriesDescription": "sB1000", "ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW"]}
ADC = {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"], "Manufacturer": "Siemens"}
FLAIR = {"InversionTime": 2.5, "EchoTime": 0.09, "RepetitionTime": 9, "MagneticFieldStrength": 2.89}


def add_soop(tree, number, *, flair=FLAIR, trace=TRACE, adc=ADC, masks=("lesion", "lesionAcute")):
    """One subject with the names of ds004889."""
    subject = f"sub-{number}"
    paths = {
        "flair": tree.image(f"{subject}/anat/{subject}_FLAIR.nii.gz", flair),
        "t1w": tree.image(f"{subject}/anat/{subject}_T1w.nii.gz", {}),
        "dwi": tree.image(f"{subject}/dwi/{subject}_rec-TRACE_dwi.nii.gz", trace),
        "adc": tree.image(f"{subject}/dwi/{subject}_rec-ADC_dwi.nii.gz", adc),
    }
    for mask in masks:
        name = f"derivatives/lesion_masks/{subject}/dwi/{subject}_space-TRACE_desc-{mask}_mask.nii.gz"
        paths[mask] = tree.image(name)
    return paths


@pytest.fixture
def soop(tree):
    tree.write("dataset_description.json", '{"Name": "SOOP", "BIDSVersion": "1.8.0"}')
    tree.write("dwi.bval", "0\n")
    tree.write("CHANGES", "1.0.0\n")
    return tree


def test_soop_is_imported_to_the_sheet_without_a_step_by_hand(soop, capsys):
    paths = add_soop(soop, 7)
    soop.write(
        "participants.tsv",
        "participant_id\tsex\tage\trace\tacuteischaemicstroke\tpriorstroke\tbmi\tnihss\tgs_rankin_6isdeath\t"
        "etiology\r\nsub-7\tF\t89+\tn/a\tTrue\t0\t31.2\t4\t2\tn/a\r\n",
    )
    assert soop.run() == 0
    assert soop.sheet == {
        "sub-7": {
            "patient": "sub-7",
            "person": "sub-7",
            "t2w": "n/a",
            "dwi": "images/sub-7/dwi.nii.gz",
            "flair": "images/sub-7/flair.nii.gz",
            "adc": "images/sub-7/adc.nii.gz",
            "lesion_mask": "images/sub-7/lesion_mask.nii.gz",
            "b_value": "1000",
            "onset_to_mri_min": "n/a",
            "lesion_side": "n/a",
            "age": "89+",
            "sex": "F",
            "nihss": "4",
            "field_t": "3",
        }
    }
    for column, name in (("dwi", "dwi"), ("flair", "flair"), ("adc", "adc"), ("lesion_mask", "lesionAcute")):
        assert soop.same_voxels("sub-7", column, paths[name])
    protocol = {row["series"]: row for row in soop.table("protocol.tsv")}
    assert protocol["flair"]["ti_ms"] == "2500"
    assert protocol["dwi"]["b_value"] == "1000"
    assert [protocol["adc"][f"voxel_{axis}_mm"] for axis in "xyz"] == ["2", "2", "5"]
    said = capsys.readouterr().out
    assert "1 person: 1 complete, 0 need a choice, 0 incomplete" in said
    assert "a BIDS set" in said
    assert "columns that are not used: race, acuteischaemicstroke, priorstroke, bmi, " in said


def test_the_written_sheet_is_accepted_by_the_workflow(soop):
    add_soop(soop, 7)
    soop.run()
    cohort = read_sheet(soop.out / "cohort.tsv", require_onset=False)
    assert cohort.patients == ["sub-7"]
    assert cohort.exclusions == {}
    # links would tell the source's folder
    assert cohort.rows[0]["dwi"] == str(soop.out / "images/sub-7/dwi.nii.gz")


def test_a_b_value_of_0_at_the_root_is_no_b_value_of_a_trace(soop):
    add_soop(soop, 1, trace={"SeriesDescription": "ep2d_diff_b800_TRACEW"})
    add_soop(soop, 2, trace={"SeriesDescription": "trace"})
    soop.run()
    assert soop.sheet["sub-1"]["b_value"] == "800"
    assert soop.sheet["sub-2"]["b_value"] == "n/a"
    assert "b 1000 is assumed" in soop.selection["sub-2", "n/a", "rec-TRACE_dwi"]["why"]


@pytest.mark.parametrize(
    "facts",
    [
        {"ImageType": ["ORIGINAL", "PRIMARY", "M_SE", "M", "SE"], "SeriesDescription": "sB0"},
        {"ImageType": ["DERIVED", "SECONDARY", "OTHER"]},
        {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "EADC"]},
    ],
)
def test_an_adc_that_its_image_type_does_not_call_so_is_none(soop, facts):
    add_soop(soop, 1, adc=facts)
    soop.run()
    assert soop.sheet["sub-1"]["adc"] == "n/a"
    row = soop.selection["sub-1", "n/a", "rec-ADC_dwi"]
    assert (row["column"], row["chosen"]) == ("adc", "no")
    assert "ADC" in row["note"]


def test_a_person_can_take_what_was_doubted(soop):
    paths = add_soop(soop, 1, adc={"ImageType": ["DERIVED", "SECONDARY"]})
    soop.run()
    assert soop.run("--selection", soop.choose(rec_ADC_dwi="yes")) == 0
    assert soop.same_voxels("sub-1", "adc", paths["adc"])


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"InversionTime": 0.93}, "T1-weighted"),
        ({"InversionTime": 930}, "T1-weighted"),
        ({**FLAIR, "ImageType": ["DERIVED", "SECONDARY", "MIP"]}, "projection"),
        ({**FLAIR, "ContrastBolusAgent": "Gadovist"}, "contrast"),
        ({**FLAIR, "SeriesDescription": "AX FLAIR POST"}, "contrast"),
    ],
)
def test_a_flair_that_is_another_image_is_not_taken(soop, facts, words):
    add_soop(soop, 1, flair=facts)
    soop.run()
    assert soop.sheet["sub-1"]["flair"] == "n/a"
    assert words in soop.selection["sub-1", "n/a", "FLAIR"]["note"]


def test_a_flair_before_contrast_is_taken(soop):
    add_soop(
        soop, 1, flair={**FLAIR, "SeriesDescription": "FLAIR pre contrast", "ContrastBolusAgent": "None"}
    )
    soop.run()
    assert soop.chosen("sub-1")["FLAIR"] == ("flair", "yes")


@pytest.mark.parametrize(
    ("masks", "taken"),
    [
        (("lesion", "lesionAcute", "lesionChronic"), "lesionAcute"),
        (("lesion",), "lesion"),
        (("lesion", "lesionChronic"), None),  # what is all of the lesion here is the chronic one
        (("lesionChronic",), None),
        ((), None),
    ],
)
def test_the_mask_is_that_of_the_acute_lesion(soop, masks, taken):
    paths = add_soop(soop, 1, masks=masks)
    soop.run()
    if taken:
        assert soop.same_voxels("sub-1", "lesion_mask", paths[taken])
    else:
        assert "lesion_mask" not in soop.sheet["sub-1"]


def test_rows_without_files_and_files_without_rows_are_counted(soop, capsys):
    add_soop(soop, 1)
    add_soop(soop, 2)
    soop.write("participants.tsv", "participant_id\tage\r\nsub-1\t71\r\nsub-3\tn/a\r\nsub-4\tn/a\r\n")
    soop.run()
    assert soop.sheet["sub-1"]["age"] == "71"
    assert soop.sheet["sub-2"]["age"] == "n/a"
    said = capsys.readouterr().out
    assert "1 of 2 persons have no row" in said
    assert "2 rows name nobody of the source" in said


def test_isles_2022_as_zenodo_has_it(tree):
    for number, b_value in ((1, 1000), (9, 800)):
        visit = f"sub-strokecase{number:04d}/ses-0001"
        name = visit.replace("/", "_")
        tree.image(f"{visit}/anat/{name}_FLAIR.nii.gz", {"InversionTime": 2850, "DiffusionBValue": 0})
        tree.image(f"{visit}/dwi/{name}_dwi.nii.gz", {"DiffusionBValue": b_value, "RepetitionTime": 5400})
        tree.image(f"{visit}/dwi/{name}_adc.nii.gz", {"DiffusionBValue": 0})
        tree.image(f"derivatives/{visit}/{name}_msk.nii.gz")
    tree.write("participants.tsv", "participant_id\tsex\nsub-strokecase0001\tM\n")
    assert tree.run() == 0
    assert {patient: row["b_value"] for patient, row in tree.sheet.items()} == {
        "sub-strokecase0001": "1000",
        "sub-strokecase0009": "800",
    }
    assert set(tree.chosen("sub-strokecase0009").values()) == {
        ("flair", "yes"),
        ("dwi", "yes"),
        ("adc", "yes"),
        ("lesion_mask", "yes"),
    }
    times = {row["series"]: row["ti_ms"] for row in tree.table("protocol.tsv")}
    assert times["flair"] == "2850"


def test_isles_2022_as_the_challenge_has_it(tree):
    visit = "sub-strokecase0001/ses-0001"
    name = visit.replace("/", "_")
    for suffix in ("adc", "dwi", "flair"):
        tree.image(f"rawdata/{visit}/{name}_{suffix}.nii.gz")
    tree.image(f"derivatives/{visit}/{name}_msk.nii.gz")
    tree.run()
    row = tree.sheet["sub-strokecase0001"]
    assert [row[column] != "n/a" for column in ("t2w", "dwi", "flair", "adc", "lesion_mask")] == [False] + [
        True
    ] * 4


def add_plain(tree, subject="sub-a+1", *, b_values="0 1000", entities=""):
    name = f"{subject}/dwi/{subject}{entities}_dwi"
    path = tree.image(f"{name}.nii.gz", {}, volumes=len(b_values.split()))
    tree.image(f"{subject}/anat/{subject}_FLAIR.nii.gz", FLAIR)
    return path


def test_b0_and_b1000_of_one_file_by_inherited_b_values(tree):
    tree.write("dwi.bval", "0 1000\n")
    tree.write("dwi.bvec", "0 0\n0 0\n0 0\n")
    path = add_plain(tree)
    assert tree.run() == 0
    row = tree.sheet["sub-a+1"]
    assert (row["t2w"], row["dwi"], row["b_value"]) == (
        "images/sub-a+1/t2w.nii.gz",
        "images/sub-a+1/dwi.nii.gz",
        "1000",
    )
    volumes = nib.load(path).get_fdata()
    for column, number in (("t2w", 0), ("dwi", 1)):
        written = nib.load(tree.out / f"images/sub-a+1/{column}.nii.gz")
        np.testing.assert_allclose(written.get_fdata(), volumes[..., number], rtol=1e-6)


@pytest.mark.parametrize(
    ("b_values", "directions"),
    [("0 1000", ""), ("0 1000 1000", "0 1 0\n0 0 1\n0 0 0\n")],  # a trace export, and two directions
)
def test_what_was_noticed_while_bringing_stands_once(tree, b_values, directions):
    tree.write("dwi.bval", b_values)
    if directions:
        tree.write("dwi.bvec", directions)
    add_plain(tree, b_values=b_values)
    assert tree.run() == 0
    row = tree.selection["sub-a+1", "n/a", "dwi"]
    assert row["note"].endswith("the volumes were not aligned with one another: motion between them stays")
    for note in row["note"].split("; "):
        assert " ".join(row.values()).count(note) == 1, note
    assert ("2 directions, fewer than 3" in row["note"]) == bool(directions)


@pytest.mark.parametrize(
    ("b_values", "words"),
    [(None, "no .bval"), ("0 1000 1000", "2 volumes"), ("0 x", "b-values"), ("0 0", "b")],
)
def test_a_series_of_volumes_whose_b_values_do_not_fit_is_not_taken(tree, b_values, words):
    if b_values:
        tree.write("dwi.bval", b_values)
    add_plain(tree)
    assert tree.run() == 0
    assert tree.sheet["sub-a+1"]["dwi"] == "n/a"
    assert words in tree.selection["sub-a+1", "n/a", "dwi"]["note"]


def test_one_volume_with_several_b_values_is_not_taken(tree):
    tree.write("dwi.bval", "0 1000")
    tree.image("sub-1/dwi/sub-1_dwi.nii.gz", {})
    tree.run()
    assert tree.chosen("sub-1")["dwi"] == ("dwi", "no")
    assert "1 volume and its .bval file 2 numbers" in tree.selection["sub-1", "n/a", "dwi"]["note"]


def test_the_nearer_b_values_precede_those_of_the_root(tree):
    tree.write("dwi.bval", "0 0")
    tree.write("sub-a+1/dwi/sub-a+1_dwi.bval", "0 1000")
    add_plain(tree)
    tree.run()
    assert tree.chosen("sub-a+1")["dwi"] == ("t2w dwi", "yes")


def test_metadata_of_another_suffix_or_entity_is_not_inherited(tree):
    tree.write("bold.bval", "0 0")
    tree.write("acq-x_dwi.bval", "0 0")
    tree.write("dwi.bval", "0 1000")
    add_plain(tree)
    tree.run()
    assert tree.chosen("sub-a+1")["dwi"] == ("t2w dwi", "yes")


def test_b0_and_dwi_in_files_of_their_own(tree):
    tree.image("sub-1/dwi/sub-1_acq-b0_dwi.nii.gz", {})
    tree.image("sub-1/dwi/sub-1_acq-b1000_dwi.nii.gz", {})
    tree.image("sub-1/anat/sub-1_FLAIR.nii.gz", FLAIR)
    tree.run()
    assert tree.chosen("sub-1") == {
        "FLAIR": ("flair", "yes"),
        "acq-b0_dwi": ("t2w", "yes"),
        "acq-b1000_dwi": ("dwi", "yes"),
    }
    assert tree.sheet["sub-1"]["b_value"] == "1000"


@pytest.mark.parametrize(("facts", "taken"), [({"DiffusionBValue": 0}, "yes"), ({}, "no")])
def test_an_sbref_is_a_b0_only_where_its_b_value_is_known(tree, facts, taken):
    tree.image("sub-1/dwi/sub-1_sbref.nii.gz", facts)
    tree.image("sub-1/dwi/sub-1_trace.nii.gz", {"DiffusionBValue": 1000})
    tree.run()
    assert tree.chosen("sub-1")["sbref"][1] == taken


def test_of_shells_the_nearest_to_1000_is_taken(tree):
    for b_value in (500, 1000, 2000):
        tree.image(f"sub-1/dwi/sub-1_acq-b{b_value}_trace.nii.gz", {"DiffusionBValue": b_value})
    tree.run()
    assert tree.chosen("sub-1")["acq-b1000_trace"] == ("dwi", "yes")
    assert tree.sheet["sub-1"]["b_value"] == "1000"


def test_anatomical_t2w_and_maps_are_not_taken(tree):
    for name in (
        "anat/sub-1_T2w",
        "dwi/sub-1_expADC",
        "dwi/sub-1_FA",
        "dwi/sub-1_rec-eADC_dwi",
        "anat/sub-1_T1w",
    ):
        tree.image(f"sub-1/{name}.nii.gz", {})
    tree.image("sub-1/dwi/sub-1_trace.nii.gz", {"DiffusionBValue": 1000})
    tree.run()
    assert {series for series, (_, chosen) in tree.chosen("sub-1").items() if chosen != "no"} == {"trace"}


def test_equal_repeats_are_asked_and_a_person_goes_on(tree, capsys):
    add_soop(tree, 1)
    first = tree.image("sub-2/anat/sub-2_run-1_FLAIR.nii.gz", FLAIR)
    second = tree.image("sub-2/anat/sub-2_run-2_FLAIR.nii.gz", FLAIR)
    tree.image("sub-2/dwi/sub-2_rec-TRACE_dwi.nii.gz", TRACE)
    tree.image("sub-2/dwi/sub-2_rec-ADC_dwi.nii.gz", ADC)
    assert tree.run() == 0
    said = capsys.readouterr().out
    assert "1 needs a choice" in said
    assert "Not in it, because several series are alike: sub-2." in said
    assert list(tree.sheet) == ["sub-1"]
    assert tree.chosen("sub-2")["run-1_FLAIR"] == ("flair", "ask")
    assert tree.selection["sub-2", "n/a", "run-1_FLAIR"]["other"] == "run-2_FLAIR"
    assert not (tree.out / "images/sub-2").exists()
    mine = tree.choose(run_1_FLAIR="no", run_2_FLAIR="yes")
    assert tree.run("--selection", mine) == 0
    assert list(tree.sheet) == ["sub-1", "sub-2"]
    assert tree.same_voxels("sub-2", "flair", second)
    assert not tree.same_voxels("sub-2", "flair", first)


def test_contrast_by_the_entity_ce_is_not_taken_and_the_other_is(tree):
    tree.image("sub-1/anat/sub-1_FLAIR.nii.gz", FLAIR)
    tree.image("sub-1/anat/sub-1_ce-gadolinium_FLAIR.nii.gz", FLAIR)
    tree.run()
    assert tree.chosen("sub-1") == {"FLAIR": ("flair", "yes"), "ce-gadolinium_FLAIR": ("flair", "no")}


def add_visit(tree, session, *series):
    for one in series:
        facts = FLAIR if one == "FLAIR" else {"DiffusionBValue": 1000} if one == "trace" else {}
        folder = "anat" if one == "FLAIR" else "dwi"
        tree.image(f"sub-1/ses-{session}/{folder}/sub-1_ses-{session}_{one}.nii.gz", facts)


ALL = ("trace", "ADC", "FLAIR")


@pytest.mark.parametrize(
    ("visits", "times", "taken"),
    [
        ({"1": ALL, "2": ALL}, {}, "1"),
        ({"2": ALL, "10": ALL}, {}, "2"),
        ({"1": ALL[:2], "2": ALL}, {}, "2"),
        ({"1": ALL[:1], "2": ALL[:2]}, {}, "2"),
        ({"x": ALL, "y": ALL}, {"x": "1925-03-02T10:00:00", "y": "1925-03-01T10:00:00"}, "y"),
        ({"followup": ALL, "acute": ALL}, {}, "acute"),
        ({"x": ALL, "y": ALL}, {}, None),
        ({"20190301": ALL, "77": ALL}, {}, None),
    ],
)
def test_the_earliest_complete_visit_is_taken_and_the_others_are_listed(tree, visits, times, taken):
    for session, series in visits.items():
        add_visit(tree, session, *series)
    if times:
        rows = "".join(f"ses-{session}\t{time}\n" for session, time in times.items())
        tree.write("sub-1/sub-1_sessions.tsv", f"session_id\tacq_time\n{rows}")
    tree.run()
    chosen = {
        (session, row["chosen"]) for (_, session, _), row in tree.selection.items() if row["chosen"] != "no"
    }
    assert chosen == ({(taken, "yes")} if taken else {(session, "ask") for session in visits})
    assert len(tree.selection) == sum(map(len, visits.values()))


def test_times_of_a_scans_table_order_visits_too(tree):
    for session, time in (("x", "1925-05-01T10:00:00"), ("y", "1925-04-01T10:00:00")):
        add_visit(tree, session, *ALL)
        tree.write(
            f"sub-1/ses-{session}/sub-1_ses-{session}_scans.tsv",
            f"filename\tacq_time\ndwi/sub-1_ses-{session}_trace.nii.gz\t{time}\n",
        )
    tree.run()
    assert {session for (_, session, _), row in tree.selection.items() if row["chosen"] == "yes"} == {"y"}


def test_a_mask_without_a_visit_belongs_to_the_one_visit_with_a_dwi(tree):
    add_visit(tree, "1", *ALL)
    tree.image("derivatives/masks/sub-1/sub-1_label-lesion_mask.nii.gz")
    tree.run()
    assert tree.sheet["sub-1"]["lesion_mask"] != "n/a"


def test_a_mask_in_template_space_or_of_the_brain_is_not_taken(tree):
    add_visit(tree, "1", *ALL)
    for name in ("space-MNI152NLin6Asym_label-lesion_mask", "desc-brain_mask", "label-GM_mask"):
        tree.image(f"derivatives/lesions/sub-1/ses-1/anat/sub-1_ses-1_{name}.nii.gz")
    tree.run()
    assert "lesion_mask" not in tree.sheet["sub-1"]


BROKEN = {
    "not downloaded": lambda path: (path.unlink(), path.symlink_to(".git/annex/objects/ab/MD5E-s1.nii.gz")),
    "datalad get": lambda path: path.write_text("/annex/objects/MD5E-s1--abc.nii.gz\n"),
    "leads nowhere": lambda path: (path.unlink(), path.symlink_to("elsewhere.nii.gz")),
    "empty": lambda path: path.write_bytes(b""),
    "damaged": lambda path: path.write_bytes(path.read_bytes()[:30]),
    "copy it again": lambda path: path.write_bytes(b"\x1f\x8bnothing"),
}


@pytest.mark.parametrize("words", BROKEN)
def test_a_damaged_file_is_that_patients_fault_alone(soop, capsys, words):
    add_soop(soop, 1)
    path = add_soop(soop, 2)["flair"]
    BROKEN[words](path)
    assert soop.run() == 0
    assert soop.sheet["sub-2"]["flair"] == "n/a"
    assert soop.sheet["sub-1"]["flair"] != "n/a"
    said = capsys.readouterr().out
    assert "1 complete, 0 need a choice, 1 incomplete" in said
    fault = next(line for line in said.splitlines() if line.startswith("  sub-2: FLAIR: "))
    assert words.strip() in fault
    assert str(soop.source) not in said


def test_what_only_bringing_finds_is_that_patients_fault_alone(soop, capsys):
    add_soop(soop, 1)
    soop.write("sub-2/anat/sub-2_FLAIR.nii.gz", soop.make(volumes=3))
    soop.image("sub-2/dwi/sub-2_trace.nii.gz", {"DiffusionBValue": 1000})
    assert soop.run() == 0
    assert soop.sheet["sub-2"]["flair"] == "n/a"
    assert soop.sheet["sub-2"]["dwi"] != "n/a"
    assert "  sub-2: FLAIR: " in capsys.readouterr().out
    assert not (soop.out / "images/sub-2/flair.nii.gz").exists()


def test_a_damaged_sidecar_is_said_and_costs_nothing(soop):
    path = add_soop(soop, 1)["flair"]
    path.with_name("sub-1_FLAIR.json").write_text("{")
    soop.run()
    assert soop.chosen("sub-1")["FLAIR"] == ("flair", "yes")
    assert "JSON" in soop.selection["sub-1", "n/a", "FLAIR"]["why"]


def test_a_file_in_anothers_folder_is_nobodys(soop):
    add_soop(soop, 1)
    soop.image("sub-1/anat/sub-2_FLAIR.nii.gz", FLAIR)
    soop.run()
    assert soop.chosen("sub-1")["FLAIR"] == ("flair", "yes")
    assert soop.chosen("sub-1")["FLAIR (2)"][1] == "no"


def test_other_folders_of_a_set_are_not_read(soop):
    add_soop(soop, 1)
    soop.image("sourcedata/sub-9/anat/sub-9_FLAIR.nii.gz", FLAIR)
    soop.image(".git/annex/sub-8_FLAIR.nii.gz", FLAIR)
    soop.run()
    assert list(soop.sheet) == ["sub-1"]


def test_a_set_in_the_only_subfolder_is_found(tree):
    tree.image("ISLES-2022/sub-1/anat/sub-1_FLAIR.nii.gz")
    assert tree.run() == 0
    assert list(tree.sheet) == ["sub-1"]
    tree.image("other/sub-1/anat/sub-1_FLAIR.nii.gz")
    assert tree.run() == 2


def test_a_linked_folder_is_entered_and_a_loop_ends(soop):
    add_soop(soop, 1)
    os.symlink(soop.source / "sub-1", soop.source / "sub-1/anat/again")
    os.rename(soop.source / "sub-1", soop.source.parent / "kept")
    os.symlink(soop.source.parent / "kept", soop.source / "sub-1")
    assert soop.run() == 0
    assert soop.sheet["sub-1"]["flair"] != "n/a"
