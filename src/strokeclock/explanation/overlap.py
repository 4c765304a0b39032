"""How much of a network's Grad-CAM lies on the lesion mask (paper, section 4: 96 % "overlap").

Each map is compared with its own patient's lesion, and with the lesions of the other patients: the overlap
with these, by place and size alone, is the chance level. Test patients alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from strokeclock.evaluation.intervals import percentile_interval, resample_weights, wilson_interval
from strokeclock.evaluation.tables import KEY, rate_columns, with_interval, write_table
from strokeclock.explanation.gradcam import map_evidence
from strokeclock.models.channels import has_contralateral
from strokeclock.models.classifier import Classifier
from strokeclock.models.registry import find_network
from strokeclock.segmentation.lesion import DRAWN, read_lesion, read_volumes
from strokeclock.series import SIDES
from strokeclock.training.checkpoint import read_network_to_test
from strokeclock.training.device import choose_device, on_device
from strokeclock.training.store import Hemispheres, check_channels, read_hemispheres

STRONG = 0.5  # of a map's maximum over the volume
BANDS = {"all": (0, np.inf), "< 3 mL": (0, 3), "3 to 30 mL": (3, 30), ">= 30 mL": (30, np.inf)}
FEWEST_OF_ALL, FEWEST_OF_BAND = 2, 10  # patients of a row
SHARES = ("inside", "inside_strong")  # means over patients, with a bootstrap of patients
RATES = ("pointing", "slice_overlap")  # of patients, with Wilson's interval
COLUMNS = (
    *(*KEY, "seed", "evidence", "lesions", "n", "silent"),
    *(column for name in (*SHARES, *RATES) for column in (*rate_columns(name), f"{name}_chance")),
    *rate_columns("in_brain"),
    "note",
)


class Lesions(NamedTuple):
    """The lesions of n patients, one hemisphere each: the one with more of the lesion.

    units : numbers of the hemispheres; volumes_ml : (n,).
    masks, widest : (n, voxels) sparse, 0 and 1; the lesion, and its slice with the most voxels.
    """

    units: list[int]
    volumes_ml: np.ndarray
    masks: sparse.csr_array
    widest: sparse.csr_array


class Overlap(NamedTuple):
    """Overlap of n maps with n lesions, (n, n): a map a row, a lesion a column; the last two by map, (n,).

    inside, inside_strong : share of the map's sum, and of its sum above `STRONG`, on the lesion.
    pointing : whether its maximum lies on the lesion.
    slice_overlap : whether more than half of the lesion's widest slice is above `STRONG`.
    in_brain : share of the map's sum on brain; silent : whether it is 0 everywhere.
    """

    inside: np.ndarray
    inside_strong: np.ndarray
    pointing: np.ndarray
    slice_overlap: np.ndarray
    in_brain: np.ndarray
    silent: np.ndarray


def write_overlap(
    models: Sequence[str | Path],
    table: str | Path,
    *,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    volumes: str | Path,
    channels: Sequence[str],
    layer: str,
    threads: int,
    device: str,
    confidence: float,
    bootstraps: int,
) -> None:
    """Write tables/gradcam_overlap.csv (`COLUMNS`): for each network, the maps for and against a short TSS.

    Parameters
    ----------
    models : checkpoints of phases 2 to 4.
    manifest : hemispheres/manifest.tsv, the hemispheres beside it.
    cohort, split : cohort/cohort.tsv and split.tsv.
    volumes : lesions/volumes.tsv, the lesions beside it.
    channels : the networks' input, in order (`channel_names`).
    layer : "penultimate" or "last" convolutional stage.
    threads, device : of torch.
    confidence, bootstraps : of the intervals.

    Raises
    ------
    SplitError
        A network was trained or selected on a patient of the test part.
    CheckpointError
        A model is no such checkpoint, or was trained on other series.
    """
    place = choose_device(device, threads=threads)
    rows, seen = [], {}
    for path in models:
        network, record = read_network_to_test(path, channels=channels, split=split)
        task = record.asked
        if task not in seen:
            units = read_hemispheres(
                manifest,
                cohort=cohort,
                split=split,
                task=task,
                part="test",
                contralateral=has_contralateral(channels),
            )
            check_channels(units, channels=channels)
            seen[task] = units, read_lesions(units, volumes=volumes)
        units, lesions = seen[task]
        network = on_device(network, place).requires_grad_(False)  # of the maps alone: half the memory
        key = dict(zip(KEY, (task.phase, record.net, record.start), strict=True))
        limit = f"TSS {{}} {task.limit_min / 60:g} h"
        stage = find_network(record.net).cam_layers[layer]
        evidence = measure_overlap(network, units, lesions, layer=stage)
        for sign, overlap in zip("<≥", evidence, strict=True):
            named = key | {"seed": record.seed, "evidence": limit.format(sign)}
            for row in summarise(overlap, lesions.volumes_ml, confidence=confidence, bootstraps=bootstraps):
                rows.append(named | row)
    write_table(table, rows or [{"note": "not run: no network for TSS < 4.5 h"}], columns=COLUMNS)


def read_lesions(units: Hemispheres, *, volumes: str | Path) -> Lesions:
    """Read the drawn lesions of a part's patients.

    Of two lesion hemispheres the one with more lesion is taken. A patient whose lesion lies wholly in the
    hemisphere that the cohort sheet does not name is left out.
    """
    sizes = read_volumes(volumes)
    chosen: dict[str, tuple[int, np.ndarray]] = {}
    for number, (patient, side) in enumerate(zip(units.patients, units.sides, strict=True)):
        if patient not in sizes or sizes[patient].source != DRAWN:
            continue
        lesion = read_lesion(Path(volumes).parent / f"{patient}.nii.gz", patient=patient)
        mask = lesion[SIDES.index(side)]
        if mask.sum() > (chosen[patient][1].sum() if patient in chosen else 0):
            chosen[patient] = number, mask
    masks = [mask for _, mask in chosen.values()]
    return Lesions(
        [number for number, _ in chosen.values()],
        np.array([sizes[patient].volume_ml for patient in chosen]),
        _stack(masks),
        _stack(map(widest_slice, masks)),
    )


def _stack(masks: Iterable[np.ndarray]) -> sparse.csr_array:
    rows = [sparse.csr_array(mask.reshape(1, -1), dtype=np.float32) for mask in masks]
    return sparse.vstack(rows, format="csr") if rows else sparse.csr_array((0, 0))


def widest_slice(mask: np.ndarray) -> np.ndarray:
    """The mask (x, y, z) in its slice with the most voxels, the lowest of equals; False elsewhere."""
    z = mask.sum(axis=(0, 1)).argmax()
    alone = np.zeros_like(mask)
    alone[..., z] = mask[..., z]
    return alone


def measure_overlap(
    network: Classifier, units: Hemispheres, lesions: Lesions, *, layer: str
) -> tuple[Overlap, Overlap]:
    """Compare each patient's map for the positive class, and that for the negative, with all lesions."""
    n = len(lesions.units)
    overlaps = _no_overlap(n), _no_overlap(n)
    for row, unit in enumerate(lesions.units):
        hemisphere = units.values[unit]
        brain = (hemisphere != 0).any(axis=0)
        for overlap, cam in zip(overlaps, map_evidence(network, hemisphere, layer=layer), strict=True):
            for measure, values in zip(overlap, compare_map(cam, lesions, brain=brain), strict=True):
                measure[row] = values
    return overlaps


