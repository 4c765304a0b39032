"""A small logistic regression: fitted with scikit-learn, stored as JSON, applied without scikit-learn."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from strokeclock.fitted import FittedError, FittedOn, read_fitted, write_fitted
from strokeclock.predictions import Scorer

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

KIND = "regression"


@dataclass(frozen=True)
class Regression:
    """A logistic regression on standardised inputs and products of them.

    Attributes
    ----------
    inputs : names of the inputs, in order.
    imputation : the value of each input where it is missing.
    means, scales : of the inputs: each is (input - mean) / scale before it is multiplied.
    powers : of each term, the exponent of each input: (1, 0) is the first of two, (1, 1) their product.
    coefficients : of the terms, in log odds.
    intercept : log odds where all terms are 0.
    """

    inputs: tuple[str, ...]
    imputation: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    powers: tuple[tuple[int, ...], ...]
    coefficients: tuple[float, ...]
    intercept: float

    def __post_init__(self) -> None:
        numbers = [*self.imputation, *self.means, *self.scales, *self.coefficients, self.intercept]
        if (
            {len(self.imputation), len(self.means), len(self.scales), *map(len, self.powers)}
            != {len(self.inputs)}
            or len(self.powers) != len(self.coefficients)
            or not all(map(math.isfinite, numbers))
        ):
            raise ValueError("the numbers of a regression do not fit its inputs")


def apply_regression(regression: Regression, values: ArrayLike) -> np.ndarray:
    """Return the probability of the positive class, (n,).

    The numbers are those of scikit-learn's pipeline from which the regression was taken.

    Parameters
    ----------
    values : (n, inputs), NaN where missing.

    Raises
    ------
    FittedError
        There is another number of inputs.
    """
    values = np.array(values, float)
    if values.ndim != 2 or values.shape[1] != len(regression.inputs):
        raise FittedError(
            f"A regression on {', '.join(regression.inputs)} was given values of shape {values.shape}: give "
            f"{len(regression.inputs)} per unit."
        )
    missing = np.isnan(values)
    values[missing] = np.broadcast_to(regression.imputation, values.shape)[missing]
    values -= np.array(regression.means)
    values /= np.array(regression.scales)
    identity = tuple(map(tuple, np.eye(len(regression.inputs), dtype=int).tolist()))
    if regression.powers != identity:
        terms = [_multiply(values, powers) for powers in regression.powers]
        values = np.stack(terms, axis=1)
    odds = (values @ np.array(regression.coefficients)[:, None])[:, 0] + regression.intercept
    # the C library's exp, as in scikit-learn: numpy's depends on the processor's vector instructions
    return np.array([1 / (1 + math.exp(-value)) if value > -700 else 0.0 for value in odds])


def _multiply(values: np.ndarray, powers: Sequence[int]) -> np.ndarray:
    """Return the product (n,) of the columns of (n, inputs) to these powers, in scikit-learn's order."""
    product = np.ones(len(values))
    for column, power in reversed([*enumerate(powers)]):
        for _ in range(power):
            product = product * values[:, column]
    return product


def take_numbers(
    model: "Pipeline", *, inputs: Sequence[str], imputation: Sequence[float] | None = None
) -> Regression:
    """Take the numbers out of a fitted pipeline.

    Parameters
    ----------
    model : steps SimpleImputer (with keep_empty_features), StandardScaler, PolynomialFeatures without bias
        (these as far as they are there) and LogisticRegression of the classes 0 and 1, in this order. Behind
        Ridge in its place the numbers are of the expected value, not of log odds.
    imputation : needed where no step imputes.
    """
    found: dict[str, Any] = {"imputation": imputation}
    found["powers"] = np.eye(len(inputs), dtype=int)
    for _, step in model.steps:
        match type(step).__name__:
            case "SimpleImputer":
                found["imputation"] = step.statistics_
            case "StandardScaler":
                found |= {"means": step.mean_, "scales": step.scale_}
            case "PolynomialFeatures":
                found["powers"] = step.powers_
            case "LogisticRegression":
                assert step.classes_.tolist() == [0, 1]
                found |= {"coefficients": step.coef_[0], "intercept": step.intercept_[0]}
            case "Ridge":
                found |= {"coefficients": step.coef_, "intercept": step.intercept_}
            case name:
                raise TypeError(f"{name} cannot be a step of a regression")
    return Regression(
        inputs=tuple(inputs),
        **{name: tuple(map(float, found[name])) for name in ("imputation", "means", "scales")},
        powers=tuple(tuple(map(int, term)) for term in found["powers"]),
        coefficients=tuple(map(float, found["coefficients"])),
        intercept=float(found["intercept"]),
    )


def restore_regression(content: Mapping[str, Any], *, path: str | Path) -> Regression:
    """Return the regression in a fitted file's content; raise FittedError where there is no whole one."""
    try:
        numbers = content["regression"]
        lists = {name: tuple(value) for name, value in numbers.items() if isinstance(value, list)}
        return Regression(**numbers | lists | {"powers": tuple(map(tuple, numbers["powers"]))})
    except (AttributeError, KeyError, TypeError, ValueError):
        raise FittedError(f"{path} holds no complete regression: delete it and fit it anew.") from None


def write_regression(
    path: str | Path,
    regression: Regression,
    *,
    row: Scorer,
    below_min: float,
    fitted_on: FittedOn,
    **more: Any,
) -> None:
    """Write a regression: fitted/<net>/<phase>/<start>.json, or seed-<n>.json in such a folder.

    Parameters
    ----------
    row : of Table 2.
    below_min : minutes; the positive class is a shorter time since onset.
    more : further facts that the inputs depend on.
    """
    content = {"row": str(row), "below_min": below_min, **more}
    write_fitted(path, content | {"regression": asdict(regression), "fitted_on": fitted_on}, kind=KIND)


def read_regression(
    path: str | Path, *, row: Scorer, below_min: float, inputs: Sequence[str], **more: Any
) -> tuple[Regression, dict[str, Any]]:
    """Read what `write_regression` wrote: the regression, and the whole file.

    Raises
    ------
    FittedError
        The file is damaged or foreign, or was fitted for another row, task, inputs or ``more``.
    """
    content = read_fitted(path, kind=KIND, row=str(row), below_min=below_min, **more)
    regression = restore_regression(content, path=path)
    if regression.inputs != tuple(inputs):
        raise FittedError(
            f"{path} was fitted on {', '.join(regression.inputs)}, not on {', '.join(inputs)}: delete it and "
            "fit it anew."
        )
    return regression, content
