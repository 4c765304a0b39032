"""The baselines: rows of Table 2 that are small models, alone or joined with a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from strokeclock.plan.places import places_of
from strokeclock.plan.segmentation import Segmentation
from strokeclock.plan.trainings import Trainings
from strokeclock.series import SERIES

SEGMENTED = "segmentation"  # the name of the segmented ratios in rows, alone and joined with a network
_RADIOMICS = "phase4_attention"  # where Table 2 has its row
# Row of Table 2 of the ratios to the contralateral side -> the series that it needs
_RATIOS: Mapping[str, Sequence[str]] = {"flair": ["dwi", "flair"], "series": ["dwi"]}


@dataclass(frozen=True, kw_only=True)
class Baselines:
    """The baselines that the series of this run allow. Rows are named <baseline>/<phase>/<what it takes>.

    Attributes
    ----------
    series : models.channels of the configuration.
    """

    series: Sequence[str]
    trainings: Trainings
    segmentation: Segmentation

    @property
    def ratio_rows(self) -> list[str]:
        """The rows of the ratios to the contralateral side."""
        rows = [row for row, needed in _RATIOS.items() if not self._lack(*needed)]
        return [f"ratio/{phase}/{row}" for phase in self._time_phases for row in rows]

    @property
    def segmented_rows(self) -> list[str]:
        """The rows of the segmented ratios."""
        phases = self._time_phases if self.segmentation.is_trained else []
        return [f"{SEGMENTED}/{phase}/ratios" for phase in phases]

    @property
    def segmented_places(self) -> list[str]:
        """The rows and seeds of the segmented ratios, below fitted/, predictions/ and end_to_end/."""
        return places_of(self.segmented_rows, self.segmentation.seeds)

    @property
    def joined_rows(self) -> dict[str, tuple[str, str]]:
        """Row of the segmented ratios joined with a network of the chain -> rows of network and ratios."""
        chained = self.trainings.chained.items() if self.segmentation.is_trained else ()
        return {
            f"{SEGMENTED}/{phase}/{net}": (f"{net}/{phase}/{start}", f"{SEGMENTED}/{phase}/ratios")
            for (net, phase), start in chained
        }

    @property
    def clinical_rows(self) -> list[str]:
        """The rows of the clinical baseline."""
        return [f"clinical/{phase}/covariates" for phase in self._time_phases]

    @property
    def radiomics_phases(self) -> list[str]:
        """The phases whose task the radiomics baseline has; none without FLAIR, which it measures."""
        has_task = _RADIOMICS in self.trainings.tasks.by_phase
        return [_RADIOMICS] if has_task and not self._lack("flair") else []

    @property
    def radiomics_rows(self) -> list[str]:
        """The rows of the radiomics baseline."""
        return [f"ml/{phase}/radiomics" for phase in self.radiomics_phases]

    @property
    def not_run(self) -> dict[tuple[str, str, str], str]:
        """Row (baseline, phase, start) of Table 2 that cannot be made -> why."""
        rows = {
            ("ratio", phase, row): self._lack(*needed)
            for phase in self._time_phases
            for row, needed in _RATIOS.items()
        }
        if _RADIOMICS in self.trainings.tasks.by_phase:
            rows["ml", _RADIOMICS, "radiomics"] = self._lack("flair")
        return {
            row: f"it needs {SERIES[name].label}, which models.channels leaves out"
            for row, name in rows.items()
            if name
        }

    @property
    def _time_phases(self) -> list[str]:
        return self.trainings.tasks.time_phases

    def _lack(self, *series: str) -> str:
        """Name the first of these series that is no channel, so that it is not in this run; "" if all are."""
        return next((name for name in series if name not in self.series), "")
