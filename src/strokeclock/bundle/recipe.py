"""How a bundle's rows are scored and judged: recipe.json, as checked types."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from strokeclock.evaluation.side import SidePoint
from strokeclock.predictions import SEGMENTED, Scorer

Probability = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,60}$")]


class Part(BaseModel):
    """Base of the parts of a recipe: unknown keys, wrong types and numbers that are not finite are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Trained(Part):
    """Networks of all seeds, or regressions, of one row: networks/<net>/<phase>/<start>/seed-<n>."""

    net: Name
    phase: Name
    start: Name
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]

    @property
    def scorer(self) -> Scorer:
        """The row of Table 2, or the training, that they are of."""
        return Scorer(self.net, self.phase, self.start)

    def place(self, seed: int) -> str:
        """The path of one of them below networks/ or regressions/, without suffix."""
        return f"{self.net}/{self.phase}/{self.start}/seed-{seed}"


class Bin(Part):
    """Validation patients of neighbouring scores."""

    lowest: Probability
    highest: Probability
    n: Annotated[int, Field(ge=1)]
    positives: Annotated[int, Field(ge=0)]


class FittedOn(Part):
    """The patients that the numbers of a row were chosen on; how many, never who."""

    parts: list[str]
    patients: int
    units: int
    positives: int


class Operating(Part):
    """The frozen numbers of a row.

    Attributes
    ----------
    threshold, source : from which score on the answer is positive, and on what it was chosen.
    temperature : divides the log odds; None: the validation part has one class.
    coverage, cut : the share of the validation patients who are answered, and their least certainty.
    fitted_on : None where the threshold is fixed.
    bins : of the validation part's scores.
    confidence : of intervals.
    """

    threshold: Probability | None
    source: str
    temperature: Annotated[float, Field(gt=0)] | None
    coverage: Probability
    cut: Annotated[float, Field(ge=0)] | None
    fitted_on: FittedOn | None
    bins: list[Bin]
    confidence: Annotated[float, Field(gt=0, lt=1)]

    @property
    def prevalence(self) -> float | None:
        """Share of positives in the validation part; None where it has one class, and no bins."""
        n = sum(one.n for one in self.bins)
        return sum(one.positives for one in self.bins) / n if n else None


class Row(Part):
    """A row of Table 2 that the bundle scores.

    Attributes
    ----------
    title : the row in words, as figures name it.
    below_min : minutes; the score is the probability of a shorter time since onset.
    network : scores a hemisphere; None: no network.
    regression : scores the lesion's ratios; None: no regression. Where there are both, a seed's score is the
        mean of the two.
    operating : the frozen numbers.
    development : how the row did in the test part of its own run, name -> value (Table 2).
    calibration : of its scores there, as predicted and temperature-scaled: kind -> name -> value.
    """

    row: Trained
    title: Annotated[str, Field(max_length=200)]
    below_min: Annotated[float, Field(gt=0)]
    network: Trained | None
    regression: Trained | None
    operating: Operating
    development: dict[str, float | str]
    calibration: dict[str, dict[str, float]]

    @model_validator(mode="after")
    def _check(self) -> "Row":
        parts = [part for part in (self.network, self.regression) if part]
        if not parts or any(part.seeds != self.row.seeds for part in parts):
            raise ValueError("a row has a network, a regression or both, of its own seeds")
        return self

    @property
    def is_segmented(self) -> bool:
        """Its regression measures what the segmentation networks segment, not what is found on DWI."""
        return self.regression is not None and self.regression.net == SEGMENTED


class SideRule(Part):
    """How the lesion's side is told (`evaluation.side.find_side`).

    Attributes
    ----------
    networks : of lesion detection; a hemisphere's score is the mean over them and their seeds.
    threshold : the least score of a hemisphere with a lesion.
    margin : the least difference between the sides in log odds.
    fitted_on : the validation part.
    """

    networks: list[Trained] = Field(min_length=1)
    threshold: Probability
    margin: Annotated[float, Field(ge=0)]
    fitted_on: FittedOn

    @property
    def point(self) -> SidePoint:
        """The rule's numbers."""
        return SidePoint(self.threshold, self.margin)


class Recipe(Part):
    """What a bundle computes.

    Attributes
    ----------
    rows : the first is the headline.
    side : None: the bundle cannot tell the side, and it must be given.
    segmentation : the networks that segment the lesion; None: it is found on DWI.
    series : of a hemisphere, in order (models.channels).
    contralateral : the networks of rows and side see the contralateral hemisphere too.
    """

    rows: list[Row] = Field(min_length=1)
    side: SideRule | None
    segmentation: Trained | None
    series: list[Name] = Field(min_length=1)
    contralateral: bool

    @model_validator(mode="after")
    def _check(self) -> "Recipe":
        if any(row.is_segmented for row in self.rows) and self.segmentation is None:
            raise ValueError("a row rests on a segmentation network, and there is none")
        return self

    @property
    def trained(self) -> list[Trained]:
        """All networks that it needs, each once."""
        of_rows = [row.network for row in self.rows if row.network]
        of_side = self.side.networks if self.side else []
        needed = [*of_rows, *of_side, *([self.segmentation] if self.segmentation else [])]
        return [*dict.fromkeys(needed)]

    @property
    def regressions(self) -> list[Trained]:
        """All regressions that it needs, each once."""
        return [*dict.fromkeys(row.regression for row in self.rows if row.regression)]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON's types."""
        return self.model_dump(mode="json")
