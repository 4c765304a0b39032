"""Reading one patient: each status by its cause, and the numbers of an answer by hand."""

import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import yaml
from small_bundle import OPERATING, SERIES, make_recipe, make_summary, write_bundle

from strokeclock.bundle.archive import dump_json
from strokeclock.bundle.model import open_bundle
from strokeclock.bundle.recipe import FittedOn, SideRule, Trained
from strokeclock.bundle.summary import Range
from strokeclock.phantom.patient import make_patient, write_patient
from strokeclock.reading.answers import find_similar, judge
from strokeclock.reading.clock import Clock
from strokeclock.reading.examination import examine
from strokeclock.reading.output import write_output
from strokeclock.reading.patient import Read, read_patient, score
from strokeclock.reading.scoring import Scoring
from strokeclock.reading.source import Study


@pytest.fixture(scope="module")
def phantom(root):
    settings = yaml.safe_load((root / "config/config.yaml").read_text())["phantom"]
    return make_patient(3, seed=7, settings=settings)


@pytest.fixture(scope="module")
def study(tmp_path_factory, phantom):
    folder = tmp_path_factory.mktemp("study")
    raw = {name: folder / f"{name}.nii.gz" for name in SERIES}
    write_patient(phantom, scans=raw, lesion=folder / "lesion.nii.gz", brain_mask=folder / "brain.nii.gz")
    return Study(raw=raw)


@pytest.fixture(scope="module")
def bundle(bundle_path):
    return open_bundle(bundle_path)


@pytest.fixture(scope="module")
def examined(study, bundle):
    return examine(study, bundle, clock=Clock())


@pytest.fixture(scope="module")
def scoring(examined, bundle):
    return Scoring(bundle, examined.hemispheres)


def with_recipe(bundle, **changes):
    return replace(bundle, recipe=make_recipe(**changes))


def rule(threshold, margin):
    networks = [Trained(net=net, phase="phase1_stroke", start="random", seeds=(0, 1)) for net in ("2d", "3d")]
    fitted_on = FittedOn(parts=["validation"], patients=9, units=18, positives=9)
    return SideRule(networks=networks, threshold=threshold, margin=margin, fitted_on=fitted_on)


def read_again(examined, bundle, scoring, *, side="auto", seen="none"):
    """Score the images that were examined before, with another recipe."""
    numbers = examined.reading.numbers | {"side_seen": seen}
    again = replace(examined, reading=replace(examined.reading, numbers=numbers))
    other = Scoring(bundle, examined.hemispheres)
    other._networks, other._segmented = scoring._networks, scoring._segmented
    return score(again, bundle, other, side=side, clock=Clock())


def test_the_phantom_is_examined(examined):
    assert examined.can_be_scored, examined.reading.reason
    assert examined.hemispheres.shape == (2, 3, 28, 56, 26)
    assert examined.reading.verdict in ("pass", "review")


@pytest.mark.parametrize("side", ["left", "right", "both"])
def test_a_side_that_is_given_is_timed(examined, bundle, scoring, side):
    read = read_again(examined, bundle, scoring, side=side)
    assert read.reading.status == "answered"
    assert read.reading.side.side == side
    sides = ["left", "right"] if side == "both" else [side]
    first, second = read.reading.answers
    network = np.mean([scoring.score(bundle.recipe.rows[0], [one]) for one in sides], axis=0)
    assert first.scores == pytest.approx(network.tolist(), abs=1e-7)
    assert first.score == pytest.approx(network.mean(), abs=1e-7)
    assert second.row == "segmentation/phase3_tss4h5/ratios"
    half = read.lesion.shape[0] // 2
    marked = [read.lesion[:half].any(), read.lesion[half:].any()]
    assert marked == [name in sides for name in ("left", "right")]


def test_sides_by_the_rule(examined, bundle, scoring):
    scores, by_row = scoring.find_lesion()
    assert {*by_row} == {"2d/phase1_stroke/random", "3d/phase1_stroke/random"}
    assert scores["left"] == pytest.approx(np.mean([row["left"] for row in by_row.values()]))
    greater = max(scores, key=scores.get)
    between = sum(scores.values()) / 2
    for threshold, margin, seen, status, side in (
        (between, 0.0, "none", "answered", greater),
        (between, 50.0, "none", "side_unclear", ""),
        (between, 0.0, {"left": "right", "right": "left"}[greater], "side_unclear", ""),
        (0.0, 0.0, "none", "both_sides", "both"),
        (1.0, 0.0, "none", "no_lesion", "none"),
        (1.0, 0.0, greater, "side_unclear", ""),
    ):
        read = read_again(examined, with_recipe(bundle, side=rule(threshold, margin)), scoring, seen=seen)
        assert (read.reading.status, read.reading.side.side) == (status, side)
        assert bool(read.reading.answers) == (status == "answered")
        assert (read.lesion is not None) == (status == "answered")


def test_a_bundle_that_cannot_tell_the_side_asks(examined, bundle, scoring):
    bundle = with_recipe(bundle, side=None)
    read = read_again(examined, bundle, scoring)
    assert read.reading.status == "side_unclear"
    assert read.reading.reason == "The model has no network that finds the lesion: give its side."
    assert read_again(examined, bundle, scoring, side="left").reading.status == "answered"


