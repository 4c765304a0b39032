"""A further network goes from the plan of runs to tables and Grad-CAM by its module alone."""

import hashlib

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from strokeclock.cohort.people import People
from strokeclock.evaluation.comparison import list_pairs
from strokeclock.evaluation.table2 import write_table2
from strokeclock.explanation.gradcam import map_evidence
from strokeclock.figures.network_description import describe_network
from strokeclock.figures.printed_tables import set_table2
from strokeclock.figures.roc import draw_roc
from strokeclock.figures.rows import title_of
from strokeclock.models.architecture import Architecture
from strokeclock.models.view import View
from strokeclock.predictions import Scorer
from strokeclock.report.methods import describe_methods
from strokeclock.training.checkpoint import read_checkpoint, read_network
from strokeclock.training.classifier import train_phase
from strokeclock.training.phases import (
    PAPER,
    Run,
    frozen_modules,
    list_not_run,
    list_trainings,
    network_settings,
    rows_of,
)
from strokeclock.training.prediction import predict

pytestmark = pytest.mark.usefixtures("tiny")

STARTS = ["random", "imagenet", "medical", "chain"]
CHAIN = [
    ("phase1_stroke", "random"), ("phase2_tss3h", "phase1"), ("phase3_tss4h5", "phase2"),
    ("phase4_attention", "phase3"),
]  # fmt: skip
SCRATCH = [("phase2_tss3h", "random"), ("phase3_tss4h5", "random")]


@pytest.fixture
def config(root):
    config = yaml.safe_load((root / "config/config.yaml").read_text())
    config["phantom"]["patients"] = 40
    config["training"]["networks"] = ["tiny"]
    return config


def test_what_the_configuration_does_not_say_is_its_default(config):
    assert network_settings("tiny", config["models"])["width"] == 8
    config["models"]["tiny"] = {"width": 2}
    assert network_settings("tiny", config["models"])["width"] == 2


def test_its_runs_are_those_it_has_initial_weights_for():
    assert rows_of("imagenet", "tiny") == rows_of("medical", "tiny") == []
    runs = list_trainings(["tiny"], STARTS, [0])
    assert set(runs) == {Run("tiny", *row, 0) for row in CHAIN + SCRATCH}
    frozen = {"freeze": True, "freeze_2d": "stage2", "attention_enter": "phase4"}
    frozen["phase4_trainable"] = "attention+head+unfrozen_late"
    assert frozen_modules("tiny", "phase2_tss3h", "phase1", **frozen) == ("trunk.first",)


def test_table_2_has_its_rows_where_it_is_trained_alone():
    for nets, has in ((["2d", "3d"], False), (["2d", "tiny"], True)):
        reasons = list_not_run(
            list_trainings(nets, ["random"], [0]), nets=nets, starts=["random"], tasks=PAPER, missing={}
        )
        assert ("3d", "phase4_attention", "phase3") in reasons
        assert (("tiny", "phase4_attention", "phase3") in reasons) == has


def test_it_learns_from_phase_to_phase_and_is_explained(toys, tmp_path, tiny):
    parent = None
    for phase, start in CHAIN:
        train_phase(
            phase,
            net="tiny",
            start=start,
            seed=0,
            models=toys.models("tiny"),
            training=toys.training(epochs=1, freeze=parent is not None),
            parent_model=parent,
            output=tmp_path / phase,
            **toys.inputs(),
        )
        record, state, _ = read_checkpoint(tmp_path / phase / "model.pt")
        assert record.architecture["width"] == 4
        if parent is not None:
            assert record.parent.sha256 == hashlib.sha256(parent.read_bytes()).hexdigest()
            before = read_checkpoint(parent)[1]
            stays = {name for name, tensor in before.items() if torch.equal(tensor, state[name])}
            assert {name for name in before if name.startswith("trunk.first.")} <= stays
            assert "trunk.second.0.weight" not in stays
        parent = tmp_path / phase / "model.pt"
    output = tmp_path / "scores.tsv"
    predict(
        [parent], predictions=[output], channels=toys.channels, threads=1, device=toys.device, **toys.inputs()
    )
    assert set(pd.read_csv(output, sep="\t")["part"]) == {"validation", "test"}
    network, record = read_network(parent)
    assert record.frozen == ("trunk.first",)
    hemisphere = np.load(toys.hemispheres / "toy-14.npy")[0].astype(np.float32)
    for layer in tiny.cam_layers.values():
        maps = map_evidence(network, hemisphere, layer=layer)
        assert {one.shape for one in maps} == {(16, 32, 9)}
        assert any(one.any() for one in maps)
        for one in maps:  # it sees the mean over slices: each has the same map
            np.testing.assert_array_equal(one, one[..., :1].repeat(9, axis=2))


