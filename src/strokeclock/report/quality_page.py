"""One self-contained, sortable page that lists every patient's quality, worst first."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from strokeclock.batches import read_batches
from strokeclock.cohort.verdicts import VERDICTS
from strokeclock.figures.palette import BLUE, DARK_GREEN, DARK_ORANGE, DARK_VERMILION, INK, VERMILION
from strokeclock.files import write_whole
from strokeclock.imaging.findings import describe
from strokeclock.imaging.quality import list_limits
from strokeclock.imaging.quality_record import VERDICT, read_all_findings, read_record, read_records
from strokeclock.imaging.reference import TRAIN, read_reference
from strokeclock.report.folders import hide_folders
from strokeclock.report.quality_columns import COLUMNS, LEADING, TRAILING, list_columns, say_limits
from strokeclock.series import MATCHED, SERIES, Limits

_TEMPLATE = Path(__file__).with_name("quality.html")
_SOURCES = {"mask": "drawn", "automatic": "found on DWI"}  # of volumes.tsv, in words
COLOURS = {"pass": DARK_GREEN, "review": DARK_ORANGE, "fail": DARK_VERMILION}


def write_page(
    page: str | Path,
    *,
    checks: Iterable[str | Path],
    pictures: Iterable[str | Path],
    preprocessed: Iterable[str | Path],
    quality: str | Path,
    exclusions: str | Path,
    lesions: str | Path,
    run: str,
    synthetic: bool,
    thresholds: Mapping[str, Any],
    reference: str | Path | None = None,
) -> None:
    """Write the page, whole or not at all.

    All texts count as untrusted: they are escaped, and folders are cut from paths.

    Parameters
    ----------
    page : path
        index.html; each patient's picture is ``<patient>.png`` in the same folder.
    checks, pictures, preprocessed : paths
        Tables of the batches' files (`batches`): record (`quality_record.make_record`); matching, the
        histogram distances to the reference in standard deviations, before and after matching, by series;
        findings, where patients were preprocessed.
    quality, exclusions, lesions : paths
        quality/quality.tsv, whose verdicts are final; cohort/exclusions.tsv; lesions/volumes.tsv.
    run : str
        The run's name.
    synthetic : bool
        All patients are phantoms.
    thresholds : mapping
        The keyword arguments of `quality.judge`, for the limits that the page tells.
    reference : path
        hemispheres/reference.npz; the page names its patient. Without a path nothing is matched.
    """
    final, stages = _read(quality), _read(exclusions)
    records = sorted(
        (record | {key: final[record["patient"]][key] for key in VERDICT} for record in read_records(checks)),
        key=_severity,
    )
    at_entry = [stages[patient] for patient in sorted({*stages} - {*final})]
    marks, found = _read(lesions), read_all_findings(preprocessed)
    distances = {patient: read_record(files["matching"]) for patient, files in read_batches(pictures).items()}
    count = {verdict: sum(record["verdict"] == verdict for record in records) for verdict in VERDICTS}
    rows = (
        _row(
            record,
            distances.get(record["patient"], {}),
            stage=stages.get(record["patient"], {}).get("stage", ""),
            notes=describe(found[record["patient"]]) if record["patient"] in found else [],
            lesion=marks.get(record["patient"], {}),
        )
        for record in records
    )
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        ink=INK,
        accent=BLUE,
        warn=VERMILION,
        colours=COLOURS,
        run=run,
        synthetic=synthetic,
        patients=len(records),
        counts={verdict: count[verdict] for verdict in reversed(VERDICTS)},
        excluded=len(at_entry),
        shown={
            "all": len(records) + len(at_entry),
            "review": count["review"],
            "fail": count["fail"] + len(at_entry),
        },
        reference=_say_reference(reference),
        groups=[*_group_columns(list_limits(**thresholds))],
        rows=(row for part in (map(_entry_row, at_entry), rows) for row in part),
    )
    write_whole(page, text)


def _group_columns(limits: Mapping[str, Limits]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each subject with its columns for the template."""
    for group, members in groupby(list_columns(), key=lambda named: named[1].group):
        columns = [
            {
                "title": column.title,
                "meaning": " ".join(filter(None, (column.meaning, say_limits(column, limits.get(name))))),
                "numeric": column not in LEADING,
            }
            for name, column in members
        ]
        yield group, columns


