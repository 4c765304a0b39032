"""A series of several b-values in one file: whether b0 and trace-weighted image can be computed from it."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from strokeclock.intake.bids_series import Meaning
from strokeclock.intake.bringing import bring_diffusion
from strokeclock.intake.diffusion import Plan, plan_diffusion, read_b_values, read_directions
from strokeclock.intake.found import Found


def make_diffusion(
    meaning: Meaning,
    path: str,
    known: Mapping[str, Any],
    facts: Mapping[str, Any],
    b_file: str | None,
    directions: str | None,
    *,
    volumes: int,
) -> Found:
    """Return a series of several b-values, with a fault where its .bval file does not fit.

    Parameters
    ----------
    known : the fields of `Found` on person, visit and name.
    b_file, directions : .bval and .bvec file, or None.
    volumes : number of volumes in the image.
    """
    plan, faults = None, meaning.faults
    if not faults:
        try:
            plan = _plan(b_file, directions, volumes=volumes)
        except ValueError as error:
            faults = (str(error),)
    facts = {key: value for key, value in facts.items() if key != "DiffusionBValue"}
    beside = [Path(one) for one in (b_file, directions) if one]
    return Found(
        **{**known, "files": (Path(path), *beside)},
        gives=meaning.gives,
        why=meaning.why,
        b_value=plan.b_value if plan else None,
        facts=facts,
        faults=faults,
        bring=partial(
            bring_diffusion,
            path,
            person=known["person"],
            facts=facts,
            b_values=b_file or "",
            directions=directions,
        ),
    )


def _plan(b_file: str | None, directions: str | None, *, volumes: int) -> Plan:
    """Choose the volumes; raise ValueError with a sentence where that cannot be done."""
    if b_file is None:
        raise ValueError(f"it holds {volumes} volumes and has no .bval file: write one beside it")
    try:
        b_values = read_b_values(b_file)
        read = read_directions(directions) if directions else None
        plan = plan_diffusion(b_values, read) if len(b_values) == volumes else None
    except OSError as error:
        raise ValueError(
            f"its .bval or .bvec file cannot be read ({error.strerror}): copy it again"
        ) from None
    except ValueError as error:
        raise ValueError(f"it {error}") from None
    if plan is None:
        raise ValueError(
            f"it holds {volumes} volumes, and its .bval file {len(b_values)} numbers: correct it"
        )
    return plan
