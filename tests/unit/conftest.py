"""Toys: a tiny cohort of hemispheres, enough to run every phase in seconds; a made-up run's predictions."""

import json
import math
import re
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from small_bundle import make_files, write_bundle

from strokeclock.cohort.cells import write_cells
from strokeclock.evaluation.external.case_mix import describe_case_mix, write_external_case_mix
from strokeclock.evaluation.external.decision import write_external_decision
from strokeclock.evaluation.external.flow import write_external_flow
from strokeclock.evaluation.external.frozen import (
    CALIBRATION,
    PERFORMANCE,
    Development,
    Estimate,
    Frozen,
    write_frozen,
)
from strokeclock.evaluation.external.performance import write_external
from strokeclock.evaluation.external.readings import ReadingLine, write_readings
from strokeclock.evaluation.external.subgroups import write_external_subgroups
from strokeclock.evaluation.operating import fit_operating_points
from strokeclock.figures.external.calibration import draw_external_calibration
from strokeclock.figures.external.case_mix import draw_external_case_mix
from strokeclock.figures.external.decision_curve import draw_external_decision_curve
from strokeclock.figures.external.flow import draw_external_flow
from strokeclock.figures.external.forest import draw_external_forest
from strokeclock.figures.external.roc import draw_external_roc
from strokeclock.models import networks as package
from strokeclock.models.architecture import Architecture
from strokeclock.models.registry import find_network, networks
from strokeclock.predictions import PAPER
from strokeclock.provenance import digest_file
from strokeclock.segmentation.lesion import DRAWN, FOUND
from strokeclock.training import loop
from strokeclock.training.checkpoint import write_checkpoint
from strokeclock.training.record import TrainingRecord

_PARTS = {"train": 10, "validation": 4, "test": 4}


@pytest.fixture(scope="session")
def bundle_files(tmp_path_factory):
    """The files of a small whole bundle without a self-test: name -> content."""
    return make_files(tmp_path_factory.mktemp("bundle"), Path(__file__).parents[2])


@pytest.fixture(scope="session")
def bundle_path(tmp_path_factory, bundle_files):
    """The small bundle as a file."""
    return write_bundle(tmp_path_factory.mktemp("model") / "model.zip", bundle_files)


@pytest.fixture
def tiny(monkeypatch):
    """The third network of tests/networks, as if its file lay in models/networks."""
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(Path(__file__).parents[1] / "networks")])
    networks.cache_clear()
    yield find_network("tiny")
    networks.cache_clear()


@pytest.fixture
def altered(tmp_path, monkeypatch):
    """Write the network of tests/networks as the network `altered`, with lines replaced, among the others."""
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    networks.cache_clear()

    def write(*changes):
        tiny = Path(__file__).parents[1] / "networks/tiny.py"
        text = tiny.read_text().replace('name="tiny"', 'name="altered"')
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "altered_network.py").write_text(text)
        return "altered"

    yield write
    networks.cache_clear()
    sys.modules.pop(f"{package.__name__}.altered_network", None)


def list_hemispheres(folder: Path) -> Path:
    """Write manifest.tsv of a folder's hemispheres, and return its path."""
    digests = [(path.stem, digest_file(path)) for path in sorted(folder.glob("*.npy"))]
    write_cells(folder / "manifest.tsv", ("patient", "sha256"), digests)
    return folder / "manifest.tsv"


@pytest.fixture(scope="session")
def manifest_of():
    """The function that writes the manifest of a folder's hemispheres and returns its path."""
    return list_hemispheres


