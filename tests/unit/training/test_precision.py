"""The number format of a training, which a resumed training keeps."""

import logging
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from strokeclock.errors import ConfigurationError
from strokeclock.training import loop, precision, trainer
from strokeclock.training.checkpoint import load_state, read_checkpoint, save_state
from strokeclock.training.classifier import train_phase
from strokeclock.training.precision import choose_precision, has_bf16
from strokeclock.training.record import read_record

CPU = torch.device("cpu")
WIDE, NARROW = (44, 92, 22), (16, 32, 9)


@pytest.fixture(params=[True, False], ids=["bf16 units", "no bf16 units"])
def hardware(request, monkeypatch):
    """A processor with or without instructions for bf16."""
    found = {"avx512_bf16": request.param, "amx_bf16": False, "avx2": True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    precision._warn_of_slow_bf16.cache_clear()
    return request.param


def test_bf16_is_that_of_the_processor(hardware):
    assert has_bf16(CPU) == hardware


def test_auto_takes_bf16_where_it_is_fast_and_safe(hardware):
    assert choose_precision("auto", CPU, grid=WIDE) == ("bf16" if hardware else "fp32")
    assert choose_precision("auto", CPU, grid=NARROW) == "fp32"
    assert choose_precision("fp32", CPU, grid=WIDE) == "fp32"


def test_bf16_without_instructions_warns_once_with_the_slowdown(hardware, caplog):
    with caplog.at_level(logging.WARNING):
        assert {choose_precision("bf16", CPU, grid=WIDE) for _ in range(3)} == {"bf16"}
    found = [record.getMessage() for record in caplog.records]
    assert len(found) == (0 if hardware else 1)
    for sentence in found:
        assert "has no instructions for it, so that a convolution takes" in sentence
        assert "times as long as in fp32" in sentence


def test_bf16_with_wrong_gradients_is_refused(hardware):
    with pytest.raises(ConfigurationError, match=r"training\.precision: bf16 gives wrong gradients"):
        choose_precision("bf16", CPU, grid=NARROW)


@pytest.mark.parametrize("begun", ["fp32", "bf16"])
def test_a_resumed_training_keeps_its_format(hardware, begun):
    assert choose_precision("auto", CPU, grid=WIDE, begun=begun) == begun


@pytest.fixture
def train(toys, tmp_path, monkeypatch):
    """Train phase 1 in a folder, on a processor with or without bf16; ``dies``: after its first epoch."""
    for path in toys.hemispheres.glob("*.npy"):  # as wide as bf16 is safe
        np.save(path, np.pad(np.load(path), [(0, 0), (0, 0), (8, 0), (0, 0), (0, 0)]))

    def save_and_die(folder, state, save=loop.save_state):
        save(folder, state)
        raise KeyboardInterrupt

    def run(name, *, has_units, dies=False, **changes):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt) if dies else nullcontext():
            patch.setattr(precision, "has_bf16", lambda device: has_units)
            if dies:
                patch.setattr(loop, "save_state", save_and_die)
            train_phase(
                "phase1_stroke",
                net="2d",
                start="random",
                seed=0,
                models=toys.models("2d"),
                training=toys.training(**{"precision": "auto", "epochs": 2, "device": "cpu"} | changes),
                parent_model=None,
                output=tmp_path / name,
                **toys.inputs(),
            )

    return run


@pytest.mark.parametrize(("begun", "kept"), [(False, "fp32"), (True, "bf16")])
def test_a_training_killed_on_one_processor_ends_alike_on_another(tmp_path, train, begun, kept):
    """Begun without bf16 and ended with it, or the other way round: the bytes of an unbroken one."""
    train("unbroken", has_units=begun)
    train("broken", has_units=begun, dies=True)
    train("broken", has_units=not begun)
    for name in ("model.pt", "history.tsv", "run.json"):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "unbroken" / name).read_bytes()
    record, _, _ = read_checkpoint(tmp_path / "broken/model.pt")
    assert record.settings.precision == kept
    assert read_record(tmp_path / "broken/run.json").settings.precision == kept


def _change_settings(toys, folder, monkeypatch):
    return {"lr": 1e-3}


def _change_data(toys, folder, monkeypatch):
    path = toys.hemispheres / "toy-00.npy"
    np.save(path, np.load(path) / 2)


def _change_code(toys, folder, monkeypatch):
    monkeypatch.setattr(trainer, "digest_code", lambda *folders: "of other code")


def _change_device(toys, folder, monkeypatch):
    state = load_state(folder)
    save_state(folder, state | {"identity": state["identity"] | {"device": "cuda"}})


@pytest.mark.parametrize("change", [_change_settings, _change_data, _change_code, _change_device])
def test_a_training_that_starts_anew_chooses_anew(toys, tmp_path, train, monkeypatch, caplog, change):
    """The folder's state was begun in fp32, but by other settings, data or code, or on another device."""
    train("folder", has_units=False, dies=True)
    changed = change(toys, tmp_path / "folder", monkeypatch) or {}
    with caplog.at_level(logging.INFO):
        train("folder", has_units=True, **changed)
    assert any("of other settings, data or code: the training" in message for message in caplog.messages)
    assert read_record(tmp_path / "folder/run.json").settings.precision == "bf16"
