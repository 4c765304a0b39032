"""One line of progress in place of Snakemake's messages: snakemake --logger strokeclock.

The line says what runs, how many steps are done, and how much time passed and may be left. Warnings and
errors stand above it. Snakemake's own log file in .snakemake/log keeps every message. Snakemake finds a
plugin by the name of its package.
"""

import logging
from collections import Counter, deque
from datetime import timedelta
from logging import LogRecord

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

_MOST_NAMED = 3  # rules, of those that run
_REMEMBERED_S = 1800  # the pace of so many seconds tells the time left
_FIRST_TOLD_S = 60  # the first steps may end all at once, above all where a run goes on
_LEAST_SHARE = 0.05  # of the steps: the first jobs on a cluster wait long, and the pace is not known yet
_NOTHING_LEFT = "Nothing to be done"  # how Snakemake's message begins
_SHOWN = (LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR, LogEvent.ERROR)


class Pace:
    """How fast steps end, counted from the start of the run or, later on, in the last half hour."""

    def __init__(self) -> None:
        self._seen = deque([(0.0, 0)])  # seconds since the start, steps done

    def see(self, passed_s: float, done: int) -> None:
        """Take the number of steps that are done after so many seconds."""
        self._seen.append((passed_s, done))
        while self._seen[1][0] < passed_s - _REMEMBERED_S:
            self._seen.popleft()

    def say_left(self, passed_s: float, total: float | None) -> str:
        """Return ", about 0:12:00 left", or "" where that is not known yet, or no step is left."""
        (first_s, first), (_, done) = self._seen[0], self._seen[-1]
        if total is None or passed_s < _FIRST_TOLD_S or done in (first, total):
            return ""
        if done - first < _LEAST_SHARE * total and passed_s < _REMEMBERED_S:
            return ""
        left_s = (total - done) * (passed_s - first_s) / (done - first)
        return f", about {timedelta(seconds=round(left_s))} left"


class LogHandler(LogHandlerBase):
    """Shows one line on the terminal, by the messages that Snakemake logs."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = False  # Snakemake's, for warnings and errors
    needs_rulegraph = False

    def __post_init__(self) -> None:
        # Snakemake imports every plugin that it finds, also where rich is not installed.
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            Task,
            TextColumn,
            TimeElapsedColumn,
        )
        from rich.text import Text

        pace = self._pace = Pace()

        class PassedAndLeft(ProgressColumn):
            def render(self, task: Task) -> Text:
                left = pace.say_left(task.elapsed or 0.0, task.total)
                return Text(f"passed{left}")

        self._rules: dict[int, str] = {}  # number of a job that runs, or is about to -> its rule
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("steps,"),
            TimeElapsedColumn(),
            PassedAndLeft(),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task("Starting", total=None)

    def emit(self, record: LogRecord) -> None:
        """Take one message of Snakemake; it comes in a thread of its own."""
        event, told = getattr(record, "event", None), record.__dict__
        if event == LogEvent.JOB_INFO:
            self._rules[told["jobid"]] = told["rule_name"]
        elif event == LogEvent.JOB_FINISHED:
            self._rules.pop(told["job_id"], None)
        elif event == LogEvent.JOB_ERROR:
            self._rules.pop(told["jobid"], None)
        elif event == LogEvent.PROGRESS:
            self._progress.update(self._task, completed=told["done"], total=told["total"])
            self._pace.see(self._progress.tasks[0].elapsed or 0.0, told["done"])
        if self._is_shown(event, record.levelno, record.getMessage()):
            self._progress.console.print(self.format(record), markup=False, highlight=False, soft_wrap=True)
        if not self.common_settings.dryrun:
            self._progress.update(self._task, description=self._say_what_runs())
            self._progress.start()

    def _is_shown(self, event: LogEvent | None, level: int, message: str) -> bool:
        """Whether a message stands above the line; of a dry run the numbers of jobs do, too."""
        if event == LogEvent.RUN_INFO:
            return self.common_settings.dryrun
        return event in _SHOWN or (event is None and (level >= logging.WARNING or _NOTHING_LEFT in message))

    def _say_what_runs(self) -> str:
        running = Counter(self._rules.values())
        names = [
            f"{rule} ×{number}" if number > 1 else rule for rule, number in running.most_common(_MOST_NAMED)
        ]
        more = "" if len(running) <= _MOST_NAMED else f" and {len(running) - _MOST_NAMED} more"
        return ", ".join(names) + more or "Snakemake"

    def close(self) -> None:
        """Leave the line as it is, at the end of the run."""
        if not self.common_settings.dryrun:
            self._progress.stop()
        super().close()
