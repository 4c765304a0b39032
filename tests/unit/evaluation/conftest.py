"""A made-up run, whose cohort, split, readers and predictions agree; lesions and networks for the toys."""

import math
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch

from strokeclock.models.architecture import Architecture
from strokeclock.training.checkpoint import write_checkpoint

CHAIN = (
    ("2d", "phase1_stroke", "random"),
    ("3d", "phase1_stroke", "genesis"),
    *(
        (net, phase, weights)
        for net in ("2d", "3d")
        for phase, weights in (
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
        self.readers = pd.DataFrame(
            {
                "patient": self.cohort["patient"],
                **{
                    f"reader{n}": (self.cohort["onset_to_mri_min"] < 200 + 50 * n).astype(int)
                    for n in (1, 2, 3)
                },
            }
        )

    def write(self, arms=CHAIN, *, seeds=(0, 1), score=None):
        """Write all files; `score` (arm, seed, rows) -> scores of one part's rows, or None: random ones."""
        folder = self.root / "cohort"
        folder.mkdir(parents=True, exist_ok=True)
        self.cohort.drop(columns="part").to_csv(folder / "cohort.tsv", sep="\t", index=False)
        self.cohort[["patient", "part"]].to_csv(folder / "split.tsv", sep="\t", index=False)
        (folder / "exclusions.tsv").write_text("patient\tstage\treason\ngone\tentry\tno FLAIR series\n")
        (self.root / "tables").mkdir(exist_ok=True)
        (self.root / "figures").mkdir(exist_ok=True)
        self.readers.to_csv(self.root / "readers.tsv", sep="\t", index=False)
        return [self._write_predictions(arm, seed, score) for arm in arms for seed in seeds]

    def _write_predictions(self, arm, seed, score):
        net, phase, weights = arm
        threshold = {"phase1_stroke": math.nan, "phase2_tss3h": 180, "phase5_tss6h": 360}.get(phase, 270)
        rng = np.random.default_rng([seed, *"".join(arm).encode()])
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
            if score is not None and (given := score(arm, seed, part)) is not None:
                frame.loc[part.index, "score"] = given
        path = self.root / "predictions" / net / phase / weights / f"seed-{seed}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_csv(path, sep="\t", index=False)
        return path


@pytest.fixture
def made_up_run(tmp_path):
    return MadeUpRun(tmp_path)


@pytest.fixture
def checkpoint(tmp_path):
    """Write a checkpoint of an untrained small network: net, task -> its path."""

    def write(net, task, *, participants=None):
        settings = {"net": net, "grid": (16, 32, 9), "width": 4, "attention": task.attention}
        settings |= {"attention_norm": "sigmoid", "standardise": True}
        if net == "2d":
            settings |= {"attention_map": "native", "slice_aggregation": "softmax_logit"}
        architecture = Architecture(**settings)
        torch.manual_seed(1)
        path = tmp_path / "models" / f"{net}-{task.phase}.pt"
        write_checkpoint(
            path,
            weights=architecture.build().state_dict(),
            record={
                "net": net,
                "phase": task.phase,
                "task": asdict(task),
                "weights": "random",
                "seed": 0,
                "architecture": asdict(architecture),
                "channels": list(architecture.channels),
                "settings": {"precision": "fp32"},
                "participants": participants or {"train": ["toy-00"], "validation": ["toy-10"]},
            },
        )
        return path

    return write
