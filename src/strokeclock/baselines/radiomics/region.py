"""The infarct core that is measured: low on ADC and bright on DWI, by fixed rules.

The rules of Lee et al. (Stroke 2020;51:860) are not published. In the paper's repetition of their method, a
stringent threshold left 221 of 422 patients with a usable region. An ADC of 620e-6 mm2/s is the
usual threshold of the core.
"""

import numpy as np
from scipy import ndimage

from strokeclock.imaging.hemispheres import require_symmetric_grid
from strokeclock.imaging.volume import Volume
from strokeclock.series import BOTH

CSF_ADC = 1.5e-3  # mm2/s; above: cerebrospinal fluid, or tissue that shares its voxel with much of it
ABOVE_CONTRALATERAL_SD = 2.0  # DWI over the contralateral hemisphere's tissue
REACH_MM = 2.1  # radius of the opening and of the margin to CSF: two in-plane voxels of the paper's grid
SMALLEST_ML = 0.2  # of a connected part of the region


def find_region(
    adc: Volume, dwi: Volume, brain_mask: Volume, *, side: str, adc_max: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mark the infarct core and, in the contralateral hemisphere, the tissue at the mirrored voxels.

    Parameters
    ----------
    adc, dwi, brain_mask : Volume
        On one atlas grid; ADC in mm2/s, DWI in any unit; the mask where both have signal.
    side : left, right, or both
        Where the lesion is.
    adc_max : float
        The core's highest ADC, mm2/s.

    Returns
    -------
    region, contralateral : (X, Y, Z) bool
        Region: ADC at most `adc_max`, DWI over the contralateral hemisphere's mean + `ABOVE_CONTRALATERAL_SD`
        SD; opened by a ball, without voxels near CSF and without parts under `SMALLEST_ML`. Contralateral:
        tissue that is not region.
    """
    require_symmetric_grid(adc)
    brain = brain_mask.data > 0
    csf = brain & (adc.data > CSF_ADC)
    tissue = brain & ~csf
    ball = _ball(adc.spacing)
    region = np.zeros(adc.shape, bool)
    middle = adc.shape[0] // 2
    halves = {"left": slice(None, middle), "right": slice(middle, None)}
    for name, own in halves.items():
        other = halves["right" if name == "left" else "left"]
        healthy = dwi.data[other][tissue[other]]
        if side in (name, BOTH) and healthy.size:
            bright = dwi.data[own] > healthy.mean() + ABOVE_CONTRALATERAL_SD * healthy.std()
            region[own] = tissue[own] & (adc.data[own] <= adc_max) & bright
    region = ndimage.binary_opening(region, ball) & ~ndimage.binary_dilation(csf, ball)
    parts, _ = ndimage.label(region, np.ones((3, 3, 3)))
    volume_ml = np.bincount(parts.ravel()) * adc.spacing.prod() / 1000
    volume_ml[0] = 0  # the background
    region = (volume_ml >= SMALLEST_ML)[parts]
    return region, region[::-1] & tissue & ~region


def _ball(spacing: np.ndarray) -> np.ndarray:
    """Return the voxels within `REACH_MM` of the middle one; all in one slice where slices are thicker."""
    axes = [np.arange(-n, n + 1) * size for n, size in zip(REACH_MM // spacing, spacing, strict=True)]
    return sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")) <= REACH_MM**2
