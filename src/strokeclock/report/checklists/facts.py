"""What answers are made from: a run's configuration, its files, and the authors' statements."""

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from strokeclock.cohort.parts import PARTS, read_parts
from strokeclock.cohort.people import People, count_people
from strokeclock.cohort.tables import read_cohort
from strokeclock.evaluation.digits import format_digits
from strokeclock.evaluation.tables import name_target
from strokeclock.models.registry import find_network, networks
from strokeclock.report.checklists.answer import count, enumerate_words
from strokeclock.training.phases import Task, read_tasks
from strokeclock.training.record import TrainingRecord, read_record

FEWEST = 10  # patients whose median is told


@dataclass(frozen=True)
class Facts:
    """A run.

    Attributes
    ----------
    config : the checked configuration.
    files : path in the run's folder -> path. Needed are cohort/cohort.tsv, split.tsv and exclusions.tsv.
    statements : key -> text (`statements.read_statements`).
    """

    config: Mapping[str, Any]
    files: Mapping[str, Path]
    statements: Mapping[str, str]

    # Files

    def has(self, *names: str) -> bool:
        """Whether the run made all of these files, and each tells something."""
        return set(names) <= self._telling

    def made(self, *names: str) -> tuple[str, ...]:
        """Those of these files that the run made and that tell something."""
        return tuple(name for name in names if name in self._telling)

    @cached_property
    def _telling(self) -> set[str]:
        """All files but the tables that have no lines, or whose lines all say "not run"."""
        return {
            name
            for name in self.files
            if not (name.startswith("tables/") and name.endswith(".csv"))
            or any(not (line.get("note") or "").startswith("not run") for line in self.lines(name))
        }

    def find(self, folder: str) -> list[str]:
        """The files of the run below a folder, such as predictions/clinical/, by name."""
        return sorted(name for name in self.files if name.startswith(folder))

    def lines(self, name: str) -> list[dict[str, str]]:
        """The lines of a CSV or TSV of the run; none where it was not made."""
        if name not in self.files:
            return []
        with open(self.files[name], newline="", encoding="utf-8") as file:
            return [*csv.DictReader(file, delimiter="\t" if name.endswith(".tsv") else ",")]

    def figure(self, name: str) -> tuple[str, ...]:
        """The picture figures/<name>, .svg before .png; nothing where it was not drawn."""
        return self.made(f"figures/{name}.svg", f"figures/{name}.png")[:1]

    @property
    def curves(self) -> list[str]:
        """The pictures of training curves."""
        return [name for name in self.find("figures/training/") if name.endswith(".svg")]

    # Who

    @property
    def synthetic(self) -> bool:
        """The patients are phantoms."""
        return not self.config["cohort"]["sheet"]

    @cached_property
    def people(self) -> People:
        """The numbers of patients."""
        return count_people(
            self.files["cohort/cohort.tsv"],
            self.files["cohort/split.tsv"],
            exclusions=self.files["cohort/exclusions.tsv"],
            below_min=tuple(sorted({task.limit_min for task in self.time_tasks})),
        )

    @cached_property
    def cohort(self) -> pd.DataFrame:
        """The rows of cohort.tsv, indexed by patient, of those in a part, with the column ``part``."""
        parts = read_parts(self.files["cohort/split.tsv"])
        rows = read_cohort(self.files["cohort/cohort.tsv"]).set_index("patient").reindex(list(parts))
        return rows.assign(part=list(parts.values()))

    @property
    def sites(self) -> int:
        """How many sites the cohort sheet names; 0 where it names none."""
        return int(self.cohort["site"].nunique())

    @property
    def parts_in_words(self) -> str:
        """How many patients of known onset each part has."""
        train, validation, test = (self.people.parts[part] for part in PARTS)
        return f"{train} patients for training, {validation} for validation and {test} for test"

    @property
    def excluded_in_words(self) -> str:
        """How many patients were excluded, and where."""
        stages = self.people.excluded
        if not stages:
            return "nobody was excluded"
        places = enumerate_words(f"{number} at {stage}" for stage, number in stages.items())
        left = sum(stages.values())
        return f"{count(left, 'patient')} {'was' if left == 1 else 'were'} excluded ({places})"

    # What is asked, and what was measured

    @cached_property
    def tasks(self) -> Mapping[str, Task]:
        """Phase -> its task."""
        return read_tasks(self.config["training"])

    @property
    def time_tasks(self) -> list[Task]:
        """The tasks about the time since onset."""
        return [task for task in self.tasks.values() if task.below_min]

    @property
    def targets(self) -> list[str]:
        """The targets of the time tasks in words, each once."""
        return [*dict.fromkeys(name_target(task.limit_min) for task in self.time_tasks)]

    @property
    def network_titles(self) -> str:
        """The networks that are trained, in words."""
        return enumerate_words(find_network(net).title for net in self.config["training"]["networks"])

    @cached_property
    def rows(self) -> list[dict[str, str]]:
        """The rows of Table 2 that were evaluated."""
        return [row for row in self.lines("tables/table2.csv") if row["status"] == "ok"]

    @property
    def reader_rows(self) -> list[dict[str, str]]:
        """Those of single readers."""
        return [row for row in self.rows if row["stage"] == "readers" and row["model"] != "majority"]

    @property
    def aucs_in_words(self) -> str:
        """The networks' AUCs for the last target, from the lowest to the highest; "" where there are none."""
        if not self.targets:
            return ""
        found = sorted(
            float(row["auc"])
            for row in self.rows
            if row["model"] in networks() and row["target"] == self.targets[-1] and row["auc"]
        )
        if not found:
            return ""
        low, high = (format_digits(str(value)) for value in (found[0], found[-1]))
        span = f"is {low}" if low == high else f"is {low} to {high}"
        return f"the AUC of {self.targets[-1]} {span} ({count(len(found), 'row')} of networks)"

    def groups(self) -> set[str]:
        """The variables by which tables/subgroups.csv measures groups: those with an AUC in some group."""
        return {line["variable"] for line in self.lines("tables/subgroups.csv") if line.get("auc")} - {"all"}

    def counts(self, name: str, column: str) -> Counter[str]:
        """How often each value stands in a column of a table of the run."""
        return Counter(line[column] for line in self.lines(name) if line.get(column))

    @cached_property
    def records(self) -> list[TrainingRecord]:
        """The records of all trainings."""
        return [read_record(self.files[name]) for name in self.find("models/")]

    # Tests at another hospital

    @property
    def is_tested_externally(self) -> bool:
        """Whether this run's own bundle was tested on an external cohort, in this run's folder."""
        return self.has("external/tables/external.csv") and not self.config["external"]["bundle"]
