"""The cost of a training step: load, forward, backward and optimiser, for a full-size hemisphere.

The baselines train the same network, each in a process of its own: the plain research loop (three NIfTI files
read a hemisphere, slice after slice, float32) and MONAI's CacheDataset (the slices as one batch, float32).
A frozen phase is measured with the maps of its frozen stages kept, against making them anew and against the
plain loop, which freezes nothing (frozen_3d_vs_plain) or the same stages (frozen_3d_vs_plain_frozen).
Rows with "brain" train on the box around the atlas's brain alone (models.view), the baseline on all of the
hemisphere, so that these rows also save computation. Ours is bf16 where the processor has it, else fp32, as
in the unit; the baselines are float32.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1"}

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel
import numpy as np
import torch
from pytorch_optimizer import AdaBound
from timing import Row, compare
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from strokeclock.models.architecture import Architecture
from strokeclock.models.slicewise import SliceWiseNetwork
from strokeclock.models.standardisation import standardise
from strokeclock.models.view import WHOLE, View
from strokeclock.training.device import choose_device, on_device
from strokeclock.training.feed import Feed
from strokeclock.training.loop import freeze, train_mode
from strokeclock.training.precision import choose_precision
from strokeclock.training.store import Hemispheres, Stack

GRID = (112, 224, 26)
BRAIN = View(((24, 112), (21, 205), (0, 22)))  # the default atlas's view on this grid
SERIES = ("dwi", "t2w", "flair")
BATCH = {"2d": 8, "3d": 4}
STEPS = 2
SETTINGS = {
    "2d": {"width": 64, "attention_map": "native", "slice_aggregation": "softmax_logit"},
    "3d": {"width": 32},
}
FROZEN = {
    "2d": ("backbone.conv1", "backbone.bn1", "backbone.layer1"),
    "3d": ("encoder.down_tr64", "encoder.down_tr128"),
}

PRECISION = choose_precision("auto", torch.device("cpu"), grid=GRID)

Load = Callable[[], tuple[torch.Tensor, torch.Tensor]]


def measure() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        write_hemispheres(Path(folder), max(BATCH.values()))

        def cost(way: str, net: str) -> dict[str, float]:
            command = [sys.executable, __file__, way, net, folder]
            return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

        def row(measure: str, ours: dict, baseline: dict, goal: str) -> Row:
            return compare(
                measure,
                ours["seconds"],
                baseline["seconds"],
                goal=goal,
                n=STEPS,
                unit=f"CPU s a hemisphere, {PRECISION}",
            )

        ours = {net: cost("ours", net) for net in BATCH}
        plain_2d = cost("plain", "2d")
        yield row("train_2d_vs_plain", ours["2d"], plain_2d, "3")
        yield row("train_2d_brain_vs_plain", cost("brain", "2d"), plain_2d, "3")
        if importlib.util.find_spec("monai"):
            yield row("train_2d_vs_monai", ours["2d"], cost("monai", "2d"), "2.3")
        else:
            print("  train_2d_vs_monai is left out: pip install --no-deps monai")
        plain_3d = cost("plain", "3d")
        yield row("train_3d_vs_plain", ours["3d"], plain_3d, "2")
        yield row("train_3d_brain_vs_plain", cost("brain", "3d"), plain_3d, "2")
        kept = {net: cost("kept", net) for net in BATCH}
        yield row("frozen_2d_cached", kept["2d"], cost("recomputed", "2d"), "1.2")
        yield row("frozen_3d_cached", kept["3d"], cost("recomputed", "3d"), "1.8")
        yield row("frozen_3d_vs_plain", kept["3d"], plain_3d, "8")
        yield row("frozen_3d_vs_plain_frozen", kept["3d"], cost("plain_frozen", "3d"), "")
        share = ours["2d"]["flop"] / ours["2d"]["seconds"] / ours["2d"]["matrix_rate"]
        yield Row("matrix_share_2d", f"of the {PRECISION} matrix rate", f"{share:.3f}", "", "", "0.7", STEPS)


def write_hemispheres(folder: Path, count: int) -> None:
    """Write each hemisphere as in our store, and as one NIfTI file a series."""
    generator = np.random.default_rng(0)
    for number in range(count):
        values = generator.uniform(0.1, 1, (2, 3, *GRID)).astype(np.float16)
        values[:, :, :20] = 0
        np.save(folder / f"{number}.npy", values)
        for name, series in zip(SERIES, values[0].astype(np.float32), strict=True):
            nibabel.save(nibabel.Nifti1Image(series, np.eye(4)), folder / f"{number}_{name}.nii.gz")


def build(net: str, view: View = WHOLE) -> nn.Module:
    torch.manual_seed(0)
    shared = {"attention": False, "attention_norm": "sigmoid", "standardise": True, "view": view}
    return Architecture.flat(net=net, grid=GRID, **shared, **SETTINGS[net]).build()


def ours(
    net: str,
    folder: Path,
    *,
    frozen: tuple[str, ...] = (),
    cache_gb: float = 0.0,
    view: View = WHOLE,
) -> dict[str, float]:
    """Our loop: mapped float16 store, channels-last, `PRECISION`."""
    device = choose_device("cpu", threads=1)
    network = on_device(build(net, view), device)
    freeze(network, frozen)
    files = [np.load(folder / f"{number}.npy", mmap_mode="r")[0] for number in range(BATCH[net])]
    names = tuple(map(str, range(len(files))))
    labels = np.arange(len(files), dtype=np.float32) % 2
    units = Hemispheres(names, ("left",) * len(files), Stack(tuple(files)), labels, 600 - 500 * labels)
    feed = Feed(network, units, device=device, precision=PRECISION, cache_gb=cache_gb)
    train_mode(network, frozen=frozen)
    return spend(network, lambda: (feed.logits(range(len(feed))), feed.labels))


def plain(net: str, folder: Path, *, frozen: tuple[str, ...] = ()) -> dict[str, float]:
    """The research loop: NIfTI files read per item, the slices one after the other, float32."""
    torch.set_num_threads(1)
    network = build(net)
    freeze(network, frozen)
    train_mode(network, frozen=frozen)

    def logits() -> tuple[torch.Tensor, torch.Tensor]:
        items = [
            np.stack([nibabel.load(folder / f"{number}_{name}.nii.gz").get_fdata() for name in SERIES])
            for number in range(BATCH[net])
        ]
        hemispheres = torch.from_numpy(np.stack(items)).float()
        labels = torch.arange(len(items)).float() % 2
        hemispheres = standardise(hemispheres)
        if net == "3d":
            return network.finish((hemispheres,), stages=0), labels
        slices = [slice_logits(network, hemispheres[..., z]) for z in range(GRID[2])]
        return torch.stack(slices, dim=1) @ network.slice_weights, labels

    return spend(network, logits)


def monai(net: str, folder: Path) -> dict[str, float]:
    """MONAI's cached dataset, the slices of a batch at once, float32."""
    from monai.data import CacheDataset, DataLoader
    from monai.transforms import Compose, ConcatItemsd, EnsureChannelFirstd, LoadImaged

    torch.set_num_threads(1)
    items = [
        {name: folder / f"{number}_{name}.nii.gz" for name in SERIES} | {"label": float(number % 2)}
        for number in range(BATCH[net])
    ]
    load = Compose([LoadImaged(SERIES), EnsureChannelFirstd(SERIES), ConcatItemsd(SERIES, "image")])
    loader = DataLoader(CacheDataset(items, load, progress=False), batch_size=BATCH[net], shuffle=True)
    network = build(net).train()

    def logits() -> tuple[torch.Tensor, torch.Tensor]:
        (batch,) = loader
        images = standardise(batch["image"].as_tensor()).permute(0, 4, 1, 2, 3)
        slices = slice_logits(network, images.flatten(0, 1)).view(images.shape[:2])
        return slices @ network.slice_weights, batch["label"].float()

    return spend(network, logits)


