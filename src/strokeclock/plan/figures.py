"""The figures: the paper's, training curves and examples."""

from dataclasses import dataclass

from strokeclock.plan.places import drawn, place_of
from strokeclock.plan.segmentation import Segmentation
from strokeclock.plan.trainings import Trainings
from strokeclock.training.phases import GENESIS, SEGMENTATION, Run

_ROC: dict[str, dict[str, object]] = {
    "fig6": {"phases": ["phase2_tss3h"], "readers": False},
    "fig7": {"phases": ["phase3_tss4h5"], "readers": False},
    "fig8": {"phases": ["phase3_tss4h5", "phase4_attention"], "readers": True},
}


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The figures of the page, but for those of the evaluation.

    Attributes
    ----------
    folder : results/<run>.
    has_phantom_scans : the patients are phantoms with scans of their own, which a figure shows.
    """

    folder: str
    has_phantom_scans: bool
    trainings: Trainings
    segmentation: Segmentation

    @property
    def roc(self) -> dict[str, dict[str, object]]:
        """Figure with ROC curves -> its phases, and whether it shows the readers."""
        return _ROC

    @property
    def curves(self) -> list[tuple[str, str, str]]:
        """(network, phase, start) of the trainings whose curves are drawn, all seeds in one picture."""
        segmenting = (self.segmentation.network, SEGMENTATION, "random")
        return [*self.trainings.rows, *([segmenting] if self.segmentation.is_trained else [])]

    def of_curves(self, file: str) -> list[str]:
        """This file of the trainings whose curves are drawn, seed after seed of each row."""
        runs = [Run(*row, seed) for row in self.curves for seed in self.trainings.seeds]
        return [f"{self.folder}/models/{place_of(run)}/{file}" for run in runs]

    @property
    def files(self) -> list[str]:
        """The paper's figures, training curves, examples of restoration and segmentation, phantoms."""
        names = ["fig1", "fig2", "fig3", "fig4", "fig5", *self.roc, "fig9"]
        names += [f"training/{'-'.join(row)}" for row in self.curves]
        if any(run.phase == GENESIS for run in self.trainings.runs):
            names.append("genesis_examples")
        if self.segmentation.is_trained:
            names.append("segmentations")
        phantoms = [f"{self.folder}/figures/phantom.png"] if self.has_phantom_scans else []
        return [*(file for name in names for file in drawn(f"{self.folder}/figures/{name}")), *phantoms]
