"""The machines that strokeclock runs on."""

import ctypes
import platform
import sys
import threading

from strokeclock.errors import MissingSoftwareError

SUPPORTED = ("Linux", "x86_64")


def check_host() -> None:
    """Raise MissingSoftwareError on a machine that is not supported."""
    here = platform.system(), platform.machine()
    if here != SUPPORTED:
        named = " on ".join(filter(None, here)) or "unknown"
        raise MissingSoftwareError(
            f"strokeclock runs on Linux on x86-64 processors, and this is {named}: use such a machine, on "
            "Windows the Windows Subsystem for Linux, elsewhere a container (linux/amd64)."
        )


def keep_memory() -> None:
    """Make the C library keep freed memory: large arrays would get new pages from the system each time."""
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        most_mmaps, trim_threshold = -4, -1
        libc = ctypes.CDLL(None)
        libc.mallopt(most_mmaps, 0)
        libc.mallopt(trim_threshold, 2**31 - 1)


def end_timers() -> None:
    """Cancel this process's timers that still wait: Python does not end before they have run."""
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()
