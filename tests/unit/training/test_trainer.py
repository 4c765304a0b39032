"""What the trainer does for every objective."""

from pathlib import Path

import pytest

from strokeclock.pretraining import restoration
from strokeclock.pretraining.restoration import train_restoration
from strokeclock.provenance import reach
from strokeclock.training import classifier, trainer
from strokeclock.training.classifier import train_phase


def _restore(toys, output):
    train_restoration(
        **{"seed": 0, "channels": toys.channels, "average": (1, 1, 1), "width": 2, "standardise": True},
        training=toys.restoration(epochs=1),
        output=output,
        **toys.inputs(),
    )


def _classify(toys, output):
    train_phase(
        "phase1_stroke",
        **{"net": "2d", "start": "random", "seed": 0, "models": toys.models("2d"), "parent_model": None},
        training=toys.training(epochs=1),
        output=output,
        **toys.inputs(),
    )


@pytest.mark.parametrize(("train", "module"), [(_restore, restoration), (_classify, classifier)])
def test_a_state_is_of_the_code_that_its_objective_reaches(toys, tmp_path, monkeypatch, train, module):
    asked = []
    monkeypatch.setattr(trainer, "digest_code", lambda path: asked.append(path) or "code")
    train(toys, tmp_path / "out")
    assert asked == [module.__file__]
    assert Path(trainer.__file__) in reach(Path(module.__file__))
