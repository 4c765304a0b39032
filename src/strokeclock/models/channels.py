"""The names of a hemisphere's channels."""

from collections.abc import Sequence

CONTRALATERAL = "contralateral_"  # prefix of a series' name: of the contralateral hemisphere, mirrored


def channel_names(series: Sequence[str], *, contralateral: bool) -> tuple[str, ...]:
    """Name a network's channels: the series, then, if wanted, the contralateral hemisphere's."""
    return *series, *(CONTRALATERAL + name for name in series if contralateral)


def has_contralateral(channels: Sequence[str]) -> bool:
    """Whether some of these channels are the contralateral hemisphere's."""
    return any(name.startswith(CONTRALATERAL) for name in channels)
