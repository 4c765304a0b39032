"""Phantoms beside real scans: contrast, sharpness, noise and lesion, measured alike on both.

    python benchmarks/study_realism.py --real T2W:DWI:FLAIR --real T2W:DWI:- --phantoms 12 --picture out.png

Series are NIfTI files, whole heads or stripped, b 1000; "-" where a patient has no FLAIR, and for the T2W the
ADC map's path after "adc=", from which b0 is derived. Each scan is registered to the atlas and corrected for
its bias field as in the open toolchain; tissue is where the atlas's maps, moved to the scan, have it and the
ADC is not that of fluid. One table: a column a real scan, the phantoms' median, and their 10th and 90th
percentiles.

    grey / white          median over cortex and deep nuclei / over deep white matter
    fluid / white         99th percentile of the brain / white matter
    p10, p90 / median     percentiles inside the brain
    edges                 95th percentile of the in-plane gradient's length inside the brain / median, per mm
    noise                 SD of white matter from voxel to voxel (a Laplacian's, robust) / its median
    lesion: x             median over the infarct / over its mirror image; infarct: ADC under .62e-3, DWI 1.3
                          times the brain's median, the largest patch, and 1 mL at least
    lesion SD             SD inside the infarct of log(DWI / mirrored), of log(FLAIR / mirrored)
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1"}

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy import ndimage

from strokeclock.imaging.affine import register_affine
from strokeclock.imaging.atlas import ATLAS_FILES, Atlas, build_atlas, read_atlas
from strokeclock.imaging.bias import correct, estimate_field_niimath
from strokeclock.imaging.mask import is_stripped, refine_mask, strip_by_zeros
from strokeclock.imaging.resample import resample, resample_mask
from strokeclock.imaging.rigid import register_rigid
from strokeclock.imaging.volume import Volume, read_series
from strokeclock.phantom.anatomy import load_template
from strokeclock.phantom.patient import make_patient, write_patient

CONFIG = yaml.safe_load((Path(__file__).parents[1] / "config/config.yaml").read_text())
B_VALUE = 1000.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", action="append", default=[], metavar="T2W:DWI:FLAIR")
    parser.add_argument("--phantoms", type=int, default=12)
    parser.add_argument("--first", type=int, default=1, help="number of the first phantom")
    parser.add_argument("--picture", type=Path, help="also draw the scans beside each other")
    parser.add_argument("--work", type=Path, required=True, help="folder for files in between")
    arguments = parser.parse_args()
    atlas = _atlas(arguments.work)
    columns, scans = {}, []
    for number, spec in enumerate(arguments.real, start=1):
        scans.append(_prepare(_paths(spec), atlas, name=f"real-{number}"))
        columns[f"real {number}"] = measure(scans[-1])
    found = []
    for number in range(arguments.first, arguments.first + arguments.phantoms):
        scans.append(_prepare(_phantom(number, arguments.work), atlas, name=f"phantom-{number}"))
        found.append(measure(scans[-1]))
    phantoms = pd.DataFrame(found)
    columns |= {
        "phantoms": phantoms.median(),
        "p10": phantoms.quantile(0.1),
        "p90": phantoms.quantile(0.9),
    }
    print(pd.DataFrame(columns).round(3).to_string())
    if arguments.picture:
        _draw(scans, arguments.picture)


def _atlas(work: Path) -> Atlas:
    paths = {name: work / f"{name}.nii.gz" for name in ATLAS_FILES}
    if not all(path.exists() for path in paths.values()):
        work.mkdir(parents=True, exist_ok=True)
        build_atlas(source="nilearn", grid=CONFIG["preprocessing"]["grid"], outputs=paths)
    return read_atlas(t2w=paths["t2w"], brain_mask=paths["brain_mask"], grid=paths["grid"])


def _paths(spec: str) -> dict[str, str | None]:
    t2w, dwi, flair = spec.split(":")
    derived = t2w.removeprefix("adc=") if t2w.startswith("adc=") else None
    return {
        "t2w": None if derived else t2w,
        "adc": derived,
        "dwi": dwi,
        "flair": None if flair == "-" else flair,
    }


def _phantom(number: int, work: Path) -> dict[str, str | None]:
    patient = make_patient(number, seed=0, settings=CONFIG["phantom"])
    scans = {name: work / f"{number}_{name}.nii.gz" for name in patient.scans}
    write_patient(patient, scans=scans, lesion=work / "lesion.nii.gz", brain_mask=work / "mask.nii.gz")
    return {**{name: str(path) for name, path in scans.items()}, "adc": None}


def _prepare(paths: Mapping[str, str | None], atlas: Atlas, *, name: str) -> dict[str, Volume]:
    """The series in the T2w's space, corrected; the brain, and to it the atlas's tissue and mirror image."""
    wanted = {key: path for key, path in paths.items() if path or key == "t2w"}
    if paths["flair"] is None:
        wanted["flair"] = paths["dwi"]  # a stand-in that is dropped again
    series = read_series(wanted, patient=name, b_value=B_VALUE)
    t2w = series["t2w"]
    to_atlas = register_affine(t2w, atlas.t2w, atlas.brain_mask, dof=12)
    mask = (
        strip_by_zeros(t2w)
        if is_stripped(t2w, atlas.brain_mask, to_atlas)
        else refine_mask(t2w, atlas.brain_mask, to_atlas, patient=name)
    )
    n4 = CONFIG["preprocessing"]
    schedule = {"shrink": n4["n4"]["shrink"], "iterations": n4["open"]["n4_iterations"], "patient": name}
    field = estimate_field_niimath(t2w, mask, **schedule)
    scan = {"t2w": correct(t2w, field), "dwi": correct(series["dwi"], field), "brain": mask}
    if paths["flair"]:
        flair = series["flair"]
        to_t2w = register_rigid(flair, t2w, series["dwi"], mask)
        own = resample_mask(mask, shape=flair.shape, affine=flair.affine, transform=np.linalg.inv(to_t2w))
        scan["flair"] = correct(flair, estimate_field_niimath(flair, own, **schedule))
        scan["flair_brain"] = own
        scan["flair_in_t2w"] = resample(scan["flair"], shape=t2w.shape, affine=t2w.affine, transform=to_t2w)
        scan["flair_to_t2w"] = Volume(np.zeros((1, 1, 1), np.float32), to_t2w)
    scan["to_atlas"] = Volume(np.zeros((1, 1, 1), np.float32), to_atlas)
    return scan


def _tissue(volume: Volume, to_atlas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The atlas's grey and white matter, (X, Y, Z) each, at the voxels of a volume."""
    index = np.indices(volume.shape, dtype=np.float32).reshape(3, -1)
    matrix = to_atlas @ volume.affine
    points = (matrix[:3, :3] @ index + matrix[:3, 3:]).astype(np.float32)
    template = load_template()
    return tuple(
        lattice.sample(points, outside=0).reshape(volume.shape) / 255
        for lattice in (template.gm, template.wm)
    )


