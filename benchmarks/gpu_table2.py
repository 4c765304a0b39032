"""Train every network row of Table 2 on one CUDA device, without Snakemake: what it computes and how fast.

    python benchmarks/gpu_table2.py

Random hemispheres of the paper's size and number lie in device memory; bf16, channels-last, the maps of
frozen stages kept, all epochs (no early stopping). The trainings of a chain follow one another; the chains
and the other arms share the device, a process each. Starting weights are random here: that changes no time.
Pretraining on other images (ImageNet, tumours) is left out. PFLOP are those that are computed: kept maps
save some.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import torch
from pytorch_optimizer import AdaBound
from torch.nn import functional
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from strokeclock.models.architecture import Architecture
from strokeclock.models.field import WHOLE, Field
from strokeclock.models.unet3d import UNet
from strokeclock.pretraining.restoration import CorruptedPairs
from strokeclock.training.feed import Feed, logits_of
from strokeclock.training.loop import batches, freeze, on_device, train_mode
from strokeclock.training.phases import GENESIS, PAPER, frozen_modules, has_attention, parent, rows_of
from strokeclock.training.precision import autocast
from strokeclock.training.store import Hemispheres, Stack

SCHEMA = {"attention_enter": "phase4"}
FREEZING = SCHEMA | {"freeze_2d": "conv2_x", "phase4_trainable": "attention+head+unfrozen_late"}
BRAIN = Field(((24, 112), (21, 205), (0, 22)))  # the default atlas's field on the full grid
SETTINGS_2D = {"attention_map": "native", "slice_aggregation": "softmax_logit"}


def jobs() -> list[list[tuple[str, str, str]]]:
    """The trainings (net, phase, weights) that Table 2 needs, those that follow one another in one list."""
    chains = []
    for net in ("3d", "2d"):  # the longest first
        (*_, last) = rows_of("chain", net)
        chain = [last]
        while (before := parent(net, *chain[0])) is not None:
            chain.insert(0, before)
        chains.append([(net, *run) for run in chain])
        chains += [[(net, *row)] for arm in ("random", "imagenet", "medical") for row in rows_of(arm, net)]
    return chains


def make_hemispheres(count: int, grid: tuple[int, int, int]) -> Hemispheres:
    generator = np.random.default_rng(0)
    values = [
        generator.random((3, *grid), dtype=np.float32).astype(np.float16) for _ in range(min(count, 16))
    ]
    labels = np.arange(count, dtype=np.float32) % 2
    everyone = tuple(values[number % len(values)] for number in range(count))
    return Hemispheres(
        tuple(map(str, range(count))), ("left",) * count, Stack(everyone), labels, 600 - 500 * labels
    )


def train(job: tuple[str, str, str], options: argparse.Namespace) -> tuple[float, float]:
    """Train one network; return the FLOP computed and the seconds."""
    device = torch.device(options.device)
    start = time.perf_counter()
    run = (genesis_epoch if job[1] == GENESIS else classifier_epoch)(job, options, device)
    with FlopCounterMode(display=False) as counter:
        run(0)
    for number in range(1, options.epochs):
        run(number)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return counter.get_total_flops() * options.epochs, time.perf_counter() - start


def classifier_epoch(
    job: tuple[str, str, str], options: argparse.Namespace, device: torch.device
) -> Callable[[int], None]:
    net, phase, weights = job
    architecture = Architecture(
        net=net,
        grid=options.grid,
        width=options.width_2d if net == "2d" else options.width_3d,
        attention=has_attention(phase, **SCHEMA),
        attention_norm="sigmoid",
        standardise=True,
        field=options.field,
        **(SETTINGS_2D if net == "2d" else {}),
    )
    network = on_device(architecture.build(), device)
    frozen = frozen_modules(net, phase, weights, freeze=phase != "phase1_stroke", **FREEZING)
    freeze(network, frozen)
    sides = 2 if PAPER[phase].both_hemispheres else 1
    feeds = [
        Feed(
            network,
            make_hemispheres(sides * count, options.grid),
            device=device,
            precision="bf16",
            cache_gb=options.cache_gb,
        )
        for count in options.patients
    ]
    optimiser = AdaBound([parameter for parameter in network.parameters() if parameter.requires_grad])

    def run(epoch: int) -> None:
        train_mode(network, frozen=frozen)
        order = np.random.default_rng(epoch).permutation(len(feeds[0]))
        for batch in batches(order, 16 if sides == 2 else 8):
            logits = feeds[0].logits(batch)
            step(optimiser, functional.binary_cross_entropy_with_logits(logits, feeds[0].labels[batch]))
        logits_of(feeds[1])

    return run


def genesis_epoch(
    job: tuple[str, str, str], options: argparse.Namespace, device: torch.device
) -> Callable[[int], None]:
    network = on_device(UNet(width=options.width_3d, standardised=True), device)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, fused=device.type == "cuda")
    units = make_hemispheres(2 * options.patients[0], options.grid)

    def run(epoch: int) -> None:
        order = tuple(batches(np.arange(len(units)), 6))
        pairs = CorruptedPairs(units.values, options.field, order, stream=(epoch,))
        loader = DataLoader(pairs, batch_size=None, num_workers=options.workers)
        for corrupted, original in loader:
            corrupted, original = corrupted.to(device), original.to(device)
            with autocast("bf16", device):
                restored = network(corrupted, original=original)
            step(optimiser, functional.mse_loss(restored, original))

    return run


def step(optimiser: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def matrix_rate(device: torch.device, side: int) -> float:
    """FLOP a second of a bf16 matrix product: the device's own peak."""
    a, b = torch.randn(2, side, side, dtype=torch.bfloat16, device=device)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        (a @ b)[0, 0].item()  # waits for the device
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best


def train_all(chain: list[tuple[str, str, str]], options: argparse.Namespace) -> list[tuple]:
    torch.set_num_threads(1)
    torch.backends.cudnn.benchmark = True
    return [(*job, *train(job, options)) for job in chain]


def main() -> Iterator[str]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--patients", type=int, nargs=2, default=(272, 68), help="training, validation")
    parser.add_argument("--grid", type=int, nargs=3, default=(112, 224, 26), help="of a hemisphere")
    parser.add_argument("--brain", action="store_true", help="see the box around the atlas's brain alone")
    parser.add_argument("--width-2d", type=int, default=64)
    parser.add_argument("--width-3d", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--processes", type=int, default=4, help="that share the device")
    parser.add_argument("--workers", type=int, default=10, help="that corrupt hemispheres for Models Genesis")
    parser.add_argument("--cache-gb", type=float, default=8.0, help="for maps, a training and part")
    options = parser.parse_args()
    options.field = BRAIN if options.brain else WHOLE
    rate = matrix_rate(torch.device(options.device), 8192 if options.device == "cuda" else 512)
    start = time.perf_counter()
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        done = list(pool.map(partial(train_all, options=options), jobs()))
    seconds = time.perf_counter() - start
    flop = 0.0
    for net, phase, weights, computed, spent in (row for rows in done for row in rows):
        flop += computed
        yield f"{net}  {phase:18} {weights:9} {computed / 1e15:10.4f} PFLOP {spent:9.1f} s"
    yield f"all {flop / 1e15:.4f} PFLOP in {seconds:.1f} s, {flop / seconds / rate:.3f} of the matrix rate"


if __name__ == "__main__":
    for line in main():
        print(line, flush=True)
