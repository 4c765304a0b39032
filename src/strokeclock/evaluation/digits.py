"""How tables and pages write numbers. Imports nothing heavy."""


def format_digits(value: str, *, digits: int = 2) -> str:
    """Some digits behind the point, without the 0 before it: .83; "" of ""."""
    return f"{float(value):.{digits}f}".replace("0.", ".", 1) if value else ""
