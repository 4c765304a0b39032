"""Assert that a rule is complete when the workflow is read, before any job."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from strokeclock.errors import StrokeclockError


class JobError(StrokeclockError):
    """A rule is incomplete, or its script's functions do not fit it."""


def check_rule(
    rule: str,
    *,
    script: str | Path,
    has_log: bool,
    has_conda: bool,
    params: Mapping[str, Any],
    captions: Iterable[str | Path],
) -> None:
    """Assert that a rule has all that it needs.

    Parameters
    ----------
    rule : its name.
    script, captions : its files.
    has_log, has_conda : whether the rule has a log and an environment.
    params : name -> value; what a function finds for each job is not looked at.

    Raises
    ------
    JobError
        The sentence names the rule and all that is wrong.
    """
    faults = [f"it has no {key}" for key, has in (("log", has_log), ("conda", has_conda)) if not has]
    faults += [f"there is no file {file}" for file in (script, *captions) if not Path(file).is_file()]
    faults += find_odd_params({name: value for name, value in params.items() if not callable(value)})
    if faults:
        raise JobError(f"rule {rule}: {'; '.join(faults)}: write it as docs/how-to/new-table.md shows.")


def find_odd_params(params: Mapping[str, Any]) -> list[str]:
    """Return a clause for each param, name -> value, that Snakemake cannot compare between runs."""
    return [
        f"param {name} has a value of type {kind}; use numbers, texts, lists and dictionaries"
        for name, value in params.items()
        for kind in sorted({*_find_kinds(value)})
    ]


def _find_kinds(value: Any) -> Iterator[str]:
    """Yield the types in a param, at any depth, that Snakemake cannot compare."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple):
        for one in value:
            yield from _find_kinds(one)
    elif value is not None and not isinstance(value, int | float | str):
        yield type(value).__name__
