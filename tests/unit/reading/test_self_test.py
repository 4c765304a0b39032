"""The self-test of a bundle: passed here, noticed where a number is another one, kept in a cache."""

import json
import shutil

import numpy as np
import pytest
import yaml
from safetensors.numpy import load, save
from small_bundle import make_recipe, write_bundle

from strokeclock.bundle.archive import BundleError, dump_json
from strokeclock.bundle.model import open_bundle
from strokeclock.bundle.names import EXPECTED, EXPECTED_TENSOR
from strokeclock.reading import self_test
from strokeclock.reading.self_test import NOT_THERE, compare, ensure_self_test, make_self_test, run_self_test


@pytest.fixture(scope="module")
def measured():
    """What the self-test measured: hemispheres and scores."""
    return {}


@pytest.fixture(scope="module")
def files(measured, bundle_files, bundle_path, root):
    """The files of a bundle with its self-test; its rows have other numbers of seeds."""
    first, second = make_recipe().rows
    fewer = {"row": second.row.model_copy(update={"seeds": (0,)})}
    fewer |= {"regression": second.regression.model_copy(update={"seeds": (0,)})}
    recipe = make_recipe(rows=[first, second.model_copy(update=fewer)])
    content = bundle_files | {"recipe.json": dump_json(recipe.as_json())}
    path = write_bundle(bundle_path.with_name("tested.zip"), content)
    settings = yaml.safe_load((root / "config/config.yaml").read_text())["phantom"]
    measure = self_test._measure

    def keep(*arguments, **settings):
        measured["hemispheres"], measured["found"] = measure(*arguments, **settings)
        return measured["hemispheres"], measured["found"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(self_test, "_measure", keep)
        return content | make_self_test(open_bundle(path), settings=settings, device="cpu", threads=1)


def changed(files, tmp_path, **changes):
    return open_bundle(write_bundle(tmp_path / "m.zip", files | changes))


def test_it_passes_where_it_was_made(files, tmp_path):
    bundle = changed(files, tmp_path)
    assert run_self_test(bundle) == ("Passed: hemispheres off by 0.00000, scores by 0.00000 (allowed 0.002).")
    assert json.loads(files[EXPECTED])["rows"][1][0] != []


@pytest.mark.parametrize(
    ("place", "off", "passes"),
    [(("lesion", 0), 0.0019, True), (("lesion", 1), 0.0021, False), (("rows", 0, 1, 1), -0.0021, False),
     (("rows", 1, 0, 0), 0.0021, False), (("rows", 1, 0, 0), float("nan"), False)],
)  # fmt: skip
def test_other_scores_are_noticed(files, measured, tmp_path, place, off, passes):
    expected = json.loads(files[EXPECTED])
    part = expected
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = part[place[-1]] + off if off == off else "half"
    bundle = changed(files, tmp_path, **{EXPECTED: dump_json(expected)})
    if passes:
        assert compare(bundle, **measured).startswith("Passed")
        return
    with pytest.raises(BundleError, match=r"m\.zip does not repeat its self-test here: .* scores by"):
        compare(bundle, **measured)


def test_other_hemispheres_are_noticed(files, measured, tmp_path):
    tensor = load(files[EXPECTED_TENSOR])["hemispheres"].copy()
    tensor.reshape(-1)[::500] += np.float16(0.003)
    bundle = changed(files, tmp_path, **{EXPECTED_TENSOR: save({"hemispheres": tensor})})
    with pytest.raises(BundleError, match=r"does not repeat its self-test here: hemispheres off by 0\.003"):
        compare(bundle, **measured)
    bundle = changed(files, tmp_path, **{EXPECTED_TENSOR: save({"hemispheres": tensor[:, :2].copy()})})
    with pytest.raises(BundleError, match="hemispheres off by inf"):
        compare(bundle, **measured)


def test_a_few_voxels_at_the_edge_of_the_brain_may_differ(files, measured, tmp_path):
    tensor = load(files[EXPECTED_TENSOR])["hemispheres"].copy()
    tensor.reshape(-1)[::2000] += np.float16(0.14)
    bundle = changed(files, tmp_path, **{EXPECTED_TENSOR: save({"hemispheres": tensor})})
    assert compare(bundle, **measured).startswith("Passed: hemispheres off by 0.000")


def test_a_bundle_without_one_says_so(bundle_path):
    assert run_self_test(open_bundle(bundle_path)) == NOT_THERE


def test_it_runs_once_for_a_bundle(files, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    runs = []
    monkeypatch.setattr(self_test, "run_self_test", lambda *_, **__: runs.append(1) or "Passed.")
    bundle = changed(files, tmp_path)
    assert ensure_self_test(bundle) == ensure_self_test(bundle)
    assert len(runs) == 1
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("no folder")  # nothing can be kept
    assert ensure_self_test(bundle).startswith("Passed")
    assert len(runs) == 2


def test_a_failure_is_not_kept(files, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bundle = changed(files, tmp_path, **{EXPECTED: dump_json({"lesion": [0.0, 0.0], "rows": []})})
    with pytest.raises(BundleError, match="does not repeat"):
        ensure_self_test(bundle)
    assert not (tmp_path / "cache").exists()
