"""What learned from a patient: models, fitted files, unfinished trainings and bundles."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from strokeclock.cohort.parts import read_parts
from strokeclock.withdrawal.contents import read_json

LEARNING = ("train", "validation")


def find_part(folder: Path, patient: str) -> str | None:
    """The patient's part in the split of a run or of a repeat; None where the patient has none."""
    split = folder / "cohort/split.tsv"
    return read_parts(split).get(patient) if split.is_file() else None


def list_learners(results: Path, part: str | None) -> Iterator[Path]:
    """Yield the fitted files, unfinished trainings and bundles that learned from patients of a part."""
    if part not in LEARNING:
        return
    for path in sorted((results / "fitted").rglob("*.json")):
        if part in _find_parts(read_json(path)):
            yield path
    states = (f"{kind}/**/{name}.pt" for kind in ("models", "search") for name in ("latest", "previous"))
    for pattern in (*states, "bundle/*.zip"):
        yield from sorted(results.glob(pattern))


def _find_parts(content: Any) -> set[str]:
    """The parts that a fitted file, or any of its rows, was fitted on."""
    if isinstance(content, list):
        return {part for value in content for part in _find_parts(value)}
    if not isinstance(content, dict):
        return set()
    own = content["fitted_on"]["parts"] if isinstance(content.get("fitted_on"), dict) else ()
    return {*own, *(part for value in content.values() for part in _find_parts(value))}


def list_descendants(results: Path, learned: Iterable[Path]) -> set[Path]:
    """The models that started from one of these models, or from one that did."""
    records = {path.with_name("model.pt"): read_json(path) for path in results.rglob("run.json")}
    starts = {path: (record.get("parent") or {}).get("sha256") for path, record in records.items()}
    found: set[Path] = set()
    new = {*learned} & {*records}
    while new:
        digests = {records[path].get("model_sha256") for path in new} - {None, ""}
        new = {path for path, start in starts.items() if start in digests and path.is_file()} - found
        found |= new
    return found


def is_reference(path: Path, patient: str) -> bool:
    """Whether a file is the histogram reference, and was made from this patient."""
    from strokeclock.imaging.reference import read_reference  # brings nibabel

    reference = read_reference(path) if path.is_file() else None
    return reference is not None and reference.patient == patient
