"""What an import finds: one record a series, before anything is chosen or converted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Column of the cohort sheet -> the file to write -> sentences on what was noticed while writing.
Bring = Callable[[Mapping[str, Path]], list[str]]


@dataclass(frozen=True, kw_only=True)
class Found:
    """One series of the source, or one lesion mask.

    Attributes
    ----------
    person : identifier of the person in the source: the label of a BIDS subject, a PatientID. Never written
        to the sheet as it is unless it comes from BIDS, whose labels are no names.
    session : label of the visit; "" where the source knows none.
    acquired : ISO date and time of the visit or series, to order them; "" where it is not known. Not written.
    name : names the series within its session, for a person who chooses in selection.tsv; unique there. No
        text that may tell an identity: a BIDS name without its folder, the series number and a safe word.
    gives : the columns of the cohort sheet that it can fill: ("dwi",), ("t2w", "dwi"), ("lesion_mask",);
        () where it is of no use here.
    why : one phrase on what it was taken for, and by what.
    rank : of those that give one column, the lowest is taken; where two have the lowest, a person chooses.
    study : scans of one study share it (one StudyInstanceUID, one BIDS session); only compared.
    b_value : of the DWI that it gives, s/mm2; None where not known.
    facts : the fields of the sidecar that may be kept (`privacy.KEPT`), in BIDS units.
    faults : why it cannot be used although it looks like what is wanted: sentences with the remedy.
    files : the source's files, for sources.tsv alone.
    bring : writes the columns that are asked for, as .nii.gz with blank text fields or as a link to a NIfTI
        file that needs no change, each with its sidecar. Raises PatientError where it cannot.
    """

    person: str
    session: str = ""
    acquired: str = ""
    name: str
    gives: tuple[str, ...]
    why: str
    rank: int = 0
    study: str = ""
    b_value: float | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    bring: Bring
