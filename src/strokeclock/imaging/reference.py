"""The reference study of histogram matching: one training patient's histograms (arXiv 2011.03350, 2.2)."""

import hashlib
import json
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from strokeclock.batches import read_batches
from strokeclock.cohort.parts import read_exclusions, read_parts
from strokeclock.errors import ConfigurationError, PatientError, StrokeclockError
from strokeclock.files import replacing
from strokeclock.imaging.exclusion import read_exclusion, write_exclusion
from strokeclock.imaging.intensity import histogram_profile, normalise
from strokeclock.imaging.matching import LANDMARKS, Method, learn_target, match
from strokeclock.imaging.volume import read_volume
from strokeclock.series import MATCHED

log = logging.getLogger(__name__)

TRAIN, GIVEN = "train", "given"  # part of a reference: of this run's training patient, or of another run's
NO_TRAINING_PATIENT = "there is no training patient, whose histograms would be the reference"


@dataclass(frozen=True)
class Reference:
    """What every patient's histograms are matched to: those of one training patient.

    Attributes
    ----------
    patient, part : str
        Identifier, and "train"; "given": a training patient of another run.
    settings : mapping
        How it was made: see `name_settings`.
    targets : dict of series -> (n,) float64
        See `matching.learn_target`.
    profile : dict of series -> (100,) float64
        See `histogram_profile`; the quality picture compares each patient with it.
    sha256 : dict of series -> str
        Digest of the normalised volume and its mask, so that a change is detected.
    """

    patient: str
    part: str
    settings: Mapping[str, Any]
    targets: dict[str, np.ndarray]
    profile: dict[str, np.ndarray]
    sha256: dict[str, str]

    @property
    def matching(self) -> Method:
        """The method of matching that it was made for."""
        method: Method = self.settings["matching"]
        return method


class Matching(NamedTuple):
    """The histograms of one series: the reference's, a patient's before and after (`histogram_profile`)."""

    reference: np.ndarray
    before: np.ndarray
    after: np.ndarray

    def distances(self) -> tuple[float, float]:
        """Mean distance of the percentiles from the reference's, in SD, before and after."""
        before, after = (np.abs(profile - self.reference).mean() for profile in (self.before, self.after))
        return round(float(before), 4), round(float(after), 4)


def name_settings(*, normalisation: str, clip: float, matching: Method, match_points: int) -> dict[str, Any]:
    """The settings that a reference and the patients matched to it must share, without those of no effect."""
    return (
        {"normalisation": normalisation, "matching": matching}
        | ({"clip": float(clip)} if normalisation == "zscore" else {})
        | ({"match_points": match_points} if matching == LANDMARKS else {})
    )


def choose_reference(parts: Mapping[str, str], *, patients: Iterable[str]) -> str | None:
    """Return the patient who is the histogram reference: the first in training by identifier; None: nobody.

    Parameters
    ----------
    parts : mapping of patient -> part
        The split.
    patients : of str
        All included patients.
    """
    return min((patient for patient in patients if parts.get(patient) == TRAIN), default=None)


def make_reference(
    volumes: Mapping[str, np.ndarray],
    mask: np.ndarray,
    *,
    patient: str,
    part: str,
    normalisation: str,
    clip: float,
    matching: Method,
    match_points: int,
) -> Reference:
    """Learn the histograms of those of one patient's series that are matched, (X, Y, Z) each, not normalised.

    Raises
    ------
    ValueError
        The patient is not in training; others' histograms must not influence the training data.
    PatientError
        A series cannot be normalised.
    """
    if part != TRAIN:
        raise ValueError(
            f"the histogram reference {patient} is in part {part}: it must be a training patient"
        )
    normalised = {}
    for series in filter(volumes.__contains__, MATCHED):
        try:
            normalised[series] = normalise(volumes[series], mask, method=normalisation, clip=clip)
        except ValueError as error:
            reason = (
                f"{series} {error}, so the patient cannot be the histogram reference: "
                "give the verdict fail in quality.verdicts"
            )
            raise PatientError(patient, reason) from error
    return Reference(
        patient=patient,
        part=part,
        settings=name_settings(
            normalisation=normalisation, clip=clip, matching=matching, match_points=match_points
        ),
        targets={
            series: learn_target(data, mask, matching=matching, match_points=match_points)
            for series, data in normalised.items()
        },
        profile={series: histogram_profile(volumes[series], mask) for series in normalised},
        sha256={
            series: hashlib.sha256(data.tobytes() + mask.tobytes()).hexdigest()
            for series, data in normalised.items()
        },
    )


