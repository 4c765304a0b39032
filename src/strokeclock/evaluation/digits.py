"""How tables and pages write numbers. Imports nothing heavy."""


def format_digits(value: str, *, digits: int = 2) -> str:
    """Some digits after the point, without the 0 before it; "" of "".

    >>> [format_digits(value) for value in ("0.8345", "-0.5", "1", "")]
    ['.83', '-.50', '1.00', '']
    """
    return f"{float(value):.{digits}f}".replace("0.", ".", 1) if value else ""
