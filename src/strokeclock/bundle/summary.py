"""What the training patients were like, in numbers that tell of nobody: summary.json of a bundle.

A range leaves out the two lowest and the two highest patients at least, and values have four digits, so that
no number is one patient's. Ranges are of the training part alone, which the networks learned from.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from strokeclock.bundle.recipe import Part
from strokeclock.cohort.cells import read_cells
from strokeclock.cohort.labels import has_onset
from strokeclock.cohort.parts import PARTS, read_exclusions, read_parts
from strokeclock.cohort.protocol import COLUMNS as PROTOCOL
from strokeclock.cohort.tables import read_cohort
from strokeclock.imaging.hemisphere_files import open_hemispheres
from strokeclock.imaging.quality_record import NUMBERS
from strokeclock.segmentation.lesion import read_volumes

FEWEST = 10  # patients, for a range
_LEVEL, _LEFT_OUT = 0.01, 2  # share, and number of patients, below a range and above it
_PERCENTILES = (1, 25, 75, 99)  # of a channel in the brain
_CASE_MIX = ("age", "nihss", "onset_to_mri_min")
_OF_THE_PATIENT = ("infarct_left_ml", "infarct_right_ml", "side_seen", "side_recorded", "adc_difference")
_TEXTS = ("vendor",)  # columns of the protocol that hold words


class Range(Part):
    """A number's spread over the training patients who have it.

    low and high are its 1st and 99th percentile, or farther inside where there are fewer than 200 patients.
    """

    n: Annotated[int, Field(ge=FEWEST)]
    low: float
    lower_quartile: float
    median: float
    upper_quartile: float
    high: float


class Summary(Part):
    """The cohort of a bundle.

    Attributes
    ----------
    patients : part -> number of patients.
    excluded : stage -> number of patients.
    with_onset : part -> number of patients of known onset.
    below : "180", "270" -> part -> how many had a shorter time, in minutes.
    case_mix : age (years), nihss, onset_to_mri_min (minutes), volume_ml -> range.
    shares : female, left, right, both, none (lesion side) -> share of the training patients.
    quality, intensities : number -> range, see `quality_record.NUMBERS` and `measure_intensities`.
    protocol : <series>.<column> -> range.
    texts : <series>.<column> -> the words that two patients or more have.
    """

    patients: dict[str, int]
    excluded: dict[str, int]
    with_onset: dict[str, int]
    below: dict[str, dict[str, int]]
    case_mix: dict[str, Range]
    shares: dict[str, float]
    quality: dict[str, Range]
    intensities: dict[str, Range]
    protocol: dict[str, Range]
    texts: dict[str, list[str]]


class Images(NamedTuple):
    """The numbers of one patient's images (`list_quality`, `measure_intensities`)."""

    quality: dict[str, float]
    intensities: dict[str, float]


def measure_intensities(hemispheres: np.ndarray, *, series: Sequence[str]) -> dict[str, float]:
    """Measure the brain's intensities in a patient's hemispheres: percentiles of each series.

    Parameters
    ----------
    hemispheres : (2, series, x, y, z), background 0.
    series : names, in order.
    """
    brain = (hemispheres != 0).any(axis=1)
    found: dict[str, float] = {}
    for number, name in enumerate(series):
        values = np.percentile(hemispheres[:, number][brain].astype(np.float32), _PERCENTILES)
        found |= {f"{name}_p{level}": float(at) for level, at in zip(_PERCENTILES, values, strict=True)}
    return found


def list_quality(numbers: Mapping[str, object]) -> dict[str, float]:
    """Return the numbers of a quality check that are the scan's and not the lesion's."""
    return {
        name: float(value)
        for name, value in numbers.items()
        if name in NUMBERS and name not in _OF_THE_PATIENT and isinstance(value, int | float)
    }


def list_protocol(rows: Iterable[Mapping[str, str]]) -> tuple[dict[str, float], dict[str, str]]:
    """Return the numbers and the words of one patient's rows of protocol.tsv: <series>.<column> -> value."""
    numbers, words = {}, {}
    for row in rows:
        for column in PROTOCOL[2:]:
            if row[column] == "n/a":
                continue
            name = f"{row['series']}.{column}"
            if column in _TEXTS:
                words[name] = row[column]
            else:
                numbers[name] = float(row[column])
    return numbers, words


def read_protocol(path: str | Path) -> dict[str, list[dict[str, str]]]:
    """Read protocol.tsv: patient -> its rows."""
    header, lines = read_cells(path)
    rows: dict[str, list[dict[str, str]]] = {}
    for _, cells in lines:
        row = dict(zip(header, cells, strict=True))
        rows.setdefault(row["patient"], []).append(row)
    return rows


