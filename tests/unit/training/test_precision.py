"""Which number format a training takes, and that it keeps it."""

import json
import logging

import pytest
import torch

from strokeclock.errors import ConfigurationError
from strokeclock.training import loop, precision
from strokeclock.training.checkpoint import read_checkpoint, save_state
from strokeclock.training.classifier import train_phase
from strokeclock.training.precision import choose_precision, has_bf16

CPU = torch.device("cpu")
WIDE, NARROW = (44, 92, 22), (16, 32, 9)


@pytest.fixture(params=[True, False], ids=["bf16 units", "no bf16 units"])
def hardware(request, monkeypatch):
    """A processor with or without instructions for bf16."""
    found = {"avx512_bf16": request.param, "amx_bf16": False, "avx2": True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    precision._warn_of_slow_bf16.cache_clear()
    return request.param


def test_the_processor_is_asked(hardware):
    assert has_bf16(CPU) == hardware


def test_auto_takes_bf16_where_it_is_fast_and_safe(hardware):
    assert choose_precision("auto", CPU, grid=WIDE) == ("bf16" if hardware else "fp32")
    assert choose_precision("auto", CPU, grid=NARROW) == "fp32"
    assert choose_precision("fp32", CPU, grid=WIDE) == "fp32"


def test_bf16_without_instructions_warns_once_and_says_how_slow(hardware, caplog):
    with caplog.at_level(logging.WARNING):
        assert {choose_precision("bf16", CPU, grid=WIDE) for _ in range(3)} == {"bf16"}
    found = [record.getMessage() for record in caplog.records]
    assert len(found) == (0 if hardware else 1)
    for sentence in found:
        assert "has no instructions for it: a convolution takes" in sentence
        assert "times as long as in fp32" in sentence


def test_bf16_that_errs_is_refused(hardware):
    with pytest.raises(ConfigurationError, match=r"training\.precision: bf16 gives wrong gradients"):
        choose_precision("bf16", CPU, grid=NARROW)


@pytest.mark.parametrize("begun", ["fp32", "bf16"])
def test_a_training_goes_on_in_what_it_began_with(tmp_path, hardware, begun):
    save_state(tmp_path, {"identity": {"settings": {"precision": begun}, "device": "cpu"}})
    assert choose_precision("auto", CPU, grid=WIDE, output=tmp_path) == begun


def test_another_kind_of_device_starts_anew(tmp_path, hardware):
    save_state(tmp_path, {"identity": {"settings": {"precision": "bf16"}, "device": "cuda"}})
    assert choose_precision("auto", CPU, grid=WIDE, output=tmp_path) == ("bf16" if hardware else "fp32")


def test_a_training_killed_on_one_processor_ends_alike_on_another(toys, tmp_path, monkeypatch):
    """Begun where bf16 is not there, ended where it is: the bytes of an unbroken one."""
    monkeypatch.setattr(precision, "NARROWEST", 1)

    def train(output, *, has_units):
        monkeypatch.setattr(precision, "has_bf16", lambda device: has_units)
        train_phase(
            "phase1_stroke",
            net="2d",
            weights="random",
            seed=0,
            models=toys.models("2d"),
            training=toys.training(precision="auto", epochs=3, device="cpu"),
            parent_model=None,
            output=output,
            **toys.inputs(),
        )

    train(tmp_path / "unbroken", has_units=False)

    def save_and_die(*arguments, **settings):
        save(*arguments, **settings)
        raise KeyboardInterrupt

    save = loop._save
    with monkeypatch.context() as dying:
        dying.setattr(loop, "_save", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "broken", has_units=False)
    train(tmp_path / "broken", has_units=True)
    for name in ("model.pt", "history.tsv", "run.json"):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "unbroken" / name).read_bytes()
    record, _, _ = read_checkpoint(tmp_path / "broken/model.pt")
    assert record["settings"]["precision"] == "fp32"
    assert json.loads((tmp_path / "broken/run.json").read_text())["settings"]["precision"] == "fp32"
