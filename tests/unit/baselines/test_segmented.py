"""The regression on the segmented lesion, applied to the side given and to the side found."""

import numpy as np
import pandas as pd
import pytest

from strokeclock.baselines.regression import Regression, write_regression
from strokeclock.baselines.segmented import (
    RATIOS,
    predict_segmented,
    predict_segmented_found,
)
from strokeclock.cohort.parts import read_split
from strokeclock.fitted import describe_fit
from strokeclock.found_sides import FoundSide, write_found_sides
from strokeclock.predictions import SEGMENTED, Scorer, read_predictions
from strokeclock.provenance import digest_file
from strokeclock.segmentation.ratios import name_measures
from strokeclock.segmentation.training import train_segmenter

PHASE = "phase3_tss4h5"


@pytest.fixture
def model(toys, toy_lesions, tmp_path):
    train_segmenter(
        seed=0,
        series=toys.channels,
        average=(1, 1, 1),
        width=2,
        standardise=True,
        training={
            "epochs": 1,
            "batch": 4,
            "lr": 5e-3,
            "weight_decay": 0.0,
            "augmentation": toys.training()["augmentation"],
            **toys.torch,
        },
        volumes=toy_lesions,
        box=None,
        fold=None,
        output=tmp_path / "model",
        **toys.inputs(),
    )
    return tmp_path / "model/model.pt"


def write_fit(path, toys, model):
    """Write a regression whose score differs from hemisphere to hemisphere."""
    inputs = name_measures(toys.channels)
    split = read_split(toys.split)
    train = split["train"]
    nothing = np.zeros(len(train))
    write_regression(
        path,
        Regression(
            inputs=inputs,
            imputation=(0.0,) * 4,
            means=(0.0,) * 4,
            scales=(1.0,) * 4,
            powers=tuple(map(tuple, np.eye(4, dtype=int).tolist())),
            coefficients=(3.0, 2.0, -1.0, 0.1),
            intercept=-0.4,
        ),
        row=Scorer(SEGMENTED, PHASE, RATIOS),
        below_min=270,
        fitted_on=describe_fit(train, nothing, nothing, parts=["train"], split=split),
        series=list(toys.channels),
        segmentation_sha256=digest_file(model),
    )


def test_the_side_found_has_the_score_of_its_hemisphere(toys, tmp_path, model):
    fitted = tmp_path / "fitted.json"
    write_fit(fitted, toys, model)
    given = tmp_path / f"predictions/segmentation/{PHASE}/ratios/seed-0.tsv"
    settings = {"channels": toys.channels, "threads": 1, "device": toys.device, **toys.inputs()}
    predict_segmented([fitted], [given], model=model, tasks={PHASE: 270}, **settings)
    before = read_predictions(given).query("part == 'test'").set_index("patient")
    flip = {"left": "right", "right": "left"}
    told = before["hemisphere"].to_dict()
    told["toy-17"] = flip[told["toy-17"]]
    sides = {patient: FoundSide("test", side, 2.0, "", "") for patient, side in told.items()}
    write_found_sides(tmp_path / "sides.tsv", sides)
    predict_segmented_found(
        [fitted],
        [tmp_path / "found.tsv"],
        models=[model],
        predictions=[given],
        sides=tmp_path / "sides.tsv",
        tasks={PHASE: 270},
        **settings,
    )
    found = read_predictions(tmp_path / "found.tsv").set_index("patient")
    same = ["toy-14", "toy-15", "toy-16"]
    assert found["score"][same].tolist() == before["score"][same].tolist()  # the very same numbers
    table = pd.read_csv(toys.cohort, sep="\t").set_index("patient")
    table.loc["toy-17", "lesion_side"] = told["toy-17"]
    table.to_csv(toys.cohort, sep="\t")
    again = tmp_path / f"other/segmentation/{PHASE}/ratios/seed-0.tsv"
    predict_segmented([fitted], [again], model=model, tasks={PHASE: 270}, **settings)
    other = read_predictions(again).set_index("patient")
    assert found["hemisphere"]["toy-17"] == other["hemisphere"]["toy-17"] == told["toy-17"]
    assert found["score"]["toy-17"] == pytest.approx(other["score"]["toy-17"], abs=1e-6)
    assert found["score"]["toy-17"] != pytest.approx(before["score"]["toy-17"], abs=1e-4)
