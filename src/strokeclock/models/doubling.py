"""The U-Net's step from coarse to fine maps: two linear layers joined into one."""

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional

_ALIGNED = 8  # channels: CUDA's fast kernels take multiples of it


def double_and_join(
    maps: torch.Tensor, skip: torch.Tensor, *, up: nn.ConvTranspose3d, convolution: nn.Conv3d
) -> torch.Tensor:
    """Return convolution(cat([up(maps), skip])), with the two linear layers of ``maps`` joined into one.

    A transposed convolution of 2 x 2 x 2 and a convolution of 3 x 3 x 3 behind it are one transposed
    convolution of 4 x 4 x 4. A voxel needs 8 instead of 27 multiplications for each pair of channels, and the
    joined maps are never stored. The sums are the same but for rounding.

    Parameters
    ----------
    maps : (n, channels, x, y, z)
    skip : (n, others, 2 x, 2 y, 2 z)
    up : kernel and stride 2, to as many channels as ``maps`` has.
    convolution : kernel 3, padded by 1, without bias, from channels + others.
    """
    double = double_by_transposition if maps.is_cpu else double_by_parts
    doubled, beside = convolution.weight.split([up.out_channels, skip.shape[1]], dim=1)
    return double(maps, functional.conv3d(skip, beside, padding=1), up=up, doubled=doubled)


def double_by_transposition(
    maps: torch.Tensor, others: torch.Tensor, *, up: nn.ConvTranspose3d, doubled: torch.Tensor
) -> torch.Tensor:
    """Return ``others`` plus the convolution ``doubled`` of up(maps).

    Parameters
    ----------
    others : (n, outputs, 2 x, 2 y, 2 z), changed in place.
    doubled : (outputs, middle, 3, 3, 3), where up has ``middle`` outputs.
    """
    assert up.bias is not None
    with torch.autocast(maps.device.type, enabled=False):  # weights in full precision
        joined = _join_kernels(up.weight, doubled)
        ones = up.bias[None, :, None, None, None].expand(-1, -1, 3, 3, 3)
        shift = functional.conv3d(ones, doubled, padding=1)  # what up's bias adds at each edge and inside
    for axis, size in enumerate(others.shape[2:], start=2):
        first, inside, last = shift.split(1, dim=axis)
        shape = [size - 2 if dim == axis else -1 for dim in range(shift.ndim)]
        shift = torch.cat([first, inside.expand(shape), last], dim=axis)
    found = functional.conv_transpose3d(maps, joined, stride=2, padding=1)
    found += others
    found += shift
    return found


def double_by_parts(
    maps: torch.Tensor, others: torch.Tensor, *, up: nn.ConvTranspose3d, doubled: torch.Tensor
) -> torch.Tensor:
    """The same, from one convolution of 2 x 2 x 2 for each of the eight voxels that a coarse voxel becomes.

    CUDA has no fast kernel for the transposed convolution. up's bias is one more channel, of ones.
    """
    assert up.bias is not None
    added = -maps.shape[1] % _ALIGNED or _ALIGNED
    with torch.autocast(maps.device.type, enabled=False):  # weights in full precision
        bias = up.bias.view(1, -1, 1, 1, 1).expand(-1, -1, *up.kernel_size)
        rows = functional.pad(torch.cat([up.weight, bias]), [0] * 8 + [0, added - 1])
        kernels = _split_by_parity(_join_kernels(rows, doubled))
    n, _, *coarse = maps.shape
    ones = maps.new_zeros(n, *coarse, added).movedim(-1, 1)  # channels last, as the maps
    ones[:, 0] = 1
    padded = functional.pad(torch.cat([maps, ones], dim=1), [1] * 6)
    found: torch.Tensor = _AddParts.apply(others, functional.conv3d(padded, kernels))
    return found


def _split_by_parity(joined: torch.Tensor) -> torch.Tensor:
    """Return kernels (8 x outputs, inputs, 2, 2, 2), for fine voxels that are even or odd along x, y and z.

    ``joined`` (inputs, outputs, 4, 4, 4) is the transposed convolution's, stride 2, padded by 1. Along an
    axis an even voxel takes its entries 3 and 1, an odd one 2 and 0.
    """
    # entries 3, 2, 1, 0 along each axis, as (which of its two entries, parity)
    parts = joined.flip(2, 3, 4).unflatten(4, (2, 2)).unflatten(3, (2, 2)).unflatten(2, (2, 2))
    return parts.permute(3, 5, 7, 1, 0, 2, 4, 6).flatten(0, 3)


class _AddParts(torch.autograd.Function):
    """Add parts (n, 8 x channels, x + 1, y + 1, z + 1) to maps (n, channels, 2 x, 2 y, 2 z), in place."""

    @staticmethod
    def forward(ctx: Any, found: torch.Tensor, parts: torch.Tensor) -> torch.Tensor:
        for place, part in _places(found.shape):
            found[place] += parts[part]
        ctx.mark_dirty(found)
        ctx.shape, ctx.fine = parts.shape, found.shape
        return found

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        n, channels, x, y, z = ctx.shape
        parts = gradient.new_zeros(n, x, y, z, channels).movedim(-1, 1)  # channels last, as the maps
        for place, part in _places(ctx.fine):
            parts[part] = gradient[place]
        return gradient, parts


def _places(shape: torch.Size) -> Iterator[tuple[tuple[Any, ...], tuple[slice, ...]]]:
    """Yield for each parity its place in fine maps of a shape, and where the parts hold it."""
    channels = shape[1]
    for number, parity in enumerate(itertools.product(range(2), repeat=3)):
        fine = (..., *(slice(odd, None, 2) for odd in parity))
        coarse = (slice(odd, odd + side // 2) for odd, side in zip(parity, shape[2:], strict=True))
        yield fine, (slice(None), slice(number * channels, (number + 1) * channels), *coarse)


def _join_kernels(up: torch.Tensor, convolution: torch.Tensor) -> torch.Tensor:
    """Return the kernel (inputs, outputs, 4, 4, 4) of a transposed convolution and a convolution behind it.

    Parameters
    ----------
    up : (inputs, middle, 2, 2, 2)
    convolution : (outputs, middle, 3, 3, 3)
    """
    outputs, middle = convolution.shape[:2]
    taps = convolution.flip(2, 3, 4).permute(1, 2, 3, 4, 0).reshape(middle, -1)
    joined = up.new_zeros(4, 4, 4, up.shape[0], outputs)
    for x, y, z in itertools.product(range(2), repeat=3):
        added = (up[..., x, y, z] @ taps).view(-1, 3, 3, 3, outputs).permute(1, 2, 3, 0, 4)
        joined[x : x + 3, y : y + 3, z : z + 3] += added
    return joined.permute(3, 4, 0, 1, 2)
