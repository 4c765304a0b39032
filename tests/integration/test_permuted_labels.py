"""Labels that say nothing teach nothing: the real 2D network on phantoms, with true and with permuted labels.

What a network reaches on the test patients with permuted labels, an AUC well off .5, would have come by
another way than the images. With true labels the same few steps on the same patients find what there is.
"""

from itertools import islice

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import spearmanr

from strokeclock.cohort.cells import write_cells
from strokeclock.evaluation.metrics import auc
from strokeclock.imaging.hemispheres import split_hemispheres
from strokeclock.imaging.volume import Volume
from strokeclock.phantom.clinic import draw_patient
from strokeclock.phantom.registered import make_registered_patient
from strokeclock.predictions import check_against_cohort, collect_predictions
from strokeclock.provenance import digest_file
from strokeclock.training.classifier import train_phase
from strokeclock.training.prediction import predict

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CHANNELS = ("dwi", "t2w", "flair")
PARTS = {"train": 110, "validation": 20, "test": 100}
GRID = (48, 48, 10)  # voxels of .4 mL
SMALLEST_ML = 10  # of a lesion, that few patients and steps suffice
MODELS = {
    "channels": CHANNELS,
    "width": 4,
    "attention_norm": "sigmoid",
    "attention_map": "native",
    "slice_aggregation": "softmax_logit",
    "standardise": True,
    "average": (1, 1, 1),
}
TRAINING = {
    "epochs": 8,
    "min_epochs": 0,
    "patience": 10,
    "selection": "last",
    "batch": 8,
    "lr": 5e-3,
    "final_lr": 1e-2,
    "optimizer": "adamw",
    "weight_decay": 0.05,
    "schedule": "one_cycle",
    "label_softness": 0.0,
    "augmentation": {"rotation_deg": 10, "scale": 0.1, "shift_mm": 4, "gain": 0.1, "noise": 0.01},
    "head": "inherit",
    "freeze": True,
    "freeze_2d": "conv2_x",
    "attention_enter": "phase4",
    "phase4_trainable": "attention+head+unfrozen_late",
    "cache_gb": 0.0,
    "precision": "fp32",
    "threads": 1,
    "device": "cpu",
}


def draw_patients(laws):
    """Records with one plain lesion each, by patient number; none is chosen by its onset."""
    for number in range(1, 10_000):
        record = draw_patient(number, seed=0, settings=laws)
        plain = record.lesion_volume_ml > SMALLEST_ML and not record.dwi_negative
        if plain and record.lesion_side != "both":
            yield number


@pytest.fixture(scope="module")
def phantoms(root, tmp_path_factory):
    """Folder of hemispheres; the cohort, one row a patient, with the brightness of its healthy half."""
    laws = yaml.safe_load((root / "config/config.yaml").read_text())["phantom"]
    folder = tmp_path_factory.mktemp("phantoms")
    parts = np.repeat(list(PARTS), list(PARTS.values()))
    rows = []
    for part, number in zip(parts, islice(draw_patients(laws), len(parts)), strict=True):
        patient = make_registered_patient(number, seed=0, settings=laws, grid=GRID)
        inside = patient.brain_mask > 0
        raw = split_hemispheres({name: Volume(patient.volumes[name], patient.affine) for name in CHANNELS})
        scaled = {}
        for name in CHANNELS:
            ratio = patient.volumes[name] / (4 * np.median(patient.volumes[name][inside]))
            scaled[name] = Volume(ratio.clip(0, 1).astype(np.float32), patient.affine)
        np.save(folder / f"p{number}.npy", split_hemispheres(scaled))
        side = patient.record.lesion_side
        healthy = raw[1 if side == "left" else 0].astype(float)
        row = {"patient": f"p{number}", "onset_to_mri_min": patient.record.onset_to_mri_min}
        row |= {"lesion_side": side, "part": part}
        for name, values in zip(CHANNELS, healthy, strict=True):
            brain = values[values > 0]
            row |= {f"{name}_median": np.median(brain), f"{name}_spread": brain.std() / brain.mean()}
        rows.append(row)
    digests = [(path.stem, digest_file(path)) for path in sorted(folder.glob("*.npy"))]
    write_cells(folder / "manifest.tsv", ("patient", "sha256"), digests)
    return folder, pd.DataFrame(rows)


def permute(cohort, seed):
    """Training and validation patients exchange onset and side among themselves; the test part stays."""
    learning = cohort.index[cohort["part"] != "test"]
    answers = ["onset_to_mri_min", "lesion_side"]
    other = np.random.default_rng(seed).permutation(learning)
    permuted = cohort.copy()
    permuted.loc[learning, answers] = cohort.loc[other, answers].to_numpy()
    return permuted


def write_sheets(cohort, folder):
    folder.mkdir()
    cohort.drop(columns="part").to_csv(folder / "cohort.tsv", sep="\t", index=False)
    cohort[["patient", "part"]].to_csv(folder / "split.tsv", sep="\t", index=False)
    return {"cohort": folder / "cohort.tsv", "split": folder / "split.tsv"}


def learn(phase, phantoms, folder, *, seed, permuted):
    """Train on true or permuted answers; return the AUC on the test patients' true ones."""
    hemispheres, cohort = phantoms
    true = write_sheets(cohort, folder / "true")
    taught = write_sheets(permute(cohort, seed), folder / "permuted") if permuted else true
    train_phase(
        phase,
        net="2d",
        start="random",
        seed=seed,
        models=MODELS,
        training=TRAINING,
        manifest=hemispheres / "manifest.tsv",
        parent_model=None,
        output=folder / "model",
        **taught,
    )
    output = folder / f"2d/{phase}/random/seed-{seed}.tsv"
    output.parent.mkdir(parents=True)
    predict(
        [folder / "model/model.pt"],
        manifest=hemispheres / "manifest.tsv",
        predictions=[output],
        channels=CHANNELS,
        threads=1,
        device="cpu",
        **true,
    )
    (scorer,) = (scorers := collect_predictions([output])).values()
    check_against_cohort(scorers.values(), **true)
    test = scorer.units("test")
    return auc(test.label, test.score)


@pytest.mark.parametrize(
    ("phase", "reached", "permutations"), [("phase1_stroke", 0.75, 2), ("phase3_tss4h5", 0.65, 4)]
)
def test_permuted_labels_give_a_half_and_true_ones_more(phantoms, tmp_path, phase, reached, permutations):
    areas = []
    for seed in range(permutations):
        folder = tmp_path / f"permuted-{seed}"
        folder.mkdir()
        areas.append(learn(phase, phantoms, folder, seed=seed, permuted=True))
    assert np.mean(areas) == pytest.approx(0.5, abs=0.1), areas
    assert learn(phase, phantoms, tmp_path, seed=0, permuted=False) > reached


def test_the_healthy_hemisphere_does_not_tell_the_time(phantoms):
    """Neither its brightness nor its spread in any series; rank correlations within 3.5 standard errors."""
    _, cohort = phantoms
    measures = [name for name in cohort if name.endswith(("_median", "_spread"))]
    assert len(measures) == 6
    for name in measures:
        correlation = spearmanr(cohort["onset_to_mri_min"], cohort[name]).statistic
        assert abs(correlation) < 3.5 / np.sqrt(len(cohort)), name
