"""What the words of a file's or folder's name say of an image."""

import re
from collections.abc import Iterator
from typing import NamedTuple

MASK, LESION, BRAIN, CHRONIC = "mask", "lesion", "brain", "chronic"
FLAIR, ADC, EXPONENTIAL, B0, DWI, T2, OTHER = "flair", "adc", "eadc", "b0", "dwi", "t2", "other"
CONTRAST, PROCESSED, NEUTRAL = "contrast", "processed", "neutral"
SERIES = {MASK, LESION, BRAIN, FLAIR, ADC, EXPONENTIAL, B0, DWI, T2, OTHER}

_VOCABULARY = {
    LESION: "lesion lesions infarct infarction infarcts msk",
    MASK: "mask masks seg segmentation label labels roi gt groundtruth truth annotation manual binary",
    BRAIN: "brain skull bet stripped skullstripped brainmask ss skullstrip",
    CHRONIC: "chronic old",
    FLAIR: "tirm darkfluid fluid",
    EXPONENTIAL: "eadc expadc exp exponential",
    ADC: "apparent",
    B0: "lowb nodif s0 b0map",
    DWI: "trace tracew isotropic diffusion highb dw isodwi",
    T2: "t2 t2w t2tse tse t2se",
    OTHER: "t1 t1w t1ce mprage swi swan gre pwi perfusion tmax cbf cbv mtt ttp mra tof ct ncct cta ctp fa "
    "localizer scout dti colfa pd t2star bold",
    CONTRAST: "post gad gd ce contrast postcontrast km",
    PROCESSED: "mni reg registered coreg warped norm normalized normalised resampled n4 atlas",
    NEUTRAL: "ax axial sag sagittal cor coronal tra transversal 3d 2d ep2d se image images img mr mri scan "
    "vol volume series map orig raw nifti nii anat data std axt2 3t acute",
}
_KINDS = {word: kind for kind, words in _VOCABULARY.items() for word in words.split()}
_B_ZERO = re.compile("s?b0+")
_B_VALUE = re.compile("s?b[1-9][0-9]{2,3}")
_TOKEN = re.compile("[A-Za-z0-9]+")


class Word(NamedTuple):
    """A word of a name: its kind ("" where it is not known), how it is written here, and its place."""

    kind: str
    text: str
    start: int
    end: int


def read_words(name: str) -> list[Word]:
    """Return the words of a name, divided at all but letters and digits.

    What is not known has no text: it may be a person's name.

    >>> [(word.kind, word.text) for word in read_words("0017_T2FLAIR")]
    [('', ''), ('flair', 'flair')]
    """
    return [Word(*_read_token(one[0].lower()), one.start(), one.end()) for one in _TOKEN.finditer(name)]


def _read_token(token: str) -> tuple[str, str]:
    if token in _KINDS:
        return _KINDS[token], token
    if _B_ZERO.fullmatch(token):
        return B0, "b0"
    if _B_VALUE.fullmatch(token):
        return DWI, token.removeprefix("s")
    if "flair" in token:
        return FLAIR, "flair"
    if token.endswith("eadc"):
        return EXPONENTIAL, "eadc"
    if token.startswith("adc") or token.endswith("adc"):
        return ADC, "adc"
    if token.startswith("dwi") or token.endswith("dwi"):
        return DWI, "dwi"
    return "", ""


def find_rest(name: str) -> str:
    """Return what a name holds beside known words, which may be an identifier; "" where nothing is left.

    >>> find_rest("Subject02_b0"), find_rest("ax_dwi"), find_rest("stroke-0009_infarct")
    ('Subject02', '', 'stroke-0009')
    """
    unknown = [word for word in read_words(name) if not word.kind]
    return "_".join(_join(name, unknown))


def _join(name: str, words: list[Word]) -> Iterator[str]:
    """Yield unknown words; what stands between neighbours, such as a dash, stays."""
    part = ""
    end = -1
    for word in words:
        between = name[end : word.start]
        if part and len(between) == 1:
            part += between + name[word.start : word.end]
        else:
            if part:
                yield part
            part = name[word.start : word.end]
        end = word.end
    if part:
        yield part
