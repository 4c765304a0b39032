"""What histogram matching does to the clock, and what it is good for (docs/methods/preprocessing.md).

    python benchmarks/study_matching.py --patients 3 --cohort 150 --real results/mine/preprocessed/p1

ratio  How far lesions' ratios to the contralateral side move, median and worst, registered phantoms and real
       patients against references of both sites. zero: of intensities in which no signal is 0, the shift of
       z-score and percentiles undone; input: of the values that a network gets; contrast: the change of
       (lesion - contralateral) / brain median of these values.
align  Of grey and white matter at the input: SD over all patients and difference of the two sites, over the
       mean; shape: distance of the histogram from that of a reference of the other site, in SD.
onset  TSS < 4.5 h by logistic regression on the true lesion's values, learned at one site and tested at the
       other: AUC, and log loss after correction for prevalence, means of both directions.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1"}

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from strokeclock.imaging.intensity import histogram_profile, normalise, rescale
from strokeclock.imaging.matching import landmarks, log_quantiles, match_bounded, match_landmarks
from strokeclock.imaging.volume import read_volume
from strokeclock.phantom import registered
from strokeclock.phantom.clinic import PatientRecord, cohort_seed, draw_patient
from strokeclock.phantom.sites import SITES
from strokeclock.segmentation.lesion import locate_on_dwi
from strokeclock.series import CHANNELS, SIDES

PHANTOM = yaml.safe_load((Path(__file__).parents[1] / "config/config.yaml").read_text())["phantom"]
TERRITORIES = {1: "mca_perforator", 4: "mca_perforator", 15: "mca_branch", 80: "mca_large", 165: "mca_large"}
FULL, HALF = (224, 224, 26), (112, 112, 13)
FIRST = 11  # phantom with a lesion of a given size
REFERENCE = 2  # phantom of each site
PERCENTILES, POINTS = (0.1, 99.9), 7  # of the paper's steps
PURE = {"grey": 0.9, "white": 0.95}  # least share of a tissue
LIMIT_MIN = 270


@dataclass(frozen=True)
class Case:
    """One patient's brain voxels (n,): series; the lesion, the same places contralaterally, pure tissues.

    `name` begins with the site of a phantom.
    """

    name: str
    series: dict[str, np.ndarray]
    lesion: np.ndarray
    contralateral: np.ndarray
    tissues: dict[str, np.ndarray]
    record: PatientRecord | None

    @property
    def has_lesion(self) -> bool:
        return min(self.lesion.sum(), self.contralateral.sum()) >= 2


class Method(NamedTuple):
    """learn: reference's voxels -> target. apply: voxels, target -> a network's values, that of no signal."""

    learn: Callable[[np.ndarray], tuple]
    apply: Callable[[np.ndarray, tuple], tuple[np.ndarray, float]]


def everywhere(data: np.ndarray) -> np.ndarray:
    return np.ones(data.shape, bool)


def learn_landmarks(data: np.ndarray) -> tuple:
    """The paper's landmarks of z-scores; mean and SD."""
    inside = everywhere(data)
    points = landmarks(normalise(data, inside), inside, match_points=POINTS)
    return points, data.mean(dtype=float), data.std(dtype=float)


def match_as_paper(data: np.ndarray, target: tuple) -> tuple[np.ndarray, float]:
    """z-score, landmarks, percentiles. The shift is undone in the reference's intensities."""
    points, mean, sd = target
    inside = everywhere(data)
    return _scale(match_landmarks(normalise(data, inside), inside, target=points), mean, sd)


def scale_zscore(data: np.ndarray, _: tuple) -> tuple[np.ndarray, float]:
    """z-score and percentiles."""
    return _scale(normalise(data, everywhere(data)), data.mean(dtype=float), data.std(dtype=float))


def _scale(data: np.ndarray, mean: float, sd: float) -> tuple[np.ndarray, float]:
    low, high = np.percentile(data, PERCENTILES)
    return rescale(data, everywhere(data), percentiles=PERCENTILES), float((-mean / sd - low) / (high - low))


