"""The outliner: a 3D U-Net learns from the training patients' lesions to find the lesion's voxels.

Where it finds the lesion, evaluation/outline.py reads its age. It learns from masks that people drew, and,
where there are none, from what stands out on DWI on the lesion's side (lesions/<patient>.nii.gz).
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from strokeclock import __version__
from strokeclock.cohort.split import SplitError, check_leakage, read_cohort, read_split
from strokeclock.models.channels import channel_names
from strokeclock.models.field import Field, read_box
from strokeclock.models.unet3d import UNet
from strokeclock.segmentation.lesion import NONE, read_lesion, read_volumes
from strokeclock.training.augmentation import augment, move_masks
from strokeclock.training.checkpoint import CheckpointError, check_learned_series, read_checkpoint
from strokeclock.training.device import Stored, choose_device, on_device
from strokeclock.training.dice import measure_dice
from strokeclock.training.loop import batches, fit, one_cycle, teach
from strokeclock.training.phases import OUTLINE
from strokeclock.training.precision import autocast, choose_precision
from strokeclock.training.store import SIDES, Hemispheres, check_channels, read_hemispheres

log = logging.getLogger(__name__)

LESION_WEIGHT = 45  # of the cross-entropy beside the overlap: a lesion is some 2 % of a hemisphere
RARE = -4.0  # the first logit of every voxel
FULL = 255  # a share of 1, as masks are kept


@dataclass(frozen=True)
class OutlineSettings:
    """The configuration's ``training``, as the outliner sees it.

    Attributes
    ----------
    epochs : all of them are learned, the last one is kept.
    batch : hemispheres a step.
    lr, weight_decay : of AdamW; the rate is that of one cycle (`one_cycle`) over all epochs.
    augmentation : the keyword arguments of `augmentation.augment`.
    precision : ``fp32`` or ``bf16``; of the configuration also ``auto`` (`precision.choose_precision`).
    threads, device : of torch.
    """

    epochs: int
    batch: int
    lr: float
    weight_decay: float
    augmentation: Mapping[str, float]
    precision: str
    threads: int
    device: str


def train_outliner(
    *,
    seed: int,
    series: Sequence[str],
    average: Sequence[int],
    width: int,
    standardise: bool,
    training: Mapping,
    hemispheres: str | Path,
    cohort: str | Path,
    split: str | Path,
    volumes: str | Path,
    box: str | Path | None = None,
    output: str | Path,
    events: Path | None = None,
) -> None:
    """Train the U-Net; 1 - soft Dice of each lesion + binary cross-entropy.

    The validation part watches, but neither stops the training nor chooses its epoch.

    Parameters
    ----------
    seed : of first weights, order and augmentation.
    series : of a hemisphere; it sees them and their differences from the mirrored other hemisphere.
    average, width, standardise : of the 3D network.
    training : the fields of `OutlineSettings`.
    hemispheres : folder of <patient>.npy.
    volumes : lesions/volumes.tsv, the lesions beside it.
    box : brain_box.json, the box of a hemisphere that is seen; None: the whole of it.
    output : folder for model.pt (weights and record), history.tsv (one row an epoch), run.json (the record).
    events : folder of TensorBoard's events; None: none are written.

    Raises
    ------
    SplitError
        Of a part no lesion is known.
    TrainingError
        The loss is no number any more.
    """
    settings = OutlineSettings(**training)
    device = choose_device(settings.device, threads=settings.threads)
    participants = read_split(split)
    channels = channel_names(series, other_hemisphere=True)
    field = Field(read_box(box), tuple(average))
    units, masks, taught = {}, {}, {}
    for part in ("train", "validation"):
        units[part] = read_hemispheres(
            hemispheres, cohort=cohort, split=split, task=None, part=part, other_hemisphere=True
        )
        check_channels(units[part], channels=channels)
        masks[part], known = read_masks(units[part], cohort=cohort, volumes=volumes, field=field)
        if not masks[part].any():
            raise SplitError(
                f"{OUTLINE}: of the {part} part no lesion is known ({volumes}): name masks in column "
                "lesion_mask of the cohort sheet, or set training.phase0_outline to null."
            )
        taught[part] = np.flatnonzero(known)
        lesions = masks[part].any(axis=(1, 2, 3, 4)).sum()
        log.info("%s: %d hemispheres, %d with a lesion, of %d", part, len(taught[part]), lesions, len(known))
    check_leakage({part: units[part].participants for part in units}, participants)
    grid = units["train"].values.shape[2:]
    precision = choose_precision(settings.precision, device, grid=field.size(grid), output=output)
    settings = replace(settings, precision=precision)

    torch.manual_seed(int(np.random.SeedSequence([seed, 0]).generate_state(1)[0]))
    network = on_device(make_outliner(series, width=width, standardise=standardise), device)
    torch.nn.init.constant_(network.out.bias, RARE)
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    stored = {part: (Stored(units[part].values, device), Stored(masks[part], device)) for part in units}
    extent_mm = field.extent_mm(grid)
    motion = {name: settings.augmentation[name] for name in ("rotation_deg", "scale", "shift_mm")}

    def measure(
        part: str, batch: np.ndarray, generators: Sequence[np.random.Generator] = ()
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss of a batch, and the sum of the overlaps with its lesions; augmented, given generators."""
        values, shares = stored[part]
        seen, truth = field.see(values[batch]), shares[batch] / FULL
        if generators:
            changed, moved = generators
            seen = augment(seen, changed, sides=2, extent_mm=extent_mm, **settings.augmentation)
            truth = move_masks(truth, moved, extent_mm=extent_mm, **motion)
        with autocast(settings.precision, device):
            found = network(seen)
        overlaps = measure_dice(found, truth)
        has_lesion = truth.flatten(1).any(1)
        entropy = functional.binary_cross_entropy(found, truth)
        loss = ((1 - overlaps) * has_lesion).mean() + LESION_WEIGHT * entropy
        return loss, (overlaps * has_lesion).sum()

    def train_epoch(epoch: int) -> float:
        network.train()
        generator = np.random.default_rng([seed, 0, epoch])
        order = [*batches(generator.permutation(taught["train"]), settings.batch)]

        def loss_of(step: int, batch: np.ndarray) -> torch.Tensor:
            done = (epoch - 1 + step / len(order)) / settings.epochs
            optimiser.param_groups[0]["lr"] = settings.lr * one_cycle(done)
            twins = [np.random.default_rng([seed, 1, epoch, step]) for _ in range(2)]
            return measure("train", batch, twins if any(settings.augmentation.values()) else ())[0]

        return teach(optimiser, order, loss_of)

    def validate() -> dict[str, float]:
        network.eval()
        watch = taught["validation"]
        with torch.inference_mode():
            order = [*batches(watch, settings.batch)]
            found = [(len(batch), *measure("validation", batch)) for batch in order]
        lesions = int(masks["validation"][watch].any(axis=(1, 2, 3, 4)).sum())
        return {
            "validation_loss": sum(count * loss.item() for count, loss, _ in found) / len(watch),
            "validation_dice": sum(overlap.item() for *_, overlap in found) / lesions,
        }

    fit(
        network,
        optimiser,
        train_epoch=train_epoch,
        validate=validate,
        measure=lambda row: row["epoch"],
        epochs=settings.epochs,
        patience=settings.epochs,
        record={
            "strokeclock": __version__,
            "versions": {name: version(name) for name in ("numpy", "torch")},
            "net": "3d",
            "phase": OUTLINE,
            "weights": "random",
            "seed": seed,
            "parent": None,
            "width": width,
            "standardise": standardise,
            "channels": list(series),
            "field": asdict(field),
            "settings": asdict(settings),
            "participants": participants,
            "data": {part: units[part].digest() for part in units}
            | {f"{part} lesions": hashlib.sha256(masks[part]).hexdigest() for part in units},
        },
        output=Path(output),
        events=events,
    )


