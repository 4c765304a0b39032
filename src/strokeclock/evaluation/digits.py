"""How tables and pages write numbers. Imports nothing heavy."""

import re


def format_digits(value: str, *, digits: int = 2) -> str:
    """Some digits after the point, without the 0 before it; "" of "".

    >>> [format_digits(value) for value in ("0.8345", "-0.5", "1", "10.05", "")]
    ['.83', '-.50', '1.00', '10.05', '']
    """
    return re.sub(r"^(-?)0\.", r"\1.", f"{float(value):.{digits}f}") if value else ""
