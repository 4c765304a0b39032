"""Lists in sentences. Standard library alone."""

from collections.abc import Iterable


def list_words(items: Iterable, *, last: str = "and") -> str:
    """Join items as a sentence does; there is at least one.

    >>> list_words([30, 20, 10])
    '30, 20 and 10'
    """
    *most, end = map(str, items)
    return f"{', '.join(most)} {last} {end}" if most else end
