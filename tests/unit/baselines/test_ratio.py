"""The automatic ratio baseline on hemispheres whose lesion, and its brightness, are known."""

import json

import numpy as np
import pandas as pd
import pytest

from strokeclock.baselines import ratio as module
from strokeclock.baselines.ratio import (
    ROWS,
    find_on_dwi,
    fit_ratio,
    predict_ratio,
    predict_ratio_found,
)
from strokeclock.cohort.parts import SplitError
from strokeclock.evaluation.metrics import auc
from strokeclock.fitted import FittedError
from strokeclock.found_sides import FoundSide, write_found_sides
from strokeclock.predictions import read_predictions
from strokeclock.segmentation.ratios import measure_ratios

CHANNELS = ("dwi", "t2w", "flair")
FINE = (2.0, 2.5)  # a voxel, mm
LESION = (slice(2, 5), slice(3, 6), slice(1, 3))  # 18 voxels
TASKS = {"phase2_tss3h": 180, "phase3_tss4h5": 270}
PHASE = "phase3_tss4h5"


def _hemispheres(flair=1.2, dwi=2.0):
    """Two sides (2, 3, 8, 10, 4) of tissue 0.4 inside a border of air; the left one has a lesion."""
    sides = np.zeros((2, 3, 8, 10, 4), np.float32)
    sides[:, :, 1:-1, 1:-1] = 0.4
    for channel, factor in enumerate((dwi, 1.1, flair)):
        sides[(0, channel, *LESION)] *= factor
    return sides


@pytest.fixture
def run(tmp_path, manifest_of):
    """60 patients; the older the lesion, the brighter on FLAIR; p59 has none on DWI."""
    minutes = np.linspace(30, 510, 60)[np.random.default_rng(0).permutation(60)]
    names = [f"p{number:02d}" for number in range(60)]
    for name, onset in zip(names, minutes, strict=True):
        sides = _hemispheres(flair=1 + onset / 2000, dwi=1.0 if name == "p59" else 2.0)
        np.save(tmp_path / f"{name}.npy", sides.astype(np.float16))
    manifest_of(tmp_path)
    cohort = pd.DataFrame({"patient": names, "onset_to_mri_min": minutes, "lesion_side": "left"})
    cohort.to_csv(tmp_path / "cohort.tsv", sep="\t", index=False)
    parts = np.array(["train", "validation", "test"])[np.arange(60) % 3]
    pd.DataFrame({"patient": names, "part": parts}).to_csv(tmp_path / "split.tsv", sep="\t", index=False)
    return tmp_path


def _fitted(run, row="flair"):
    return run / f"fitted/ratio/{PHASE}/{row}.json"


def _predictions(run, row="flair", phase=PHASE):
    return run / f"predictions/ratio/{phase}/{row}/seed-0.tsv"


def _predict(run, row="flair", channels=CHANNELS):
    settings = {name: run / f"{name}.tsv" for name in ("manifest", "cohort", "split")}
    settings |= {"channels": channels, "tasks": TASKS}
    fit_ratio(fitted=[_fitted(run, row)], **settings)
    predict_ratio([_fitted(run, row)], [_predictions(run, row)], **settings)
    return read_predictions(_predictions(run, row))


def test_ratios_are_logs_of_lesion_over_contralateral_and_the_last_is_its_size():
    sides = _hemispheres(flair=1.25)
    lesion = find_on_dwi(*sides, dwi=0)
    found = measure_ratios(*sides, lesion, spacing=FINE)
    np.testing.assert_allclose(found, np.log([2.0, 1.1, 1.25, 18]), rtol=1e-5)


def test_a_ratio_is_of_lesion_to_contralateral_and_rim_over_that_of_the_surroundings():
    rng = np.random.default_rng(0)
    sides = rng.uniform(0.2, 1, (2, 3, 11, 12, 3))
    sides[0, :, :2] = sides[1, :, :, -1] = 0  # the brain ends elsewhere on either side
    share = np.zeros(sides.shape[2:])
    share[2:4, 5, 1], share[7, 10, 1] = 0.5, 1
    within = {
        voxel: _distance(voxel, share) for voxel in np.ndindex(share.shape) if sides[:, 0][:, *voxel].all()
    }
    rim = [voxel for voxel, mm in within.items() if mm <= 3]
    around = [voxel for voxel, mm in within.items() if 3 < mm <= 8]
    expected = []
    for own, other in zip(*sides, strict=True):
        ill = sum(own[voxel] * share[voxel] for voxel in within) / share.sum()
        healthy, here, there = (
            np.mean([values[voxel] for voxel in place])
            for values, place in ((other, rim), (own, around), (other, around))
        )
        expected.append(np.log(ill / healthy * there / here))
    assert len(rim) > 3
    assert len(around) > 30
    np.testing.assert_allclose(measure_ratios(*sides, share, spacing=FINE), [*expected, np.log(2)])


