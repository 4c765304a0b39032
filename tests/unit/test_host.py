"""Where strokeclock runs, and one sentence elsewhere."""

import platform
import threading

import pytest

from strokeclock.cli import main
from strokeclock.errors import MissingSoftwareError
from strokeclock.host import check_host, end_timers


def pretend(monkeypatch, system, machine):
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)


def test_linux_on_x86_64_is_supported(monkeypatch):
    pretend(monkeypatch, "Linux", "x86_64")
    check_host()


@pytest.mark.parametrize(
    ("system", "machine"), [("Darwin", "arm64"), ("Windows", "AMD64"), ("Linux", "aarch64"), ("", "")]
)
def test_elsewhere_one_sentence_refuses(monkeypatch, system, machine):
    pretend(monkeypatch, system, machine)
    with pytest.raises(MissingSoftwareError, match="runs on Linux on x86-64") as refused:
        check_host()
    assert str(refused.value).count("\n") == 0


def test_the_command_refuses_with_a_status_of_its_own(monkeypatch, capsys):
    pretend(monkeypatch, "Darwin", "arm64")
    assert main(["bundle", "show", "model.zip"]) == 1
    assert "this is Darwin on arm64" in capsys.readouterr().err


def test_a_timer_that_waits_does_not_keep_the_process():
    timer = threading.Timer(3600, lambda: None)
    timer.start()
    end_timers()
    timer.join(10)
    assert not timer.is_alive()
