"""Grad-CAM (Selvaraju et al. 2017): which places of a hemisphere raise a network's logit."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from strokeclock.models.classifier import Classifier
from strokeclock.models.view import View


def map_evidence(model: Classifier, hemisphere: np.ndarray, *, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """Compute the Grad-CAMs of the positive and of the negative class for one hemisphere.

    Each channel of the layer's maps is weighted by the spatial mean of the logit's gradient; the weighted
    sum (the negative class: with its sign turned) is cut at 0, upsampled to the hemisphere, and divided by
    its maximum over the whole volume, so that slices and patients keep one scale. The gradient is the
    logit's and not the probability's, which the sigmoid shrinks near 0 and 1.

    Parameters
    ----------
    model : network
        Left in evaluation mode. Outside its view the maps are 0.
    hemisphere : array (channels, x, y, z)
        Values 0 to 1.
    layer : str
        Dotted name of the submodule. Its maps are (1, channels, x', y', z'), or (z, channels, y', x') of a
        network that takes the axial slices one by one; there each slice has its own channel weights. One
        map (1, channels, y', x') counts for all slices.

    Returns
    -------
    two arrays (x, y, z), float32, 0 to 1; all 0 where there is no evidence for the class.
    """
    maps: list[torch.Tensor] = []

    def keep(_module: nn.Module, _inputs: tuple, output: torch.Tensor) -> torch.Tensor:
        maps.append(output.detach().requires_grad_())  # no gradient is needed below this layer
        return maps[-1]

    model.eval()
    hook = model.get_submodule(layer).register_forward_hook(keep)
    try:
        volume = torch.from_numpy(np.asarray(hemisphere, np.float32))[None]
        with torch.enable_grad():
            logit = model(volume.to(next(model.parameters()).device)).sum()
            (gradient,) = torch.autograd.grad(logit, maps[0])
    finally:
        hook.remove()
    space = tuple(range(2, maps[0].ndim))
    evidence = (gradient.mean(space, keepdim=True) * maps[0]).sum(1, keepdim=True).detach()
    first, second = (
        _fill(functional.relu(sign * evidence), hemisphere.shape[1:], model.view) for sign in (1, -1)
    )
    return first, second


def _fill(cam: torch.Tensor, shape: tuple[int, int, int], view: View) -> np.ndarray:
    """Upsample a map to the view of a hemisphere and scale it to 1."""
    box = view.box_on(shape)
    x, y, z = (last - first for first, last in box)
    if cam.ndim == 5:
        cam = functional.interpolate(cam, (x, y, z), mode="trilinear", align_corners=False)[0, 0]
    else:  # (slices, 1, y', x')
        cam = functional.interpolate(cam, (y, x), mode="bilinear", align_corners=False)[:, 0].permute(2, 1, 0)
        if cam.shape[2] == 1:  # of all slices together
            cam = cam.expand(-1, -1, z)
        cam = cam.repeat_interleave(view.average[2], dim=2)[..., :z]
    peak = cam.max()
    whole = np.zeros(shape, np.float32)
    whole[tuple(slice(*side) for side in box)] = (cam / peak if peak > 0 else cam).cpu().numpy()
    return whole
