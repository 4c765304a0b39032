"""The plan of a run: its trainings, predictions, baselines, tables, figures and pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from strokeclock.plan.baselines import Baselines
from strokeclock.plan.bundle import Bundle
from strokeclock.plan.end_to_end import EndToEnd
from strokeclock.plan.evaluation import Evaluation
from strokeclock.plan.explanation import Explanation
from strokeclock.plan.figures import Figures
from strokeclock.plan.networks import Networks
from strokeclock.plan.predictions import Predictions
from strokeclock.plan.pretraining import Pretraining
from strokeclock.plan.repeats import Repeats
from strokeclock.plan.search import Search
from strokeclock.plan.segmentation import Segmentation
from strokeclock.plan.tasks import Tasks
from strokeclock.plan.trainings import Trainings
from strokeclock.training.phases import list_trainings, read_tasks


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be made: an object for each subject, and what belongs to none.

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

    @cached_property
    def repeats(self) -> Repeats:
        """The run once more for each further split."""
        return Repeats(
            folder=self.folder,
            split=self.config["split"],
            intensity=self.config["preprocessing"]["intensity"],
        )

    @cached_property
    def explanation(self) -> Explanation:
        """The trainings that Grad-CAM and occlusion explain."""
        return Explanation(trainings=self.trainings)

    @cached_property
    def figures(self) -> Figures:
        """The paper's figures, training curves and examples."""
        return Figures(
            folder=self.folder,
            has_phantom_scans=self._is_of_phantoms and self.config["phantom"]["space"] == "native",
            trainings=self.trainings,
            segmentation=self.segmentation,
        )

    @cached_property
    def evaluation(self) -> Evaluation:
        """The tables and figures beside the paper's figures."""
        return Evaluation(
            folder=self.folder,
            settings=self.config["evaluation"],
            baselines=self.baselines,
            search=self.search,
            end_to_end=self.end_to_end,
            repeats=self.repeats,
        )

    @property
    def protocols(self) -> str:
        """The table of the patients' protocols."""
        return f"{self.folder}/cohort/protocol.tsv"

    @property
    def ceilings(self) -> list[str]:
        """The file of the highest AUC that phantoms allow; none for patients."""
        return [f"{self.folder}/phantom/ceiling.json"] if self._is_of_phantoms else []

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
        """The page that shows all of it."""
        return f"{self.folder}/index.html"

    @property
    def _is_of_phantoms(self) -> bool:
        return not self.config["cohort"]["sheet"]


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
