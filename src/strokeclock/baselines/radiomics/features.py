"""Radiomics features of the infarct after Lee et al. (Stroke 2020;51:860): 91 of each series, 273 in all.

Of ADC, b1000 and FLAIR each, 45 numbers of the intensities, the same 45 of the ratio to the contralateral
side, and the region's size. The region is the infarct and two voxels in plane around it.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy import ndimage

from strokeclock.baselines.radiomics.infarct import DIAMOND, find_infarct
from strokeclock.baselines.radiomics.table import Measured, write_features
from strokeclock.baselines.radiomics.texture import (
    LEVELS,
    count_pairs,
    count_runs,
    describe_pairs,
    describe_runs,
    find_patterns,
)
from strokeclock.baselines.radiomics.tissue import read_tissues
from strokeclock.batches import Files, read_batches, write_batch
from strokeclock.errors import PatientError
from strokeclock.imaging.exclusion import read_exclusion, run_step
from strokeclock.imaging.hemispheres import require_symmetric_grid
from strokeclock.imaging.volume import Volume, read_volume, write_volume

SERIES = ("adc", "dwi", "flair")
INTENSITY_LEVELS = 256  # of intensities, between the brain's percentiles
PERCENTILES = (1, 99)
RATIOS = (0.25, 4.0)  # between which ratios have their levels for texture
CLIPPED = {"adc": RATIOS, "dwi": RATIOS, "flair": (0.45, 2.0)}  # lowest and highest ratio that stay
DILATION = 2  # voxels in plane, from the infarct to the region
THOUSANDTHS = 1000  # binary patterns need whole numbers (`find_patterns`)


def measure_batch(
    preprocessed: str | Path,
    table: str | Path,
    features: str | Path,
    *,
    infarcts: Files,
    white_matter: str | Path,
    white_matter_share: float,
    tissue_maps: str | Path | None,
    adc_share: float,
    dwi_sd: float,
    min_infarct_ml: float,
    flair_ratio_below: float,
) -> None:
    """Find the infarcts of a batch of patients; write their features and a table of the infarcts.

    Parameters
    ----------
    preprocessed : path
        A table of their files (`batches`): `SERIES`, brain_mask, t2w_to_atlas.
    features : path
        The table to write (`write_features`): a row per patient, with the reason where a region is unusable.
    infarcts : patient -> {"infarct": file}
        The files to write.
    white_matter, white_matter_share, tissue_maps, adc_share, dwi_sd, min_infarct_ml, flair_ratio_below
        See `measure_patient`.
    """
    atlas = read_volume(white_matter, patient="atlas", series="white_matter")
    measured = [
        measure_patient(
            patient=patient,
            series={name: files[name] for name in SERIES},
            brain_mask=files["brain_mask"],
            transform=files["t2w_to_atlas"],
            white_matter=atlas,
            white_matter_share=white_matter_share,
            tissue_maps=tissue_maps,
            adc_share=adc_share,
            dwi_sd=dwi_sd,
            min_infarct_ml=min_infarct_ml,
            flair_ratio_below=flair_ratio_below,
            infarct=infarcts[patient]["infarct"],
        )
        for patient, files in read_batches(preprocessed, only=infarcts).items()
    ]
    write_features(measured, features)
    write_batch(table, infarcts)


def measure_patient(
    *,
    patient: str,
    series: Mapping[str, str | Path],
    brain_mask: str | Path,
    transform: str | Path,
    white_matter: Volume,
    white_matter_share: float,
    tissue_maps: str | Path | None,
    adc_share: float,
    dwi_sd: float,
    min_infarct_ml: float,
    flair_ratio_below: float,
    infarct: str | Path,
) -> Measured:
    """Find a patient's infarct, write it, and measure its region where it is large enough.

    Parameters
    ----------
    series, brain_mask, transform : paths
        Of preprocessed/<patient>: `SERIES`; t2w_to_atlas.txt, whose scaling divides volumes.
    white_matter : Volume
        The atlas's shares of white matter on the same grid.
    white_matter_share : float
        The least share of white matter in the voxels that count as such.
    tissue_maps : path or None
        A folder of patients' own tissue maps (`read_tissues`), which then give brain and white matter; None:
        the brain mask and the atlas give them.
    adc_share, dwi_sd
        See `find_infarct`.
    min_infarct_ml : float
        The smallest infarct that is measured, mL.
    flair_ratio_below : float
        What FLAIR ratios under the lowest that stays (`CLIPPED`) become.
    infarct : path
        Where the infarct is written, on the atlas grid (uint8, 0 or 1).
    """
    found: list[Measured] = []

    def step() -> None:
        volumes = {name: read_volume(path, patient=patient, series=name) for name, path in series.items()}
        mask = read_volume(brain_mask, patient=patient, series="brain_mask")
        require_symmetric_grid(mask)
        shown = mask.data > 0  # a series may cover less of the brain than the others
        for volume in volumes.values():
            shown &= volume.data > 0
        within, white = shown, white_matter.data >= white_matter_share
        if tissue_maps is not None:
            within, white = read_tissues(
                tissue_maps, patient=patient, grid=mask, white_matter_share=white_matter_share
            )
        brain = ndimage.binary_erosion(shown & within, DIAMOND)
        voxel_ml = mask.spacing.prod() / 1000 / np.linalg.det(np.loadtxt(transform))
        try:
            lesion, healthy = find_infarct(
                volumes["adc"].data,
                volumes["dwi"].data,
                brain,
                brain & white,
                voxel_ml=voxel_ml,
                adc_share=adc_share,
                dwi_sd=dwi_sd,
            )
        except ValueError as error:
            raise PatientError(patient, str(error)) from error
        write_volume(infarct, Volume(lesion.astype(np.float32), mask.affine), dtype=np.uint8)
        infarct_ml = lesion.sum() * voxel_ml
        if infarct_ml < min_infarct_ml:
            found.append(Measured(patient, infarct_ml, f"infarct under {min_infarct_ml:g} mL", {}))
            return
        region = ndimage.binary_dilation(lesion, DIAMOND, iterations=DILATION) & shown
        size = {"size_ml": region.sum() * voxel_ml}
        below = {name: low for name, (low, _) in CLIPPED.items()} | {"flair": flair_ratio_below}
        features: dict[str, float] = {}
        for name, volume in volumes.items():
            ratios = map_ratio(volume.data, *CLIPPED[name], below=below[name])
            described = size | describe_series(volume, ratios, region, brain, healthy)
            features |= {f"{name}_{key}": value for key, value in described.items()}
        found.append(Measured(patient, infarct_ml, "", features))

    run_step(step, patient=patient, inputs=[*series.values(), brain_mask], outputs=[infarct])
    return found[0] if found else Measured(patient, None, read_exclusion(infarct) or "", {})


def describe_series(
    volume: Volume, ratios: np.ndarray, region: np.ndarray, brain: np.ndarray, healthy: np.ndarray
) -> dict[str, float]:
    """Return a series' 90 features: `describe_map` of its intensities and of its ratio map.

    Parameters
    ----------
    volume : Volume
        The intensities.
    ratios : (X, Y, Z)
        Their clipped ratio to the contralateral side (`map_ratio`).
    region, brain, healthy : (X, Y, Z) bool
        What is measured; what gives the range of intensities; white matter without infarct.
    """
    values, outside = volume.data, healthy & ~region
    box = _box(region)
    there = region[box]
    low, high = np.percentile(values[brain], PERCENTILES)
    levels = quantise(values[box], low, high, levels=INTENSITY_LEVELS)
    own = quantise(values[box], *np.percentile(values[region], PERCENTILES), levels=LEVELS)
    white = quantise(values[outside], low, high, levels=INTENSITY_LEVELS)
    intensities = describe_map(levels, there, own, white, patterns=levels, spacing=volume.spacing)

    maps = describe_map(
        ratios[box],
        there,
        quantise(ratios[box], *RATIOS, levels=LEVELS),
        ratios[outside],
        patterns=np.rint(ratios[box] * THOUSANDTHS).astype(int),
        spacing=volume.spacing,
    )
    return {f"intensity_{key}": value for key, value in intensities.items()} | {
        f"ratio_{key}": value for key, value in maps.items()
    }


def _box(region: np.ndarray) -> tuple[slice, ...]:
    """The box around a region and one voxel, which its gradients and patterns need."""
    (found,) = ndimage.find_objects(region.view(np.int8))
    return tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in found)


def quantise(values: np.ndarray, low: float, high: float, *, levels: int) -> np.ndarray:
    """Return levels 1 to ``levels`` of equal width from low to high; what lies beyond gets the outermost."""
    width = (high - low) / levels
    if width <= 0:
        return np.ones(values.shape, int)
    return np.clip(np.floor((values - low) / width).astype(int) + 1, 1, levels)


def map_ratio(values: np.ndarray, low: float, high: float, *, below: float) -> np.ndarray:
    """Return each voxel's value over that of the mirrored voxel, (X, Y, Z); 1 where that is not finite.

    What is over ``high`` becomes that; what is under ``low`` becomes ``below``. The grid is symmetric about
    x = 0 (`require_symmetric_grid`).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = values / values[::-1]
    ratios = np.where(np.isfinite(ratios), np.minimum(ratios, high), 1)
    return np.where(ratios < low, below, ratios)


