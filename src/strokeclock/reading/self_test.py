"""The self-test of a bundle: a phantom's raw series, and the hemispheres and scores that they gave.

It shows that this machine and its software read as those that made the bundle, from raw series to scores.
Other versions are no fault; other numbers are.
"""

import logging
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from strokeclock.bundle.archive import BundleError, dump_json
from strokeclock.bundle.model import Bundle
from strokeclock.bundle.names import EXPECTED, EXPECTED_TENSOR, name_raw
from strokeclock.errors import MissingSoftwareError
from strokeclock.files import write_whole
from strokeclock.phantom.patient import make_patient, write_patient
from strokeclock.provenance import digest_library, digest_settings, list_versions
from strokeclock.reading.clock import Clock
from strokeclock.reading.examination import examine
from strokeclock.reading.scoring import Scoring
from strokeclock.reading.source import Study
from strokeclock.series import SERIES, SIDES

log = logging.getLogger(__name__)

TOLERANCE = 0.002  # of tensors, whose values are 0 to 1, and of scores
_COMPARED = 0.999  # of the voxels; rounding decides on a few at the edge of the brain mask
PHANTOM, SEED = 242, 20210  # of few voxels; no run has this seed unless a person chooses it
_STRIDE = (4, 4, 2)  # voxels between those that are kept: a 32nd of the hemispheres
_B_VALUE = 1000.0
NOT_THERE = "The bundle holds no self-test: where it was exported, none could be made."


def make_self_test(
    bundle: Bundle, *, settings: Mapping[str, Any], device: str, threads: int
) -> dict[str, bytes]:
    """Return the files of a bundle's self-test: name -> content; none where none can be made.

    That is so where phantoms lack one of its series or fail its quality checks, or where a program of its
    toolchain is absent: phantoms that are made on the atlas grid need no toolchain.

    Parameters
    ----------
    settings : the defaults of the configuration's section ``phantom``.
    """
    from safetensors.numpy import save

    if not all(SERIES[name].phantom for name in bundle.recipe.series):
        return {}
    with tempfile.TemporaryDirectory() as folder:
        study = _make_study(Path(folder), settings)
        files = {name_raw(name): path.read_bytes() for name, path in study.raw.items()}
        try:
            hemispheres, found = _measure(study, bundle, device=device, threads=threads)
        except (BundleError, MissingSoftwareError) as error:
            log.warning("The bundle gets no self-test: %s", error)
            return {}
    tensor = {"hemispheres": np.ascontiguousarray(_thin(hemispheres))}
    return files | {EXPECTED_TENSOR: save(tensor), EXPECTED: dump_json(found)}


def run_self_test(bundle: Bundle, *, device: str = "cpu", threads: int = 1) -> str:
    """Read the bundle's phantom and compare; return one sentence.

    Raises
    ------
    BundleError
        The numbers differ by more than `TOLERANCE`.
    """
    if EXPECTED not in bundle.archive:
        return NOT_THERE
    with tempfile.TemporaryDirectory() as folder:
        raw = {}
        for name in bundle.archive.names("self-test/"):
            series = Path(name).name.partition(".")[0]
            if name == name_raw(series) and series in SERIES:
                raw[series] = Path(folder, f"{series}.nii.gz")
                bundle.archive.extract(name, raw[series])
        study = Study(raw=raw, b_value=_B_VALUE)
        hemispheres, found = _measure(study, bundle, device=device, threads=threads)
    return compare(bundle, hemispheres, found)


def compare(bundle: Bundle, hemispheres: np.ndarray, found: Mapping[str, list]) -> str:
    """Compare what was measured here with what the bundle expects; return and raise as `run_self_test`.

    Parameters
    ----------
    hemispheres : (2, series, x, y, z)
    found : lesion, rows -> scores, in nested lists.
    """
    expected = bundle.archive.read_json(EXPECTED)
    voxels = _differences(_thin(hemispheres), bundle.archive.parse(EXPECTED_TENSOR, _load_tensor))
    tensor = float(np.quantile(voxels, _COMPARED, method="higher"))
    scores = max(
        _differences(_flatten(found[name]), _flatten(expected.get(name))).max(initial=0.0) for name in found
    )
    sentence = f"hemispheres off by {tensor:.5f}, scores by {scores:.5f} (allowed {TOLERANCE})"
    if not (tensor <= TOLERANCE and scores <= TOLERANCE):
        raise BundleError(
            f"Bundle {bundle.archive.path.name} does not repeat its self-test here: {sentence}. Install the "
            "versions that `strokeclock bundle show` names."
        )
    return f"Passed: {sentence}."


def ensure_self_test(bundle: Bundle, *, device: str = "cpu", threads: int = 1) -> str:
    """Run a bundle's self-test once with this software and return its sentence, which is kept in a cache.

    The cache is $XDG_CACHE_HOME/strokeclock, or ~/.cache/strokeclock. Where it cannot be written, the test
    runs each time.
    """
    key = digest_settings(
        {
            "bundle": bundle.archive.sha256,
            "code": digest_library(),
            "versions": list_versions(),
            "device": device,
            "machine": list(os.uname()[1:]),
        }
    )
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "strokeclock"
    kept = folder / f"self-test-{key[:32]}.txt"
    try:
        return kept.read_text(encoding="utf-8")
    except OSError:
        sentence = run_self_test(bundle, device=device, threads=threads)
    with suppress(OSError):  # a container without a home: it is run again
        write_whole(kept, sentence)
    return sentence


def _make_study(folder: Path, settings: Mapping[str, Any]) -> Study:
    patient = make_patient(PHANTOM, seed=SEED, settings=settings)
    raw = {
        name: folder / f"{name}.nii.gz"
        for name in SERIES
        if SERIES[name].phantom and not SERIES[name].derived
    }
    write_patient(patient, scans=raw, lesion=folder / "lesion.nii.gz", brain_mask=folder / "brain.nii.gz")
    return Study(raw=raw, b_value=_B_VALUE)


def _measure(
    study: Study, bundle: Bundle, *, device: str, threads: int
) -> tuple[np.ndarray, dict[str, list]]:
    """Return the phantom's hemispheres, and its scores: of lesions by side, of rows by side and seed."""
    examined = examine(study, bundle, clock=Clock())
    if examined.hemispheres is None:
        raise BundleError(
            f"Bundle {bundle.archive.path.name}: its self-test cannot be read here: {examined.reading.reason}"
        )
    scoring = Scoring(bundle, examined.hemispheres, device=device, threads=threads)
    lesion, _ = scoring.find_lesion()
    rows = [[scoring.score(row, [side]).tolist() for side in SIDES] for row in bundle.recipe.rows]
    return examined.hemispheres, {"lesion": [lesion[side] for side in SIDES] if lesion else [], "rows": rows}


def _thin(hemispheres: np.ndarray) -> np.ndarray:
    x, y, z = _STRIDE
    return hemispheres[..., ::x, ::y, ::z]


def _load_tensor(content: bytes) -> np.ndarray:
    from safetensors.numpy import load

    return load(content)["hemispheres"]


def _flatten(scores: Any) -> np.ndarray:
    """Numbers in lists of lists of any length, in their order; NaN for anything else."""
    if isinstance(scores, list):
        return np.concatenate([np.zeros(0), *map(_flatten, scores)])
    return np.array([scores if isinstance(scores, float) else np.nan])


def _differences(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The differences without sign; infinite for another shape, and where a number is none."""
    if found.shape != expected.shape:
        return np.array([np.inf])
    differences = np.abs(found.astype(float) - expected.astype(float))
    return np.where(np.isnan(differences), np.inf, differences)