def test_one_map_counts_for_all_slices_however_many_are_averaged(tiny):
    network = Architecture.flat(
        net="tiny", grid=(16, 32, 9), attention=False, attention_norm="sigmoid", standardise=False, width=4,
        view=View(((0, 16), (0, 32), (1, 8)), (1, 1, 2)),
    ).build()  # fmt: skip
    hemisphere = np.random.default_rng(0).random((3, 16, 32, 9)).astype(np.float32)
    maps = map_evidence(network, hemisphere, layer=tiny.cam_layers["last"])
    assert any(one.any() for one in maps)
    for one in maps:
        np.testing.assert_array_equal(one[..., 1:8], one[..., 1:2].repeat(7, axis=2))
        assert not one[..., [0, 8]].any()


def test_its_rows_stand_behind_the_papers(made_up_run, root, tmp_path):
    scorers = [("2d", *row) for row in SCRATCH] + [("tiny", *row) for row in CHAIN + SCRATCH]
    paths = made_up_run.write(scorers)
    table = tmp_path / "tables/table2.csv"
    write_table2(
        paths,
        table,
        tmp_path / "accesses.tsv",
        ledger=tmp_path / "ledger.tsv",
        run="made-up",
        paper=root / "resources/table2_paper.csv",
        thresholds=made_up_run.fit(paths)["thresholds"],
        cohort=tmp_path / "cohort/cohort.tsv",
        split=tmp_path / "cohort/split.tsv",
        exclusions=tmp_path / "cohort/exclusions.tsv",
        readers=None,
        settings={"threshold": "validation", "fixed_threshold": 0.5, "confidence": 0.95, "bootstraps": 50},
        recipe="paper",
    )
    rows = pd.read_csv(table, dtype=str).fillna("")
    own = rows[rows["model"] == "tiny"]
    assert set(own[["stage", "start"]].itertuples(index=False, name=None)) == {*CHAIN, *SCRATCH}
    assert set(own["status"]) == {"ok"}
    assert set(own["recipe"]) == {"paper"}
    assert set(own["paper_auc"]) == {""}
    for _, stage in rows[rows["stage"].str.startswith("phase")].groupby("stage"):
        assert list(stage["model"]) == sorted(stage["model"], key=lambda model: model == "tiny")
    printed = [row.labels for row in set_table2(table, confidence=0.95).rows if not isinstance(row, str)]
    assert ["Tiny", "random"] in printed
    figure = draw_roc(paths, table2=table, phases=["phase3_tss4h5"], readers=False)
    assert [axis.get_title() for axis in figure.axes] == ["2D network", "Tiny network", "AUC"]
    ticks = [label.get_text() for label in figure.axes[-1].get_yticklabels()]
    assert ticks == ["2D random start", "Tiny random start", "Tiny from TSS < 3 h"]


def test_it_is_compared_with_the_other_networks():
    scorers = [Scorer(net, "phase3_tss4h5", "random") for net in ("2d", "3d", "tiny")]
    tasks = {"phase3_tss4h5": 270}
    assert [question for *_, question in list_pairs(scorers, tasks)] == [
        "3D against 2D", "Tiny against 2D", "Tiny against 3D"
    ]  # fmt: skip
    assert title_of("tiny", "phase2") == "Tiny from TSS < 3 h"
    assert title_of("segmentation", "tiny") == "segmented ratios and Tiny"


def test_figure_4_and_the_methods_show_it(config):
    architecture = Architecture.flat(
        net="tiny", grid=(16, 32, 9), attention=True, attention_norm="sigmoid", standardise=True, width=4
    )
    description = describe_network(architecture)
    words = {block.title: block.words.split("\n") for block in description.blocks}
    assert description.title.startswith("Tiny network, ")
    assert description.title.endswith("maps: channels × y × x")
    assert words["first"][:2] == ["1 conv 3×3", "4 × 16 × 8"]
    assert words["second"][-2] == "8 × 8 × 4"
    assert words["features"] == ["8 + 4"]
    people = People(entered=40, excluded={}, unlabelled=0, parts=dict.fromkeys("abc", 1), below={})
    methods = describe_methods(config, people=people)
    assert "The Tiny network has two convolutions (8 channels in its first)" in methods["Networks"]
    assert "2D network" not in methods["Networks"]
    assert "phase 0" not in methods["Training"]