@dataclass(frozen=True)
class ToyCohort:
    """The inputs of every training, and settings small enough for a test."""

    hemispheres: Path
    cohort: Path
    split: Path
    device: str
    channels: tuple[str, ...] = ("dwi", "t2w", "flair")

    @property
    def manifest(self) -> Path:
        """The path of the manifest, made of the hemispheres that there are."""
        return list_hemispheres(self.hemispheres)

    @property
    def torch(self) -> dict:
        return {"precision": "fp32", "threads": 1, "device": self.device}

    def inputs(self) -> dict[str, Path]:
        return {"manifest": self.manifest, "cohort": self.cohort, "split": self.split}

    def write_box(self, box: tuple) -> Path:
        """Write a file with the box that networks see."""
        path = self.hemispheres / "brain_box.json"
        path.write_text(json.dumps({"box": box}))
        return path

    def spoil_outside(self, box: tuple) -> None:
        """Put other values outside of a box."""
        inside = tuple(slice(*side) for side in box)
        for path in self.hemispheres.glob("*.npy"):
            values = np.load(path)
            seen = values[(..., *inside)].copy()
            values[:] = 0.9
            values[(..., *inside)] = seen
            np.save(path, values)

    def models(self, net: str) -> dict:
        shared = {
            "channels": self.channels,
            "average": (1, 1, 1),
            "attention_norm": "sigmoid",
            "standardise": True,
        }
        return shared | find_network(net).defaults | {"width": 4}

    def training(self, **changes) -> dict:
        return {
            "epochs": 2,
            "min_epochs": 0,
            "patience": 10,
            "selection": "auc",
            "batch": 4,
            "lr": 5e-4,
            "final_lr": 1e-2,
            "optimizer": "adabound",
            "weight_decay": 0.0,
            "schedule": "constant",
            "label_softness": 0.0,
            "augmentation": dict.fromkeys(("rotation_deg", "scale", "shift_mm", "gain", "noise"), 0),
            "head": "inherit",
            "freeze": True,
            "freeze_2d": "conv2_x",
            "attention_enter": "phase4",
            "phase4_trainable": "attention+head+unfrozen_late",
            "cache_gb": 1.0,
            **self.torch,
            **changes,
        }

    def restoration(self, **changes) -> dict:
        return {
            "epochs": 2,
            "patience": 5,
            "batch": 4,
            "optimizer": "adam",
            "lr": 1e-3,
            **self.torch,
            **changes,
        }


@pytest.fixture
def toys(tmp_path: Path, device: str) -> ToyCohort:
    """Eighteen patients, sides and onset times by turns, one with two lesions; a lesion is a bright box."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "hemispheres"
    folder.mkdir()
    rows, split = [], []
    for number, part in enumerate(part for part, count in _PARTS.items() for _ in range(count)):
        patient = f"toy-{number:02d}"
        side = "both" if number == 3 else ("left", "right")[number // 2 % 2]
        minutes = (100, 200, 250, 400)[number % 4] + number
        values = generator.uniform(0.3, 0.7, (2, 3, 16, 32, 9)).astype(np.float16)
        values[:, :, :3] = 0
        for hemisphere, name in enumerate(("left", "right")):
            if side in (name, "both"):
                values[hemisphere, :, 6:12, 8:20, 3:6] = 1
        np.save(folder / f"{patient}.npy", values)
        rows.append({"patient": patient, "onset_to_mri_min": minutes, "lesion_side": side})
        split.append({"patient": patient, "part": part})
    pd.DataFrame(rows).to_csv(tmp_path / "cohort.tsv", sep="\t", index=False)
    pd.DataFrame(split).to_csv(tmp_path / "split.tsv", sep="\t", index=False)
    return ToyCohort(folder, tmp_path / "cohort.tsv", tmp_path / "split.tsv", device)


@pytest.fixture
def toy_lesions(tmp_path):
    """lesions/volumes.tsv of the toys: their boxes as drawn, toy-17's as found; the masks beside it."""
    folder = tmp_path / "lesions"
    folder.mkdir()
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[0, 3] = -31  # x = 0 in the middle of 32 columns
    lines = ["patient\tvolume_ml\tsource\tnote"]
    for number in range(18):
        box = np.zeros((32, 32, 9), np.uint8)
        if number == 3 or number // 2 % 2 == 0:
            box[6:12, 8:20, 3:6] = 1
        if number == 3 or number // 2 % 2 == 1:
            box[20:26, 8:20, 3:6] = 1  # mirrored: columns 6 to 11
        nib.save(nib.Nifti1Image(box, affine), folder / f"toy-{number:02d}.nii.gz")
        lines.append(f"toy-{number:02d}\t{box.sum() * 0.008:.3f}\t{FOUND if number == 17 else DRAWN}\t")
    (folder / "volumes.tsv").write_text("\n".join(lines) + "\n")
    return folder / "volumes.tsv"