def summarise(
    *,
    cohort: str | Path,
    split: str | Path,
    exclusions: str | Path,
    protocol: str | Path,
    quality: str | Path,
    volumes: str | Path,
    manifest: str | Path,
    series: Sequence[str],
    limits: Iterable[float],
) -> Summary:
    """Summarise a run's cohort.

    Parameters
    ----------
    cohort, split, exclusions, protocol, quality, volumes, manifest : paths
        Tables of the run; the hemispheres lie beside the manifest.
    series : of a hemisphere, in order.
    limits : minutes, of the tasks.
    """
    table, parts = read_cohort(cohort).set_index("patient"), read_parts(split)
    members = {part: [patient for patient, one in parts.items() if one == part] for part in PARTS}
    train = table.reindex(members["train"])
    sizes = read_volumes(volumes)
    mix = {name: train[name].dropna().tolist() for name in _CASE_MIX}
    mix["volume_ml"] = [
        size.volume_ml
        for patient in train.index
        if (size := sizes.get(patient)) and size.volume_ml is not None
    ]
    images = measure_images(train.index, quality=quality, manifest=manifest, series=series)
    acquired = read_protocol(protocol)
    protocols = [list_protocol(acquired.get(patient, ())) for patient in train.index]
    words: dict[str, Counter[str]] = {}
    for _, found in protocols:
        for name, word in found.items():
            words.setdefault(name, Counter())[word] += 1
    with_onset = {part: table.reindex(some)[has_onset(table.reindex(some))] for part, some in members.items()}
    return Summary(
        patients={part: len(some) for part, some in members.items()},
        excluded=dict(Counter(read_exclusions(exclusions).values())),
        with_onset={part: len(rows) for part, rows in with_onset.items()},
        below={
            f"{limit:g}": {
                part: int((rows["onset_to_mri_min"] < limit).sum()) for part, rows in with_onset.items()
            }
            for limit in limits
        },
        case_mix=_ranges(mix),
        shares=_shares(train),
        quality=collect_ranges(image.quality for image in images.values()),
        intensities=collect_ranges(image.intensities for image in images.values()),
        protocol=collect_ranges(numbers for numbers, _ in protocols),
        texts={
            name: sorted(word for word, count in found.items() if count >= _LEFT_OUT)
            for name, found in sorted(words.items())
        },
    )


def _shares(train: pd.DataFrame) -> dict[str, float]:
    shares = {}
    if len(train) >= FEWEST:
        if (known := train["sex"].dropna()).size >= FEWEST:
            shares["female"] = round(float((known == "F").mean()), 2)
        sides = train["lesion_side"].dropna()
        counts = sides.value_counts(normalize=True)
        shares |= {str(side): round(float(share), 2) for side, share in counts.items()}
    return shares


def measure_images(
    patients: Iterable[str], *, quality: str | Path, manifest: str | Path, series: Sequence[str]
) -> dict[str, Images]:
    """Return each of these patients -> the numbers of the images; paths and series as of `summarise`."""
    header, lines = read_cells(quality)
    rows = {row["patient"]: row for _, cells in lines if (row := dict(zip(header, cells, strict=True)))}
    files = open_hemispheres(manifest, patients := [*patients])
    return {
        patient: Images(
            _parse_quality(rows.get(patient, {})), measure_intensities(files[patient], series=series)
        )
        for patient in patients
    }


def _parse_quality(row: Mapping[str, str]) -> dict[str, float]:
    """Return the numbers of `list_quality` in a patient's row of quality.tsv."""
    return {name: float(row[name]) for name in NUMBERS if name not in _OF_THE_PATIENT and row.get(name)}


def collect_ranges(patients: Iterable[Mapping[str, float]]) -> dict[str, Range]:
    """Return the spread of each number that `FEWEST` patients or more have; a mapping a patient."""
    values: dict[str, list[float]] = {}
    for numbers in patients:
        for name, value in numbers.items():
            values.setdefault(name, []).append(value)
    return _ranges(values)


def _ranges(values: Mapping[str, Sequence[float]]) -> dict[str, Range]:
    return {name: make_range(some) for name, some in values.items() if len(some) >= FEWEST}


def make_range(values: Sequence[float]) -> Range:
    """Return the spread of `FEWEST` values or more."""
    level = max(_LEVEL, _LEFT_OUT / len(values))
    found = np.quantile(np.asarray(values, float), [level, 0.25, 0.5, 0.75, 1 - level])
    low, lower, median, upper, high = (float(f"{value:.4g}") for value in found)
    return Range(n=len(values), low=low, lower_quartile=lower, median=median, upper_quartile=upper, high=high)
