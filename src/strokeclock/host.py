"""The machines that strokeclock runs on."""

import platform

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
