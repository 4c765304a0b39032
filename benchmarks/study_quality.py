"""How often the quality checks err: verdicts of good phantoms of both sites, and of their corrupted copies.

    python benchmarks/study_quality.py --work FOLDER --good 100 --bad 10 > rows.tsv

One row a phantom, site and kind: verdict and reason. Good phantoms should pass ("good", and `HARMLESS`
changes); no corrupted copy should. What is made is kept in the folder, so the study goes on where it was
stopped. The summary goes to standard error. docs/methods/quality.md holds the results.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1"}

import argparse
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import yaml
from scipy import ndimage

from strokeclock.imaging.atlas import ATLAS_FILES, Atlas, build_atlas, read_atlas
from strokeclock.imaging.check import check
from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.open_chain import preprocess_patient
from strokeclock.imaging.volume import Volume, compute_adc, read_volume, write_volume
from strokeclock.phantom.patient import SERIES, make_patient, write_patient

CONFIG = yaml.safe_load((Path(__file__).parents[1] / "config/config.yaml").read_text())
SITES = ("siemens", "philips-ge")
IMAGES = ("t2w", "dwi", "flair", "adc", "brain_mask")
B_VALUE = 1000.0

Scans = Mapping[str, Volume | None]
Change = Callable[[Volume, np.random.Generator], Volume]
Kind = Callable[[Mapping[str, Volume], Mapping[str, Volume], np.random.Generator], Scans]


# -- changes of one volume


def _with(data: np.ndarray, volume: Volume) -> Volume:
    return Volume(np.ascontiguousarray(data, dtype=np.float32), volume.affine)


def _bright(data: np.ndarray) -> float:
    return float(np.median(data[data > data.mean()]))


def times(factor: float) -> Change:
    return lambda v, _: _with(v.data * factor, v)


def flipped(*axes: int) -> Change:
    return lambda v, _: _with(np.flip(v.data, axes), v)


def spaced(*factors: float) -> Change:
    return lambda v, _: Volume(v.data, v.affine @ np.diag([*factors, 1.0]))


def half(axis: int) -> Change:
    """The lower half along an axis is 0."""

    def change(volume: Volume, _: np.random.Generator) -> Volume:
        data = np.moveaxis(volume.data.copy(), axis, 0)
        data[: len(data) // 2] = 0
        return _with(np.moveaxis(data, 0, axis), volume)

    return change


def noise(volume: Volume, random: np.random.Generator) -> Volume:
    level = _bright(volume.data) / 2
    return _with(np.hypot(*random.normal(0, level, (2, *volume.shape))), volume)


def fourth_slices_empty(volume: Volume, _: np.random.Generator) -> Volume:
    data = volume.data.copy()
    data[:, :, ::4] = 0
    return _with(data, volume)


def shuffled(volume: Volume, random: np.random.Generator) -> Volume:
    return _with(volume.data[:, :, random.permutation(volume.shape[2])], volume)


def even_first(volume: Volume, _: np.random.Generator) -> Volume:
    slices = volume.shape[2]
    return _with(volume.data[:, :, [*range(0, slices, 2), *range(1, slices, 2)]], volume)


def saturated(volume: Volume, _: np.random.Generator) -> Volume:
    top = np.percentile(volume.data[volume.data > volume.data.mean()], 75)
    return _with(np.minimum(volume.data, top), volume)


def overflowed(volume: Volume, _: np.random.Generator) -> Volume:
    top = np.percentile(volume.data[volume.data > volume.data.mean()], 88)
    return _with(np.mod(np.rint(volume.data), np.rint(top)), volume)


def raised(volume: Volume, _: np.random.Generator) -> Volume:
    return _with(volume.data + _bright(volume.data), volume)


def to_unit(volume: Volume, _: np.random.Generator) -> Volume:
    return _with(volume.data / np.percentile(volume.data, 99.9), volume)


def logarithm(volume: Volume, _: np.random.Generator) -> Volume:
    return _with(np.log1p(volume.data), volume)


def eight_bits(volume: Volume, _: np.random.Generator) -> Volume:
    data = np.clip(volume.data / np.percentile(volume.data, 99) * 255, 0, 255)
    return _with(np.rint(data), volume)


def head_mask(volume: Volume, _: np.random.Generator) -> Volume:
    return _with(ndimage.gaussian_filter(volume.data, 2) > volume.data.mean(), volume)


# -- other series, from T2w and DWI; on their grid


def adc_map(scans: Mapping[str, Volume]) -> Volume:
    """In 1e-6 mm2/s, 0 outside the head."""
    t2w = scans["t2w"]
    adc = compute_adc(t2w, scans["dwi"], b_value=B_VALUE).data
    return _with(np.where(t2w.data > 0.3 * _bright(t2w.data), adc * 1e6, 0), t2w)


def exponential_adc(scans: Mapping[str, Volume]) -> Volume:
    adc = adc_map(scans)
    return _with(1000 * np.exp(-adc.data / 1000) * (adc.data > 0), adc)


def t1w(scans: Mapping[str, Volume]) -> Volume:
    """Grey matter darker than white, fluid darkest."""
    t2w = scans["t2w"]
    level = _bright(t2w.data)
    data = np.clip(1.9 * level - t2w.data, 0.05 * level, None)
    return _with(np.where(t2w.data > 0.25 * level, data, 0.2 * t2w.data), t2w)


def anisotropy(scans: Mapping[str, Volume], random: np.random.Generator) -> Volume:
    t2w = scans["t2w"]
    data = np.clip(0.75 - 0.35 * t2w.data / _bright(t2w.data), 0.03, 0.9) + random.normal(0, 0.06, t2w.shape)
    return _with(np.where(adc_map(scans).data > 0, np.maximum(data, 0), 0), t2w)


def susceptibility(scans: Mapping[str, Volume]) -> Volume:
    flair = scans["flair"]
    level = _bright(flair.data)
    return _with(np.where(flair.data > 0.15 * level, 0.7 * level + 0.1 * flair.data, flair.data), flair)


def _onto(volume: Volume, other: Volume) -> Volume:
    """The middle of one array in that of another, as a file with a wrong header would have it."""
    data = np.zeros(other.shape, np.float32)
    sizes = [min(a, b) for a, b in zip(volume.shape, other.shape, strict=True)]
    take, put = (
        tuple(slice((n - size) // 2, (n - size) // 2 + size) for n, size in zip(shape, sizes, strict=True))
        for shape in (volume.shape, other.shape)
    )
    data[put] = volume.data[take]
    return _with(data, other)


# -- kinds


def on(change: Change, *names: str) -> Kind:
    """The series of these names changed."""
    return lambda scans, _, random: {
        **scans, **{name: change(scans[name], random) for name in names}
    }  # fmt: skip


def instead(name: str, make: Callable[[Mapping[str, Volume], np.random.Generator], Volume]) -> Kind:
    """Another image in a series' column; as adc, without a T2w."""
    t2w = {"t2w": None} if name == "adc" else {}
    return lambda scans, _, random: {**scans, **t2w, name: make(scans, random)}


