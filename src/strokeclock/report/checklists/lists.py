"""The check-lists themselves: resources/checklists/*.yaml, and which answer each item gets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import getmembers, isfunction
from pathlib import Path
from types import MappingProxyType

import yaml

from strokeclock.errors import ConfigurationError
from strokeclock.report.checklists import evaluation, images, model, patients, reference, study
from strokeclock.report.checklists.answer import Answer
from strokeclock.report.checklists.facts import Facts

_MODULES = (study, patients, images, reference, model, evaluation)
# Name -> answer: the public functions of the modules of answers.
ANSWERS: Mapping[str, Callable[[Facts], Answer]] = MappingProxyType(
    {
        name: function
        for module in _MODULES
        for name, function in getmembers(module, isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
)


@dataclass(frozen=True)
class Item:
    """One item: its number as published, section, what is asked in our own words, name of the answer."""

    item: str
    section: str
    asked: str
    answer: str


@dataclass(frozen=True)
class Checklist:
    """A check-list: `citation`, `doi` and `licence` are those of the published one."""

    name: str
    about: str
    citation: str
    doi: str
    licence: str
    items: tuple[Item, ...]


def read_checklist(path: str | Path) -> Checklist:
    """Read a check-list.

    Raises
    ------
    ConfigurationError
        An item names no answer of `ANSWERS`.
    """
    found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    items = tuple(Item(**item) for item in found.pop("items"))
    if unknown := [one for one in items if one.answer not in ANSWERS]:
        raise ConfigurationError(
            f"{Path(path).name}: item {unknown[0].item} names the answer {unknown[0].answer}, which there is "
            "not: use a public function of src/strokeclock/report/checklists."
        )
    return Checklist(**found, items=items)