def learn_quantiles(data: np.ndarray) -> tuple:
    inside = everywhere(data)
    return (log_quantiles(normalise(data, inside, method="median"), inside),)


def match_within(data: np.ndarray, target: tuple, *, bend: float) -> tuple[np.ndarray, float]:
    """The brain's median, and a map whose slopes are within 1 ± bend."""
    inside = everywhere(data)
    matched = match_bounded(normalise(data, inside, method="median"), inside, target=target[0], bend=bend)
    return rescale(matched, inside, percentiles=None), 0.0


def scale_median(data: np.ndarray, _: tuple) -> tuple[np.ndarray, float]:
    """The brain's median alone: the default."""
    inside = everywhere(data)
    return rescale(normalise(data, inside, method="median"), inside, percentiles=None), 0.0


def learn_nothing(_: np.ndarray) -> tuple:
    return ()


METHODS = {
    "z-score, landmarks": Method(learn_landmarks, match_as_paper),
    "z-score": Method(learn_nothing, scale_zscore),
    "median": Method(learn_nothing, scale_median),
    **{
        f"median, bend {bend:g}": Method(learn_quantiles, partial(match_within, bend=bend))
        for bend in (0.05, 0.2, 0.5)
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=3, help="phantoms of each size and site; 0: none")
    parser.add_argument("--cohort", type=int, default=150, help="phantoms of each site for align and onset")
    parser.add_argument("--real", nargs="*", default=[], type=Path, help="folders of preprocessed patients")
    arguments = parser.parse_args()
    if arguments.patients or arguments.real:
        sized = [
            make_case(FIRST + number, site, grid=FULL, volume_ml=volume)
            for site in SITES
            for volume in TERRITORIES
            for number in range(arguments.patients)
        ]
        real = [part for folder in arguments.real for part in read_case(folder)]
        print_ratios(sized + real, {site: make_case(REFERENCE, site, grid=FULL) for site in SITES})
    if arguments.cohort:
        cohort = {
            site: [make_case(number + 1, site, grid=HALF) for number in range(arguments.cohort)]
            for site in SITES
        }
        for name, method in METHODS.items():
            print_cohort(name, method, cohort)


def make_case(number: int, site: str, *, grid: tuple[int, int, int], volume_ml: int | None = None) -> Case:
    """A registered phantom; with a volume, one lesion of that size that DWI shows."""
    settings = PHANTOM | {"site": site}
    placed = []

    def keep(*arguments: object) -> object:
        placed.append(place(*arguments))
        return placed[-1]

    def draw(number: int, **keywords: object) -> PatientRecord:
        record = draw_patient(number, **keywords)
        if volume_ml is None:
            return record
        side = SIDES[number % 2]
        volumes = {f"lesion_volume_{name}_ml": float(volume_ml * (name == side)) for name in SIDES}
        return replace(
            record,
            lesion_side=side,
            territory=TERRITORIES[volume_ml],
            dwi_negative=False,
            core_radc=min(record.core_radc, 0.85),
            **volumes,
        )

    place = registered.place_brain
    with mock.patch.multiple(registered, place_brain=keep, draw_patient=draw):
        made = registered.make_registered_patient(
            number, seed=cohort_seed(settings), settings=settings, grid=grid
        )
    index, brain = placed[0]
    tissues = {}
    for name, values in (("grey", brain.gm), ("white", brain.wm)):
        share = np.zeros((*grid[:2], grid[2] * registered.SUBSLICES), np.float32)
        share.ravel()[index] = values
        tissues[name] = share.reshape(*grid, registered.SUBSLICES).mean(-1) > PURE[name]
    title = f"{site} {volume_ml} mL" if volume_ml else site
    volumes = {name: made.volumes[name] for name in CHANNELS}
    return cut_case(title, volumes, made.brain_mask > 0, made.lesion > 0, tissues, made.record)


def cut_case(
    name: str,
    volumes: dict[str, np.ndarray],
    mask: np.ndarray,
    lesion: np.ndarray,
    tissues: dict[str, np.ndarray],
    record: PatientRecord | None,
) -> Case:
    """Keep the brain's voxels of volumes (X, Y, Z) whose middle column is the mid-sagittal plane."""
    return Case(
        name,
        {series: data[mask] for series, data in volumes.items()},
        lesion[mask],
        (lesion[::-1] & ~lesion)[mask],
        {tissue: (pure & ~lesion)[mask] for tissue, pure in tissues.items()},
        record,
    )


def read_case(folder: Path) -> list[Case]:
    """A patient with the lesion found on DWI; the same with 4 and 1 mL of it, the rest of it made healthy.

    The healthy tissue is that of the contralateral side.
    """
    names = [name for name in CHANNELS if (folder / f"{name}.nii.gz").is_file()]
    volumes = {
        name: read_volume(folder / f"{name}.nii.gz", patient=folder.name, series=name)
        for name in (*names, "brain_mask")
    }
    mask = volumes["brain_mask"].data > 0
    found = [locate_on_dwi(volumes["dwi"], side=side).data > 0 for side in SIDES]
    lesion = max(found, key=np.sum) & mask
    data = {name: volumes[name].data for name in names}
    places, spacing = np.argwhere(lesion), volumes["dwi"].spacing
    whole_ml = len(places) * spacing.prod() / 1000
    cases = [cut_case(f"{folder.name} {whole_ml:.1f} mL", data, mask, lesion, {}, None)]
    middle = places[len(places) // 2]
    nearest = places[np.argsort((((places - middle) * spacing) ** 2).sum(1), kind="stable")]
    for volume_ml in (4, 1):
        count = round(volume_ml * 1000 / spacing.prod())
        if count < len(places):
            part = np.zeros_like(lesion)
            part[tuple(nearest[:count].T)] = True
            replaced = lesion & ~part & mask[::-1]
            healed = {name: np.where(replaced, values[::-1], values) for name, values in data.items()}
            cases.append(cut_case(f"{folder.name} {volume_ml} mL", healed, mask, part, {}, None))
    return cases


def print_ratios(cases: Sequence[Case], references: dict[str, Case]) -> None:
    """Print how ratios and contrasts move, by series and method, and by lesion and whose reference it is."""
    changes, before = defaultdict(list), defaultdict(list)
    for (name, method), (site, reference) in product(METHODS.items(), references.items()):
        targets = {series: method.learn(data) for series, data in reference.series.items()}
        for case in cases:
            for series, data in case.series.items():
                ratio, contrast = _compare(data, 0.0, case)
                values, zero = method.apply(data, targets[series])
                kept, _ = _compare(values, zero, case)
                seen, shown = _compare(values, 0.0, case)
                row = abs(kept / ratio - 1), abs(seen / ratio - 1), abs(shown - contrast)
                origin = "own" if case.name.startswith(site) else "other"
                for key in (("all", ""), (case.name, origin)):
                    changes[series, *key, name].append(row)
                    before[series, *key].append(ratio)
    kinds = (f"{kind} {number}" for kind in ("zero", "input", "contrast") for number in ("median", "worst"))
    print("series", "lesion", "reference", "method", "n", "ratio", *kinds, sep="\t")
    for key, rows in sorted(changes.items(), key=lambda item: item[0][:3]):
        numbers = np.column_stack([np.median(rows, axis=0), np.max(rows, axis=0)]).ravel()
        ratio = np.median(before[key[:3]])
        print(*key, len(rows), f"{ratio:.2f}", *(f"{n:.3f}" for n in numbers), sep="\t")


def _compare(values: np.ndarray, zero: float, case: Case) -> tuple[float, float]:
    """Return lesion : contralateral and (lesion - contralateral) / brain median, of values above ``zero``."""
    lesion, other = (values[place].mean(dtype=float) - zero for place in (case.lesion, case.contralateral))
    return lesion / other, (lesion - other) / (np.median(values) - zero)


def print_cohort(name: str, method: Method, cohort: dict[str, list[Case]]) -> None:
    """Print how well grey and white matter agree, and how well time is predicted at the other site."""
    measured = {}
    for of in SITES:
        reference = cohort[of][REFERENCE - 1]
        targets = {series: method.learn(data) for series, data in reference.series.items()}
        shapes = {
            series: histogram_profile(data, ~reference.lesion) for series, data in reference.series.items()
        }
        for site in SITES:
            measured[of, site] = [_measure(method, case, targets, shapes) for case in cohort[site]]
    for place, series in enumerate(CHANNELS):
        rows = []
        for of in SITES:
            values = {site: np.array([one.healthy[place] for one in measured[of, site]]) for site in SITES}
            both = np.concatenate([*values.values()])[:, :2]
            sites = np.abs(np.subtract(*(found[:, :2].mean(0) for found in values.values())))
            shape = [found[:, 2].mean() for site, found in values.items() if site != of]
            rows.append([*both.std(0) / both.mean(0), *sites / both.mean(0), *shape])
        titles = ("spread grey", "spread white", "sites grey", "sites white", "shape")
        numbers = (f"{title} {n:.3f}" for title, n in zip(titles, np.mean(rows, axis=0), strict=True))
        print("align", name, series, *numbers, sep="\t")
    for inputs in ("ratio", "contrast", "absolute"):
        found = [
            _transfer(
                *(_table(measured[of, site], cohort[site], inputs) for site in (of, *({*SITES} - {of})))
            )
            for of in SITES
        ]
        auc, loss = np.mean(found, axis=0)
        print("onset", name, inputs, f"AUC {auc:.3f}", f"log loss {loss:.3f}", sep="\t")


class Measured(NamedTuple):
    """Of each series: healthy (grey, white, shape); of the lesion log ratio, contrast, value over median."""

    healthy: list[tuple[float, float, float]]
    ratio: list[float]
    contrast: list[float]
    absolute: list[float]


def _measure(
    method: Method, case: Case, targets: dict[str, tuple], shapes: dict[str, np.ndarray]
) -> Measured:
    found = Measured([], [], [], [])
    for series, data in case.series.items():
        values, _ = method.apply(data, targets[series])
        shape = np.abs(histogram_profile(values, ~case.lesion) - shapes[series]).mean()
        grey, white = (float(np.median(values[place])) for place in case.tissues.values())
        found.healthy.append((grey, white, float(shape)))
        if case.has_lesion:
            median = np.median(values)
            lesion, other = (values[place].mean(dtype=float) for place in (case.lesion, case.contralateral))
            found.ratio.append(float(np.log(max(lesion, 0.01) / max(other, 0.01))))
            found.contrast.append(float((lesion - other) / median))
            found.absolute.append(float(lesion / median))
    return found


def _table(measured: Iterable[Measured], cases: Sequence[Case], inputs: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the inputs (n, series + 1) of the patients with a lesion, and whether TSS < 4.5 h."""
    rows, early = [], []
    for found, case in zip(measured, cases, strict=True):
        if case.has_lesion and case.record is not None:
            rows.append([*getattr(found, inputs), np.log(case.lesion.sum())])
            early.append(case.record.onset_to_mri_min < LIMIT_MIN)
    return np.array(rows), np.array(early)


def _transfer(
    learned: tuple[np.ndarray, np.ndarray], tested: tuple[np.ndarray, np.ndarray]
) -> tuple[float, float]:
    """Return AUC and log loss at the site that was not learned from, with its prevalence known."""
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(*learned)
    odds = [np.log(early.mean() / (1 - early.mean())) for _, early in (learned, tested)]
    scores = model.decision_function(tested[0]) + odds[1] - odds[0]
    return roc_auc_score(tested[1], scores), log_loss(tested[1], 1 / (1 + np.exp(-scores)))


if __name__ == "__main__":
    main()