def measure(scan: Mapping[str, Volume]) -> dict[str, float]:
    """Measure one scan of `_prepare`; a measure that it does not allow is left out."""
    to_atlas = scan["to_atlas"].affine
    brain = scan["brain"].data > 0
    b0, dwi = scan["t2w"].data, scan["dwi"].data
    with np.errstate(all="ignore"):
        adc = np.where(brain & (dwi > 0), np.log(b0 / dwi) / B_VALUE, np.nan)
    ill = _infarct(dwi, adc, brain, scan["t2w"])
    grey, white = _tissue(scan["t2w"], to_atlas)
    solid = brain & (adc < 1.05e-3) & ~ndimage.binary_dilation(ill, iterations=2)
    places = {"grey": solid & (grey > 0.75), "white": solid & (white > 0.95)}
    found = {"brain mL": brain.sum() * np.prod(scan["t2w"].spacing) / 1000}
    for name in ("grey", "white"):
        found[f"ADC {name}"] = np.nanmedian(adc[places[name]]) * 1e3
    found["ADC median"] = np.nanmedian(adc[brain]) * 1e3
    found["ADC p10"] = np.nanpercentile(adc[brain], 10) * 1e3
    for name in ("t2w", "dwi", "flair"):
        if name not in scan:
            continue
        here, inside, at = scan[name], brain, places
        if name == "flair":
            inside = scan["flair_brain"].data > 0
            g, w = _tissue(here, to_atlas @ scan["flair_to_t2w"].affine)
            low = here.data > 0.6 * np.median(here.data[inside])
            at = {"grey": inside & low & (g > 0.75), "white": inside & low & (w > 0.95)}
        found |= {f"{name}: {key}": value for key, value in _describe(here, inside, at).items()}
    volume = ill.sum() * np.prod(scan["t2w"].spacing) / 1000
    found["lesion mL"] = volume
    if volume >= 1:
        found |= _compare(scan, ill, adc, to_atlas)
    return found


