"""Seconds a step of a reading."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str, float], None]  # is told a step that ended, and its seconds


class Clock:
    """Seconds a step, told as each step ends."""

    def __init__(self, tell: Progress | None = None):
        self.seconds: dict[str, float] = {}
        self._tell = tell

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what is done inside, unless it fails; the time of a step that comes twice is added."""
        began = time.perf_counter()
        yield
        took = time.perf_counter() - began
        self.seconds[name] = round(self.seconds.get(name, 0.0) + took, 3)
        if self._tell:
            self._tell(name, took)
