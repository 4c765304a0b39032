"""From registered series to two hemispheres, the right one mirrored onto the left."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from strokeclock.batches import Files, read_batches, write_batch
from strokeclock.cohort.cells import write_cells
from strokeclock.cohort.parts import read_reasons
from strokeclock.errors import ConfigurationError, PatientError
from strokeclock.files import replacing, write_whole
from strokeclock.imaging.exclusion import read_exclusion, run_step
from strokeclock.imaging.intensity import normalise, rescale, scale
from strokeclock.imaging.matching import NONE, Method, match
from strokeclock.imaging.reference import Reference, read_reference
from strokeclock.imaging.volume import Volume, read_volume
from strokeclock.provenance import digest_file
from strokeclock.series import SERIES, SIDES

BOX_MARGIN_MM = 5.0  # brains differ from the atlas's: 0.04 % of 300 phantoms' voxels lie farther out


def halve_batch(
    preprocessed: str | Path,
    table: str | Path,
    *,
    hemispheres: Files,
    exclusions: str | Path,
    channels: Sequence[str],
    reference: str | Path | None = None,
    matching: Method,
    normalisation: str,
    clip: float,
    percentiles: Sequence[float] | None,
) -> None:
    """Write patients' hemispheres, or the reasons for exclusion, in turn, and a table of the files.

    Parameters
    ----------
    preprocessed : path
        A table that holds their files (`batches`): the channels' series and brain_mask.
    exclusions : path
        cohort/exclusions.tsv.
    hemispheres : patient -> {"hemispheres": file}
        What is written.
    reference : path
        hemispheres/reference.npz; without a path nothing is matched.
    channels, matching, normalisation, clip, percentiles
        See `halve_patient`.
    """
    reasons = read_reasons(exclusions)
    histograms = read_reference(reference) if reference else None
    for patient, found in read_batches(preprocessed, only=hemispheres).items():
        files = {name: found[name] for name in (*channels, "brain_mask")}
        output = hemispheres[patient]["hemispheres"]
        step = partial(
            halve_patient,
            files,
            patient=patient,
            excluded=reasons.get(patient),
            reference=histograms,
            output=output,
            channels=channels,
            matching=matching,
            normalisation=normalisation,
            clip=clip,
            percentiles=percentiles,
        )
        run_step(step, patient=patient, inputs=files.values(), outputs=[output])
    write_batch(table, hemispheres)


def halve_patient(
    files: Mapping[str, str | Path],
    *,
    patient: str,
    excluded: str | None,
    reference: Reference | None,
    output: str | Path,
    channels: Sequence[str],
    matching: Method,
    normalisation: str,
    clip: float,
    percentiles: Sequence[float] | None,
) -> None:
    """Write one patient's hemispheres (.npy; see `make_hemispheres`), unless the patient is excluded.

    Parameters
    ----------
    files : mapping of series -> path
        The channels' series and brain_mask on the atlas grid.
    excluded : text or None
        Why the patient is excluded.
    reference : Reference or None
        The histogram reference; None: nothing is matched, or there is no training patient.
    matching : str
        preprocessing.intensity.matching.

    Raises
    ------
    PatientError
        The patient is excluded, or a file cannot be used.
    ConfigurationError
        The patient's histograms must be matched, and there is no reference.
    """
    if excluded is not None:
        raise PatientError(patient, excluded)
    if reference is None and matching != NONE:
        raise ConfigurationError(
            "No training patient is left to be the histogram reference: name another run's "
            "hemispheres/reference.npz in preprocessing.intensity.reference, or set "
            "preprocessing.intensity.matching to none."
        )
    volumes = {name: read_volume(path, patient=patient, series=name) for name, path in files.items()}
    hemispheres = make_hemispheres(
        volumes,
        volumes["brain_mask"],
        patient=patient,
        channels=channels,
        reference=reference,
        normalisation=normalisation,
        clip=clip,
        percentiles=percentiles,
    )
    write_hemispheres(output, hemispheres)


def make_hemispheres(
    volumes: Mapping[str, Volume],
    mask: Volume,
    *,
    patient: str,
    channels: Sequence[str],
    reference: Reference | None,
    normalisation: str,
    clip: float,
    percentiles: Sequence[float] | None,
) -> np.ndarray:
    """Normalise, match and rescale each series, then split (arXiv 2011.03350, sections 2.2 and 2.3).

    Parameters
    ----------
    volumes : mapping of series -> Volume
        The channels' series on the atlas grid, not yet normalised.
    mask : Volume
        The brain (non-zero) on the same grid.
    patient : str
        Named in errors.
    channels : sequence of str
        Of `SERIES`, in the network's order. A map with a unit, such as ADC, is only scaled by it.
    reference : Reference or None
        The histogram reference; None: nothing is matched.
    normalisation, clip, percentiles
        See `intensity.normalise` and `intensity.rescale`.

    Returns
    -------
    (2, channels, nx / 2, ny, nz) float16
        See `split_hemispheres`; values 0 to 1.

    Raises
    ------
    PatientError
        A series cannot be normalised.
    """
    inside = mask.data > 0
    prepared = {}
    for series in channels:
        if (full := SERIES[series].full) is not None:
            data = scale(volumes[series].data, inside, full=full)
            prepared[series] = Volume(data, volumes[series].affine)
            continue
        try:
            data = normalise(volumes[series].data, inside, method=normalisation, clip=clip)
        except ValueError as error:
            raise PatientError(patient, f"{series} {error}: look at the series") from error
        if reference is not None:
            data = match(data, inside, target=reference.targets[series], matching=reference.matching)
        prepared[series] = Volume(rescale(data, inside, percentiles=percentiles), volumes[series].affine)
    return split_hemispheres(prepared)


def split_hemispheres(volumes: Mapping[str, Volume]) -> np.ndarray:
    """Split at the mid-sagittal plane, mirror the right hemisphere onto the left, stack the series.

    Returns
    -------
    (2, channels, nx / 2, ny, nz) float16
        Hemisphere (left, right mirrored), channel (in the order of ``volumes``), x from lateral to
        medial in both, y, z.

    Raises
    ------
    ConfigurationError
        The grid is not RAS, or its middle is not at x = 0: left and right would mix.
    """
    stack = np.stack([volume.data for volume in volumes.values()])
    for volume in volumes.values():
        require_symmetric_grid(volume)
    half = stack.shape[1] // 2
    return np.stack([stack[:, :half], stack[:, : half - 1 : -1]]).astype(np.float16)


def join_hemispheres(maps: Mapping[str, np.ndarray]) -> np.ndarray:
    """Put maps of hemispheres back on the whole grid, as `split_hemispheres` took them from it.

    Parameters
    ----------
    maps : side -> array (x, y, z)
        x from lateral to medial in both, so that the right one is mirrored back.

    Returns
    -------
    (2 x, y, z) array
        x from the patient's left to right; 0 on a side that is not given.

    Raises
    ------
    ValueError
        No map is given, their shapes differ, or one is of no side.
    """
    shapes = {array.shape for array in maps.values()}
    if len(shapes) != 1 or not {*maps} <= {*SIDES}:
        raise ValueError(f"maps of the sides {', '.join(maps) or 'none'} with shapes {shapes}")
    left, right = (maps.get(side, np.zeros_like(next(iter(maps.values())))) for side in SIDES)
    return np.concatenate([left, right[::-1]])


def require_symmetric_grid(volume: Volume) -> None:
    """Raise ConfigurationError unless axes run to R, A, S and x = 0 lies between two middle columns."""
    linear, columns = volume.affine[:3, :3], volume.shape[0]
    step = np.abs(linear).max()
    if (np.diag(linear) <= 0).any() or np.abs(linear - np.diag(np.diag(linear))).max() > 1e-4 * step:
        raise ConfigurationError(
            "The atlas grid's axes do not run to right, anterior and superior, so left and right are not its "
            "halves: give a RAS atlas (configuration key preprocessing.atlas)."
        )
    if columns % 2 or abs(volume.centre[0]) > 0.01 * linear[0, 0]:
        raise ConfigurationError(
            f"The atlas grid has {columns} columns with their middle at x = {volume.centre[0]:.2f} "
            "mm: it needs an even number with x = 0 in the middle (configuration keys preprocessing.grid and "
            "preprocessing.atlas)."
        )


def write_box(atlas_mask: str | Path, box: str | Path, *, margin_mm: float = BOX_MARGIN_MM) -> None:
    """Write the box of a hemisphere that holds the brain of the atlas: {"box": [[x, x], [y, y], [z, z]]}.

    Networks whose view is this box save the work on empty voxels. It is the atlas's box, not a patient's.

    Parameters
    ----------
    atlas_mask : path
        The atlas's brain (non-zero) on the grid on which patients end.
    margin_mm : float
        Around the brain; rounded up to voxels, and cut at the hemisphere's borders.
    """
    mask = read_volume(atlas_mask, patient="atlas", series="brain_mask")
    left, right = split_hemispheres({"brain_mask": mask})[:, 0] > 0
    brain = left | right
    ends = []
    for axis, step in enumerate(np.diag(mask.affine)[:3]):
        used = np.flatnonzero(brain.any(axis=tuple({0, 1, 2} - {axis})))
        margin = math.ceil(margin_mm / step)
        ends.append([max(int(used[0]) - margin, 0), min(int(used[-1]) + 1 + margin, brain.shape[axis])])
    write_whole(box, json.dumps({"box": ends}) + "\n")


def write_hemispheres(path: str | Path, hemispheres: np.ndarray) -> None:
    """Write as .npy, whole or not at all."""
    with replacing(path) as beside:
        np.save(beside, hemispheres)


def write_manifest(hemispheres: Iterable[str | Path], manifest: str | Path) -> None:
    """Write patient and sha256 of each hemisphere file as TSV; excluded patients are left out.

    Trainings depend on this one file, so they repeat only if the content of a hemisphere file has changed.

    Parameters
    ----------
    hemispheres : paths
        Tables of the batches' files (`batches`): hemispheres.
    """
    rows = [
        (patient, digest_file(files["hemispheres"]))
        for patient, files in read_batches(hemispheres).items()
        if read_exclusion(files["hemispheres"]) is None
    ]
    write_cells(manifest, ("patient", "sha256"), rows)