def _shuffled_together(scans: Mapping[str, Volume], _: object, random: np.random.Generator) -> Scans:
    order = {v.shape[2]: random.permutation(v.shape[2]) for v in scans.values()}
    return {name: _with(v.data[:, :, order[v.shape[2]]], v) for name, v in scans.items()}


HARMLESS: dict[str, Kind] = {
    "good": lambda scans, *_: scans,
    "T2w derived from DWI and ADC": instead("adc", lambda s, _: adc_map(s)),
    "FLAIR scaled to 0 to 1": on(to_unit, "flair"),
}
KINDS: dict[str, Kind] = {
    "T2w and DWI exchanged": lambda s, *_: {**s, "t2w": s["dwi"], "dwi": s["t2w"]},
    "T2w in DWI": instead("dwi", lambda s, _: s["t2w"]),
    "DWI in T2w": instead("t2w", lambda s, _: s["dwi"]),
    "T2w times .45 in DWI": instead("dwi", lambda s, _: _with(0.45 * s["t2w"].data, s["t2w"])),
    **{f"DWI times {factor:g}": on(times(factor), "dwi") for factor in (4, 2, 1.5, 0.7, 0.5, 0.25)},
    "DWI of b 500": instead("dwi", lambda s, _: _with(np.sqrt(s["dwi"].data * s["t2w"].data), s["dwi"])),
    "DWI of b 2000": instead(
        "dwi", lambda s, _: _with(s["dwi"].data ** 2 / np.maximum(s["t2w"].data, 1), s["dwi"])
    ),
    "ADC in DWI": instead("dwi", lambda s, _: adc_map(s)),
    "exponential ADC in DWI": instead("dwi", lambda s, _: exponential_adc(s)),
    "DWI of another patient": lambda s, o, _: {**s, "dwi": _onto(o["dwi"], s["dwi"])},
    "T1w in T2w": instead("t2w", lambda s, _: t1w(s)),
    "T2w in FLAIR": instead("flair", lambda s, _: s["t2w"]),
    "DWI in FLAIR": instead("flair", lambda s, _: s["dwi"]),
    "ADC in FLAIR": instead("flair", lambda s, _: adc_map(s)),
    "T1w in FLAIR": instead("flair", lambda s, _: t1w(s)),
    "FA in FLAIR": instead("flair", anisotropy),
    "SWI in FLAIR": instead("flair", lambda s, _: susceptibility(s)),
    "FLAIR of another patient": lambda s, o, _: {**s, "flair": o["flair"]},
    "exponential ADC in ADC": instead("adc", lambda s, _: exponential_adc(s)),
    "FA in ADC": instead("adc", anisotropy),
    "T1w in ADC": instead("adc", lambda s, _: t1w(s)),
    "T2w in ADC": instead("adc", lambda s, _: s["t2w"]),
    "DWI in ADC": instead("adc", lambda s, _: s["dwi"]),
    "noise in ADC": instead("adc", lambda s, r: _with(noise(to_unit(s["t2w"], r), r).data * 2000, s["t2w"])),
    "ADC times 2": instead("adc", lambda s, _: _with(2 * adc_map(s).data, s["t2w"])),
    **{
        f"{name} {what}": on(change, name)
        for what, change in {
            "noise": noise,
            "half empty below": half(2),
            "half empty on a side": half(0),
            "every fourth slice empty": fourth_slices_empty,
            "saturated": saturated,
            "overflowed": overflowed,
            "upside down": flipped(2),
            "shuffled": shuffled,
            "mask": head_mask,
        }.items()
        for name in SERIES
        if (name, what) != ("t2w", "upside down")
    },
    "FLAIR logarithm": on(logarithm, "flair"),
    "FLAIR slices 1.4 times as far": on(spaced(1, 1, 1.4), "flair"),
    "FLAIR slices .7 times as far": on(spaced(1, 1, 0.7), "flair"),
    "T2w and DWI each scaled to 0 to 1": on(to_unit, "t2w", "dwi"),
    "T2w and DWI logarithms": on(logarithm, "t2w", "dwi"),
    "T2w and DWI raised": on(raised, "t2w", "dwi"),
    "T2w and DWI in 8 bits": on(eight_bits, "t2w", "dwi"),
    "upside down": on(flipped(2), *SERIES),
    "back to front": on(flipped(1), *SERIES),
    "turned about x": on(flipped(1, 2), *SERIES),
    "turned about y": on(flipped(0, 2), *SERIES),
    "turned about z": on(flipped(0, 1), *SERIES),
    "even slices first": on(even_first, *SERIES),
    "slices shuffled": _shuffled_together,
    "slices 1.5 times as far": on(spaced(1, 1, 1.5), *SERIES),
    "slices .65 times as far": on(spaced(1, 1, 0.65), *SERIES),
    "columns 1.3 times as far": on(spaced(1.3, 1.3, 1), *SERIES),
    "mm for cm": on(spaced(10, 10, 10), *SERIES),
    "a fifth of the size": on(spaced(0.2, 0.2, 0.2), *SERIES),
}