def make_outliner(series: Sequence[str], *, width: int, standardise: bool) -> UNet:
    """The U-Net that says of each voxel whether it is the lesion's; it takes both hemispheres."""
    return UNet(width=width, standardised=standardise, channels=2 * len(series), outputs=1, sides=2)


def read_outliner(path: str | Path, *, series: Sequence[str], split: str | Path) -> tuple[UNet, Field]:
    """Rebuild the outliner of a checkpoint, in evaluation mode, to be tested on the test part of ``split``.

    Returns
    -------
    network : takes what the field shows of both hemispheres (n, 2 x series, x, y, z).
    field : what is seen of a hemisphere.

    Raises
    ------
    CheckpointError
        The file is no checkpoint of strokeclock, of another phase, or has learned from other series.
    SplitError
        It was trained on a patient who is now to be tested.
    """
    record, weights, _ = read_checkpoint(path)
    if record.get("phase") != OUTLINE:
        raise CheckpointError(f"{path} holds {record.get('phase')}: name a checkpoint of {OUTLINE}.")
    check_learned_series(path, record, channels=series)
    check_leakage(record["participants"], read_split(split))
    network = make_outliner(series, width=record["width"], standardise=record["standardise"])
    network.load_state_dict(weights)
    return network.eval(), Field.of(record["field"])


def read_masks(
    units: Hemispheres, *, cohort: str | Path, volumes: str | Path, field: Field
) -> tuple[np.ndarray, np.ndarray]:
    """Read the lesions of a part's hemispheres, as they are seen.

    Returns
    -------
    masks : (n, 1, x, y, z) uint8, the lesion's share of each voxel in units of 1 / `FULL`.
    known : (n,) bool; False where the lesion's hemisphere has no mask, so that nothing can be said of it.
    """
    sides = read_cohort(cohort).set_index("patient")["lesion_side"]
    sizes = read_volumes(volumes)
    size = field.size(units.values.shape[2:])
    masks, known = np.zeros((len(units), 1, *size), np.uint8), np.ones(len(units), bool)
    for patient, numbers in groupby(range(len(units)), key=units.patients.__getitem__):
        lesion = None
        if patient in sizes and sizes[patient].source != NONE:
            lesion = read_lesion(Path(volumes).parent / f"{patient}.nii.gz", patient=patient)
        for number in numbers:
            side = units.sides[number]
            if lesion is not None:
                share = field.share(torch.from_numpy(lesion[SIDES.index(side)])[None, None])
                masks[number] = (share * FULL).round().to(torch.uint8)
            known[number] = masks[number].any() or sides[patient] not in (side, "both")
    return masks, known
