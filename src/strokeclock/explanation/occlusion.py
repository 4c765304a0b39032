"""Occlusion: a network's AUC before and after the lesion is painted over.

The lesion's voxels, and a rim of `RIM_MM` around them, are replaced by the contralateral ones in all series.
A control measures the effect of painting alone: as many voxels around a place drawn at random, without
lesion. Test patients alone; those with lesions on both sides are left out, since no hemisphere is healthy.
"""

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
import torch

from strokeclock.cohort.parts import read_split
from strokeclock.cohort.tables import read_cohort
from strokeclock.evaluation.comparison import bootstrap_test, delong_test
from strokeclock.evaluation.metrics import auc
from strokeclock.evaluation.tables import KEY, rate_columns, with_interval, write_table
from strokeclock.imaging.hemisphere_files import open_hemispheres
from strokeclock.models.channels import has_contralateral
from strokeclock.models.classifier import Classifier
from strokeclock.segmentation.lesion import NONE, RIM_MM, measure_distance, read_lesion, read_volumes
from strokeclock.series import BOTH, SIDES
from strokeclock.training.checkpoint import read_network_to_test
from strokeclock.training.device import choose_device, on_device
from strokeclock.training.feed import Feed, logits_of
from strokeclock.training.store import Hemispheres, Stack, check_channels, read_hemispheres

PLACES = ("lesion", "control")
AT_ONCE = 64  # hemispheres in memory
COLUMNS = (
    *(*KEY, "seed", "place", "n", "positives", "mask_source", "auc_before", "auc_after"),
    *rate_columns("difference"),
    "note",
)


class Patches(NamedTuple):
    """What is painted over in one hemisphere of a patient: flat indices into (x, y, z).

    source : where the lesion is from (volumes.tsv).
    """

    side: str
    source: str
    lesion: np.ndarray
    control: np.ndarray


