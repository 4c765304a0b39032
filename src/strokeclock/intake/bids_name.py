"""Names of BIDS files: entities and suffix. bids-specification.readthedocs.io, common principles."""

from typing import NamedTuple


class BidsName(NamedTuple):
    """The parts of a name without its extension.

    Attributes
    ----------
    entities : key -> label, in their order: sub, ses, acq, rec, run …
    suffix : the last part, as written (dwi, FLAIR, msk); of ISLES 2024's lesion-msk the word msk.
    """

    entities: dict[str, str]
    suffix: str

    @property
    def label(self) -> str:
        """The name without subject and session: rec-TRACE_dwi."""
        kept = [f"{key}-{label}" for key, label in self.entities.items() if key not in ("sub", "ses")]
        return "_".join([*kept, self.suffix])


def parse_name(stem: str) -> BidsName:
    """Divide a file's name, without its extension, into entities and suffix.

    >>> parse_name("sub-7_rec-TRACE_dwi")
    BidsName(entities={'sub': '7', 'rec': 'TRACE'}, suffix='dwi')
    """
    *parts, last = stem.split("_")
    entities = {}
    for part in parts:
        key, dash, label = part.partition("-")
        if dash:
            entities[key] = label
        else:
            entities[part] = ""
    return BidsName(entities, last.rpartition("-")[2])
