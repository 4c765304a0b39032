"""A series of one image file, of a BIDS set or with a plain name."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from strokeclock.intake.bids_series import Meaning
from strokeclock.intake.bringing import bring_image
from strokeclock.intake.found import Found


def make_image(meaning: Meaning, path: str, known: Mapping[str, Any], facts: Mapping[str, Any]) -> Found:
    """Return a series of one file.

    Parameters
    ----------
    known : the fields of `Found` that say whose it is: person, session, name …
    facts : of the sidecar. A b-value that the meaning knows precedes theirs.
    """
    if meaning.b_value is not None or meaning.gives == ("t2w",):
        facts = {**facts, "DiffusionBValue": meaning.b_value or 0}
    return Found(
        **known,
        gives=meaning.gives,
        why=meaning.why,
        rank=meaning.rank,
        b_value=meaning.b_value,
        facts=facts,
        faults=meaning.faults,
        bring=partial(bring_image, path, person=known["person"], facts=facts),
    )
