"""What the images of a series are, told by ImageType, times and the words of their description.

Words come from people and scanners of many countries, so each rule says what it went by. None of the
description itself is ever repeated: it may hold a name.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_DERIVED: Mapping[str, frozenset[str]] = {  # what ImageType says of images that are not as scanned
    name: frozenset(words.split("|"))
    for name, words in {
        "exponential ADC": "EADC|EXPADC|EXP_ADC|EXPONENTIAL_ADC|EXP",
        "ADC": "ADC|ADC_UNSPECIFIED|ADC_MAP",
        "FA": "FA|COLFA|FRACT_ANISO|FRACTIONAL_ANISOTROPY|FA_MAP",
        "synthetic b": "CALC_BVAL|CALC_BVALUE|CALCULATED_BVALUE|SYNTHETIC|COMPUTED",
        "projection": "MIP|MINIP|MIN_IP|MAX_IP|MNIP|PROJECTION IMAGE|PROJECTION_IMAGE",
        "perfusion": "PERFUSION|PERFUSION_ASL|ASL|CBF|CBV|MTT|TTP|TMAX|RCBF|RCBV|RELCBF|RELCBV",
        "localizer": "LOCALIZER|SCOUT",
        "phase": "P|PHASE|PHASE MAP|R|REAL|I|IMAGINARY|VELOCITY MAP|VELOCITY",
        "SWI": "SWI|SW_M_FFE",
        "subtraction": "SUBTRACTION|ADDITION|SUBTRACT",
        "screen shot": "SCREEN SAVE|SCREEN_SAVE|SCREENSAVE|FIDUCIAL",
        "reformat": "MPR|REFORMATTED|RESAMPLED|CURVED",
    }.items()
}
_TRACE = frozenset({"TRACEW", "TRACE", "ISOTROPIC", "ISO", "COMBINED_TRACE"})

# Kind -> words of the description, in small letters, everything but letters, digits, + and * a blank.
_WORDS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern)
    for name, pattern in {
        "localizer": r"locali[sz]er|survey|scout|topogram| 3 ?(pl|plane) | loc |lokali",
        "exponential ADC": r" e ?adc| exp |exponen|eapp",
        "ADC": r"adc|apparent",
        "FA": r"fractional|anisotrop|colfa| (dti|dwi|diff|tensor)\b.* fa | fa (map|col)| dec map",
        "projection": r" mip| minip|mip $| mnip",
        "perfusion": r" p?c?asl | perf| dsc | dce |cbf|cbv| mtt | tmax | ttp | pwi",
        "synthetic b": r"calc|synth|computed| cdwi",
        "flair": r"flair|dark ?fluid|tirm",
        "T1": r" t1|mp2?rage|bravo|tfl3d| 3d ?tfe",
        "SWI": r" swi| swan|veno ?bold|hemo| t2 ?\*| t2 ?star|fl2d| gre |t2 ffe",
        "angiogram": r"tof|angio| mra | pc ?a | inhance",
        "functional": r"bold|fmri|moco",
        "T2": r" t2| tse| fse| pd ",
        "double inversion": r" dir |double ?(ir|inv)",
        "diffusion": r"diff|dwi|dti| trace|tracew|resolve| b ?0 | b ?1000| 1000 ?b ",
        "reformat": r" mpr | reform| recon(s|struct)? ",
    }.items()
}
_CONTRAST = re.compile(r" post | gad| gd |\+ ?c |\+ ?(gd|km)| c\+|contrast| km |dotarem|gadovist| ce ")
_NO_CONTRAST = re.compile(r"ohne (km|kontrast)|without|non ?contrast|no contrast|pre ?contrast|nativ| pre ")
_B_IN_WORDS = re.compile(r"(?<![a-z])s?b ?= ?(\d{1,4})\b|(?<![a-z])s?b ?(\d{1,4})\b|\b(\d{2,4}) ?b\b")

FLAIR_TI_S, FLAIR_TE_S, FLAIR_TR_S = (1.5, 3.0), 0.07, 4.0


def derive(image_type: Collection[str]) -> str:
    """Return how images were made: ADC, FA, projection, reformat …; "" for those as scanned and for traces.

    The first two words of ImageType, original or derived and primary or secondary, decide nothing: vendors
    call traces and ADC maps either.
    """
    words = frozenset(list(image_type)[2:])
    return next((name for name, own in _DERIVED.items() if words & own), "")


def is_trace(image_type: Collection[str]) -> bool:
    """Whether ImageType says that images are the trace, or mean, of several gradient directions."""
    return bool(_TRACE & frozenset(image_type))


def clean_words(description: str) -> str:
    """Return a description as the rules read it."""
    return f" {re.sub(r'[^a-z0-9+*=]+', ' ', description.lower())} "


def read_b_value(words: str) -> float | None:
    """Return the b-value of a description, if it names exactly one.

    >>> read_b_value(clean_words("Ax DWI b1000 trace"))
    1000.0
    """
    found = {int(next(filter(None, groups))) for groups in _B_IN_WORDS.findall(words)}
    return float(found.pop()) if len(found) == 1 else None


@dataclass(frozen=True)
class Kind:
    """What images are.

    Attributes
    ----------
    name : FLAIR, DWI, ADC, localizer, …: no text of the source.
    why : what it went by.
    fault : why they cannot be used although they are what is wanted; a sentence without its subject.
    is_reformat : computed from another series of the study.
    """

    name: str
    why: str
    fault: str | None = None
    is_reformat: bool = False


@dataclass(frozen=True, kw_only=True)
class Signs:
    """What tells the kind of a part of a series.

    Attributes
    ----------
    derived : as `derive`.
    image_type : words of ImageType, in capitals.
    words : of the description, as `clean_words`.
    sequence : as of `Header`.
    repetition_s, echo_s, inversion_s : None where not given.
    is_colour, has_contrast, modality : as of `Header`.
    planes : number of orientations.
    told_diffusion : an element that only diffusion images have is there.
    has_b_value : an element that gives a b-value is there.
    volumes : images at each place.
    """

    modality: str
    derived: str
    image_type: tuple[str, ...]
    words: str
    sequence: tuple[str, ...]
    repetition_s: float | None
    echo_s: float | None
    inversion_s: float | None
    is_colour: bool
    has_contrast: bool
    planes: int
    told_diffusion: bool
    has_b_value: bool
    volumes: int


_MANY = 10  # volumes at one place without a b-value: a series over time


def recognise(signs: Signs) -> Kind:
    """Tell what images are; FLAIR, DWI and ADC are of use."""
    if signs.modality != "MR":
        return Kind("no MRI", "Modality is not MR")
    if signs.is_colour:
        return Kind("colour map", "it has colours")
    if signs.planes > 1:
        return Kind("localizer", f"its slices lie in {signs.planes} planes")
    if signs.derived not in ("", "ADC", "reformat"):
        return Kind(signs.derived, "by ImageType")
    for name in ("localizer", "exponential ADC", "projection"):
        if _says(signs, name):
            return Kind(name, "by its description")
    if signs.derived == "ADC":
        return Kind("ADC", "by ImageType")
    if _says(signs, "ADC"):
        return Kind("ADC", "by its description", is_reformat=signs.derived == "reformat")
    for name in ("FA", "perfusion", "synthetic b"):
        if _says(signs, name):
            return Kind(name, "by its description")
    if why := _tell_diffusion(signs):
        return Kind("DWI", why, is_reformat=_is_reformat(signs))
    return _recognise_structural(signs)


def _says(signs: Signs, name: str) -> bool:
    return _WORDS[name].search(signs.words) is not None


def _is_reformat(signs: Signs) -> bool:
    return signs.derived == "reformat" or _says(signs, "reformat")


def _tell_diffusion(signs: Signs) -> str | None:
    if signs.told_diffusion:
        return "by its b-values"
    if "DIFFUSION" in signs.image_type or is_trace(signs.image_type):
        return "by ImageType"
    if "DIFFUSION" in signs.sequence:
        return "by AcquisitionContrast"
    if (
        _says(signs, "diffusion")
        and not _says(signs, "flair")
        and ("EP" in signs.sequence or signs.has_b_value)
    ):
        return "by its description"
    return None


def _recognise_structural(signs: Signs) -> Kind:
    if "EP" in signs.sequence and signs.volumes > _MANY:
        return Kind("perfusion", f"{signs.volumes} volumes without a b-value")
    if _says(signs, "flair") or _has_flair_times(signs):
        return _recognise_flair(signs)
    for name in ("double inversion", "SWI", "angiogram", "functional", "T1", "T2"):
        if _says(signs, name):
            return Kind(name, "by its description")
    return Kind("other", "nothing says that it is b0, DWI, ADC or FLAIR")


def _has_flair_times(signs: Signs) -> bool:
    """All three are given and those of a T2-weighted FLAIR."""
    return (
        signs.inversion_s is not None
        and FLAIR_TI_S[0] <= signs.inversion_s <= FLAIR_TI_S[1]
        and (signs.echo_s or 0) > FLAIR_TE_S
        and (signs.repetition_s or 0) > FLAIR_TR_S
        and not any(_says(signs, name) for name in ("double inversion", "T1"))
    )


def _recognise_flair(signs: Signs) -> Kind:
    ti, te, tr = signs.inversion_s, signs.echo_s, signs.repetition_s
    if ti is not None and ti < FLAIR_TI_S[0]:
        return Kind("T1 FLAIR", f"TI is {ti:.2f} s, below {FLAIR_TI_S[0]:g} s")
    if ti is not None and ti > FLAIR_TI_S[1]:
        return Kind("other", f"named as FLAIR, but TI is {ti:.2f} s")
    if te is not None and te <= FLAIR_TE_S:
        return Kind("T1 FLAIR", f"named as FLAIR, but TE is {1000 * te:.0f} ms")
    if tr is not None and tr <= FLAIR_TR_S:
        return Kind("T1 FLAIR", f"named as FLAIR, but TR is {tr:.2f} s")
    if _says(signs, "double inversion") or _says(signs, "T1"):
        return Kind("T1 FLAIR" if _says(signs, "T1") else "double inversion", "by its description")
    by_name, by_times = _says(signs, "flair"), _has_flair_times(signs)
    why = "by its description and times" if by_name and by_times else "by its times"
    fault = None
    if (signs.has_contrast or _CONTRAST.search(signs.words)) and not _NO_CONTRAST.search(signs.words):
        fault = "was taken after a contrast agent: give the FLAIR before it"
    return Kind("FLAIR", why if by_times else "by its description", fault, _is_reformat(signs))
