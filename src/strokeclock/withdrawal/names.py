"""Which file names and texts name one patient."""

import re
from collections.abc import Iterable

_SUFFIXES = r"(?:\.(?:nii|gz|npy|npz|json|png|svg|log|txt|tsv|csv|html|zip|pt))"


class NamesOf:
    """Tells which file names and texts name one patient and no other one.

    ``others`` are the run's patients: one of them may be named like a file of this patient, as P1.nii is.
    """

    def __init__(self, patient: str, *, others: Iterable[str]):
        self._patient = patient
        self._own = re.compile(re.escape(patient) + _SUFFIXES + "*")
        self._others = [
            re.compile(re.escape(other) + _SUFFIXES + "*")
            for other in others
            if other.startswith(f"{patient}.")
        ]
        self._word = re.compile(
            r"(?<![A-Za-z0-9._+-])" + re.escape(patient) + _SUFFIXES + r"*(?![A-Za-z0-9_+-]|\.[A-Za-z0-9])"
        )

    def is_name(self, name: str) -> bool:
        """Whether a file or folder is named after the patient, maybe with suffixes of files."""
        return bool(self._own.fullmatch(name)) and not any(other.fullmatch(name) for other in self._others)

    def in_text(self, text: str) -> bool:
        """Whether a text has the patient, or a file named so, as a word of its own."""
        return self._patient in text and any(self.is_name(found[0]) for found in self._word.finditer(text))
