"""What the channels of a hemisphere are called."""

from collections.abc import Sequence

OTHER = "other_"  # before the name of a series: of the other hemisphere, mirrored


def channel_names(series: Sequence[str], *, other_hemisphere: bool) -> tuple[str, ...]:
    """Name a network's channels: the series, and behind them, if asked for, the other hemisphere's."""
    return *series, *(OTHER + name for name in series if other_hemisphere)


def has_other_hemisphere(channels: Sequence[str]) -> bool:
    """Whether some of these channels are the other hemisphere's."""
    return any(name.startswith(OTHER) for name in channels)