def _describe(volume: Volume, inside: np.ndarray, at: Mapping[str, np.ndarray]) -> dict[str, float]:
    data = volume.data
    white = np.median(data[at["white"]])
    median = np.median(data[inside])
    slopes = np.gradient(data.astype(float), *volume.spacing[:2], axis=(0, 1))
    core = ndimage.binary_erosion(inside, np.ones((3, 3, 1)), iterations=2)
    laplacian = ndimage.convolve(
        data.astype(float), np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])[..., None] / 6
    )
    rough = laplacian[at["white"]]
    noise = 1.4826 * np.median(np.abs(rough - np.median(rough)))
    return {
        "grey / white": np.median(data[at["grey"]]) / white,
        "fluid / white": np.percentile(data[inside], 99) / white,
        "p10 / median": np.percentile(data[inside], 10) / median,
        "p90 / median": np.percentile(data[inside], 90) / median,
        "edges": np.percentile(np.hypot(*slopes)[core], 95) / median,
        "noise": noise / white,
    }


def _infarct(dwi: np.ndarray, adc: np.ndarray, brain: np.ndarray, on: Volume) -> np.ndarray:
    sigma = [1.0 / s for s in on.spacing[:2]] + [0]
    smooth = ndimage.gaussian_filter(dwi.astype(float), sigma)
    cold = ndimage.gaussian_filter(np.nan_to_num(adc, nan=1e-3), sigma)
    found = brain & (cold < 0.62e-3) & (smooth > 1.3 * np.median(dwi[brain]))
    patches, count = ndimage.label(found, np.ones((3, 3, 3)))
    if not count:
        return found
    return patches == 1 + np.argmax(np.bincount(patches.ravel())[1:])


def _compare(
    scan: Mapping[str, Volume], ill: np.ndarray, adc: np.ndarray, to_atlas: np.ndarray
) -> dict[str, float]:
    """Lesion over its mirror image about the atlas's mid-sagittal plane, medians and SDs of the log."""
    volume = scan["t2w"]
    mirror = np.diag([-1.0, 1, 1, 1])
    turn = np.linalg.inv(volume.affine) @ np.linalg.inv(to_atlas) @ mirror @ to_atlas @ volume.affine
    index = np.argwhere(ill).T
    across = turn[:3, :3] @ index + turn[:3, 3:]
    brain = ndimage.map_coordinates(scan["brain"].data.astype(np.float32), across, order=1) > 0.9
    fluid = ndimage.map_coordinates(np.nan_to_num(adc, nan=3e-3), across, order=1) > 1.1e-3
    kept = brain & ~fluid
    found = {}
    series = {"b0": scan["t2w"], "DWI": scan["dwi"]}
    if "flair_in_t2w" in scan:
        series["FLAIR"] = scan["flair_in_t2w"]
    for name, one in {**series, "ADC": Volume(np.nan_to_num(adc).astype(np.float32), volume.affine)}.items():
        own = one.data[ill][kept]
        other = ndimage.map_coordinates(one.data.astype(np.float32), across, order=1)[kept]
        found[f"lesion: {name}"] = np.median(own) / np.median(other)
        if name in ("DWI", "FLAIR", "ADC"):
            good = own > 0
            found[f"lesion SD: {name}"] = np.std(np.log(own[good]))
    return found


def _draw(scans: list[Mapping[str, Volume]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    heights = (-12.0, 8.0, 30.0)  # mm of the atlas
    figure, axes = plt.subplots(len(scans), 9, figsize=(22, 2.6 * len(scans)), squeeze=False)
    for row, scan in zip(axes, scans, strict=True):
        for axis in row:
            axis.axis("off")
        for column, name in enumerate(("t2w", "dwi", "flair")):
            if name not in scan:
                continue
            volume = scan[name]
            to_atlas = scan["to_atlas"].affine
            if name == "flair":
                to_atlas = to_atlas @ scan["flair_to_t2w"].affine
            inside = scan["flair_brain" if name == "flair" else "brain"].data > 0
            top = np.percentile(volume.data[inside], 99.3)
            matrix = to_atlas @ volume.affine
            for place, height in enumerate(heights):
                centre = np.linalg.inv(matrix) @ [0, -18, height, 1]
                k = int(np.clip(round(centre[2]), 0, volume.shape[2] - 1))
                picture = volume.data[:, :, k].T
                if volume.affine[0, 0] > 0:
                    picture = picture[:, ::-1]
                row[3 * column + place].imshow(
                    picture,
                    cmap="gray",
                    vmin=0,
                    vmax=top,
                    origin="lower",
                    aspect=volume.spacing[1] / volume.spacing[0],
                )
    figure.tight_layout(pad=0.1)
    figure.savefig(path, dpi=60, facecolor="black")


if __name__ == "__main__":
    main()