CHAIN = (
    ("2d", "phase1_stroke", "random"),
    ("3d", "phase1_stroke", "genesis"),
    *(
        (net, phase, start)
        for net in ("2d", "3d")
        for phase, start in (
            ("phase2_tss3h", "random"),
            ("phase2_tss3h", "phase1"),
            ("phase3_tss4h5", "random"),
            ("phase3_tss4h5", "phase2"),
            ("phase4_attention", "phase3"),
        )
    ),
)


class MadeUpRun:
    """Patients p00 … p59, a third for each part; every tenth has lesions on both sides."""

    def __init__(self, root):
        self.root = root
        rng = np.random.default_rng(10)
        self.cohort = pd.DataFrame(
            {
                "patient": [f"p{number:02d}" for number in range(60)],
                "onset_to_mri_min": rng.permutation(np.linspace(30, 510, 60)).round(),
                "lesion_side": [("left", "right")[n % 2] if n % 10 else "both" for n in range(60)],
                "part": ["train", "validation", "test"] * 20,
            }
        )
        self.protocols = pd.DataFrame(
            {"patient": self.cohort["patient"], "series": "dwi", "vendor": "Siemens", "field_t": "3"}
        )
        self.readers = pd.DataFrame(
            {
                "patient": self.cohort["patient"],
                **{
                    f"reader{n}": (self.cohort["onset_to_mri_min"] < 200 + 50 * n).astype(int)
                    for n in (1, 2, 3)
                },
            }
        )

    def write(self, scorers=CHAIN, *, seeds=(0, 1), score=None):
        """Write all files; `score` (scorer, seed, rows) -> scores of a part's rows, or None: random ones."""
        folder = self.root / "cohort"
        folder.mkdir(parents=True, exist_ok=True)
        self.cohort.drop(columns="part").to_csv(folder / "cohort.tsv", sep="\t", index=False)
        self.cohort[["patient", "part"]].to_csv(folder / "split.tsv", sep="\t", index=False)
        (folder / "exclusions.tsv").write_text("patient\tstage\treason\ngone\tentry\tno FLAIR series\n")
        self.protocols.to_csv(folder / "protocol.tsv", sep="\t", index=False, na_rep="n/a")
        (self.root / "tables").mkdir(exist_ok=True)
        (self.root / "figures").mkdir(exist_ok=True)
        self.readers.to_csv(self.root / "readers.tsv", sep="\t", index=False)
        return [self._write_predictions(scorer, seed, score) for scorer in scorers for seed in seeds]

    def _write_predictions(self, scorer, seed, score):
        net, phase, start = scorer
        threshold = {"phase1_stroke": math.nan, "phase2_tss3h": 180, "phase5_tss6h": 360}.get(phase, 270)
        rng = np.random.default_rng([seed, *"".join(scorer).encode()])
        rows = []
        for row in self.cohort.itertuples():
            for side in ("left", "right"):
                lesion = row.lesion_side in (side, "both")
                if row.part != "train" and (lesion or phase == "phase1_stroke"):
                    label = int(lesion if phase == "phase1_stroke" else row.onset_to_mri_min < threshold)
                    rows.append(
                        (
                            row.patient,
                            side,
                            row.part,
                            label,
                            1 / (1 + np.exp(-rng.normal(2 * label - 1, 1.5))),
                        )
                    )
        frame = pd.DataFrame(rows, columns=["patient", "hemisphere", "part", "label", "score"])
        for _, part in frame.groupby("part"):
            if score is not None and (given := score(scorer, seed, part)) is not None:
                frame.loc[part.index, "score"] = given
        path = self.root / "predictions" / net / phase / start / f"seed-{seed}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_csv(path, sep="\t", index=False)
        return path

    def fit(self, paths, *, tasks=PAPER, **settings):
        """Fit what is chosen on the validation part; return thresholds, temperatures, abstention -> file."""
        files = {
            kind: self.root / f"fitted/{kind}.json" for kind in ("thresholds", "temperatures", "abstention")
        }
        fit_operating_points(
            paths,
            **files,
            cohort=self.root / "cohort/cohort.tsv",
            split=self.root / "cohort/split.tsv",
            settings={"threshold": "validation", "fixed_threshold": 0.5} | settings,
            tasks=tasks,
        )
        return files


