"""How many floating-point operations a training computes, and how many a device computes a second at best."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch._subclasses import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from strokeclock.cohort.parts import read_split
from strokeclock.models.architecture import Architecture
from strokeclock.models.unet3d import UNet
from strokeclock.models.view import View, read_box
from strokeclock.training.feed import count_frozen_stages
from strokeclock.training.loop import freeze
from strokeclock.training.phases import (
    GENESIS,
    SEGMENTATION,
    Run,
    frozen_modules,
    has_attention,
    network_settings,
    phase_settings,
    read_tasks,
)


def count_flop(run: Run, *, folder: Path, config: Mapping, epochs: int) -> float:
    """FLOP that so many epochs of a training compute: forward and backward, and forward to validate."""
    training, models = config["training"], config["models"]
    tasks = read_tasks(training)
    view = View(
        read_box(folder / "brain_box.json") if models["view"] == "brain" else None,
        tuple(models["average"]),
    )
    columns, *rest = config["preprocessing"]["grid"]
    grid = (columns // 2, *rest)
    sides = 1 + models["contralateral"]
    parts = read_split(folder / "split.tsv")
    learned, validated = len(parts["train"]), len(parts["validation"])
    both = 2
    with FakeTensorMode():
        if run.phase in (GENESIS, SEGMENTATION):
            is_genesis = run.phase == GENESIS
            channels = len(models["channels"]) * (sides if is_genesis else 2)
            network = UNet(
                width=network_settings(run.net, models)["width"],
                standardised=False,
                channels=channels,
                outputs=channels if is_genesis else 1,
            )
            maps = torch.empty(1, channels, *view.size(grid))
            forward = network
            if is_genesis:
                validated = learned // 5
                learned -= validated
        else:
            network = build(run.net, run.phase, config, view=view, grid=grid, standardise=False)
            settings = phase_settings(run.phase, training)
            schema = ("freeze", "freeze_2d", "attention_enter", "phase4_trainable")
            frozen = frozen_modules(
                run.net, run.phase, run.start, tasks=tasks, **{key: settings[key] for key in schema}
            )
            freeze(network, frozen)
            stages = 0 if any(settings["augmentation"].values()) else count_frozen_stages(network)
            with torch.no_grad():
                maps = network.begin(
                    torch.empty(1, len(models["channels"]) * sides, *view.size(grid)), stages=stages
                )
            forward = partial(network.finish, stages=stages)
            both = 2 if tasks[run.phase].both_hemispheres else 1
        with FlopCounterMode(display=False) as step:
            forward(maps).sum().backward()
        with FlopCounterMode(display=False) as answer, torch.no_grad():
            forward(maps)
    return epochs * both * (learned * step.get_total_flops() + validated * answer.get_total_flops())


def build(
    net: str, phase: str, config: Mapping, *, view: View, grid: Sequence[int], standardise: bool = True
) -> torch.nn.Module:
    settings = network_settings(net, config["models"]) | {"standardise": standardise}
    return Architecture.of(
        settings,
        box=view.box,
        net=net,
        grid=tuple(grid),
        attention=has_attention(
            phase,
            attention_enter=config["training"]["attention_enter"],
            tasks=read_tasks(config["training"]),
        ),
    ).build()


def matrix_rate(device: torch.device) -> float:
    """FLOP a second of a bf16 matrix product: the device's own peak."""
    side = 8192 if device.type == "cuda" else 512
    a, b = torch.randn(2, side, side, dtype=torch.bfloat16, device=device)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        (a @ b)[0, 0].item()  # waits for the device
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best
