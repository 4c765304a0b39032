"""Train every network row of Table 2 on one CUDA device, without Snakemake: how fast, and what it learns.

    python benchmarks/gpu_table2.py FOLDER --configfile config/tuned.yaml --set training.precision=bf16

Phantom patients of the paper's size and number are made in the folder, unless they are there, and each
training is the workflow's own, called as a library. Those of a chain follow one another; chains and other
rows share the device, a process each. Rows from ImageNet and from tumours start from random weights that
stand in: it changes no time, and no AUC is shown. PFLOP are those that are computed: kept maps save some.
With --epochs all phases last so many epochs, none stops early.
"""

import argparse
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # a process each

import numpy as np
import pandas as pd
import torch
import yaml
from sklearn.metrics import roc_auc_score
from torch._subclasses import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from strokeclock.cohort.split import write_split
from strokeclock.imaging import lesion
from strokeclock.imaging.hemispheres import make_hemispheres, write_hemispheres
from strokeclock.imaging.reference import Reference, make_reference
from strokeclock.imaging.volume import Volume, write_volume
from strokeclock.models.architecture import Architecture
from strokeclock.models.field import Field, read_box
from strokeclock.models.unet3d import UNet
from strokeclock.phantom.clinic import draw_patient
from strokeclock.phantom.registered import RegisteredPatient, make_registered_patient
from strokeclock.pretraining.restoration import train_restoration
from strokeclock.training.checkpoint import write_checkpoint
from strokeclock.training.classifier import train_phase
from strokeclock.training.feed import count_frozen_stages
from strokeclock.training.loop import freeze
from strokeclock.training.outline import train_outliner
from strokeclock.training.phases import (
    GENESIS,
    ORIGINS,
    OUTLINE,
    SHARED,
    Run,
    arms_table,
    frozen_modules,
    has_attention,
    network_settings,
    parent,
    phase_settings,
    read_tasks,
)
from strokeclock.training.prediction import predict

ROOT = Path(__file__).parents[1]
STAND_INS = {ORIGINS["imagenet"][0], ORIGINS["medical"][0]}
PARTS = ("train", "validation", "test")
COLUMNS = (*Run._fields, "epochs", "s", "pflop", "validation_auc", "test_auc")


def make_cohort(folder: Path, config: Mapping, *, counts: Sequence[int], processes: int) -> None:
    """Make patients' hemispheres, lesions and tables; those that are there stay as they are."""
    phantom = config["phantom"]
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
        lots = np.array_split(order, processes)
        boxes = dict(row for rows in pool.map(make, lots) for row in rows)
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
    pd.DataFrame(drawn, columns=lesion.COLUMNS).to_csv(folder / "lesions/volumes.tsv", sep="\t", index=False)
    write_split(
        folder / "split.tsv",
        pd.DataFrame({"patient": [record.patient for record in records], "part": parts}),
    )


def reference_of(patient: RegisteredPatient, config: Mapping) -> Reference:
    """The histogram reference is the first training patient, as in the workflow."""
    intensity = config["preprocessing"]["intensity"]
    return make_reference(
        patient.volumes,
        patient.brain_mask > 0,
        patient=patient.record.patient,
        part="train",
        **{key: intensity[key] for key in ("normalisation", "clip", "match_points")},
    )


