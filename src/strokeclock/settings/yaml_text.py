"""Values as YAML writes them, on one line."""

import re

import yaml

_BARE = re.compile(r"[A-Za-z0-9_.+/-]+")


def to_yaml(value: object) -> str:
    """Return a value as YAML that reads back as the same value of the same type.

    A number needs its point, and a text that reads as another type its quotes:

    >>> [to_yaml(value) for value in (1e-5, "yes", "dwi", None)]
    ['1.0e-5', "'yes'", 'dwi', 'null']
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{to_yaml(key)}: {to_yaml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(to_yaml, value))}]"
    if isinstance(value, str):
        is_plain = _BARE.fullmatch(value) and yaml.safe_load(value) == value
        return value if is_plain else "'" + value.replace("'", "''") + "'"
    return str(value)


def _float(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}[str(value)]
    if value and not 1e-3 < abs(value) < 1e6:
        mantissa, exponent = f"{value:.15e}".split("e")
        mantissa = mantissa.rstrip("0")
        return f"{mantissa}{'0' if mantissa.endswith('.') else ''}e{exponent[0]}{int(exponent[1:])}"
    return repr(value)
