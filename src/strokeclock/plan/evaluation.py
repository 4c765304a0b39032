"""The tables and figures of the evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strokeclock.plan.baselines import Baselines
from strokeclock.plan.end_to_end import EndToEnd
from strokeclock.plan.places import drawn
from strokeclock.plan.repeats import Repeats
from strokeclock.plan.search import Search


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What is told of patients, predictions and trainings, beside the paper's figures.

    Attributes
    ----------
    folder : results/<run>.
    settings : evaluation of the configuration.
    """

    folder: str
    settings: Mapping[str, Any]
    baselines: Baselines
    search: Search
    end_to_end: EndToEnd
    repeats: Repeats

    @property
    def intervals(self) -> dict[str, object]:
        """The settings of the intervals of tables and figures: confidence, bootstraps."""
        return {key: self.settings[key] for key in ("confidence", "bootstraps")}

    @property
    def ledger(self) -> str:
        """The ledger of test-set accesses, beside the runs: all of them add to it."""
        return f"{self.folder.rpartition('/')[0]}/ledger.tsv"

    @property
    def typeset(self) -> list[str]:
        """Tables 1 and 2 as they are printed."""
        tables = (f"{self.folder}/tables/{table}" for table in ("table1", "table2"))
        return [f"{table}.{suffix}" for table in tables for suffix in ("html", "tex", "png")]

    @property
    def people(self) -> list[str]:
        """The tables and figures on the patients and their scans, and what the trainings took."""
        tables = ("flow.csv", "case_mix.csv", "protocol.csv", "missing.csv", "training.tsv")
        figures = ("flow", "case_mix", "onset")
        return [
            *(f"{self.folder}/tables/{table}" for table in tables),
            *(file for figure in figures for file in drawn(f"{self.folder}/figures/{figure}")),
        ]

    @property
    def accuracy(self) -> list[str]:
        """The tables of diagnostic accuracy beyond Table 2."""
        names = ("accuracy", "wanted_rates", "interactions", "readers", "sample_size")
        return [f"{self.folder}/tables/{name}.csv" for name in names]

    @property
    def statistics(self) -> list[str]:
        """The tables and figures that the paper lacks."""
        return [
            f"{self.folder}/{path}"
            for path in (
                "tables/comparisons.csv",
                "tables/calibration.csv",
                "tables/reliability.csv",
                *drawn("figures/calibration"),
                "tables/decision_curve.csv",
                *drawn("figures/decision_curve"),
                "tables/abstention.csv",
                *drawn("figures/abstention"),
                "tables/sides.csv",
                "tables/subgroups.csv",
                *drawn("figures/subgroups"),
            )
        ]

    @property
    def lesions(self) -> list[str]:
        """The tables of lesion volumes, of Grad-CAM on lesions, and of occlusion."""
        tables = ("lesions/volumes.tsv", "tables/gradcam_overlap.csv", "tables/occlusion.csv")
        return [f"{self.folder}/{table}" for table in tables]

    @property
    def radiomics(self) -> list[str]:
        """The table of the radiomics baseline beside the networks; none where it cannot be made."""
        return [f"{self.folder}/tables/ml_baseline.csv"] if self.baselines.radiomics_phases else []

    @property
    def worst_errors(self) -> list[str]:
        """The table and the figure of the worst errors in the test part."""
        return [f"{self.folder}/tables/worst_errors.csv", *drawn(f"{self.folder}/figures/worst_errors")]

    @property
    def files(self) -> list[str]:
        """The tables and figures beside Tables 1 and 2 and the paper's figures."""
        return [
            *self.people,
            *self.accuracy,
            *self.statistics,
            *self.end_to_end.files,
            *self.lesions,
            *self.radiomics,
            *self.worst_errors,
            *self.search.files,
            *self.repeats.files,
        ]