def slice_logits(network: SliceWiseNetwork, images: torch.Tensor) -> torch.Tensor:
    _, last = network.backbone(images.transpose(2, 3).contiguous())
    return network.fc(last.mean((2, 3))).squeeze(1)


def spend(network: nn.Module, logits: Load) -> dict[str, float]:
    """The least CPU seconds a hemisphere over some steps, FLOP a hemisphere, and the matrix rate."""
    optimiser = AdaBound([parameter for parameter in network.parameters() if parameter.requires_grad])

    def step() -> int:
        scores, labels = logits()
        loss = functional.binary_cross_entropy_with_logits(scores, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return len(labels)

    with FlopCounterMode(display=False) as counter:
        count = step()
    rate = matrix_rate()
    seconds = []
    for _ in range(STEPS):
        start = time.process_time()
        step()
        seconds.append(time.process_time() - start)
    flop = counter.get_total_flops() / count
    return {"seconds": min(seconds) / count, "flop": flop, "matrix_rate": max(rate, matrix_rate())}


def matrix_rate(side: int = 2048) -> float:
    """FLOP a CPU second of a matrix product in `PRECISION`."""
    a, b = torch.randn(2, side, side, dtype=torch.bfloat16 if PRECISION == "bf16" else torch.float32)
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        a @ b
        best = min(best, time.process_time() - start)
    return 2 * side**3 / best


WAYS = {
    "ours": ours,
    "brain": lambda net, folder: ours(net, folder, view=BRAIN),
    "plain": plain,
    "monai": monai,
    "kept": lambda net, folder: ours(net, folder, frozen=FROZEN[net], cache_gb=8.0),
    "recomputed": lambda net, folder: ours(net, folder, frozen=FROZEN[net]),
    "plain_frozen": lambda net, folder: plain(net, folder, frozen=FROZEN[net]),
}

if __name__ == "__main__":
    way, net, folder = sys.argv[1:]
    print(json.dumps(WAYS[way](net, Path(folder))))
