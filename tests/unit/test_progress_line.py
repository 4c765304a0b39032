"""`snakemake --logger strokeclock`: one line, and above it what goes wrong."""

import logging
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from snakemake_logger_plugin_strokeclock import LogHandler, Pace


def say(handler, event=None, *, level=logging.INFO, message="", **fields):
    record = logging.makeLogRecord({"levelno": level, "msg": message, "event": event} | fields)
    handler.handle(record)


@pytest.fixture
def handler():
    made = LogHandler(SimpleNamespace(dryrun=False), None)
    made.setFormatter(logging.Formatter("%(message)s"))
    yield made
    made.close()


def start(handler, number, rule):
    say(handler, LogEvent.JOB_INFO, jobid=number, rule_name=rule)


def last_line(handler, capsys):
    """The line as it stays at the end."""
    handler.close()
    return capsys.readouterr().err.splitlines()[-1]


def test_snakemake_finds_the_plugin():
    assert "strokeclock" in LoggerPluginRegistry().plugins


def test_the_line_says_steps_and_what_runs(handler, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "150")
    for number, rule in enumerate(["check", "check", "lesions", "check"]):
        start(handler, number, rule)
    say(handler, LogEvent.JOB_FINISHED, job_id=0)
    say(handler, LogEvent.PROGRESS, done=1, total=10)
    line = last_line(handler, capsys)
    assert line.startswith("check ×2, lesions ")
    assert " 1/10 steps, " in line
    assert line.rstrip().endswith(" passed")  # the time left is not known yet


def test_the_time_left_follows_the_pace_since_the_start():
    pace = Pace()
    assert pace.say_left(90, 10) == ""  # no step has ended
    for done in (1, 2, 3):  # at once
        pace.see(2, done)
    assert pace.say_left(3, 33) == ""
    assert pace.say_left(60, 33) == ", about 0:10:00 left"  # 30 steps of 20 s
    assert pace.say_left(120, 33) == ", about 0:20:00 left"  # grows while none ends
    assert pace.say_left(120, None) == ""
    assert pace.say_left(120, 3) == ""  # all have ended


def test_the_time_left_is_told_from_a_twentieth_of_the_steps_or_half_an_hour_on():
    pace = Pace()
    pace.see(90, 4)
    assert pace.say_left(100, 100) == ""
    assert pace.say_left(1800, 100) == ", about 12:00:00 left"
    pace.see(100, 5)
    assert pace.say_left(100, 100) == ", about 0:31:40 left"


def test_the_time_left_forgets_what_was_over_half_an_hour_ago():
    pace = Pace()
    pace.see(100, 90)
    pace.see(2000, 91)
    assert pace.say_left(2000, 92) == ", about 0:31:40 left"  # a step in 1900 s
    pace.see(3000, 92)
    pace.see(4000, 93)
    assert pace.say_left(4000, 95) == ", about 0:33:20 left"  # two steps in 2000 s


def test_many_rules_are_counted(handler, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "150")
    for number in range(5):
        start(handler, number, f"rule_{number}")
    assert last_line(handler, capsys).startswith("rule_0, rule_1, rule_2 and 2 more ")


def test_a_failed_job_is_shown_and_runs_no_more(handler, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "150")
    start(handler, 1, "check")
    say(handler, LogEvent.JOB_ERROR, level=logging.ERROR, message="Error in rule check [log: a.log]", jobid=1)
    handler.close()
    *above, line = capsys.readouterr().err.splitlines()
    assert "Error in rule check [log: a.log]" in "".join(above)
    assert line.startswith("Snakemake ")


def test_messages_are_left_to_the_log_file_and_warnings_shown(handler, capsys):
    say(handler, message="Select jobs to execute...")
    say(handler, LogEvent.RUN_INFO, message="Job stats")
    say(handler, level=logging.WARNING, message="patient p1 is excluded: no DWI.")
    handler.close()
    shown = capsys.readouterr().err
    assert "patient p1 is excluded: no DWI." in shown
    assert "Select jobs" not in shown
    assert "Job stats" not in shown


def test_a_run_with_nothing_to_do_says_so(handler, capsys):
    say(handler, message="Nothing to be done (all requested files are present and up to date).")
    handler.close()
    assert "Nothing to be done" in capsys.readouterr().err


def test_a_dry_run_shows_the_numbers_of_jobs(capsys):
    handler = LogHandler(SimpleNamespace(dryrun=True), None)
    handler.setFormatter(logging.Formatter("%(message)s"))
    say(handler, LogEvent.RUN_INFO, message="Job stats")
    handler.close()
    assert capsys.readouterr().err == "Job stats\n"