def write_occlusion(
    models: Sequence[str | Path],
    table: str | Path,
    *,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    volumes: str | Path,
    grid: str | Path,
    channels: Sequence[str],
    threads: int,
    device: str,
    confidence: float,
    bootstraps: int,
) -> None:
    """Write tables/occlusion.csv (`COLUMNS`): for each network, the lesion painted over and the control.

    Intervals of the difference, after - before, are DeLong's of paired scores; in phase 1, where a patient
    has two hemispheres, of which the one with the lesion is painted, a bootstrap's of patients.

    Parameters
    ----------
    models : checkpoints of phases 1 to 4.
    manifest : hemispheres/manifest.tsv, the hemispheres beside it.
    cohort, split : cohort/cohort.tsv and split.tsv.
    volumes : lesions/volumes.tsv, the lesions beside it.
    grid : an image on the atlas grid, for its voxel size.
    channels : the networks' input, in order (`channel_names`).
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
    sides = read_cohort(cohort).set_index("patient")["lesion_side"]
    patches, left_out = place_patches(
        {patient: sides[patient] for patient in read_split(split)["test"]},
        manifest=manifest,
        volumes=volumes,
        spacing=np.array(nib.Nifti1Image.from_filename(grid).header.get_zooms()[:3], float),
    )
    count = Counter(patch.source for patch in patches.values())
    sources = ", ".join(f"{source} {n}" for source, n in sorted(count.items()))
    rows = []
    for path in models:
        network, record = read_network_to_test(path, channels=channels, split=split)
        task = record.asked
        units = read_hemispheres(
            manifest, cohort=cohort, split=split, task=task, part="test", contralateral=True
        )
        check_channels(units, channels=channels if has_contralateral(channels) else 2 * [*channels])
        units = _keep(units, [i for i, patient in enumerate(units.patients) if patient in patches])
        key: dict[str, str | int] = dict(zip(KEY, (task.phase, record.net, record.start), strict=True))
        key |= {"seed": record.seed, "n": len(units), "positives": int(units.labels.sum())}
        undefined = "" if len(set(units.labels)) == 2 else "too few: not both classes among the test patients"
        key |= {"mask_source": sources, "note": "; ".join(filter(None, (undefined, left_out)))}
        scores = score_painted(
            on_device(network, place),
            units,
            patches,
            channels=len(channels),
            device=place,
        )
        for where in PLACES:
            row = compare_scores(
                units,
                scores["untouched"],
                scores[where],
                clustered=task.both_hemispheres,
                confidence=confidence,
                bootstraps=bootstraps,
            )
            rows.append(key | {"place": where} | row)
    write_table(table, rows or [{"note": "not run: no network"}], columns=COLUMNS)


def place_patches(
    sides: Mapping[str, str],
    *,
    manifest: str | Path,
    volumes: str | Path,
    spacing: np.ndarray,
) -> tuple[dict[str, Patches], str]:
    """Choose what is painted over.

    Parameters
    ----------
    sides : patient -> left, right or both.
    manifest : hemispheres/manifest.tsv, the hemispheres beside it.
    volumes : lesions/volumes.tsv, the lesions beside it.
    spacing : (3,) of a voxel, mm.

    Returns
    -------
    patches by patient, and how many patients were left out and why, in words.
    """
    sizes, patches = read_volumes(volumes), {}
    left_out: Counter[str] = Counter()
    for patient, side in sides.items():
        if side == BOTH:
            left_out["with lesions on both sides"] += 1
            continue
        if patient not in sizes or sizes[patient].source == NONE:
            left_out["without a lesion that is drawn or found"] += 1
            continue
        lesion = read_lesion(Path(volumes).parent / f"{patient}.nii.gz", patient=patient)[SIDES.index(side)]
        if not lesion.any():
            left_out["with the lesion on another side than recorded"] += 1
            continue
        region = measure_distance(lesion, spacing) <= RIM_MM
        hemisphere = open_hemispheres(manifest, [patient])[patient][SIDES.index(side)]
        brain = (hemisphere != 0).any(axis=0)
        rng = np.random.default_rng(zlib.crc32(patient.encode()))  # whatever other patients there are
        control = draw_control(region, brain, spacing=spacing, rng=rng)
        if control is None:
            left_out["with a lesion too large for a control place"] += 1
            continue
        patches[patient] = Patches(side, sizes[patient].source, np.flatnonzero(region), control)
    words = "; ".join(f"{n} {why}" for why, n in left_out.items())
    return patches, f"left out: {words}" if words else ""


def draw_control(
    region: np.ndarray, brain: np.ndarray, *, spacing: np.ndarray, rng: np.random.Generator
) -> np.ndarray | None:
    """Choose as many voxels as ``region`` has, outside it, nearest to a place drawn at random in the brain.

    Parameters
    ----------
    region, brain : (x, y, z) bool.

    Returns
    -------
    flat indices, or None where the rest of the brain is smaller than the region.
    """
    free = np.argwhere(brain & ~region)
    wanted = int(region.sum())
    if len(free) < wanted:
        return None
    centre = free[rng.integers(len(free))]
    distance = (((free - centre) * spacing) ** 2).sum(axis=1)
    nearest = free[np.argsort(distance, kind="stable")[:wanted]]
    return np.ravel_multi_index(tuple(nearest.T), region.shape)


def score_painted(
    network: Classifier,
    units: Hemispheres,
    patches: Mapping[str, Patches],
    *,
    channels: int,
    device: torch.device,
) -> dict[str, np.ndarray]:
    """Return the logits (n,) of hemispheres untouched, and with each of `PLACES` painted over.

    Parameters
    ----------
    units : n hemispheres of the patients of ``patches``, the contralateral channels after the own ones. A
        hemisphere without lesion is not painted.
    channels : how many of them are the network's input.
    """
    scores: dict[str, list[np.ndarray]] = {name: [] for name in ("untouched", *PLACES)}
    for first in range(0, len(units), AT_ONCE):
        some = _keep(units, range(first, min(first + AT_ONCE, len(units))))
        for name, parts in scores.items():
            values = []
            for patient, side, pair in zip(some.patients, some.sides, some.values.arrays, strict=True):
                pair = pair.reshape(-1, *pair.shape[-3:])
                if name != "untouched" and side == patches[patient].side:
                    pair = paint(pair, getattr(patches[patient], name))
                values.append(pair[:channels])
            seen = replace(some, values=Stack(tuple(values)))
            parts.append(logits_of(Feed(network, seen, device=device, precision="fp32")))
    return {name: np.concatenate(parts) if parts else np.empty(0) for name, parts in scores.items()}


def paint(pair: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Replace a region (flat indices) of a hemisphere by the contralateral one, whose channels come after."""
    own, contralateral = np.split(pair.reshape(len(pair), -1), 2)
    painted = own.copy()
    painted[:, region] = contralateral[:, region]
    return np.concatenate([painted, contralateral]).reshape(pair.shape)


def compare_scores(
    units: Hemispheres,
    before: np.ndarray,
    after: np.ndarray,
    *,
    clustered: bool,
    confidence: float,
    bootstraps: int,
) -> dict[str, object]:
    """Compare the AUC before and after; ``clustered`` where a patient has several units."""
    label = units.labels
    row: dict[str, object] = {"auc_before": auc(label, before), "auc_after": auc(label, after)}
    if clustered:
        found = bootstrap_test(
            label, after, before, patient=units.patients, confidence=confidence, bootstraps=bootstraps
        )
    else:
        found = delong_test(label, after, before, confidence=confidence)
    return row | with_interval("difference", found.value, found.interval)


def _keep(units: Hemispheres, chosen: Sequence[int]) -> Hemispheres:
    return Hemispheres(
        tuple(units.patients[i] for i in chosen),
        tuple(units.sides[i] for i in chosen),
        Stack(tuple(units.values.arrays[i] for i in chosen)),
        units.labels[[*chosen]],
        units.minutes[[*chosen]],
    )