def _no_overlap(n: int) -> Overlap:
    of_pairs = (np.zeros((n, n)) for _ in range(4))
    inside, inside_strong, pointing, slice_overlap = of_pairs
    return Overlap(inside, inside_strong, pointing, slice_overlap, np.zeros(n), np.zeros(n))


def compare_map(cam: np.ndarray, lesions: Lesions, *, brain: np.ndarray) -> Overlap:
    """Compare one map (x, y, z) with n lesions: a row of `measure_overlap`."""
    flat = cam.ravel().astype(float)
    above = np.where(flat > STRONG, flat, 0)
    total, peak = flat.sum(), flat.argmax()
    if not total:
        nothing = np.zeros(len(lesions.units))
        return Overlap(nothing, nothing, nothing, nothing, np.zeros(()), np.ones(()))
    return Overlap(
        inside=lesions.masks @ flat / total,
        inside_strong=lesions.masks @ above / above.sum(),
        pointing=lesions.masks[:, [peak]].toarray()[:, 0],
        slice_overlap=lesions.widest @ (above > 0) > 0.5 * lesions.widest.sum(axis=1),
        in_brain=np.array(flat[brain.ravel()].sum() / total),
        silent=np.zeros(()),
    )


def summarise(
    overlap: Overlap, volumes_ml: np.ndarray, *, confidence: float, bootstraps: int
) -> Iterator[dict[str, object]]:
    """Yield a row for all patients and for each band of lesion volumes.

    A patient's chance level is the mean over the lesions of the others of the band.
    """
    for band, (low, high) in BANDS.items():
        chosen = np.flatnonzero((volumes_ml >= low) & (volumes_ml < high))
        n = len(chosen)
        row = {"lesions": band, "n": n}
        if n < (fewest := FEWEST_OF_ALL if band == "all" else FEWEST_OF_BAND):
            yield row | {"note": f"too few: fewer than {fewest} test patients with a drawn lesion"}
            continue
        row["silent"] = int(overlap.silent[chosen].sum())
        weights = resample_weights(n, bootstraps=bootstraps) / n
        for name in (*SHARES, *RATES, "in_brain"):
            values = getattr(overlap, name)[chosen]
            if name != "in_brain":
                values = values[:, chosen]
                own = np.diag(values)
                row[f"{name}_chance"] = (values.sum() - own.sum()) / (n * (n - 1))
                values = own
            interval = (
                wilson_interval(int(values.sum()), n, confidence=confidence)
                if name in RATES
                else percentile_interval(weights @ values, confidence=confidence)
            )
            row |= with_interval(name, values.mean(), interval)
        yield row
