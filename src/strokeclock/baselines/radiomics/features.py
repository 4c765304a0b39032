"""Radiomics features of the infarct core: 89 per series, as many as Lee et al. 2020 use.

Their list is not published. Here: 18 first-order, 24 co-occurrence, 16 run-length and 16 size-zone features,
14 of shape (the same for all series, stored once), and the ratio to the contralateral hemisphere, computed by
mirp, which follows the Image Biomarker Standardisation Initiative (IBSI; Zwanenburg et al. 2020).
"""

import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from strokeclock.baselines.radiomics.region import find_region
from strokeclock.baselines.radiomics.table import Measured, write_features
from strokeclock.batches import Files, read_batches, write_batch
from strokeclock.cohort.sheet import read_sides
from strokeclock.imaging.exclusion import read_exclusion, run_step
from strokeclock.imaging.volume import Volume, read_volume, write_volume
from strokeclock.series import BOTH

SERIES = ("dwi", "flair")
FAMILIES = {
    "stat": "statistics",
    "cm": "glcm",
    "rlm": "glrlm",
    "szm": "glszm",
}  # prefix in mirp -> its family
SHAPE = (
    *("volume", "vol_approx", "area_mesh", "av", "sphericity", "diam"),
    *("pca_maj_axis", "pca_min_axis", "pca_least_axis", "pca_elongation", "pca_flatness"),
    *("vol_dens_conv_hull", "area_dens_conv_hull", "vol_dens_aabb"),
)
TWIN = "cm_sum_var"  # equal to cm_clust_tend by definition
BINS = 32  # grey levels between the region's lowest and highest value, for texture
LEAST_CONTRALATERAL = 0.5  # least share of the region's voxels with tissue on the contralateral side

_PREFIXES = ("morph_", "stat_", "cm_", "rlm_", "szm_")
_SETTINGS = re.compile(
    rf"(_d1)?_3d(_v_mrg)?_fbn_n{BINS}$"
)  # mirp's suffixes for neighbours, directions, levels


def measure_batch(
    preprocessed: str | Path,
    table: str | Path,
    features: str | Path,
    *,
    regions: Files,
    cohort: str | Path,
    sides: Mapping[str, str] | None,
    adc_max: float,
    min_roi_ml: float,
) -> None:
    """Find the infarct cores of a batch of patients; write their features and a table of the regions.

    Parameters
    ----------
    preprocessed : path
        A table of their files (`batches`): adc and `SERIES`, brain_mask, t2w_to_atlas.
    features : path
        The table to write (`write_features`): a row per patient, with the reason where a region is unusable.
    regions : patient -> {"region": file}
        The files to write.
    cohort, sides
        cohort/cohort.tsv, and each patient's lesion side as the sheet has it; None: read from the cohort.
    adc_max, min_roi_ml
        See `measure_patient`.
    """
    sides = sides or read_sides(cohort)
    measured = [
        measure_patient(
            patient=patient,
            series={name: files[name] for name in ("adc", *SERIES)},
            brain_mask=files["brain_mask"],
            transform=files["t2w_to_atlas"],
            side=sides[patient] or BOTH,
            adc_max=adc_max,
            min_roi_ml=min_roi_ml,
            region=regions[patient]["region"],
        )
        for patient, files in read_batches(preprocessed, only=regions).items()
    ]
    write_features(measured, features)
    write_batch(table, regions)


def measure_patient(
    *,
    patient: str,
    series: Mapping[str, str | Path],
    brain_mask: str | Path,
    transform: str | Path,
    side: str,
    adc_max: float,
    min_roi_ml: float,
    region: str | Path,
) -> Measured:
    """Find a patient's infarct core, write it, and measure it where it is large enough.

    Parameters
    ----------
    series, brain_mask, transform : paths
        Of preprocessed/<patient>: adc and `SERIES`; t2w_to_atlas.txt, whose scaling divides volumes.
    side : left, right, or both
        Where the lesion is.
    adc_max, min_roi_ml : float
        The core's highest ADC in mm2/s, and the smallest region that is measured.
    region : path
        Where the core is written, on the atlas grid (uint8, 0 or 1).
    """
    found: list[Measured] = []

    def step() -> None:
        volumes = {name: read_volume(path, patient=patient, series=name) for name, path in series.items()}
        brain = read_volume(brain_mask, patient=patient, series="brain_mask")
        for volume in volumes.values():
            brain.data[volume.data <= 0] = 0  # a series may cover less of the brain than the others
        core, contralateral = find_region(volumes["adc"], volumes["dwi"], brain, side=side, adc_max=adc_max)
        write_volume(region, Volume(core.astype(np.float32), brain.affine), dtype=np.uint8)
        scaling = np.linalg.det(np.loadtxt(transform))
        volume_ml = core.sum() * brain.spacing.prod() / 1000 / scaling
        reason, features = "", {}
        if volume_ml < min_roi_ml:
            reason = f"region under {min_roi_ml:g} mL"
        elif contralateral.sum() < LEAST_CONTRALATERAL * core.sum():
            reason = "too little tissue on the contralateral side"
        else:
            features = _measure(volumes, core, contralateral, series=series, region=region)
        found.append(Measured(patient, volume_ml, reason, features))

    run_step(step, patient=patient, inputs=[*series.values(), brain_mask], outputs=[region])
    return found[0] if found else Measured(patient, None, read_exclusion(region) or "", {})


def _measure(
    volumes: Mapping[str, Volume],
    core: np.ndarray,
    contralateral: np.ndarray,
    *,
    series: Mapping[str, str | Path],
    region: str | Path,
) -> dict[str, float]:
    """Return the shape, and each series' features in units of the mean on the contralateral side."""
    shape = describe(region, region, families=["morphological"])
    features = {f"shape_{name}": shape[f"morph_{name}"] for name in SHAPE}
    for name in SERIES:
        here, there = volumes[name].data[core], volumes[name].data[contralateral]
        own = describe(series[name], region, families=FAMILIES, scale=1 / float(there.mean()))
        features |= {f"{name}_{key}": value for key, value in own.items() if key != TWIN}
        features[f"{name}_ratio"] = float(np.median(here) / np.median(there))
    return features


def describe(
    image: str | Path, region: str | Path, *, families: Iterable[str], scale: float = 1.0
) -> dict[str, float]:
    """Compute IBSI features of an image's values times ``scale`` inside a region, both NIfTI files.

    Shape depends on the region only. With the region as image it takes a twentieth of the time, for mirp's
    further features of this family compare values voxel by voxel.

    Returns
    -------
    dict
        mirp's names without the settings behind them: morph_volume (mm3), stat_mean, cm_contrast, …; NaN
        where a feature is not defined.
    """
    import mirp  # imported here: 0.5 s, and 3 s more for ITK at the first image

    logging.disable(logging.INFO)  # mirp logs every image
    try:
        (table,) = mirp.extract_features(
            image=str(image),
            mask=str(region),
            image_modality="mr",
            intensity_scaling=scale,
            base_feature_families=list(families),
            base_discretisation_method="fixed_bin_number",
            base_discretisation_n_bins=BINS,
        )
    finally:
        logging.disable(logging.NOTSET)
    return {
        _SETTINGS.sub("", column): float(table[column].iloc[0])
        for column in table.columns
        if column.startswith(_PREFIXES)
    }