# -- the study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder that keeps what is made")
    parser.add_argument("--good", type=int, default=100, help="phantoms of each site")
    parser.add_argument("--bad", type=int, default=10, help="of them, those that are corrupted")
    parser.add_argument("--first", type=int, default=1, help="number of the first phantom")
    arguments = parser.parse_args()
    atlas = _atlas(arguments.work / "atlas")
    verdicts: dict[str, list[str]] = defaultdict(list)
    print("kind", "site", "phantom", "verdict", "reason", sep="\t")
    for number in range(arguments.first, arguments.first + arguments.good):
        kinds = {"good": HARMLESS["good"]}
        if number < arguments.first + arguments.bad:
            kinds = HARMLESS | KINDS
        for site in SITES:
            for kind, verdict, reason in _judge(number, site, kinds, atlas, arguments.work):
                verdicts[kind].append(verdict)
                print(kind, site, number, verdict, reason, sep="\t", flush=True)
    for kind, found in verdicts.items():
        print(kind, dict(Counter(found)), file=sys.stderr)


def _judge(
    number: int, site: str, kinds: Mapping[str, Kind], atlas: Atlas, work: Path
) -> Iterator[tuple[str, str, str]]:
    """Kind, verdict and reason of one phantom's copies."""
    scans = _phantom(number, site, work)
    other = _phantom(number + 1, site, work) if len(kinds) > 1 else scans
    brain = read_volume(work / "atlas/brain_mask_grid.nii.gz", patient="atlas", series="brain_mask")
    thresholds = {key: value for key, value in CONFIG["quality"].items() if key != "verdicts"}
    for kind, corrupt in kinds.items():
        folder = work / "kinds" / f"{zlib.crc32(kind.encode()):08x}" / f"{site}-{number}"
        images = {name: folder / f"{name}.nii.gz" for name in IMAGES}
        to_atlas = folder / "t2w_to_atlas.txt"
        if not to_atlas.exists():
            random = np.random.default_rng([number, zlib.crc32(kind.encode())])
            raw = _write(corrupt(scans, other, random), folder / "raw")
            outputs = images | {
                "t2w_to_atlas": to_atlas,
                "flair_to_t2w": folder / "flair_to_t2w.txt",
                "findings": folder / "findings.json",
            }
            settings = CONFIG["preprocessing"]
            step = partial(
                preprocess_patient,
                raw,
                patient=kind,
                b_value=B_VALUE,
                atlas=atlas,
                shrink=settings["n4"]["shrink"],
                iterations=settings["open"]["n4_iterations"],
                shared_dwi=True,
                outputs=outputs,
            )
            run_step(step, patient=kind, inputs=[], outputs=outputs.values())
        record = check(
            {name: images[name] for name in IMAGES if name != "brain_mask"},
            images["brain_mask"],
            transform=to_atlas,
            patient=kind,
            atlas=atlas.grid,
            atlas_mask=brain,
            recorded_side="",
            thresholds=thresholds,
            person=None,
        )
        yield kind, record["verdict"], record["reason"]


