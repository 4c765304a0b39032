"""What series are told to be, by descriptions and times of many scanners."""

import pytest

from strokeclock.intake.dicom_kinds import Signs, clean_words, derive, read_b_value, recognise


def tell(description="", **changes):
    usual = {
        "modality": "MR",
        "image_type": ("ORIGINAL", "PRIMARY", "M"),
        "words": clean_words(description),
        "sequence": ("SE",),
        "repetition_s": 9.0,
        "echo_s": 0.1,
        "inversion_s": None,
        "is_colour": False,
        "has_contrast": False,
        "planes": 1,
        "told_diffusion": False,
        "has_b_value": False,
        "volumes": 1,
    }
    given = usual | changes
    return recognise(Signs(derived=derive(given["image_type"]), **given))


@pytest.mark.parametrize(
    "description",
    ["t2_tirm_tra_dark-fluid", "Ax T2 FLAIR", "T2W_FLAIR_SPIR", "3D_FLAIR_SAG", "Dark Fluid", "FLAIR längs"],
)
@pytest.mark.parametrize("inversion_s", [2.5, None])
def test_flair_by_name(description, inversion_s):
    kind = tell(description, inversion_s=inversion_s)
    assert (kind.name, kind.fault, kind.is_reformat) == ("FLAIR", None, False)


def test_flair_by_times_alone():
    assert tell("tra kopf", inversion_s=2.5).name == "FLAIR"
    assert tell("tra kopf").name == "other"
    assert tell("t2 stir", inversion_s=0.18).name != "FLAIR"


@pytest.mark.parametrize(
    ("description", "times"),
    [
        ("Ax FLAIR", {"inversion_s": 0.9}),
        ("Ax FLAIR", {"inversion_s": 3.4}),
        ("Ax FLAIR", {"echo_s": 0.02}),
        ("Ax FLAIR", {"repetition_s": 2.0}),
        ("Ax T1 FLAIR", {"inversion_s": 2.5}),
        ("Sag DIR FLAIR", {"inversion_s": 2.5}),
    ],
)
def test_what_is_named_as_flair_and_is_none(description, times):
    assert tell(description, **times).name != "FLAIR"


@pytest.mark.parametrize(
    ("description", "has_contrast", "is_refused"),
    [
        ("FLAIR +C", False, True),
        ("FLAIR post", False, True),
        ("Ax FLAIR POST GAD", False, True),
        ("FLAIR KM", False, True),
        ("FLAIR", True, True),
        ("FLAIR ohne KM", False, False),
        ("FLAIR pre contrast", False, False),
        ("FLAIR nativ", True, False),
        ("FLAIR posterior fossa", False, False),
    ],
)
def test_a_flair_after_contrast_is_refused(description, has_contrast, is_refused):
    kind = tell(description, inversion_s=2.5, has_contrast=has_contrast)
    assert kind.name == "FLAIR"
    assert bool(kind.fault) == is_refused


