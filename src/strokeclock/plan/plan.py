"""The plan of a run: its trainings, predictions, baselines, tables, figures and pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from strokeclock.plan.baselines import Baselines
from strokeclock.plan.bundle import Bundle
from strokeclock.plan.end_to_end import EndToEnd
from strokeclock.plan.networks import Networks
from strokeclock.plan.places import drawn, place_of
from strokeclock.plan.predictions import Predictions
from strokeclock.plan.pretraining import Pretraining
from strokeclock.plan.search import Search
from strokeclock.plan.segmentation import Segmentation
from strokeclock.plan.tasks import Tasks
from strokeclock.plan.trainings import Trainings
from strokeclock.training.phases import (
    GENESIS,
    SEGMENTATION,
    Run,
    list_trainings,
    read_tasks,
)

_FROM_SCRATCH = ("phase3_tss4h5", "random")
_END_OF_CHAIN = ("phase4_attention", "phase3")
_ROC_FIGURES = {
    "fig6": {"phases": ["phase2_tss3h"], "readers": False},
    "fig7": {"phases": ["phase3_tss4h5"], "readers": False},
    "fig8": {"phases": ["phase3_tss4h5", "phase4_attention"], "readers": True},
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be made.

    Attributes
    ----------
    folder : results/<run>.
    config : the checked configuration.
    has_gpus : whether Snakemake counts GPUs (--resources gpu=…).
    """

    folder: str
    config: Mapping[str, Any]
    has_gpus: bool

    @property
    def gpus(self) -> int:
        """How many GPUs each job takes that trains a network or scores with one."""
        device = self.config["training"]["device"]
        return int(device == "cuda" or (device == "auto" and self.has_gpus))

    @property
    def is_of_phantoms(self) -> bool:
        """The patients are phantoms."""
        return not self.config["cohort"]["sheet"]

    @cached_property
    def tasks(self) -> Tasks:
        """The tasks of the phases.

        Raises
        ------
        ConfigurationError
            The phases contradict each other.
        """
        return Tasks(by_phase=read_tasks(self.config["training"]))

    @cached_property
    def networks(self) -> Networks:
        """The input and the settings of the networks."""
        return Networks(folder=self.folder, models=self.config["models"])

    @cached_property
    def pretraining(self) -> Pretraining:
        """The sources of initial weights."""
        return Pretraining(
            folder=self.folder,
            initial_weights=self.config["initial_weights"],
            training=self.config["training"],
        )

    @cached_property
    def segmentation(self) -> Segmentation:
        """The networks that segment the lesion."""
        return Segmentation(folder=self.folder, training=self.config["training"])

    @cached_property
    def trainings(self) -> Trainings:
        """The trainings of the networks from phase to phase.

        Raises
        ------
        ConfigurationError
            Nothing is to be trained.
        """
        training = self.config["training"]
        return Trainings(
            folder=self.folder,
            training=training,
            runs=list_trainings(
                training["networks"],
                training["starts"],
                training["seeds"],
                tasks=self.tasks.by_phase,
                missing=self.pretraining.missing,
            ),
            tasks=self.tasks,
            pretraining=self.pretraining,
            segmentation=self.segmentation,
        )

    @cached_property
    def search(self) -> Search:
        """The searches of hyper-parameters."""
        return Search(folder=self.folder, grids=self.config["training"]["search"], trainings=self.trainings)

    @cached_property
    def baselines(self) -> Baselines:
        """The baselines that the series of this run allow."""
        return Baselines(
            series=self.config["models"]["channels"],
            trainings=self.trainings,
            segmentation=self.segmentation,
        )

    @cached_property
    def predictions(self) -> Predictions:
        """The files of predictions."""
        return Predictions(
            folder=self.folder,
            trainings=self.trainings,
            segmentation=self.segmentation,
            baselines=self.baselines,
        )

    @cached_property
    def bundle(self) -> Bundle:
        """What goes into the bundle."""
        return Bundle(
            folder=self.folder,
            named=self.config["bundle"]["rows"],
            trainings=self.trainings,
            segmentation=self.segmentation,
            baselines=self.baselines,
        )

    @cached_property
    def end_to_end(self) -> EndToEnd:
        """The test end to end, with the side found."""
        return EndToEnd(
            folder=self.folder,
            trainings=self.trainings,
            segmentation=self.segmentation,
            baselines=self.baselines,
        )

    # Repeated splits

    @property
    def split_seeds(self) -> list[int]:
        """The seeds of the splits: the first is that of the run itself, each further one of a repeat."""
        split = self.config["split"]
        return [split["seed"] + number for number in range(split["repeats"])]

    def in_repeat(self, path: str, seed: int | str) -> str:
        """The place of a file of results/<run>/ or logs/<run>/ for the split with this seed."""
        results, run, rest = path.split("/", 2)
        return f"{results}/{run}/repeats/split-{seed}/{rest}"

    def in_splits(self, *paths: str) -> list[str]:
        """The places of these files for every split, those of the run itself first."""
        return [*paths, *self._in_repeats(*paths)]

    def _in_repeats(self, *paths: str) -> list[str]:
        return [self.in_repeat(path, seed) for seed in self.split_seeds[1:] for path in paths]

    @property
    def is_matched_to_training(self) -> bool:
        """Whether hemispheres depend on a training patient of the split, so that each split has its own."""
        intensity = self.config["preprocessing"]["intensity"]
        return intensity["matching"] != "none" and not intensity["reference"]

    @property
    def settled_repeats(self) -> list[str]:
        """What is final of the repeats once the manifest of hemispheres is written."""
        own = [f"{self.folder}/hemispheres/manifest.tsv"] if self.is_matched_to_training else []
        return self._in_repeats(f"{self.folder}/cohort/split.tsv", *own)

    def repeated_hemispheres(self, tables: Sequence[str]) -> list[str]:
        """The tables of hemispheres of the repeats, given the run's; none where all splits share them."""
        return self._in_repeats(*tables) if self.is_matched_to_training else []

    @property
    def repeats(self) -> list[str]:
        """The tables and the figure of the repeats; none with one split."""
        tables = ("repeats", "repeats_differences", "repeats_splits")
        files = [*(f"tables/{name}.csv" for name in tables), *drawn("figures/repeats")]
        return [f"{self.folder}/{file}" for file in files] if len(self.split_seeds) > 1 else []

    # Tables, figures and the page

    @property
    def ledger(self) -> str:
        """The ledger of test-set accesses, beside the runs: all of them add to it."""
        return f"{self.folder.rpartition('/')[0]}/ledger.tsv"

    @property
    def intervals(self) -> dict[str, object]:
        """The settings of the intervals of tables and figures: confidence, bootstraps."""
        return {key: self.config["evaluation"][key] for key in ("confidence", "bootstraps")}

    @property
    def gradcam_runs(self) -> list[str]:
        """The trainings of Figure 9, below models/: TSS < 4.5 h from scratch and at the end of the chain."""
        wanted = (_FROM_SCRATCH, _END_OF_CHAIN)
        return [place_of(run) for run in self._first_runs if run[1:3] in wanted]

    @property
    def occlusion_runs(self) -> list[str]:
        """The trainings of the occlusion table, below models/: phase 1, the chain, and 4.5 h from scratch."""
        return [
            place_of(run)
            for run in self._first_runs
            if self.tasks.by_phase[run.phase].both_hemispheres
            or run.start.startswith("phase")
            or run[1:3] == _FROM_SCRATCH
        ]

    @property
    def protocols(self) -> str:
        """The table of the patients' protocols."""
        return f"{self.folder}/cohort/protocol.tsv"

    @property
    def typeset(self) -> list[str]:
        """Tables 1 and 2 as they are printed."""
        tables = (f"{self.folder}/tables/{table}" for table in ("table1", "table2"))
        return [f"{table}.{suffix}" for table in tables for suffix in ("html", "tex", "png")]

    @property
    def lesion_tables(self) -> list[str]:
        """The tables of lesion volumes, of Grad-CAM on lesions, and of occlusion."""
        tables = ("lesions/volumes.tsv", "tables/gradcam_overlap.csv", "tables/occlusion.csv")
        return [f"{self.folder}/{table}" for table in tables]

    @property
    def baseline_tables(self) -> list[str]:
        """The table of the radiomics baseline beside the networks."""
        return [f"{self.folder}/tables/ml_baseline.csv"] if self.baselines.radiomics_phases else []

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
    def people(self) -> list[str]:
        """The tables and figures on the patients and their scans, and what the trainings took."""
        tables = ("flow.csv", "case_mix.csv", "protocol.csv", "missing.csv", "training.tsv")
        figures = ("flow", "case_mix", "onset")
        return [
            *(f"{self.folder}/tables/{table}" for table in tables),
            *(file for figure in figures for file in drawn(f"{self.folder}/figures/{figure}")),
        ]

    @property
    def worst_errors(self) -> list[str]:
        """The table and the figure of the worst errors in the test part."""
        return [f"{self.folder}/tables/worst_errors.csv", *drawn(f"{self.folder}/figures/worst_errors")]

    @property
    def accuracy(self) -> list[str]:
        """The tables of diagnostic accuracy beyond Table 2."""
        names = ("accuracy", "wanted_rates", "interactions", "readers", "sample_size")
        return [f"{self.folder}/tables/{name}.csv" for name in names]

    @property
    def evaluation(self) -> list[str]:
        """The tables and figures of the evaluation beside Tables 1 and 2 and the paper's figures."""
        return [
            *self.people,
            *self.accuracy,
            *self.statistics,
            *self.end_to_end.files,
            *self.lesion_tables,
            *self.baseline_tables,
            *self.worst_errors,
            *self.search.files,
            *self.repeats,
        ]

    @property
    def roc_figures(self) -> dict[str, dict[str, object]]:
        """Figure with ROC curves -> its phases, and whether it shows the readers."""
        return _ROC_FIGURES

    @property
    def training_rows(self) -> list[tuple[str, str, str]]:
        """(network, phase, start) of the trainings whose curves are drawn, all seeds in one picture."""
        rows, segmentation = self.trainings.rows, self.segmentation
        return [*rows, (segmentation.network, SEGMENTATION, "random")] if segmentation.is_trained else rows

    def of_trainings(self, file: str) -> list[str]:
        """This file of the trainings whose curves are drawn, seed after seed of each row."""
        runs = [Run(*row, seed) for row in self.training_rows for seed in self.trainings.seeds]
        return [self._of("models", run, f"/{file}") for run in runs]

    @property
    def figures(self) -> list[str]:
        """The paper's figures, training curves, examples of restoration and segmentation, phantoms."""
        names = ["fig1", "fig2", "fig3", "fig4", "fig5", *self.roc_figures, "fig9"]
        names += [f"training/{'-'.join(row)}" for row in self.training_rows]
        if any(run.phase == GENESIS for run in self.trainings.runs):
            names.append("genesis_examples")
        if self.segmentation.is_trained:
            names.append("segmentations")
        figures = [file for name in names for file in drawn(f"{self.folder}/figures/{name}")]
        if self.is_of_phantoms and self.config["phantom"]["space"] == "native":
            figures.append(f"{self.folder}/figures/phantom.png")
        return figures

    @property
    def ceilings(self) -> list[str]:
        """The file of the highest AUC that phantoms allow; none for patients."""
        return [f"{self.folder}/phantom/ceiling.json"] if self.is_of_phantoms else []

    @property
    def dropped(self) -> str:
        """The list of preprocessed volumes that were deleted (preprocessing.keep_volumes)."""
        return f"{self.folder}/preprocessed/dropped.txt"

    @property
    def checklists(self) -> list[str]:
        """The reporting check-lists, answered from the run: a table, and a page to print."""
        return [f"{self.folder}/tables/checklists.csv", f"{self.folder}/checklists.html"]

    @property
    def page(self) -> str:
        """The page that holds all of them."""
        return f"{self.folder}/index.html"

    @property
    def _first_runs(self) -> list[Run]:
        """The trainings of the first seed that make predictions, ordered by network."""
        return sorted(run for run in self.trainings.predicting if run.seed == self.trainings.seeds[0])

    def _of(self, kind: str, run: Run, ending: str) -> str:
        """A file of a training or of its predictions."""
        return f"{self.folder}/{kind}/{place_of(run)}{ending}"


def make_plan(config: Mapping[str, Any], *, folder: str, has_gpus: bool = False) -> Plan:
    """Make the plan of a checked configuration.

    Parameters
    ----------
    folder : results/<run>.
    has_gpus : see `Plan`.

    Raises
    ------
    ConfigurationError
        The phases contradict each other, nothing is to be trained, training.search names a phase that is not
        trained, or bundle.rows names an unknown row.
    """
    plan = Plan(folder=folder, config=config, has_gpus=has_gpus)
    plan.search.check()
    plan.bundle.check()
    return plan