def _phantom(number: int, site: str, work: Path) -> dict[str, Volume]:
    folder = work / site / f"{number:03d}"
    files = {name: folder / f"{name}.nii.gz" for name in SERIES}
    if not all(file.exists() for file in files.values()):
        folder.mkdir(parents=True, exist_ok=True)
        made = make_patient(number, seed=0, settings=CONFIG["phantom"] | {"site": site})
        truth = {"lesion": folder / "lesion.nii.gz", "brain_mask": folder / "mask.nii.gz"}
        write_patient(made, scans=files, **truth)
    return {name: read_volume(file, patient=site, series=name) for name, file in files.items()}


def _write(scans: Scans, folder: Path) -> dict[str, Path | None]:
    raw: dict[str, Path | None] = dict.fromkeys((*SERIES, "adc"))
    for name, volume in scans.items():
        if volume is not None:
            raw[name] = folder / f"{name}.nii.gz"
            write_volume(raw[name], volume)
    return raw


def _atlas(folder: Path) -> Atlas:
    paths = {name: folder / f"{name}.nii.gz" for name in ATLAS_FILES}
    if not all(path.exists() for path in paths.values()):
        folder.mkdir(parents=True, exist_ok=True)
        build_atlas(source="nilearn", grid=CONFIG["preprocessing"]["grid"], outputs=paths)
    return read_atlas(t2w=paths["t2w"], brain_mask=paths["brain_mask"], grid=paths["grid"])


if __name__ == "__main__":
    main()