def make_patient(
    numbers: Sequence[int], *, folder: Path, config: Mapping, reference: Reference
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


def list_jobs(config: Mapping, *, outliner: bool) -> list[list[Run]]:
    """The trainings, those that follow one another in one list; the longest lists first."""
    training = config["training"]
    tasks = read_tasks(training)
    runs = arms_table(training["networks"], training["arms"], training["seeds"], tasks=tasks)
    runs = [run for run in runs if run.phase not in STAND_INS]
    jobs = {}
    for run in runs:
        alone = run.weights in ("random", "imagenet", "medical") and tasks.get(run.phase) is not None
        alone = alone and tasks[run.phase].after is not None
        jobs.setdefault((run.net, run.seed, run.phase + run.weights if alone else "chain"), []).append(run)
    if outliner:
        jobs |= {("3d", seed, OUTLINE): [Run("3d", OUTLINE, "random", seed)] for seed in training["seeds"]}
    return sorted(jobs.values(), key=lambda job: (-len(job) * (job[0].net == "3d"), job[0].net == "2d"))


def train(run: Run, *, folder: Path, config: Mapping, device: str) -> dict[str, object]:
    """Train one network and score the test part; return its row."""
    start = time.perf_counter()
    training, models = config["training"], config["models"]
    tasks = read_tasks(training)
    output = model_folder(folder, run)
    shared = {key: training[key] for key in SHARED} | {"device": device}
    boxed = folder / "brain_box.json" if models["field"] == "brain" else None
    inputs = {
        "seed": run.seed,
        "hemispheres": folder / "hemispheres",
        "cohort": folder / "cohort.tsv",
        "split": folder / "split.tsv",
        "output": output,
        "box": boxed,
    }
    settings = network_settings(run.net, models)
    three = {key: settings[key] for key in ("average", "width", "standardise")}
    if run.phase == GENESIS:
        train_restoration(
            channels=settings["channels"], training=training[GENESIS] | shared, **three, **inputs
        )
    elif run.phase == OUTLINE:
        train_outliner(
            series=models["channels"],
            volumes=folder / "lesions/volumes.tsv",
            training=training[OUTLINE] | shared | {"augmentation": training["augmentation"]},
            **three,
            **inputs,
        )
    else:
        before = parent(run.net, run.phase, run.weights, tasks)
        if before and before[0] in STAND_INS:
            write_stand_in(folder, run._replace(phase=before[0], weights=before[1]), config)
        train_phase(
            run.phase,
            net=run.net,
            weights=run.weights,
            models=settings,
            training=phase_settings(run.phase, training) | shared,
            tasks=tasks,
            parent_model=before
            and model_folder(folder, run._replace(phase=before[0], weights=before[1])) / "model.pt",
            **inputs,
        )
    seconds = time.perf_counter() - start
    record = json.loads((output / "run.json").read_text())
    row = run._asdict() | {
        "epochs": record["epochs"],
        "s": round(seconds, 1),
        "pflop": float(
            f"{count_flop(run, folder=folder, config=config, epochs=record['epochs']) / 1e15:.4g}"
        ),
    }
    if run.phase in tasks and run.weights not in ("imagenet", "medical"):
        predict(
            output / "model.pt",
            output=output / "scores.tsv",
            channels=settings["channels"],
            threads=1,
            device=device,
            **{key: inputs[key] for key in ("hemispheres", "cohort", "split")},
        )
        scores = pd.read_csv(output / "scores.tsv", sep="\t")
        for part, rows in scores.groupby("part"):
            row[f"{part}_auc"] = round(roc_auc_score(rows["label"], rows["score"]), 4)
    return row


def model_folder(folder: Path, run: Run) -> Path:
    return folder / "models" / run.net / run.phase / run.weights / f"seed-{run.seed}"


def write_stand_in(folder: Path, run: Run, config: Mapping) -> None:
    """Random weights in the place of those that other images would have taught."""
    settings = network_settings(run.net, config["models"])
    network = build(run.net, "phase1_stroke", config, field=Field(), grid=(64, 64, 16))
    trunk = {"2d": "backbone.", "3d": "encoder."}[run.net]
    write_checkpoint(
        model_folder(folder, run) / "model.pt",
        weights={name: value for name, value in network.state_dict().items() if name.startswith(trunk)},
        record=run._asdict()
        | {"channels": settings["channels"], "participants": {part: [] for part in PARTS}},
    )


def build(
    net: str, phase: str, config: Mapping, *, field: Field, grid: Sequence[int], standardise: bool = True
) -> torch.nn.Module:
    settings = network_settings(net, config["models"]) | {"standardise": standardise}
    return Architecture.of(
        settings,
        box=field.box,
        net=net,
        grid=tuple(grid),
        attention=has_attention(
            phase,
            attention_enter=config["training"]["attention_enter"],
            tasks=read_tasks(config["training"]),
        ),
    ).build()


def count_flop(run: Run, *, folder: Path, config: Mapping, epochs: int) -> float:
    """FLOP that so many epochs of a training compute: forward and backward, and forward to validate."""
    training, models = config["training"], config["models"]
    tasks = read_tasks(training)
    field = Field(
        read_box(folder / "brain_box.json") if models["field"] == "brain" else None,
        tuple(models["average"]),
    )
    columns, *rest = config["preprocessing"]["grid"]
    grid = (columns // 2, *rest)
    sides = 1 + models["other_hemisphere"]
    parts = pd.read_csv(folder / "split.tsv", sep="\t")["part"].value_counts()
    learned, watched = parts["train"], parts["validation"]
    both = 2
    with FakeTensorMode():
        if run.phase in (GENESIS, OUTLINE):
            is_genesis = run.phase == GENESIS
            channels = len(models["channels"]) * (sides if is_genesis else 2)
            network = UNet(
                width=models["3d"]["width"],
                standardised=False,
                channels=channels,
                outputs=channels if is_genesis else 1,
            )
            maps = torch.empty(1, channels, *field.size(grid))
            forward = network
            if is_genesis:
                watched = learned // 5
                learned -= watched
        else:
            network = build(run.net, run.phase, config, field=field, grid=grid, standardise=False)
            settings = phase_settings(run.phase, training)
            schema = ("freeze", "freeze_2d", "attention_enter", "phase4_trainable")
            frozen = frozen_modules(
                run.net, run.phase, run.weights, tasks=tasks, **{key: settings[key] for key in schema}
            )
            freeze(network, frozen)
            stages = 0 if any(settings["augmentation"].values()) else count_frozen_stages(network)
            with torch.no_grad():
                maps = network.begin(
                    torch.empty(1, len(models["channels"]) * sides, *field.size(grid)), stages=stages
                )
            forward = partial(network.finish, stages=stages)
            both = 2 if tasks[run.phase].both_hemispheres else 1
        with FlopCounterMode(display=False) as step:
            forward(maps).sum().backward()
        with FlopCounterMode(display=False) as look, torch.no_grad():
            forward(maps)
    return epochs * both * (learned * step.get_total_flops() + watched * look.get_total_flops())


def matrix_rate(device: torch.device) -> float:
    """FLOP a second of a bf16 matrix product: the device's own peak."""
    side = 8192 if device.type == "cuda" else 512
    a, b = torch.randn(2, side, side, dtype=torch.bfloat16, device=device)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        (a @ b)[0, 0].item()  # waits for the device
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best


def train_all(job: Sequence[Run], **options: object) -> list[dict[str, object]]:
    logging.basicConfig(level=logging.WARNING)
    return [train(run, **options) for run in job]


def merge(config: dict, other: Mapping) -> dict:
    """Lay a configuration over another one, as Snakemake does."""
    for key, value in other.items():
        config[key] = merge(config[key], value) if isinstance(value, dict) and config.get(key) else value
    return config


def read_configuration(files: Sequence[Path], settings: Sequence[str], *, epochs: int | None) -> dict:
    config = {}
    for path in (ROOT / "config/config.yaml", *files):
        merge(config, yaml.safe_load(Path(path).read_text()))
    for setting in settings:
        key, _, value = setting.partition("=")
        nested = yaml.safe_load(value)
        for name in reversed(key.split(".")):
            nested = {name: nested}
        merge(config, nested)
    if epochs:
        for settings in config["training"].values():
            if isinstance(settings, dict) and "epochs" in settings:
                settings |= {"epochs": epochs} | ({"patience": epochs} if "patience" in settings else {})
    return config


def main() -> Iterator[str]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--configfile", type=Path, nargs="*", default=(), help="over config/config.yaml")
    parser.add_argument("--set", nargs="*", default=(), help="keys of it, as training.precision=bf16")
    parser.add_argument("--patients", type=int, nargs=3, default=(272, 68, 82), help="train, validate, test")
    parser.add_argument("--epochs", type=int, help="of each phase; none stops early")
    parser.add_argument("--outliner", action="store_true", help="train it, too")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--processes", type=int, default=4, help="that share the device")
    options = parser.parse_args()
    config = read_configuration(options.configfile, options.set, epochs=options.epochs)
    start = time.perf_counter()
    make_cohort(options.folder, config, counts=options.patients, processes=os.cpu_count())
    yield f"{sum(options.patients)} phantom patients in {time.perf_counter() - start:.0f} s"
    rate = matrix_rate(torch.device(options.device))
    start = time.perf_counter()
    work = partial(train_all, folder=options.folder, config=config, device=options.device)
    jobs = list_jobs(config, outliner=options.outliner)
    yield "\t".join(COLUMNS)
    flop = 0.0
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(work, job) for job in jobs]):
            for row in done.result():
                flop += 1e15 * row["pflop"]
                yield "\t".join(str(row.get(column, "")) for column in COLUMNS)
    seconds = time.perf_counter() - start
    yield f"all {flop / 1e15:.4g} PFLOP in {seconds:.1f} s, {flop / seconds / rate:.3f} of the matrix rate"


if __name__ == "__main__":
    for line in main():
        print(line, flush=True)