@pytest.mark.parametrize(
    ("description", "image_type", "name"),
    [
        ("ep2d_diff_ADC", ("DERIVED", "PRIMARY", "DIFFUSION", "ADC"), "ADC"),
        ("dDWI", ("ORIGINAL", "PRIMARY", "ADC_UNSPECIFIED", "ADC", "UNSPECIFIED"), "ADC"),
        ("Apparent Diffusion Coefficient (mm2/s)", ("DERIVED", "SECONDARY", "PROCESSED"), "ADC"),
        ("ep2d_diff_3scan_trace_p2_ADC", ("DERIVED", "PRIMARY"), "ADC"),
        ("Exponential Apparent Diffusion Coefficient", ("DERIVED", "SECONDARY"), "exponential ADC"),
        ("eADC", ("DERIVED", "SECONDARY"), "exponential ADC"),
        ("dReg", ("DERIVED", "PRIMARY", "DIFFUSION", "EADC"), "exponential ADC"),
        ("ep2d_diff_FA", ("DERIVED", "PRIMARY", "DIFFUSION", "FA"), "FA"),
        ("Fractional Aniso.", ("DERIVED", "SECONDARY"), "FA"),
        ("ep2d_diff_CALC_BVAL", ("DERIVED", "PRIMARY", "DIFFUSION", "CALC_BVALUE"), "synthetic b"),
        ("synthetic DWI b1400", ("DERIVED", "SECONDARY"), "synthetic b"),
        ("FLAIR MIP", ("DERIVED", "SECONDARY", "MIP"), "projection"),
        ("SWI mIP", ("DERIVED", "SECONDARY", "MNIP"), "projection"),
        ("minIP", ("DERIVED", "SECONDARY"), "projection"),
        ("ep2d_perf", ("DERIVED", "PRIMARY", "PERFUSION", "CBF"), "perfusion"),
        ("Perf TTP", ("DERIVED", "SECONDARY"), "perfusion"),
        ("pcasl", ("ORIGINAL", "PRIMARY"), "perfusion"),
        ("localizer", ("ORIGINAL", "PRIMARY", "M", "ND"), "localizer"),
        ("AAHead_Scout", ("ORIGINAL", "PRIMARY", "M"), "localizer"),
        ("Survey", ("ORIGINAL", "PRIMARY", "M_FFE"), "localizer"),
        ("phase", ("ORIGINAL", "PRIMARY", "P", "ND"), "phase"),
        ("t2_swi", ("ORIGINAL", "PRIMARY", "M", "SWI"), "SWI"),
        ("T2* GRE", ("ORIGINAL", "PRIMARY"), "SWI"),
        ("t2_tse_tra", ("ORIGINAL", "PRIMARY"), "T2"),
        ("t1_mprage", ("ORIGINAL", "PRIMARY"), "T1"),
        ("TOF_3D", ("ORIGINAL", "PRIMARY"), "angiogram"),
    ],
)
@pytest.mark.parametrize("sequence", [("EP",), ("SE",)])
def test_series_that_are_not_b0_dwi_or_flair(description, image_type, name, sequence):
    assert tell(description, image_type=image_type, sequence=sequence).name == name


def test_b0_is_only_of_a_diffusion_series():
    """Philips and GE give b = 0 in every image."""
    assert tell("Ax DWI b0", sequence=("EP",), has_b_value=True).name == "DWI"
    assert tell("ep2d_diff_trace", sequence=("EP",)).name == "DWI"
    assert tell("AX T2", has_b_value=True).name == "T2"
    assert tell("GRE EPI", sequence=("EP",), has_b_value=True).name != "DWI"
    assert tell("resting state", sequence=("EP",), volumes=200).name == "perfusion"
    assert tell("x", told_diffusion=True).name == "DWI"
    assert tell("x", image_type=("DERIVED", "PRIMARY", "DIFFUSION", "TRACEW")).name == "DWI"
    assert tell("x", image_type=("ORIGINAL", "PRIMARY"), sequence=("DIFFUSION",)).name == "DWI"


def test_colours_planes_and_other_modalities():
    assert tell("FLAIR", is_colour=True).name == "colour map"
    assert tell("FLAIR", planes=3).name == "localizer"
    assert tell("FLAIR", modality="CT").name == "no MRI"


def test_reformats_are_told_from_originals():
    assert tell("FLAIR", inversion_s=2.5, image_type=("DERIVED", "SECONDARY", "MPR")).is_reformat
    assert tell("FLAIR MPR tra", inversion_s=2.5, image_type=("DERIVED", "SECONDARY")).is_reformat


@pytest.mark.parametrize(
    ("description", "b_value"),
    [
        ("Ax DWI b1000", 1000),
        ("Ax DWI 1000b", 1000),
        ("DWI b=800", 800),
        ("b0 DWI_SSh", 0),
        ("sB1000", 1000),
        ("DWI b0 b1000", None),
        ("DWI b-1000", 1000),
        ("ep2d_diff", None),
        ("tab 3", None),
    ],
)
def test_a_description_that_names_one_b_value_says_it(description, b_value):
    assert read_b_value(clean_words(description)) == b_value


def test_no_word_of_the_description_is_repeated():
    for description in ("FLAIR Mueller Hans", "DWI Mueller Hans", "Mueller Hans", "ADC Mueller Hans"):
        kind = tell(description, sequence=("EP",))
        assert "ueller" not in f"{kind}"
