"""What a run puts into a bundle, and what it keeps out."""

import json

import numpy as np
import pytest
import torch
from small_bundle import GRID, SEEDS, make_checkpoints, make_config, make_recipe, write_bundle

from strokeclock.bundle.archive import BundleError
from strokeclock.bundle.model import open_bundle
from strokeclock.bundle.names import name_network
from strokeclock.bundle.pack import RunFiles, choose_rows, clean_configuration
from strokeclock.bundle.pack import make_recipe as make_from_run
from strokeclock.evaluation.metrics import auc
from strokeclock.evaluation.side import fit_side
from strokeclock.evaluation.tables import read_scorers
from strokeclock.predictions import PAPER
from strokeclock.training.checkpoint import read_checkpoint

PARTS = {
    "2d/phase2_tss3h/random": {"network": "2d/phase2_tss3h/random", "regression": None},
    "2d/phase3_tss4h5/random": {"network": "2d/phase3_tss4h5/random", "regression": None},
    "3d/phase4_attention/phase3": {"network": "3d/phase4_attention/phase3", "regression": None},
}


def test_networks_come_back_with_their_weights(bundle_path, tmp_path):
    bundle = open_bundle(bundle_path)
    seen = torch.rand(2, 3, GRID[0] // 2, *GRID[1:])
    checkpoints = make_checkpoints(tmp_path)
    for trained in bundle.recipe.trained:
        for seed in trained.seeds:
            _, weights, _ = read_checkpoint(checkpoints[(*trained.scorer, seed)])
            if trained == bundle.recipe.segmentation:
                network, _ = bundle.read_segmenter(trained, seed)
            else:
                network = bundle.read_network(trained, seed)
                assert network(seen).shape == (2,)
            assert not network.training
            found = network.state_dict()
            assert {*found} == {*weights}
            assert all(torch.equal(found[name], weights[name]) for name in weights)


@pytest.mark.parametrize("content", [b"", b"garbage" * 100, b"\x80\x04\x95" + b"\0" * 64])
def test_weights_that_are_no_safetensors_are_refused(bundle_files, tmp_path, content):
    trained = make_recipe().rows[0].network
    name, _ = name_network(trained, 0)
    bundle = open_bundle(write_bundle(tmp_path / "m.zip", bundle_files | {name: content}))
    with pytest.raises(BundleError, match=f"holds a {name} that cannot be used"):
        bundle.read_network(trained, 0)


def test_weights_of_another_network_are_refused(bundle_files, tmp_path):
    trained = make_recipe().rows[0].network
    weights, record = name_network(trained, 0)
    other, other_record = name_network(make_recipe().side.networks[0], 0)
    swapped = write_bundle(tmp_path / "m.zip", bundle_files | {weights: bundle_files[other]})
    with pytest.raises(BundleError, match=f"holds a {weights} that cannot be used"):
        open_bundle(swapped).read_network(trained, 0)
    swapped = write_bundle(tmp_path / "m.zip", bundle_files | {record: bundle_files[other_record]})
    with pytest.raises(BundleError, match=f"holds a {record} of another network"):
        open_bundle(swapped).read_network(trained, 0)


def test_no_identity_is_in_a_bundle(bundle_files):
    """Patients, hospital, sheet and the run's name are in what the bundle is made from."""
    for name, content in bundle_files.items():
        for word in (b"DOE-JOHN", b"ROE-JANE", b"St. Mary", b"st-mary", b"stroke.tsv", b"verdicts.tsv"):
            assert word not in content, (name, word)


def test_a_configuration_is_kept_but_for_who_and_where(root):
    config = make_config(root)
    cleaned = clean_configuration(config)
    assert {*config} - {*cleaned} == {
        *("run", "container", "bundle", "reading", "external", "phantom", "report"),
    }
    assert cleaned["preprocessing"]["head_of"] == cleaned["cohort"]["exclude"] == {}
    assert cleaned["training"] == config["training"]
    assert cleaned["preprocessing"]["intensity"] == config["preprocessing"]["intensity"]
    config["preprocessing"]["atlas"]["t2w"] = "../St. Mary/atlas.nii.gz"
    assert clean_configuration(config)["preprocessing"]["atlas"]["t2w"] == "atlas.nii.gz"


def test_regressions_hold_no_digest_of_patients(bundle_files):
    found = [json.loads(bundle_files[name]) for name in bundle_files if name.startswith("regressions/")]
    assert len(found) == len(SEEDS)
    assert all(
        one["fitted_on"] == {"parts": ["train"], "patients": 2, "units": 2, "positives": 1} for one in found
    )
    assert all("sha256" not in json.dumps(one) for one in found)


@pytest.fixture
def run(made_up_run):
    """A made-up run whose 3D network is the best of TSS < 4.5 h, and that of TSS < 3 h is better still."""
    noise = {"2d/phase2_tss3h/random": 0.1, "3d/phase4_attention/phase3": 0.6}

    def score(scorer, seed, rows):
        rng = np.random.default_rng([seed, len(scorer[1])])
        sd = noise.get("/".join(scorer), 1.5)
        return 1 / (1 + np.exp(-rng.normal(2 * rows["label"] - 1, sd)))

    paths = made_up_run.write(score=score)
    fitted = made_up_run.fit(paths)
    cohort, split = (made_up_run.root / f"cohort/{name}.tsv" for name in ("cohort", "split"))
    side = made_up_run.root / "fitted/side.json"
    fit_side(paths, side, cohort=cohort, split=split)
    lines = ["stage,model,start,n,auc,auc_low,auc_high"]
    lines += [f"{phase},{net},{start},20,0.8,0.7,0.9" for net, phase, start in (r.split("/") for r in PARTS)]
    (made_up_run.root / "tables/table2.csv").write_text("\n".join(lines) + "\n")
    key = "phase4_attention,3d,phase3"
    lines = ["stage,model,start,scores,n,brier,slope,slope_low,slope_high,ece"]
    lines += [f"{key},as predicted,20,0.2,0.9,0.5,1.3,", f"{key},temperature-scaled,20,0.19,1.1,,,0.04"]
    (made_up_run.root / "tables/calibration.csv").write_text("\n".join(lines) + "\n")
    return RunFiles(
        models={},
        regressions={},
        **fitted,
        side=side,
        predictions=paths,
        table2=made_up_run.root / "tables/table2.csv",
        calibration=made_up_run.root / "tables/calibration.csv",
        cohort=cohort,
        split=split,
        preprocessed=[],
        reference=None,
        atlas={},
    )


def make(run, **changes):
    known = {"rows": "best", "parts": PARTS, "tasks": PAPER, "channels": ["dwi"], "series": ["dwi"]}
    return make_from_run(run, **known | {"coverage": 0.8, "confidence": 0.95} | changes)


def test_the_best_validated_row_of_4_5_hours_is_chosen(run):
    scorers = read_scorers(run.predictions, cohort=run.cohort, split=run.split, tasks=PAPER)
    aucs = {
        str(scorer): auc(found.units("validation").label, found.units("validation").score)
        for scorer, found in scorers.items()
        if str(scorer) in PARTS
    }
    assert max(aucs, key=aucs.get) == "2d/phase2_tss3h/random"  # of another target
    (chosen,) = choose_rows(scorers, "best", parts=PARTS, tasks=PAPER)
    assert str(chosen) == "3d/phase4_attention/phase3"


def test_a_recipe_has_the_runs_frozen_numbers(run):
    recipe = make(run)
    (row,) = recipe.rows
    thresholds = json.loads(run.thresholds.read_text())["rows"]["3d/phase4_attention/phase3"]
    bands = json.loads(run.abstention.read_text())["rows"]["3d/phase4_attention/phase3"]["bands"]["margin"]
    assert row.row.seeds == (0, 1)
    assert row.operating.threshold == thresholds["threshold"]
    assert row.operating.cut == next(one["cut"] for one in bands if one["coverage"] == 0.8)
    assert sum(one.n for one in row.operating.bins) == row.operating.fitted_on.patients == 20
    assert row.development == {"n": 20.0, "auc": 0.8, "auc_low": 0.7, "auc_high": 0.9}
    assert row.calibration == {
        "as predicted": {"brier": 0.2, "slope": 0.9, "slope_low": 0.5, "slope_high": 1.3},
        "temperature-scaled": {"brier": 0.19, "slope": 1.1, "ece": 0.04},
    }
    assert [str(one.scorer) for one in recipe.side.networks] == [
        "2d/phase1_stroke/random",
        "3d/phase1_stroke/genesis",
    ]


def test_rows_that_are_named_are_taken_in_their_order(run):
    rows = ["2d/phase3_tss4h5/random", "2d/phase2_tss3h/random"]
    assert [str(row.row.scorer) for row in make(run, rows=rows).rows] == rows
    with pytest.raises(BundleError, match=r"bundle\.rows names clinical/x/y, which this run does not have"):
        make(run, rows=["clinical/x/y"])


def test_a_coverage_without_a_cut_is_refused(run):
    with pytest.raises(BundleError, match=r"bundle\.coverage is 0\.75: use one of 1, 0\.9"):
        make(run, coverage=0.75)
