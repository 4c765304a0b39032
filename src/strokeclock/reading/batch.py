"""Read a batch of a sheet's patients, each as `strokeclock read` does."""

import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from strokeclock.batches import Files, read_batches, write_batch
from strokeclock.bundle.model import open_bundle
from strokeclock.cohort.cells import write_cells
from strokeclock.files import write_whole
from strokeclock.reading.clock import Clock
from strokeclock.reading.output import write_output
from strokeclock.reading.patient import read_patient
from strokeclock.reading.self_test import run_self_test
from strokeclock.reading.source import Study, describe_protocol

COLUMNS = (
    "patient",
    "status",
    "row",
    "score",
    "scaled",
    "threshold",
    "side",
    "volume_ml",
    "verdict",
    "reason",
)


def write_self_test(bundle: str | Path, passed: str | Path, *, device: str, threads: int) -> None:
    """Run a bundle's self-test and write its sentence; BundleError where it fails."""
    write_whole(passed, run_self_test(open_bundle(bundle), device=device, threads=threads) + "\n")


def make_study(patient: str, given: Mapping[str, Any], folder: Path) -> Study:
    """Make the study of a sheet's row.

    Parameters
    ----------
    given : raw (series -> file), b_value (s/mm2) and field_t (T, or "").
    folder : for the protocol that is written.
    """
    raw = {name: Path(path) for name, path in given["raw"].items() if path}
    study = Study(
        patient=patient,
        raw=raw,
        b_value=float(given["b_value"]),
        what=dict.fromkeys(raw, "named in the sheet"),
    )
    return describe_protocol(study, folder, field_t=given["field_t"])


def read_batch(
    bundle: str | Path,
    passed: str | Path,
    table: str | Path,
    *,
    studies: Mapping[str, Mapping[str, Any]],
    readings: Files,
    device: str,
    threads: int,
) -> None:
    """Read patients in turn, and write a table of their files.

    Parameters
    ----------
    bundle, passed : paths
        The bundle, and what `write_self_test` wrote of it.
    studies : patient -> raw, b_value, field_t (`make_study`) and side (auto, left, right or both).
    readings : patient -> {"reading": reading.json, "page": index.html}
        Written, with the lesion beside them.
    device, threads
        Of torch.
    """
    opened, said = open_bundle(bundle), Path(passed).read_text(encoding="utf-8").strip()
    for patient, given in studies.items():
        clock = Clock()
        with tempfile.TemporaryDirectory() as folder:
            study = make_study(patient, given, Path(folder))
            read = read_patient(
                study,
                opened,
                side=given["side"],
                device=device,
                threads=threads,
                clock=clock,
                self_test=said,
            )
            place = Path(readings[patient]["reading"]).parent
            place.mkdir(parents=True, exist_ok=True)
            write_output(read, study, place, clock=clock)
    write_batch(table, readings)


def list_readings(tables: Iterable[str | Path], listing: str | Path) -> None:
    """Write patients.tsv: the headline of each patient's reading (`COLUMNS`)."""
    rows = []
    for patient, files in read_batches(tables).items():
        rows.append([patient, *_describe(json.loads(Path(files["reading"]).read_bytes()))])
    write_cells(listing, COLUMNS, rows)


def _describe(reading: Mapping[str, Any]) -> list[str]:
    first = reading["answers"][0] if reading["answers"] else {}
    side, lesion = reading["side"] or {}, reading["lesion"] or {}

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.6g}"

    return [
        reading["status"],
        first.get("row", ""),
        *(number(first.get(key)) for key in ("score", "scaled", "threshold")),
        side.get("side", ""),
        number(lesion.get("volume_ml")),
        reading["verdict"],
        reading["reason"] or reading["verdict_reason"],
    ]
