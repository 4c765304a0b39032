"""N4: both programs take out a known multiplicative field."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from strokeclock.errors import MissingSoftwareError
from strokeclock.imaging import bias
from strokeclock.imaging.resample import resample_mask
from strokeclock.imaging.volume import Volume

SETTINGS = {"shrink": 2, "iterations": [50, 50]}


@pytest.fixture(scope="module")
def case(head_of, atlas_mask):
    head = head_of(np.eye(4), shape=(56, 64, 28), spacing=(4, 4, 6))
    mask = resample_mask(atlas_mask, shape=head.shape, affine=head.affine)
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n) for n in head.shape], indexing="ij")
    field = np.exp(0.35 * x + 0.3 * y * y - 0.25 * z * x)
    return head, mask, field / np.exp(np.log(field[mask.data > 0]).mean())


def spread(field, mask):
    return np.log(field[mask.data > 0]).std()


def test_known_field_is_reduced(case):
    head, mask, true = case
    without = bias.estimate_field_niimath(head, mask, **SETTINGS, patient="p1")
    biased = Volume((head.data * true).astype(np.float32), head.affine)
    found = bias.estimate_field_niimath(biased, mask, **SETTINGS, patient="p1")
    assert spread(true / (found.data / without.data), mask) < 0.35 * spread(true, mask)
    corrected = bias.correct(biased, found)
    assert np.allclose(corrected.data * found.data, biased.data, rtol=1e-5)


def test_configured_schedule_takes_out_most_of_a_field(case):
    """Two short levels leave half of it."""
    settings = yaml.safe_load((Path(__file__).parents[3] / "config/config.yaml").read_text())["preprocessing"]
    head, mask, true = case
    biased = Volume((head.data * true).astype(np.float32), head.affine)

    def left(iterations):
        n4 = {"shrink": 2, "iterations": iterations, "patient": "p1"}
        without, found = (bias.estimate_field_niimath(v, mask, **n4) for v in (head, biased))
        return spread(true / (found.data / without.data), mask) / spread(true, mask)

    assert left(settings["open"]["n4_iterations"]) < 0.2
    assert left([20, 20]) > 0.5


def test_field_keeps_the_overall_brightness(case):
    head, mask, _ = case
    field = bias.estimate_field_niimath(head, mask, **SETTINGS, patient="p1")
    assert np.log(field.data[mask.data > 0]).mean() == pytest.approx(0, abs=1e-5)
    brighter = bias.estimate_field_niimath(
        Volume(head.data * 50, head.affine), mask, **SETTINGS, patient="p1"
    )
    assert np.allclose(brighter.data, field.data, atol=2e-3)


@pytest.mark.parametrize(("shrink", "limit"), [(2, 1e-3), (3, 2e-3), (4, 2e-3)])
def test_both_programs_agree(case, shrink, limit):
    """Where few voxels are taken, the spline between them differs a little from N4's mesh."""
    pytest.importorskip("ants")
    head, mask, true = case
    biased = Volume((head.data * true).astype(np.float32), head.affine)
    settings = SETTINGS | {"shrink": shrink}
    ours = bias.estimate_field_niimath(biased, mask, **settings, patient="p1")
    theirs = bias.estimate_field_ants(biased, mask, **settings)
    assert spread(ours.data / theirs.data, mask) < limit


NOISY = """
import numpy as np
from strokeclock.imaging.bias import estimate_field_ants
from strokeclock.imaging.volume import Volume

data = np.exp(0.1 * np.random.default_rng(0).standard_normal((24, 26, 14))).astype(np.float32)
volume, mask = (Volume(values, np.diag([4.0, 4, 6, 1])) for values in (data, np.ones_like(data)))
field = estimate_field_ants(volume, mask, shrink=2, iterations=[10]).data
"""


def test_the_paper_s_program_gives_the_same_bytes_whatever_threads_a_process_has():
    pytest.importorskip("ants")
    done = subprocess.run(
        [sys.executable, "-c", f"{NOISY}\nprint(field.tobytes().hex())"],
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(sys.path), "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    here: dict[str, np.ndarray] = {}
    exec(NOISY, here)
    assert done.stdout.strip() == here["field"].tobytes().hex()


def test_missing_program_is_named(monkeypatch, case):
    monkeypatch.setattr(bias, "find_spec", lambda name: None)
    with pytest.raises(MissingSoftwareError, match="pip install niimath"):
        bias.estimate_field_niimath(*case[:2], **SETTINGS, patient="p1")