def describe_map(
    values: np.ndarray,
    region: np.ndarray,
    levels: np.ndarray,
    white: np.ndarray,
    *,
    patterns: np.ndarray,
    spacing: np.ndarray,
) -> dict[str, float]:
    """Return the 45 numbers of a map in a region; NaN where one is not defined.

    Mean, SD, skewness and kurtosis of the values, of their gradient's length and of their binary patterns;
    the mean over that of white matter; 21 numbers of co-occurrences and 11 of runs.

    Parameters
    ----------
    values, region, levels, patterns : (X, Y, Z)
        The map; bool; its levels for texture, 1 to 32; its whole numbers for binary patterns.
    white : (n,)
        The map's values in white matter outside the region.
    spacing : (3,)
        Voxel size in mm: gradients are in plane, per mm.
    """
    along_x, along_y = np.gradient(values.astype(float), *spacing[:2], axis=(0, 1))
    moments = describe_values(values[region])
    relative = moments["mean"] / white.mean() if white.size and white.mean() else np.nan
    runs = count_runs(levels, region)
    families = {
        "": moments | {"mean_to_white_matter": relative},
        "gradient_": describe_values(np.hypot(along_x, along_y)[region]),
        "glcm_": describe_pairs(count_pairs(levels, region)),
        "glrlm_": describe_runs(runs, voxels=int(region.sum())),
        "lbp_": describe_values(find_patterns(patterns)[region]),
    }
    return {prefix + key: value for prefix, found in families.items() for key, value in found.items()}


def describe_values(values: np.ndarray) -> dict[str, float]:
    """Return mean, SD, skewness and excess kurtosis of (n,); the last two are NaN where all are equal."""
    values = np.asarray(values, float)
    centred = values - values.mean()
    deviation = values.std()
    standard = centred / deviation if deviation else np.full(values.shape, np.nan)
    return {
        "mean": float(values.mean()),
        "sd": float(deviation),
        "skewness": float((standard**3).mean()),
        "kurtosis": float((standard**4).mean() - 3),
    }