def _distance(voxel, share):
    """From a voxel to the nearest of a lesion in its slice, mm."""
    x, y = FINE
    return min(
        (np.hypot((voxel[0] - i) * x, (voxel[1] - j) * y) for i, j, z in np.argwhere(share) if z == voxel[2]),
        default=np.inf,
    )


def test_sides_that_differ_as_a_whole_do_not_make_a_lesion():
    own, other = _hemispheres(dwi=1.0)
    lesion = np.zeros(own.shape[1:], bool)
    lesion[LESION] = True
    shaded = own * np.array([1.3, 0.8, 1.1], np.float32)[:, None, None, None]
    found = measure_ratios(shaded, other, lesion, spacing=FINE)
    np.testing.assert_allclose(found, np.log([1, 1.1, 1.2, 18]), rtol=1e-5, atol=1e-6)
    alone = np.where(lesion, shaded, 0)  # no surroundings
    found = measure_ratios(alone, other, lesion, spacing=FINE)
    np.testing.assert_allclose(found, np.log([1.3, 0.8 * 1.1, 1.1 * 1.2, 18]), rtol=1e-5, atol=1e-6)


def test_voxels_count_by_their_share():
    sides = _hemispheres()
    share = np.zeros(sides.shape[2:])
    share[2, 3, 1], share[6, 5, 2] = 0.75, 0.25  # the second lies beside the lesion
    expected = np.log([(0.75 * ratio + 0.25) for ratio in (2.0, 1.1, 1.2)] + [1.0])
    found = measure_ratios(*sides, share, spacing=(20, 20))  # nothing beside them counts
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_without_a_lesion_there_is_no_ratio():
    sides = _hemispheres()
    lesion = find_on_dwi(*sides[::-1], dwi=0)
    assert np.isnan(measure_ratios(*sides[::-1], lesion, spacing=FINE)).all()


@pytest.mark.parametrize("row", ["flair", "series"])
def test_a_darker_flair_scores_higher(run, row):
    found = _predict(run, row=row)
    assert set(found["part"]) == {"validation", "test"}
    seen = found[found["patient"] != "p59"]
    assert auc(seen["label"], seen["score"]) == 1


def test_millimetres_are_the_hemispheres(run, monkeypatch):
    spacings = set()

    def record(own, contralateral, lesion, *, spacing):
        spacings.add(spacing)
        return measure_ratios(own, contralateral, lesion, spacing=spacing)

    monkeypatch.setattr(module, "measure_ratios", record)
    _predict(run)
    assert spacings == {(98 / 8, 233 / 10)}


def test_patients_without_a_lesion_on_dwi_get_a_middling_score(run):
    found = _predict(run).set_index("patient")["score"]
    assert found.min() < found["p59"] < found.max()


def test_the_fit_does_not_depend_on_the_test_part(run, manifest_of):
    before = _predict(run).query("part == 'validation'")
    cohort = pd.read_csv(run / "cohort.tsv", sep="\t")
    test = pd.read_csv(run / "split.tsv", sep="\t")["part"] == "test"
    cohort.loc[test, "onset_to_mri_min"] = 600 - cohort.loc[test, "onset_to_mri_min"]
    cohort.to_csv(run / "cohort.tsv", sep="\t", index=False)
    for name in cohort["patient"][test]:
        np.save(run / f"{name}.npy", _hemispheres(flair=3).astype(np.float16))
    manifest_of(run)
    pd.testing.assert_frame_equal(before, _predict(run).query("part == 'validation'"))


def test_one_class_in_training_is_refused(run):
    cohort = pd.read_csv(run / "cohort.tsv", sep="\t").assign(onset_to_mri_min=60)
    cohort.to_csv(run / "cohort.tsv", sep="\t", index=False)
    with pytest.raises(SplitError, match="all 20 hemispheres of the train part have the label 1"):
        _predict(run)


