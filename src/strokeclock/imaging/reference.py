"""The reference study of histogram matching: one training patient's landmarks (arXiv 2011.03350, 2.2)."""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from strokeclock.batches import read_batches
from strokeclock.cohort.parts import read_exclusions, read_parts
from strokeclock.errors import PatientError
from strokeclock.files import replacing
from strokeclock.imaging.exclusion import read_exclusion, write_exclusion
from strokeclock.imaging.intensity import histogram_profile, landmarks, match, normalise
from strokeclock.imaging.volume import read_volume
from strokeclock.series import MATCHED

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reference:
    """What every patient's histograms are matched to: one training patient's intensity landmarks.

    Attributes
    ----------
    patient, part : str
        Identifier, and part of the split: "train", or "none" where the split has no training patient.
    landmarks : dict of series -> (match points + 2,) float64
        See `landmarks`; empty arrays where nothing is matched.
    profile : dict of series -> (100,) float64
        See `histogram_profile`; the quality picture compares each patient with it.
    sha256 : dict of series -> str
        Digest of the normalised volume and its mask, so that a change is detected.
    """

    patient: str
    part: str
    landmarks: dict[str, np.ndarray]
    profile: dict[str, np.ndarray]
    sha256: dict[str, str]


class Matching(NamedTuple):
    """The histograms of one series: the reference's, a patient's before and after (`histogram_profile`)."""

    reference: np.ndarray
    before: np.ndarray
    after: np.ndarray

    def distances(self) -> tuple[float, float]:
        """Mean distance of the percentiles from the reference's, in SD, before and after."""
        before, after = (np.abs(profile - self.reference).mean() for profile in (self.before, self.after))
        return round(float(before), 4), round(float(after), 4)


def choose_reference(parts: Mapping[str, str], *, patients: Sequence[str]) -> tuple[str, str] | None:
    """Return the histogram reference as (patient, part): the first training patient by identifier.

    If there is no training patient, because patients are only predicted or checked, it is the first patient
    of all, and its part is "none".

    Parameters
    ----------
    parts : mapping of patient -> part
        The split.
    patients : sequence of str
        All included patients; None is returned where there are none.
    """
    training = [patient for patient in patients if parts.get(patient) == "train"]
    if training:
        return min(training), "train"
    if not patients:
        return None
    log.warning("there is no training patient: the histogram reference is %s", min(patients))
    return min(patients), "none"


def make_reference(
    volumes: Mapping[str, np.ndarray],
    mask: np.ndarray,
    *,
    patient: str,
    part: str,
    normalisation: str,
    clip: float,
    match_points: int,
) -> Reference:
    """Take the landmarks of those of one patient's series that are matched, (X, Y, Z) each, not normalised.

    Raises
    ------
    ValueError
        The patient is in validation or test, whose histograms must not influence the training data.
    PatientError
        A series cannot be normalised.
    """
    if part not in ("train", "none"):
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
        landmarks={
            series: landmarks(data, mask, match_points=match_points) for series, data in normalised.items()
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
    match_points: int,
) -> None:
    """Choose the reference among the patients who remain and write its landmarks, or a note if none remains.

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
    chosen = choose_reference(
        read_parts(split), patients=[patient for patient in files if patient not in excluded]
    )
    if chosen is None:
        write_exclusion([reference], "every patient is excluded, so none is the histogram reference")
        return
    patient, part = chosen
    volumes = {
        name: read_volume(path, patient=patient, series=name).data
        for name, path in files[patient].items()
        if name in (*MATCHED, "brain_mask")
    }
    made = make_reference(
        volumes,
        volumes["brain_mask"] > 0,
        patient=patient,
        part=part,
        normalisation=normalisation,
        clip=clip,
        match_points=match_points,
    )
    write_reference(reference, made)


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
    for series in filter(volumes.__contains__, reference.landmarks):
        try:
            data = normalise(volumes[series], mask, method=normalisation, clip=clip)
        except ValueError:
            continue
        followed[series] = Matching(
            reference=reference.profile[series],
            before=histogram_profile(volumes[series], mask),
            after=histogram_profile(match(data, mask, target=reference.landmarks[series]), mask),
        )
    return followed


def write_reference(path: str | Path, reference: Reference) -> None:
    """Write a reference as .npz, whole or not at all."""
    arrays = {
        f"{name}_{series}": getattr(reference, name)[series]
        for name in ("landmarks", "profile", "sha256")
        for series in reference.landmarks
    }
    with replacing(path) as beside:
        np.savez(beside, patient=reference.patient, part=reference.part, **arrays)


def read_reference(path: str | Path) -> Reference | None:
    """Read what `write_reference` wrote; None where it is a note, because every patient is excluded."""
    if read_exclusion(path):
        return None
    with np.load(path) as content:
        matched = [series for series in MATCHED if f"landmarks_{series}" in content]
        return Reference(
            patient=str(content["patient"]),
            part=str(content["part"]),
            landmarks={series: content[f"landmarks_{series}"] for series in matched},
            profile={series: content[f"profile_{series}"] for series in matched},
            sha256={series: str(content[f"sha256_{series}"]) for series in matched},
        )