@pytest.fixture
def ends_alike(tmp_path, monkeypatch, caplog):
    """Check that a training (of its folder) that dies after an epoch ends in an unbroken one's bytes."""

    def save_and_die(folder, state, save=loop.save_state):
        save(folder, state)
        raise KeyboardInterrupt

    def check(train):
        train(tmp_path / "unbroken")
        with monkeypatch.context() as dying:
            dying.setattr(loop, "save_state", save_and_die)
            with pytest.raises(KeyboardInterrupt):
                train(tmp_path / "broken")
        assert [path.name for path in (tmp_path / "broken").iterdir()] == ["latest.pt"]
        with caplog.at_level("INFO"):
            train(tmp_path / "broken")
        assert "resuming after epoch 1" in caplog.messages
        for name in ("model.pt", "history.tsv", "run.json"):
            assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "unbroken" / name).read_bytes()

    return check


@pytest.fixture
def make_record():
    """Make a record of a training that has nothing to say; what it is given stands in it."""

    def make(**given):
        empty = {"net": "2d", "phase": "phase1_stroke", "start": "random", "seed": 0, "channels": ()}
        empty |= {"architecture": {}, "participants": {}, "data": {}, "versions": {}}
        return TrainingRecord(**empty | given)

    return make


@pytest.fixture
def made_up_run(tmp_path):
    return MadeUpRun(tmp_path)


@pytest.fixture
def checkpoint(tmp_path, make_record):
    """Write a checkpoint of an untrained small network: net, task -> its path."""

    def write(net, task, *, participants=None):
        settings = {"net": net, "grid": (16, 32, 9), "attention": task.attention}
        settings |= {"attention_norm": "sigmoid", "standardise": True}
        settings |= find_network(net).defaults | {"width": 4}
        architecture = Architecture.flat(**settings)
        torch.manual_seed(1)
        path = tmp_path / "models" / f"{net}-{task.phase}.pt"
        write_checkpoint(
            path,
            weights=architecture.build().state_dict(),
            record=make_record(
                net=net,
                phase=task.phase,
                task=task,
                architecture=architecture.record,
                channels=architecture.channels,
                participants=participants or {"train": ["toy-00"], "validation": ["toy-10"]},
            ),
        )
        return path

    return write


@dataclass
class ExternalWorld:
    """Another hospital's patients, and what a made-up bundle read in them.

    Attributes
    ----------
    cohort : columns of cohort.tsv.
    exclusions : patient -> stage.
    lines : the readings.
    frozen : the bundle's rows.
    """

    root: Path
    cohort: pd.DataFrame
    exclusions: dict[str, str]
    lines: list[ReadingLine]
    frozen: list[Frozen]
    settings: dict

    def write(self) -> dict[str, Path]:
        """Write the tables; return them by the names that the functions of an external test take."""
        self.cohort.to_csv(self.root / "cohort.tsv", sep="\t", index=False)
        reasons = ((patient, stage, "a reason") for patient, stage in self.exclusions.items())
        write_cells(self.root / "exclusions.tsv", ("patient", "stage", "reason"), reasons)
        write_readings(self.root / "readings.tsv", self.lines)
        write_frozen(self.root / "operating.json", self.frozen)
        files = {"readings": "readings.tsv", "operating": "operating.json", "cohort": "cohort.tsv"}
        return {name: self.root / file for name, file in (files | {"exclusions": "exclusions.tsv"}).items()}

    def figures(self) -> dict[str, Figure]:
        """Draw all figures of the tables that were written."""
        files, tables = self.write(), self.root / "tables"
        table = {"table": tables / "external.csv"}
        return {
            "flow": draw_external_flow(tables / "flow.csv"),
            "roc": draw_external_roc(**files, **table),
            "calibration": draw_external_calibration(
                **files, **table, reliability=tables / "reliability.csv"
            ),
            "decision_curve": draw_external_decision_curve(tables / "decision.csv"),
            "forest": draw_external_forest(tables / "subgroups.csv"),
            "case_mix": draw_external_case_mix(tables / "case_mix.csv"),
        }

    def tables(self, *, readers=None) -> dict[str, pd.DataFrame]:
        """Write all tables of an external test; return them by name."""
        files, settings = self.write(), {"settings": self.settings}
        summary = describe_case_mix(self.cohort.assign(age=60.0).set_index("patient"), pd.Series(dtype=float))
        (self.root / "summary.json").write_text(json.dumps(summary))
        names = ("subgroups", "decision", "flow", "case_mix")
        paths = {name: self.root / "tables" / f"{name}.csv" for name in names}
        write_external_subgroups(table=paths["subgroups"], **files, **settings)
        write_external_decision(table=paths["decision"], **files, readers=readers, **settings)
        write_external_flow(table=paths["flow"], **files)
        write_external_case_mix(table=paths["case_mix"], summary=self.root / "summary.json", **files)
        return self.measure(readers=readers) | {name: self.read(path) for name, path in paths.items()}

    def measure(self, *, readers=None, bundle=b"a bundle", run="there") -> dict[str, pd.DataFrame]:
        """Write the main table and the reliability, and record the test; return both by name."""
        (self.root / "model.zip").write_bytes(bundle)
        paths = {name: self.root / "tables" / f"{name}.csv" for name in ("external", "reliability")}
        write_external(
            **self.write(),
            table=paths["external"],
            reliability=paths["reliability"],
            accesses=self.root / "accesses.tsv",
            readers=readers,
            bundle=self.root / "model.zip",
            ledger=self.root / "results/ledger.tsv",
            run=run,
            settings=self.settings,
        )
        return {name: self.read(path) for name, path in paths.items()}

    def read(self, path: Path) -> pd.DataFrame:
        """Read a table, in which no cell may hold a NaN in words."""
        assert not re.search(r"\b(nan|inf|None)\b", path.read_text())
        texts = dict.fromkeys(("start", "side", "patients", "note", "what", "level", "scores", "bin"), str)
        return pd.read_csv(path, dtype=texts).fillna(dict.fromkeys(texts, ""))