def test_another_number_of_series_is_refused(run):
    with pytest.raises(SplitError, match="hold 3 series"):
        _predict(run, channels=("dwi", "flair"))


def test_a_fit_for_something_else_is_refused(run):
    _predict(run)
    settings = {name: run / f"{name}.tsv" for name in ("manifest", "cohort", "split")}
    settings |= {"channels": CHANNELS, "tasks": TASKS}
    other = run / "other"
    for output, change, message in (
        (_predictions(other, "series"), {}, "was fitted for row 'ratio/phase3_tss4h5/flair'"),
        (_predictions(other, phase="phase2_tss3h"), {}, "was fitted for row 'ratio/phase3_tss4h5/flair'"),
        (_predictions(other), {"channels": ("dwi", "flair", "t2w")}, "was fitted for series"),
    ):
        with pytest.raises(FittedError, match=message):
            predict_ratio([_fitted(run)], [output], **settings | change)
    split = pd.read_csv(run / "split.tsv", sep="\t")
    split["part"] = split["part"].to_numpy()[::-1]
    split.to_csv(run / "split.tsv", sep="\t", index=False)
    with pytest.raises(FittedError, match="was fitted on other patients than the train part of"):
        predict_ratio([_fitted(run)], [_predictions(other)], **settings)
    assert not other.exists()


def test_what_is_fitted_names_its_inputs(run):
    for row, names in (
        ("flair", ["log_ratio_flair"]),
        ("series", ["log_ratio_dwi", "log_ratio_t2w", "log_ratio_flair", "log_voxels"]),
    ):
        _predict(run, row=row)
        content = json.loads(_fitted(run, row).read_text())
        assert content["regression"]["inputs"] == names
        assert (content["series"], content["below_min"]) == (list(CHANNELS), 270)
        assert content["fitted_on"]["patients"] == 20


def test_the_side_found_has_the_ratios_of_its_hemisphere(run, manifest_of):
    for number in range(60):  # the healthy side differs, too
        sides = np.load(run / f"p{number:02d}.npy")
        sides[(1, slice(None), *LESION)] *= np.array([1.5, 1.1, 1 + number / 100])[:, None, None, None]
        np.save(run / f"p{number:02d}.npy", sides)
    cohort = {"cohort": run / "cohort.tsv", "split": run / "split.tsv"}
    settings = {"manifest": run / "manifest.tsv", "channels": CHANNELS} | cohort
    manifest_of(run)
    settings["tasks"] = TASKS
    rows = {row: _fitted(run, row) for row in ROWS}
    given = {row: _predictions(run, row) for row in ROWS}
    found = {row: run / f"end_to_end/ratio/{PHASE}/{row}/seed-0.tsv" for row in ROWS}
    other = {row: _predictions(run / "other", row) for row in ROWS}
    fit_ratio(fitted=[*rows.values()], **settings)
    predict_ratio([*rows.values()], [*given.values()], **settings)
    table = pd.read_csv(run / "cohort.tsv", sep="\t")
    test = [name for name, part in pd.read_csv(run / "split.tsv", sep="\t").to_numpy() if part == "test"]
    right, wrong = test[:10], test[10:]
    sides = {name: FoundSide("test", "left", 2.0, "", "") for name in right}
    sides |= {name: FoundSide("test", "right", 2.0, "", "") for name in wrong}
    write_found_sides(run / "sides.tsv", sides)
    predict_ratio_found(
        [*rows.values()],
        [*found.values()],
        predictions=[*given.values()],
        sides=run / "sides.tsv",
        **settings,
    )
    table.loc[table["patient"].isin(test), "lesion_side"] = "right"
    table.to_csv(run / "cohort.tsv", sep="\t", index=False)
    predict_ratio([*rows.values()], [*other.values()], **settings)
    for row in ROWS:
        scores, before, swapped = (
            read_predictions(path).set_index("patient")["score"]
            for path in (found[row], given[row], other[row])
        )
        assert scores[right].tolist() == before[right].tolist()  # the very same numbers
        assert scores[wrong].tolist() == pytest.approx(swapped[wrong].tolist(), abs=1e-8)
        assert not np.isclose(scores[wrong], before[wrong], atol=1e-3).all()
