"""The device of a training, and the transfer of hemispheres and noise to it."""

import os
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from strokeclock.host import keep_memory
from strokeclock.training.cost import Meter
from strokeclock.training.loop import TrainingError
from strokeclock.training.store import Stack

Network = TypeVar("Network", bound=nn.Module)


class Stored:
    """Arrays by batch on a device: on CUDA all are copied at the start, on CPU each batch is read.

    Parameters
    ----------
    values : (n, ...), hemispheres in their files or masks.
    """

    def __init__(self, values: Stack | np.ndarray, device: torch.device):
        self._values = torch.from_numpy(values[:]).to(device) if device.type == "cuda" else values

    def __getitem__(self, units: Sequence[int] | np.ndarray) -> torch.Tensor:
        """Return the arrays of these numbers on the device, float32."""
        if isinstance(self._values, torch.Tensor):
            return self._values[send(np.asarray(units), self._values.device)].float()
        return torch.from_numpy(self._values[units]).float()


def send(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """Copy an array to the device without waiting for the device's pending work."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def noise_source(generator: np.random.Generator, device: torch.device) -> torch.Generator:
    """Return a generator on the device, for noise of every voxel, seeded by a draw from another one."""
    return torch.Generator(device).manual_seed(int(generator.integers(2**63)))


def choose_device(name: str, *, threads: int) -> torch.device:
    """Make torch deterministic, and return the device: ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    TrainingError
        The device is ``cuda``, and torch finds no CUDA device.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with it
    torch.set_num_threads(threads)
    keep_memory()  # to allocate each map's pages anew takes a third of a 3D step
    # Or raise. As use_deterministic_algorithms(True), which also loads torch's compiler, and that takes 1 s.
    torch.set_deterministic_debug_mode("error")
    # Filling takes 5 % of a step. The module's class holds the switch, which its types do not show.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False  # fp32 is fp32
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("training.device is cuda, and torch finds no CUDA device: set it to auto or cpu.")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def make_meter(device: torch.device) -> Meter:
    """Begin to measure a training on this device."""
    if device.type != "cuda":
        return Meter()
    torch.cuda.reset_peak_memory_stats(device)
    return Meter(torch.cuda.get_device_name(device), lambda: torch.cuda.max_memory_reserved(device))


def on_device(network: Network, device: torch.device) -> Network:
    """Move a network, its convolutions' weights channels-last: faster on CPU and GPU alike."""
    is_3d = any(parameter.ndim == 5 for parameter in network.parameters())
    layout = torch.channels_last_3d if is_3d else torch.channels_last
    return network.to(device, memory_format=layout)  # type: ignore[call-overload]  # torch types it with a tensor alone
