"""The infarct that is measured: low on the patient's own ADC histogram and bright on b1000.

The method of Lee et al. (Stroke 2020;51:860). They take brain and white matter from SPM's tissue maps of the
ADC; here they are the brain mask and the atlas's white matter (docs/methods/paper.md, section 11).
"""

import numpy as np
from scipy import ndimage

QUANTILES = np.arange(5, 51) / 100  # of the brain's ADC, through which the cubic is fitted
SMALLEST_ML = 0.2  # of a connected part of the infarct
FACES = ndimage.generate_binary_structure(3, 1)  # 6 neighbours
DIAMOND = FACES & (np.arange(3) == 1)  # in plane


def find_normaliser(adc: np.ndarray) -> float:
    """Return the normaliser c of a brain's ADC: the upper end of its histogram's lower tail.

    A cubic is fitted to the quantiles q(x) at `QUANTILES`. The tangent at the lowest x and the tangent where
    the cubic is least steep cross at (x*, c).

    Parameters
    ----------
    adc : (n,)
        Of the brain's voxels, any unit.

    Returns
    -------
    float
        In the same unit.

    Raises
    ------
    ValueError
        The tangents do not cross between the two x: the histogram has no lower tail.
    """
    cubic = np.polynomial.Polynomial.fit(QUANTILES, np.quantile(adc, QUANTILES), 3)
    slope = cubic.deriv()
    low, high = QUANTILES[[0, -1]]
    turns = [x for x in slope.deriv().roots().real if low < x < high]
    flattest = min((low, *turns, high), key=slope)
    bend = slope(low) - slope(flattest)
    reach = cubic(flattest) - cubic(low) - slope(flattest) * (flattest - low)  # bend * (x* - low)
    if not 1e-6 * abs(slope(low)) < bend or not 0 < reach < bend * (flattest - low):
        raise ValueError("the ADC's histogram has no lower tail: check the ADC, or b0 and DWI")
    return float(cubic(low) + slope(low) * reach / bend)


def find_infarct(
    adc: np.ndarray,
    dwi: np.ndarray,
    brain: np.ndarray,
    white_matter: np.ndarray,
    *,
    voxel_ml: float,
    adc_share: float,
    dwi_sd: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Mark the infarct and the white matter without signs of an infarct.

    Parameters
    ----------
    adc, dwi : (X, Y, Z)
        In any units.
    brain, white_matter : (X, Y, Z) bool
        White matter lies in the brain.
    voxel_ml : float
        Volume of a voxel in the patient's own brain, mL.
    adc_share : float
        A candidate's ADC is below this share of the normaliser (`find_normaliser`).
    dwi_sd : float
        The b1000 threshold is the white matter's mean + so many SD.

    Returns
    -------
    infarct : (X, Y, Z) bool
        Connected candidates whose mean b1000 reaches the threshold; of the others, the voxels that do; holes
        filled; no part under `SMALLEST_ML`.
    healthy : (X, Y, Z) bool
        The white matter that is no candidate.

    Raises
    ------
    ValueError
        There is no brain, no lower tail of the ADC's histogram, or no white matter without low ADC.
    """
    if not brain.any():
        raise ValueError("ADC, DWI and FLAIR show no common part of the brain: check their registration")
    candidate = brain & (adc < adc_share * find_normaliser(adc[brain]))
    healthy = white_matter & ~candidate
    if not healthy.any():
        raise ValueError("no white matter has a normal ADC: check the registration to the atlas")
    threshold = dwi[healthy].mean() + dwi_sd * dwi[healthy].std()
    parts, count = ndimage.label(candidate, FACES)
    means = ndimage.mean(dwi, parts, np.arange(count + 1))
    means[0] = -np.inf  # the background
    infarct = candidate & ((means >= threshold)[parts] | (dwi >= threshold))
    parts, _ = ndimage.label(ndimage.binary_fill_holes(infarct), FACES)
    large = np.bincount(parts.ravel()) * voxel_ml >= SMALLEST_ML
    large[0] = False
    return large[parts], healthy
