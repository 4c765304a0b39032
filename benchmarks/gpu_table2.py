"""Train every network row of Table 2 on one CUDA device, without Snakemake; print times and AUCs.

    python benchmarks/gpu_table2.py FOLDER --configfile config/tuned.yaml --set training.precision=bf16

Each row is printed when its training ends; gpu_gb is the memory that torch reserved at most.

Phantom patients of the paper's size and number are made in the folder, unless they are there, and each
training is the workflow's own, called as a library. Those of a chain follow one another; chains and other
rows share the device, a process each. Random weights stand in for ImageNet's and the tumours' weights: the
times are the same, and no AUC is shown. PFLOP are those that are computed: kept maps save some. With --epochs
all phases last so many epochs, none stops early.
"""

import argparse
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # a process each

import pandas as pd
import torch
import yaml
from flop import build, count_flop, matrix_rate
from phantoms import make_cohort
from sklearn.metrics import roc_auc_score

from strokeclock.models.registry import find_network, place_of, segmenting_network
from strokeclock.models.view import View
from strokeclock.pretraining.restoration import train_restoration
from strokeclock.segmentation.training import train_segmenter
from strokeclock.training.checkpoint import write_checkpoint
from strokeclock.training.classifier import train_phase
from strokeclock.training.cost import read_cost
from strokeclock.training.phases import (
    GENESIS,
    ORIGINS,
    SEGMENTATION,
    SHARED,
    Run,
    list_trainings,
    network_settings,
    parent,
    phase_settings,
    read_tasks,
    rows_of,
    segmentation_settings,
)
from strokeclock.training.prediction import predict
from strokeclock.training.record import TrainingRecord, list_versions, read_record

ROOT = Path(__file__).parents[1]
STAND_INS = {ORIGINS["imagenet"][0], ORIGINS["medical"][0]}
COLUMNS = (*Run._fields, "epochs", "s", "pflop", "gpu_gb", "validation_auc", "test_auc")


def list_jobs(config: Mapping, *, segmenter: bool) -> list[list[Run]]:
    """The trainings, those that follow one another in one list; the longest lists first."""
    training = config["training"]
    tasks = read_tasks(training)
    runs = list_trainings(training["networks"], training["starts"], training["seeds"], tasks=tasks)
    if segmenter:
        runs += [Run(segmenting_network(), SEGMENTATION, "random", seed) for seed in training["seeds"]]
    chains = {net: {*rows_of("chain", net, tasks=tasks), ORIGINS["genesis"]} for net in training["networks"]}
    jobs = {}
    for run in runs:
        if run.phase not in STAND_INS:
            row = (run.phase, run.start)
            jobs.setdefault((run.net, run.seed, "chain" if row in chains[run.net] else row), []).append(run)
    return sorted(jobs.values(), key=lambda job: (place_of(job[0].net), len(job)), reverse=True)


def train(run: Run, *, folder: Path, config: Mapping, device: str) -> dict[str, object]:
    """Train one network and score the test part; return its row."""
    start = time.perf_counter()
    training, models = config["training"], config["models"]
    tasks = read_tasks(training)
    output = model_folder(folder, run)
    shared = {key: training[key] for key in SHARED} | {"device": device}
    boxed = folder / "brain_box.json" if models["view"] == "brain" else None
    inputs = {
        "seed": run.seed,
        "manifest": folder / "hemispheres/manifest.tsv",
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
    elif run.phase == SEGMENTATION:
        train_segmenter(
            series=models["channels"],
            volumes=folder / "lesions/volumes.tsv",
            training=segmentation_settings(training) | shared,
            **three,
            **inputs,
        )
    else:
        before = parent(run.net, run.phase, run.start, tasks)
        if before and before[0] in STAND_INS:
            write_stand_in(folder, run._replace(phase=before[0], start=before[1]), config)
        train_phase(
            run.phase,
            net=run.net,
            start=run.start,
            models=settings,
            training=phase_settings(run.phase, training) | shared,
            tasks=training,
            parent_model=before
            and model_folder(folder, run._replace(phase=before[0], start=before[1])) / "model.pt",
            **inputs,
        )
    seconds = time.perf_counter() - start
    record = read_record(output / "run.json")
    row = run._asdict() | {
        "epochs": record.epochs,
        "s": seconds,
        "pflop": count_flop(run, folder=folder, config=config, epochs=record.epochs) / 1e15,
        "gpu_gb": read_cost(output / "cost.json").gpu_memory_gb or "",
    }
    if run.phase in tasks and run.start not in ("imagenet", "medical"):
        predict(
            [output / "model.pt"],
            predictions=[output / "scores.tsv"],
            channels=settings["channels"],
            threads=1,
            device=device,
            **{key: inputs[key] for key in ("manifest", "cohort", "split")},
        )
        scores = pd.read_csv(output / "scores.tsv", sep="\t")
        for part, rows in scores.groupby("part"):
            row[f"{part}_auc"] = roc_auc_score(rows["label"], rows["score"])
    return row


def model_folder(folder: Path, run: Run) -> Path:
    return folder / "models" / run.net / run.phase / run.start / f"seed-{run.seed}"


def write_stand_in(folder: Path, run: Run, config: Mapping) -> None:
    """Write random weights in place of those from other images."""
    settings = network_settings(run.net, config["models"])
    network = build(run.net, "phase1_stroke", config, view=View(), grid=(64, 64, 16))
    trunk = f"{find_network(run.net).trunk}."
    write_checkpoint(
        model_folder(folder, run) / "model.pt",
        weights={name: value for name, value in network.state_dict().items() if name.startswith(trunk)},
        record=TrainingRecord(
            **run._asdict(),
            architecture={},
            channels=tuple(settings["channels"]),
            participants={},
            data={},
            versions=list_versions(),
        ),
    )


def train_all(job: Sequence[Run], **options: object) -> float:
    """Train these networks one after the other, print their rows, and return what they took in PFLOP."""
    logging.basicConfig(level=logging.WARNING)
    pflop = 0.0
    for run in job:
        torch.cuda.empty_cache()  # what the training before has left is not this one's
        row = train(run, **options)
        print("\t".join(spell(row.get(column, "")) for column in COLUMNS), flush=True)
        pflop += row["pflop"]
    return pflop


def spell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


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
    parser.add_argument("--segmenter", action="store_true", help="train it, too")
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
    jobs = list_jobs(config, segmenter=options.segmenter)
    yield "\t".join(COLUMNS)
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        pflop = sum(pool.map(work, jobs))
    seconds = time.perf_counter() - start
    yield f"all {pflop:.4g} PFLOP in {seconds:.1f} s, {1e15 * pflop / seconds / rate:.3f} of the matrix rate"


if __name__ == "__main__":
    for line in main():
        print(line, flush=True)