def learn_reference(
    preprocessed: Iterable[str | Path],
    reference: str | Path,
    *,
    split: str | Path,
    exclusions: str | Path,
    normalisation: str,
    clip: float,
    matching: Method,
    match_points: int,
) -> None:
    """Choose the reference among the training patients who remain and write it, or a note where none remains.

    Parameters
    ----------
    preprocessed : paths
        Tables of the batches' files (`batches`): the series that are matched and brain_mask, on the atlas
        grid.
    reference : path
        hemispheres/reference.npz.
    split, exclusions : paths
        cohort/split.tsv and cohort/exclusions.tsv.
    """
    files, excluded = read_batches(preprocessed), read_exclusions(exclusions)
    parts = read_parts(split)
    patient = choose_reference(parts, patients=files.keys() - excluded)
    if patient is None:
        log.warning("%s: no histogram is matched", NO_TRAINING_PATIENT)
        write_exclusion([reference], NO_TRAINING_PATIENT)
        return
    volumes = {
        name: read_volume(path, patient=patient, series=name).data
        for name, path in files[patient].items()
        if name in (*MATCHED, "brain_mask")
    }
    made = make_reference(
        volumes,
        volumes["brain_mask"] > 0,
        patient=patient,
        part=parts[patient],
        normalisation=normalisation,
        clip=clip,
        matching=matching,
        match_points=match_points,
    )
    write_reference(reference, made)


def adopt_reference(
    given: str | Path,
    reference: str | Path,
    *,
    channels: Collection[str],
    normalisation: str,
    clip: float,
    matching: Method,
    match_points: int,
) -> None:
    """Write another run's reference as this run's; its digest is logged.

    Parameters
    ----------
    given : path
        The other run's hemispheres/reference.npz (preprocessing.intensity.reference).
    reference : path
        hemispheres/reference.npz.
    channels : of series, those of the networks.

    Raises
    ------
    ConfigurationError
        The file holds no reference, one without a series of the channels, or one made with other settings.
    """
    key = "Configuration key preprocessing.intensity.reference"
    try:
        found = read_reference(given)
    except StrokeclockError as error:
        log.error("%s cannot be read: %r", Path(given).name, error.__cause__)
        raise ConfigurationError(
            f"{key} names {Path(given).name}, which is no histogram reference of this version: give a run's "
            "hemispheres/reference.npz."
        ) from None
    if found is None:
        raise ConfigurationError(
            f"{key} names a reference of a run without training patients: give one of a run that has some."
        )
    wanted = name_settings(
        normalisation=normalisation, clip=clip, matching=matching, match_points=match_points
    )
    if found.settings != wanted:
        there, here = (
            ", ".join(
                f"{name} {settings.get(name, 'without')}" for name in sorted({*found.settings, *wanted})
            )
            for settings in (found.settings, wanted)
        )
        raise ConfigurationError(
            f"{key} names a reference that was made with other settings of preprocessing.intensity ({there}) "
            f"than this run's ({here}): set them alike, or give another reference."
        )
    if missing := [name for name in channels if name in MATCHED and name not in found.targets]:
        raise ConfigurationError(
            f"{key} names a reference without {', '.join(missing)} (models.channels): give one of a run with "
            "these channels."
        )
    digest = hashlib.sha256(Path(given).read_bytes()).hexdigest()
    log.info("the histogram reference is another run's, sha256 %s", digest)
    write_reference(reference, replace(found, part=GIVEN))


def follow_matching(
    volumes: Mapping[str, np.ndarray],
    mask: np.ndarray,
    *,
    reference: Reference,
    normalisation: str,
    clip: float,
) -> dict[str, Matching]:
    """Match one patient's series, (X, Y, Z) each, not yet normalised; return histograms before and after.

    Series that cannot be normalised are left out; `halve_patient` excludes their patient.
    """
    followed = {}
    for series in filter(volumes.__contains__, reference.targets):
        try:
            data = normalise(volumes[series], mask, method=normalisation, clip=clip)
        except ValueError:
            continue
        matched = match(data, mask, target=reference.targets[series], matching=reference.matching)
        followed[series] = Matching(
            reference=reference.profile[series],
            before=histogram_profile(volumes[series], mask),
            after=histogram_profile(matched, mask),
        )
    return followed


def write_reference(path: str | Path, reference: Reference) -> None:
    """Write a reference as .npz, whole or not at all."""
    arrays = {
        f"{name}_{series}": getattr(reference, name)[series]
        for name in ("targets", "profile", "sha256")
        for series in reference.targets
    }
    settings = json.dumps(reference.settings, sort_keys=True)
    with replacing(path) as beside:
        np.savez(beside, patient=reference.patient, part=reference.part, settings=settings, **arrays)


def read_reference(path: str | Path) -> Reference | None:
    """Read what `write_reference` wrote; None where it is a note, because there is no training patient.

    StrokeclockError where it is damaged, by the checksums of the archive.
    """
    if read_exclusion(path):
        return None
    try:
        return _read(path)
    except Exception as error:  # NumPy and zipfile raise many kinds for a damaged archive
        raise StrokeclockError(f"{path} is damaged: delete it and run again.") from error


def _read(path: str | Path) -> Reference:
    with np.load(path) as content:
        matched = [series for series in MATCHED if f"targets_{series}" in content]
        return Reference(
            patient=str(content["patient"]),
            part=str(content["part"]),
            settings=json.loads(str(content["settings"])),
            targets={series: content[f"targets_{series}"] for series in matched},
            profile={series: content[f"profile_{series}"] for series in matched},
            sha256={series: str(content[f"sha256_{series}"]) for series in matched},
        )
