"""Regressions as numbers: scikit-learn's probabilities to the last bit, before and after JSON."""

import json
import subprocess
import sys

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from strokeclock.baselines.regression import (
    Regression,
    apply_regression,
    read_regression,
    take_numbers,
    write_regression,
)
from strokeclock.fitted import FittedError, describe_fit, write_fitted
from strokeclock.predictions import Scorer

NAMES = ("a", "b", "c", "d")
ROW = Scorer("ratio", "phase3_tss4h5", "series")
PIPELINES = {
    "line": [LogisticRegression()],
    "squares": [PolynomialFeatures(2, include_bias=False), LogisticRegression(C=0.1, max_iter=1000)],
    "cubes": [PolynomialFeatures(3, include_bias=False), LogisticRegression(C=0.1, max_iter=1000)],
}


def _draw(n, *, seed):
    """Values (n, 4), a tenth of them missing, the last column always; labels that depend on them."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 4)) * [1, 30, 0.01, 1] + [0, 70, 5, 0]
    label = (values[:, 0] + (values[:, 1] - 70) / 30 * values[:, 0] + rng.normal(size=n) > 0).astype(int)
    values[rng.random(values.shape) < 0.1] = np.nan
    values[:, 3] = np.nan
    return values, label


def _fit(steps, *, strategy="mean"):
    values, label = _draw(80, seed=0)
    imputer = SimpleImputer(strategy=strategy, keep_empty_features=True)
    return make_pipeline(imputer, StandardScaler(), *steps).fit(values, label)


def _write(path, regression, **changes):
    fitted_on = describe_fit(["p"], [1], [[0.0]], parts=["train"], split={"train": ["p"]})
    settings = {"row": ROW, "below_min": 270, "fitted_on": fitted_on, "series": ["dwi"]} | changes
    write_regression(path, regression, **settings)


@pytest.mark.parametrize("strategy", ["mean", "median"])
@pytest.mark.parametrize("name", PIPELINES)
def test_probabilities_are_scikit_learns_to_the_last_bit(name, strategy, tmp_path):
    model = _fit(PIPELINES[name], strategy=strategy)
    values, _ = _draw(500, seed=1)
    expected = model.predict_proba(values)[:, 1]
    regression = take_numbers(model, inputs=NAMES)
    np.testing.assert_array_equal(apply_regression(regression, values), expected)
    _write(tmp_path / "a.json", regression)
    read, _ = read_regression(tmp_path / "a.json", row=ROW, below_min=270, inputs=NAMES, series=["dwi"])
    assert read == regression
    np.testing.assert_array_equal(apply_regression(read, values), expected)


def test_a_regression_by_hand():
    regression = Regression(
        ("x", "y"), (3.0, 0.0), (1.0, 0.0), (2.0, 1.0), ((1, 0), (1, 1)), (0.5, 2.0), -1.0
    )
    # x = (5 - 1) / 2 = 2, y = -1: -1 + 0.5 · 2 + 2 · 2 · -1 = -4
    # x missing counts as 3, so x = 1, y = 1: -1 + 0.5 + 2 = 1.5
    found = apply_regression(regression, [[5, -1], [np.nan, 1]])
    np.testing.assert_allclose(found, [1 / (1 + np.exp(4)), 1 / (1 + np.exp(-1.5))], rtol=1e-15)


def test_extreme_values_give_0_or_1():
    regression = Regression(("x",), (0.0,), (0.0,), (1.0,), ((1,),), (1.0,), 0.0)
    assert apply_regression(regression, [[-1e9], [1e9]]).tolist() == [0, 1]


def test_values_are_left_as_they_were():
    values, _ = _draw(20, seed=2)
    before = values.copy()
    apply_regression(take_numbers(_fit(PIPELINES["squares"]), inputs=NAMES), values)
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("shape", [(4,), (3, 3), (3, 5)])
def test_another_number_of_inputs_is_refused(shape):
    regression = take_numbers(_fit(PIPELINES["line"]), inputs=NAMES)
    with pytest.raises(FittedError, match=r"A regression on a, b, c, d was given values of shape .*: give 4"):
        apply_regression(regression, np.zeros(shape))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"row": Scorer("ratio", "phase2_tss3h", "series")},
            "was fitted for row 'ratio/phase3_tss4h5/series'",
        ),
        ({"below_min": 180}, "was fitted for below_min 270"),
        ({"series": ["dwi", "flair"]}, "was fitted for series"),
        ({"inputs": ("b", "a", "c", "d")}, "was fitted on a, b, c, d, not on b, a, c, d"),
    ],
)
def test_a_regression_for_something_else_is_refused(tmp_path, asked, message):
    _write(tmp_path / "a.json", take_numbers(_fit(PIPELINES["line"]), inputs=NAMES))
    settings = {"row": ROW, "below_min": 270, "inputs": NAMES, "series": ["dwi"]} | asked
    with pytest.raises(FittedError, match=message):
        read_regression(tmp_path / "a.json", **settings)


@pytest.mark.parametrize(
    "change", [{"means": [1.0]}, {"scales": None}, {"intercept": "0"}, {"powers": [[1]]}]
)
def test_half_a_regression_is_refused(tmp_path, change):
    path = tmp_path / "a.json"
    _write(path, take_numbers(_fit(PIPELINES["line"]), inputs=NAMES))
    content = json.loads(path.read_text())
    content["regression"] |= change
    del content["sha256"]
    write_fitted(path, content, kind=content["kind"])
    with pytest.raises(FittedError, match=r"a\.json holds no complete regression"):
        read_regression(path, row=ROW, below_min=270, inputs=NAMES, series=["dwi"])


def test_another_classifier_is_refused():
    values, label = _draw(80, seed=0)
    model = make_pipeline(SimpleImputer(keep_empty_features=True), RandomForestClassifier(3)).fit(
        values, label
    )
    with pytest.raises(TypeError, match="RandomForestClassifier cannot be a step of a regression"):
        take_numbers(model, inputs=NAMES)


def test_applying_needs_neither_scikit_learn_nor_torch():
    code = (
        "import sys; from strokeclock.baselines.regression import Regression, apply_regression; "
        "apply_regression(Regression(('x',), (0.,), (0.,), (1.,), ((1,),), (1.,), 0.), [[1.]]); "
        "assert not {'sklearn', 'torch', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