@pytest.fixture(scope="session")
def make_external():
    """Make an `ExternalWorld` of so many patients; every tenth gets no reading with the side found."""

    def make(root, n=60, *, rows=("2d/phase4_attention/phase3",), sites=("A", "B"), seed=0):
        rng = np.random.default_rng(seed)
        patients = [f"far-{number:03d}" for number in range(n)]
        minutes = np.round(np.exp(rng.normal(5.5, 0.9, n)))
        cohort = pd.DataFrame(
            {
                "patient": patients,
                "person": patients,
                "onset_to_mri_min": minutes,
                "onset_kind": "known",
                "onset_class": "",
                "lesion_side": rng.choice(["left", "right"], n),
                "age": rng.integers(40, 95, n).astype(float),
                "sex": rng.choice(["F", "M"], n),
                "nihss": rng.integers(0, 25, n).astype(float),
                "site": rng.choice(sites, n),
                "field_t": rng.choice([1.5, 3.0], n),
            }
        )
        frozen = [
            Frozen(
                row=row,
                below_min=270.0,
                threshold=0.47,
                source="validation",
                temperature=1.7,
                prevalence=0.55,
                development=Development(
                    n=82,
                    positives=44,
                    performance={name: Estimate(0.7, 0.6, 0.8) for name in PERFORMANCE},
                    calibration={
                        "as predicted": {name: Estimate(0.2, 0.1, 0.3) for name in CALIBRATION},
                        "temperature-scaled": {name: Estimate(0.25, 0.2, 0.3) for name in CALIBRATION},
                    },
                ),
            )
            for row in rows
        ]
        lines = []
        for row in rows:
            score = 1 / (1 + np.exp(-((np.log(270) - np.log(minutes)) * 1.6 + rng.normal(0.3, 1.1, n))))
            for side_from in ("given", "found"):
                for number, patient in enumerate(patients):
                    unread = side_from == "found" and number % 10 == 0
                    own = float(score[number])
                    lines.append(
                        ReadingLine(
                            patient=patient,
                            row=row,
                            side_from=side_from,
                            status="no_lesion"
                            if unread
                            else "abstained"
                            if abs(own - 0.47) < 0.05
                            else "answered",
                            score=None if unread else own,
                            abstained=None if unread else abs(own - 0.47) < 0.05,
                            volume_ml=None if unread else float(np.round(np.exp(rng.normal(2, 1.2)), 2)),
                        )
                    )
        settings = {"confidence": 0.95, "bootstraps": 200}
        return ExternalWorld(root, cohort, {}, lines, frozen, settings)

    return make


@pytest.fixture
def external(tmp_path, make_external):
    """As `make_external`, in an empty folder."""
    return partial(make_external, tmp_path)