def _say_reference(path: str | Path | None) -> str:
    if path is None:
        return "Histograms were not matched (preprocessing.intensity.matching is none)."
    reference = read_reference(path)
    if reference is None:
        return "Histograms were not matched, because there is no training patient to be the reference."
    role = "a training patient" if reference.part == TRAIN else "a training patient of another run"
    return f"The histogram reference is {reference.patient}, {role}."


def _severity(record: Mapping) -> tuple:
    dice = (record["numbers"] or {}).get("dice_to_atlas", 0)
    return -VERDICTS.index(record["verdict"]), dice, record["patient"]


def _read(table: str | Path) -> dict[str, dict[str, str]]:
    """Patient -> the row of a table with tabs."""
    with open(table, newline="", encoding="utf-8") as file:
        return {row["patient"]: row for row in csv.DictReader(file, delimiter="\t")}


def _say_lesion(row: Mapping[str, str]) -> str:
    """What volumes.tsv says of a patient's lesion, in words."""
    if not row:
        return ""
    if not row["volume_ml"]:
        return f"none: {hide_folders(row['note'])}"
    return f"{_SOURCES.get(row['source'], row['source'])}, {float(row['volume_ml']):.1f} mL"


def _entry_row(row: Mapping[str, str]) -> dict[str, Any]:
    """The row of a patient who was excluded before any image was read."""
    return {
        "patient": row["patient"],
        "picture": "",
        "verdict": "fail",
        "order": len(VERDICTS),
        "said": f"excluded at {row['stage']}",
        "excluded": "",
        "reason": hide_folders(row["reason"]),
        "notes": "",
        "lesion": "",
        "numbers": [("", "")] * (len(COLUMNS) + len(TRAILING)),
    }


def _row(
    record: Mapping,
    distances: Mapping[str, tuple[float, float]],
    *,
    stage: str,
    notes: Iterable[str],
    lesion: Mapping[str, str],
) -> dict[str, Any]:
    numbers = record["numbers"] or {}
    before, after = max(distances.values(), key=lambda pair: pair[1], default=("", ""))
    return {
        "patient": record["patient"],
        "picture": _say_picture(record, has_lesion=bool(lesion.get("volume_ml"))),
        "verdict": record["verdict"],
        "order": VERDICTS.index(record["verdict"]),
        "said": record["verdict"] + (" (by a person)" if record["judged_by"] == "person" else ""),
        "excluded": f", excluded at {stage}" if stage else "",
        "reason": hide_folders(record["reason"]),
        "notes": "; ".join(notes),
        "lesion": _say_lesion(lesion),
        "numbers": [
            *(_cell(numbers.get(name), column.form) for name, column in COLUMNS.items()),
            (after, f"{before:.2f} → {after:.2f}" if distances else ""),
        ],
    }


def _say_picture(record: Mapping, *, has_lesion: bool) -> str:
    """What the patient's picture shows, for who does not see it."""
    numbers = record["numbers"]
    if numbers is None:
        return f"No slices of {record['patient']}: the picture holds the reason in words"
    labels = [
        SERIES[name].label
        for name in MATCHED
        if SERIES[name].required or numbers.get(f"{name}_coverage") is not None
    ]
    outlined = "brain and lesion" if has_lesion else "the brain"
    return f"Axial slices of {record['patient']} on {', '.join(labels)} with outlines of {outlined}"


def _cell(value: Any, form: str) -> tuple[Any, str]:
    """What a cell is sorted by, and what it shows."""
    return ("", "") if value is None else (value, format(value, form))
