"""One self-contained, sortable page that lists every patient's quality, worst first."""

import csv
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from strokeclock.batches import read_batches
from strokeclock.cohort.verdicts import VERDICTS
from strokeclock.files import write_whole
from strokeclock.imaging.findings import describe
from strokeclock.imaging.quality_record import VERDICT, read_all_findings, read_record, read_records
from strokeclock.imaging.reference import TRAIN, read_reference
from strokeclock.series import SERIES

_SOURCES = {"mask": "drawn", "automatic": "found on DWI"}  # of volumes.tsv, in words
_PHYSICS = {
    "adc_median": ("ADC, 10⁻³ mm²/s", ".2f"),
    "adc_fluid": ("ADC of fluid", ".2f"),
    "adc_spread": ("ADC spread", ".2f"),
    "dwi_above_t2w": ("DWI above T2w", ".0%"),
    "adc_at_limit": ("ADC at limit", ".0%"),
    "adc_difference": ("ADC map off", ".0%"),
    "upright": ("upright", ".2f"),
    "stretch": ("stretch", ".2f"),
    "likeness": ("likeness", ".2f"),
    **{
        f"{name}_fluid": (f"{series.label} of fluid", ".2f")
        for name, series in SERIES.items()
        if series.fluid
    },
    **{
        f"{name}_tissue": (f"{series.label} in tissue", "+.2f")
        for name, series in SERIES.items()
        if series.tissue
    },
}
_COLUMNS = {  # number -> title, format
    "mask_volume_ml": ("brain, mL", ".0f"),
    "dice_to_atlas": ("Dice", ".3f"),
    "nmi_to_atlas": ("NMI", ".3f"),
    **{
        f"{name}_coverage": (f"{series.label} shows", ".0%")
        for name, series in SERIES.items()
        if series.min_coverage is not None
    },
    **{
        f"{name}_{what}": (f"{series.label} {what}", ".2f")
        for name, series in SERIES.items()
        if series.min_fit is not None
        for what in ("fit", "place")
    },
    **_PHYSICS,
    "coverage_difference": ("shown L–R", "+.1%"),
    "asymmetry": ("L–R", ".3f"),
    "midplane_tilt_deg": ("tilt, °", ".1f"),
    "midplane_offset_mm": ("offset, mm", "+.1f"),
    "infarct_left_ml": ("infarct left, mL", ".1f"),
    "infarct_right_ml": ("infarct right, mL", ".1f"),
    "side_seen": ("side seen", ""),
    "side_recorded": ("side noted", ""),
}

_HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Quality</title>
<style>
body { margin: 1.2rem; background: #14161a; color: #e6e6e6; font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0 0 .3rem; }
p { margin: 0 0 1rem; color: #a9adb5; max-width: 75em; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .3rem .4rem; text-align: left; border-bottom: 1px solid #2b2f36; vertical-align: middle; }
th { position: sticky; top: 0; background: #1d2026; cursor: pointer; font-size: 12px; }
th:hover, button:hover { background: #2b2f36; }
td.number { text-align: right; font-size: 12px; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.patient { min-width: 6em; overflow-wrap: anywhere; }
td.note { min-width: 7em; font-size: 12px; overflow-wrap: anywhere; }
td.verdict { min-width: 12em; overflow-wrap: anywhere; }
img { display: block; width: 24vw; height: 10.7vw; object-fit: contain; object-position: left; }
@media (max-width: 1400px) {
  th, td { padding: .3rem .2rem; }
  img { width: 18vw; height: 8vw; }
}
button { margin-right: .3rem; padding: .2rem .7rem; font: inherit; color: inherit; cursor: pointer;
  background: #1d2026; border: 1px solid #2b2f36; border-radius: .3rem; }
button[aria-pressed=true] { border-color: currentColor; }
button:disabled { opacity: .4; cursor: default; }
input { margin-right: .8rem; padding: .2rem .5rem; font: inherit; color: inherit; background: #1d2026;
  border: 1px solid #2b2f36; border-radius: .3rem; }
span.pass, b.pass { color: #60c878; }
span.review, b.review, button.review { color: #f5be46; }
span.fail, b.fail, button.fail { color: #f0645a; }
</style>
"""

_TURNING = """<p><input type="search" placeholder="patient" aria-label="patient">
<button data-turn="-1">‹ previous</button><button data-turn="1">next ›</button> <output></output></p>
"""

# The rows wait in a template, where a browser neither lays them out nor loads their pictures; the table shows
# a hundred of them, so that ten thousand patients scroll as smoothly as ten.
_SCRIPT = """<script>
const at_once = 100;
const rows = [...document.querySelector("template").content.querySelectorAll("tr")];
const body = document.querySelector("tbody"), search = document.querySelector("input");
const kinds = [...document.querySelectorAll("button[data-show]")];
const [back, on] = document.querySelectorAll("button[data-turn]");
let kind = "all", first = 0;
function show() {
  const sought = search.value.trim().toLowerCase();
  const chosen = rows.filter(row => (kind === "all" || row.classList.contains(kind)) &&
    row.cells[1].textContent.toLowerCase().includes(sought));
  if (first >= chosen.length) first = 0;
  const last = Math.min(first + at_once, chosen.length);
  body.replaceChildren(...chosen.slice(first, last).map(row => document.importNode(row, true)));
  const range = chosen.length ? `${first + 1} to ${last} of ${chosen.length}` : "none";
  document.querySelector("output").value = range;
  back.disabled = first === 0;
  on.disabled = last === chosen.length;
}
kinds.forEach(button => button.addEventListener("click", () => {
  kind = button.dataset.show;
  first = 0;
  kinds.forEach(other => other.setAttribute("aria-pressed", other === button));
  show();
}));
[back, on].forEach(button => button.addEventListener("click", () => {
  first += Number(button.dataset.turn) * at_once;
  show();
  scrollTo(0, 0);
}));
search.addEventListener("input", () => { first = 0; show(); });
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target === search) return;
  kinds.find(button => button.dataset.show[0] === event.key)?.click();
});
document.querySelectorAll("th").forEach((head, column) => head.addEventListener("click", () => {
  const falling = head.dataset.order === "rising";
  document.querySelectorAll("th").forEach(other => delete other.dataset.order);
  head.dataset.order = falling ? "falling" : "rising";
  const key = row => row.cells[column].dataset.key ?? row.cells[column].textContent;
  const numeric = rows.every(row => !isNaN(key(row)));  // empty counts as a number and goes last
  const compare = (a, b) => numeric ? (a || Infinity) - (b || Infinity) : a.localeCompare(b, "en");
  rows.sort((a, b) => compare(key(a), key(b)));
  if (falling) rows.reverse();
  first = 0;
  show();
}));
show();
</script>
"""


def write_page(
    page: str | Path,
    *,
    checks: Iterable[str | Path],
    pictures: Iterable[str | Path],
    preprocessed: Iterable[str | Path],
    quality: str | Path,
    exclusions: str | Path,
    lesions: str | Path,
    reference: str | Path | None = None,
) -> None:
    """Write the page, whole or not at all.

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
    counts = ", ".join(
        f'<span class="{verdict}">{count[verdict]} {verdict}</span>' for verdict in reversed(VERDICTS)
    )
    buttons = "".join(
        f'<button class="{show}" data-show="{show}" aria-pressed="{str(show == "all").lower()}">'
        f"<u>{show[0]}</u>{show[1:]} {number}</button>"
        for show, number in (
            ("all", len(records) + len(at_entry)),
            ("review", count["review"]),
            ("fail", count["fail"] + len(at_entry)),
        )
    )
    numbers = [title for title, _ in _COLUMNS.values()]
    titles = ["picture", "patient", "verdict", "raw series", "lesion", *numbers, "histogram off, SD"]
    excluded = f"; {len(at_entry)} more excluded at entry" if at_entry else ""
    text = "".join(
        [
            _HEAD,
            f"<h1>Quality of {len(records)} patients: {counts}{excluded}</h1>\n",
            "<p>Worst first; click a heading to sort, a picture to enlarge it. Fail excludes the patient; ",
            "review: a person should look at the picture. Manual verdicts (configuration key ",
            "quality.verdicts) override. ",
            f"{_reference_sentence(reference)}</p>\n",
            f"<p>{buttons} or press the key of the first letter</p>\n{_TURNING}<table>\n<thead><tr>",
            *(f"<th>{escape(title)}</th>" for title in titles),
            "</tr></thead>\n<tbody></tbody>\n</table>\n<template>\n",
            *map(_entry_row, at_entry),
            *(
                _row(
                    record,
                    distances.get(record["patient"], {}),
                    stage=stages.get(record["patient"], {}).get("stage", ""),
                    notes=describe(found[record["patient"]]) if record["patient"] in found else [],
                    lesion=_say_lesion(marks.get(record["patient"], {})),
                )
                for record in records
            ),
            f"</template>\n{_SCRIPT}</html>\n",
        ]
    )
    write_whole(page, text)


def _reference_sentence(path: str | Path | None) -> str:
    if path is None:
        return "Histograms were not matched (preprocessing.intensity.matching is none)."
    reference = read_reference(path)
    if reference is None:
        return "Histograms were not matched, because there is no training patient to be the reference."
    role = "a training patient" if reference.part == TRAIN else "a training patient of another run"
    return f"The histogram reference is {escape(reference.patient)}, {role}."


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
        return f"none: {row['note']}"
    return f"{_SOURCES.get(row['source'], row['source'])}, {float(row['volume_ml']):.1f} mL"


def _entry_row(row: Mapping[str, str]) -> str:
    """The row of a patient who was excluded before any image was read."""
    patient = escape(row["patient"])
    cells = [
        f'<td data-key="{patient}"></td>',
        f'<td class="patient">{patient}</td>',
        f'<td class="verdict" data-key="{len(VERDICTS)}">'
        f'<b class="fail">excluded at {escape(row["stage"])}</b><br>{escape(row["reason"])}</td>',
        *['<td data-key=""></td>'] * (3 + len(_COLUMNS)),
    ]
    return f'<tr class="fail">{"".join(cells)}</tr>\n'


def _row(
    record: Mapping,
    distances: Mapping[str, tuple[float, float]],
    *,
    stage: str,
    notes: Iterable[str],
    lesion: str,
) -> str:
    patient, verdict = escape(record["patient"]), record["verdict"]
    by = " (by a person)" if record["judged_by"] == "person" else ""
    at = f", excluded at {escape(stage)}" if stage else ""
    before, after = max(distances.values(), key=lambda pair: pair[1], default=("", ""))
    histogram = f"{before:.2f} → {after:.2f}" if distances else ""
    cells = [
        f'<td data-key="{patient}"><a href="{patient}.png">'
        f'<img loading="lazy" src="{patient}.png" alt="slices of {patient}"></a></td>',
        f'<td class="patient">{patient}</td>',
        f'<td class="verdict" data-key="{VERDICTS.index(verdict)}"><b class="{verdict}">{verdict}{by}</b>'
        f"{at}<br>{escape(record['reason'])}</td>",
        f'<td class="note">{escape("; ".join(notes))}</td>',
        f'<td class="note">{escape(lesion)}</td>',
        *(_number(record["numbers"] or {}, name) for name in _COLUMNS),
        f'<td class="number" data-key="{after}">{histogram}</td>',
    ]
    return f'<tr class="{verdict}">{"".join(cells)}</tr>\n'


def _number(numbers: Mapping, name: str) -> str:
    value = numbers.get(name)
    key, shown = ("", "") if value is None else (value, format(value, _COLUMNS[name][1]))
    return f'<td class="number" data-key="{escape(str(key))}">{escape(shown)}</td>'
