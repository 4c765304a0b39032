"""Numbers as people write them into a sheet: which are taken, and what is wrong with the others."""

import re

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_CAPPED_AGE = re.compile(r"[0-9]{2,3}\+")  # 89+: BIDS caps ages there
LIMITS = {  # value must lie in [low, high]
    "b_value": (500, 3000),
    "onset_to_mri_min": (1, 60 * 24 * 365),
    "onset_to_mri_h": (1 / 60, 24 * 365),
    "age": (0, 125),
    "nihss": (0, 42),
    "field_t": (0.05, 12),
}


def strip_cap(age: str) -> str:
    """Return an age without the plus sign of a capped one.

    >>> strip_cap("89+"), strip_cap("71")
    ('89', '71')
    """
    return age[:-1] if _CAPPED_AGE.fullmatch(age) else age


def find_fault(column: str, cell: str) -> str | None:
    """Return one sentence on what is wrong with the number in a cell, or None.

    Digits are 0 to 9, with a decimal point; `float` would take 1_20, inf and the digits of other scripts too.

    >>> find_fault("age", "71")
    >>> find_fault("age", "4,5")
    "column age is '4,5': write the number with a decimal point"
    """
    if not _NUMBER.fullmatch(cell):
        return f"column {column} is {cell!r}{_describe(cell)}"
    low, high = LIMITS[column]
    if not low <= float(cell) <= high:
        return (
            f"column {column} is {cell}, outside {round(low, 3):g} to {high:g}: correct it or leave it empty"
        )
    return None


def _describe(cell: str) -> str:
    """Return why a cell is no number, and the remedy."""
    if "," in cell and _NUMBER.fullmatch(cell.replace(",", ".", 1)):
        return ": write the number with a decimal point"
    if re.fullmatch(rf"{_NUMBER.pattern}\s*[A-Za-zµ%/.]+", cell):
        return ": write the number alone, without its unit"
    return ", not a number: correct it or leave it empty"