def test_near_the_threshold_it_abstains(examined, bundle, scoring):
    rows = [
        row.model_copy(update={"operating": OPERATING.model_copy(update={"cut": 40.0})})
        for row in bundle.recipe.rows
    ]
    read = read_again(examined, with_recipe(bundle, rows=rows), scoring, side="left")
    assert read.reading.status == "abstained"
    assert read.reading.answers
    assert read.reading.reason.startswith("The score lies too close to the threshold: 20%")


def test_an_answers_numbers(bundle):
    row = bundle.recipe.rows[0]
    answer = judge(row, np.array([0.7, 0.9]))
    assert answer.score == pytest.approx(0.8)
    assert answer.scaled == pytest.approx(1 / (1 + 0.25**0.5))  # odds 4 to the power of 1 / temperature
    assert answer.certainty == pytest.approx(np.log(4))
    assert (answer.is_shorter, answer.abstained) == (True, False)
    assert answer.prevalence == 0.5
    similar = answer.similar
    assert (similar.n, similar.positives, similar.share) == (20, 15, 0.75)
    assert (similar.low, similar.high) == pytest.approx((0.5313, 0.8881), abs=1e-4)  # Wilson


def test_without_a_threshold_there_is_nojudge(bundle):
    operating = OPERATING.model_copy(update={"threshold": None, "temperature": None, "cut": None, "bins": []})
    answer = judge(bundle.recipe.rows[0].model_copy(update={"operating": operating}), np.array([0.7]))
    assert answer.abstained
    assert (answer.is_shorter, answer.certainty, answer.similar, answer.prevalence) == (None,) * 4


@pytest.mark.parametrize(
    ("score_", "low"), [(0.0, 0.1), (0.48, 0.1), (0.484, 0.1), (0.487, 0.49), (1.0, 0.49)]
)
def test_similar_scores_are_the_nearest(score_, low):
    assert find_similar(OPERATING, score_).lowest == low


def test_a_missing_series_is_named(study, bundle):
    raw = {name: path for name, path in study.raw.items() if name != "flair"}
    lacking = replace(study, raw=raw, doubts={"flair": "it is incomplete"})
    read = read_patient(lacking, bundle)
    assert read.reading.status == "missing_series"
    assert read.reading.reason == (
        "Missing: FLAIR (it is incomplete). Give the whole study, or name the files."
    )
    assert not read.reading.answers


def test_series_that_fail_the_checks_get_no_time(study, bundle, tmp_path):
    image = nib.load(study.raw["dwi"])
    noise = np.random.default_rng(0).integers(1, 900, image.shape).astype(np.int16)
    nib.save(nib.Nifti1Image(noise, image.affine), tmp_path / "dwi.nii.gz")
    read = read_patient(
        replace(study, raw={**study.raw, "dwi": tmp_path / "dwi.nii.gz"}), bundle, side="left"
    )
    assert read.reading.status == "quality_fail"
    assert read.reading.reason
    assert not read.reading.answers


def test_images_far_from_the_training_patients_get_no_time(study, bundle_files, tmp_path):
    near = Range(n=50, low=1.0, lower_quartile=1.1, median=1.2, upper_quartile=1.3, high=1.4)
    far = make_summary(intensities={"dwi_p99": near.model_copy(update={"low": 90.0, "high": 91.0})})
    path = write_bundle(
        tmp_path / "m.zip", {**bundle_files, "summary.json": dump_json(far.model_dump(mode="json"))}
    )
    read = read_patient(study, open_bundle(path), side="left")
    assert read.reading.status == "unlike_training"
    assert "percentile 99 of DWI in the brain" in read.reading.reason
    assert not read.reading.answers


def test_the_files_of_a_reading(examined, bundle, scoring, study, tmp_path):
    read = read_again(examined, bundle, scoring, side="left")
    written = write_output(read, study, tmp_path, clock=Clock())
    content = json.loads((tmp_path / "reading.json").read_text())
    assert content["status"] == "answered"
    assert content["answers"][0]["score"] == written.answers[0].score
    assert content["lesion"]["volume_ml"] > 0
    lesion, dwi = nib.load(tmp_path / "lesion.nii.gz"), nib.load(study.raw["dwi"])
    assert lesion.shape == dwi.shape
    assert np.allclose(lesion.affine, dwi.affine)
    voxels = np.argwhere(np.asarray(lesion.dataobj) > 0)
    world = nib.affines.apply_affine(lesion.affine, voxels)
    in_atlas = nib.affines.apply_affine(examined.dwi_to_atlas, world)
    assert (in_atlas[:, 0] < 3).all()  # left of the midplane, but for the DWI's own voxels
    on_dwi = len(voxels) * abs(np.linalg.det(lesion.affine)) / 1000
    assert on_dwi == pytest.approx(written.lesion.volume_ml, rel=0.15)


def test_no_reading_is_a_read_without_images(study, bundle, tmp_path):
    read = Read(
        reading=read_patient(replace(study, raw={}), bundle).reading,
        examined=examine(replace(study, raw={}), bundle, clock=Clock()),
    )
    write_output(read, study, tmp_path, clock=Clock())
    assert {path.name for path in tmp_path.iterdir()} == {"reading.json", "index.html"}
