"""A phantom cohort as a training takes it, made without Snakemake: hemispheres, lesions and tables."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from strokeclock.cohort.cells import write_cells
from strokeclock.cohort.parts import PARTS
from strokeclock.cohort.split import write_split
from strokeclock.imaging.hemispheres import make_hemispheres, write_hemispheres
from strokeclock.imaging.matching import NONE
from strokeclock.imaging.reference import Reference, make_reference
from strokeclock.imaging.volume import Volume, write_volume
from strokeclock.phantom.clinic import draw_patient
from strokeclock.phantom.registered import RegisteredPatient, make_registered_patient
from strokeclock.provenance import digest_file
from strokeclock.segmentation import lesion


def make_cohort(folder: Path, config: Mapping, *, counts: Sequence[int], processes: int) -> None:
    """Make patients' hemispheres, lesions and tables; those that are there stay as they are.

    Raises
    ------
    SystemExit
        The folder holds patients that were made with other settings.
    """
    phantom = config["phantom"]
    folder.mkdir(parents=True, exist_ok=True)
    made_with = {"phantom": phantom, "channels": config["models"]["channels"]} | {
        key: config["preprocessing"][key] for key in ("grid", "intensity")
    }
    settings = folder / "settings.json"
    if settings.exists() and json.loads(settings.read_text()) != made_with:
        raise SystemExit(f"{folder} holds patients made with other settings: name another folder.")
    settings.write_text(json.dumps(made_with))
    records = [draw_patient(number, seed=phantom["seed"], settings=phantom) for number in range(sum(counts))]
    parts = np.repeat(PARTS, counts)
    for name in ("hemispheres", "lesions"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        first = make_registered_patient(
            0, seed=phantom["seed"], settings=phantom, grid=tuple(config["preprocessing"]["grid"])
        )
        make = partial(make_patient, folder=folder, config=config, reference=reference_of(first, config))
        # a brain is made once in a process, and neighbours in age share it
        order = sorted(range(len(records)), key=lambda number: records[number].age)
        batches = np.array_split(order, processes)
        boxes = dict(row for rows in pool.map(make, batches) for row in rows)
    trained = [boxes[number] for number in range(counts[0])]
    low, high = np.min(trained, axis=0)[:, 0], np.max(trained, axis=0)[:, 1]
    (folder / "brain_box.json").write_text(json.dumps({"box": np.stack([low, high], axis=1).tolist()}))
    pd.DataFrame(
        {
            "patient": [record.patient for record in records],
            "onset_to_mri_min": [record.onset_to_mri_min for record in records],
            "lesion_side": [record.lesion_side for record in records],
        }
    ).to_csv(folder / "cohort.tsv", sep="\t", index=False)
    drawn = [
        (record.patient, record.lesion_volume_ml, lesion.DRAWN, "")
        for record in records
        if (folder / f"lesions/{record.patient}.nii.gz").exists()
    ]
    digests = [
        (record.patient, digest_file(folder / f"hemispheres/{record.patient}.npy")) for record in records
    ]
    write_cells(folder / "hemispheres/manifest.tsv", ("patient", "sha256"), digests)
    pd.DataFrame(drawn, columns=lesion.COLUMNS).to_csv(folder / "lesions/volumes.tsv", sep="\t", index=False)
    write_split(
        folder / "split.tsv",
        pd.DataFrame({"patient": [record.patient for record in records], "part": parts}),
    )


def reference_of(patient: RegisteredPatient, config: Mapping) -> Reference | None:
    """The histogram reference is the first training patient, as in the workflow; None: nothing is matched."""
    intensity = config["preprocessing"]["intensity"]
    if intensity["matching"] == NONE:
        return None
    return make_reference(
        patient.volumes,
        patient.brain_mask > 0,
        patient=patient.record.patient,
        part="train",
        **{key: intensity[key] for key in ("normalisation", "clip", "matching", "match_points")},
    )


def make_patient(
    numbers: Sequence[int], *, folder: Path, config: Mapping, reference: Reference | None
) -> list[tuple[int, list[tuple[int, int]]]]:
    """Make patients; return of each the box of a hemisphere that the brain fills."""
    phantom, intensity = config["phantom"], config["preprocessing"]["intensity"]
    boxes = []
    for number in map(int, numbers):
        name = draw_patient(number, seed=phantom["seed"], settings=phantom).patient
        path = folder / f"hemispheres/{name}.npy"
        if not path.exists():
            patient = make_registered_patient(
                number, seed=phantom["seed"], settings=phantom, grid=tuple(config["preprocessing"]["grid"])
            )
            volumes = {name: Volume(data, patient.affine) for name, data in patient.volumes.items()}
            hemispheres = make_hemispheres(
                volumes,
                Volume(patient.brain_mask, patient.affine),
                patient=name,
                channels=config["models"]["channels"],
                reference=reference,
                **{key: intensity[key] for key in ("normalisation", "clip", "percentiles")},
            )
            if patient.lesion.any():  # the smallest fill no voxel
                write_volume(folder / f"lesions/{name}.nii.gz", Volume(patient.lesion, patient.affine))
            write_hemispheres(path, hemispheres)  # the last: what is there is whole
        brain = np.load(path, mmap_mode="r").any(axis=(0, 1))
        used = [np.flatnonzero(brain.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
        boxes.append((number, [(int(axis[0]), int(axis[-1]) + 1) for axis in used]))
    return boxes
