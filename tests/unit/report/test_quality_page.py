"""The quality page: worst first, safe text, pictures by relative path, no network."""

import csv
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from strokeclock.batches import write_batch
from strokeclock.imaging.exclusion import write_exclusion
from strokeclock.imaging.findings import NAME, Findings, write_findings
from strokeclock.imaging.quality_record import NUMBERS, make_record, write_record
from strokeclock.imaging.reference import NO_TRAINING_PATIENT, Reference, write_reference
from strokeclock.report.quality_page import COLOURS, write_page

ROOT = Path(__file__).parents[3]
REFERENCE = Reference("p2", "train", settings={}, targets={}, profile={}, sha256={})


def write_rows(path, header, rows):
    with open(path, "w", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerows([header, *rows])


def record(patient, verdict, *, dice=0.9, reason="", person=None):
    numbers = dict.fromkeys(NUMBERS, 1.0) | {"dice_to_atlas": dice} if dice else None
    return make_record(patient, numbers=numbers, automatic=(verdict, reason), person=person)


def page(tmp_path, records, *, distances=None, reference=REFERENCE, **others):
    """Write what the page is made of, and in a folder of its own the page; return its text.

    Others: ``findings`` of patients; ``final``, the records that quality.tsv holds where they differ;
    ``left`` and ``lesions``, rows of exclusions.tsv and volumes.tsv; ``synthetic``; ``thresholds`` that
    differ from the configuration's.
    """
    thresholds = yaml.safe_load((ROOT / "config/config.yaml").read_text())["quality"]
    del thresholds["verdicts"]
    checks, pictures, preprocessed = {}, {}, {}
    for patient, found in others.get("findings", {}).items():
        preprocessed[patient] = {NAME: tmp_path / f"{patient}_findings.json"}
        write_findings(preprocessed[patient][NAME], found)
    write_batch(tmp_path / "preprocessed.tsv", preprocessed)
    keys = ("patient", "verdict", "reason", "judged_by")
    write_rows(
        tmp_path / "quality.tsv",
        keys,
        [[found[key] for key in keys] for found in others.get("final", records)],
    )
    write_rows(tmp_path / "exclusions.tsv", ("patient", "stage", "reason"), others.get("left", ()))
    write_rows(
        tmp_path / "volumes.tsv", ("patient", "volume_ml", "source", "note"), others.get("lesions", ())
    )
    for found in records:
        checks[found["patient"]] = {"record": tmp_path / f"{found['patient']}.json"}
        write_record(checks[found["patient"]]["record"], found)
    for patient, matching in (distances or {}).items():
        pictures[patient] = {"matching": tmp_path / f"matching_{patient}.json"}
        write_record(pictures[patient]["matching"], matching)
    write_batch(tmp_path / "checks.tsv", checks)
    write_batch(tmp_path / "pictures.tsv", pictures)
    if isinstance(reference, Reference):
        write_reference(tmp_path / "reference.npz", reference)
    elif reference:
        write_exclusion([tmp_path / "reference.npz"], reference)
    write_page(
        tmp_path / "page/index.html",
        checks=[tmp_path / "checks.tsv"],
        pictures=[tmp_path / "pictures.tsv"],
        preprocessed=[tmp_path / "preprocessed.tsv"],
        quality=tmp_path / "quality.tsv",
        exclusions=tmp_path / "exclusions.tsv",
        lesions=tmp_path / "volumes.tsv",
        run="a<b>",
        synthetic=others.get("synthetic", False),
        thresholds=thresholds | others.get("thresholds", {}),
        reference=tmp_path / "reference.npz" if reference else None,
    )
    assert [path.name for path in (tmp_path / "page").iterdir()] == ["index.html"]
    return (tmp_path / "page/index.html").read_text()


def names_of(text):
    """The patients in the order of the rows."""
    return re.findall(r'<th scope="row" class="patient">(\w+)</th>', text)


def test_worst_first(tmp_path):
    text = page(
        tmp_path,
        [
            record("p1", "pass", dice=0.95),
            record("p2", "pass", dice=0.91),
            record("p3", "review"),
            record("p4", "fail", dice=0.7),
            record("p5", "fail", dice=None),
        ],
    )
    assert names_of(text) == ["p5", "p4", "p3", "p2", "p1"]
    assert "2 fail" in text
    assert "1 review" in text
    assert "2 pass" in text


def test_every_number_has_a_column_and_sorts_by_its_value(tmp_path):
    numbers = dict.fromkeys(NUMBERS, 0.98765) | {"mask_volume_ml": None, "side_seen": "left"}
    text = page(tmp_path, [make_record("p1", numbers=numbers, automatic=("review", "NMI"), person=None)])
    assert text.count('<th scope="col"') == 5 + len(NUMBERS) + 1 == text.count("<td") + 1
    spans = re.findall(r'<colgroup span="(\d+)">', text)
    assert spans == re.findall(r'<th scope="colgroup" colspan="(\d+)"', text)
    assert sum(map(int, spans)) == 5 + len(NUMBERS) + 1
    assert '<td class="number" data-key="0.98765">99%</td>' in text
    assert '<td class="number" data-key="left">left</td>' in text
    assert '<td class="number" data-key=""></td>' in text


def test_buttons_count_and_rows_carry_their_verdict(tmp_path):
    text = page(tmp_path, [record("p1", "pass"), record("p2", "review"), record("p3", "fail", dice=None)])
    assert re.findall(r'data-show="(\w+)" aria-pressed="(\w+)"><u>(\w)</u>\w+ (\d+)<', text) == [
        ("all", "true", "a", "3"),
        ("review", "false", "r", "1"),
        ("fail", "false", "f", "1"),
    ]
    assert re.findall(r'<tr class="(\w+)">', text) == ["fail", "review", "pass"]


def test_pictures_by_relative_path_and_no_network(tmp_path):
    text = page(tmp_path, [record("p1", "pass")])
    links = re.findall(r'(?:src|href)="([^"#]+)"', text)
    assert links == ["quality.tsv", "quality.tsv", "p1.png", "p1.png"]
    assert "http" not in text
    assert "@import" not in text
    assert "url(" not in text


def test_reasons_cannot_break_the_page(tmp_path):
    text = page(tmp_path, [record("p1", "fail", reason="<script>alert(1)</script>")])
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


def test_reference_distance_and_person_are_named(tmp_path):
    text = page(
        tmp_path,
        [record("p1", "fail", person=("pass", "motion is mild"))],
        distances={"p1": {"dwi": [0.1, 0.02], "t2w": [0.25, 0.1], "flair": [0.2, 0.125]}},
    )
    assert "The histogram reference is p2, a training patient." in text
    assert (
        '<td class="number" data-key="0.125">0.20 → 0.12</td>' in text
    )  # the series furthest off at the end
    assert "pass (by a person)" in text


def test_the_page_says_where_the_reference_is_from_or_that_nothing_was_matched(tmp_path):
    given = replace(REFERENCE, patient="p9", part="given")
    for reference, sentence in (
        (given, "The histogram reference is p9, a training patient of another run."),
        (NO_TRAINING_PATIENT, "not matched, because there is no training patient"),
        (None, "Histograms were not matched (preprocessing.intensity.matching is none)."),
    ):
        assert sentence in page(tmp_path, [record("p1", "pass")], reference=reference)


def cells_of(text, patient):
    """The cells of a patient's row, as text."""
    row = next(row for row in re.findall(r"<tr .*?</tr>", text) if f'class="patient">{patient}</th>' in row)
    return [re.sub("(<[^>]+>)+", " ", cell).strip() for cell in re.findall(r"<t[dh].*?</t[dh]>", row)]


def test_patients_excluded_at_entry_are_listed_first_with_the_reason(tmp_path):
    text = page(
        tmp_path,
        [record("p1", "pass"), record("p2", "fail", dice=None, reason="dwi is truncated")],
        left=[
            ["p0", "entry", "column flair names x.nii.gz, which is not there"],
            ["p2", "preprocessing", "dwi is truncated"],
        ],
    )
    assert names_of(text) == ["p0", "p2", "p1"]
    assert cells_of(text, "p0")[2] == "excluded at entry column flair names x.nii.gz, which is not there"
    assert cells_of(text, "p2")[2] == "fail , excluded at preprocessing dwi is truncated"
    assert "2 patients" in text
    assert "; 1 more excluded at entry" in text
    assert len({len(re.findall("<td", row)) for row in re.findall(r"<tr .*?</tr>", text)}) == 1
    choices = re.findall(r"<u>(\w</u>[^<]*?) (\d+)<", text)
    assert choices == [("a</u>ll", "3"), ("r</u>eview", "0"), ("f</u>ail or excluded", "2")]
    assert "p0.png" not in text  # there is none


def test_no_folder_is_shown(tmp_path):
    folder = "/srv/hospital/Doe, Jane"
    text = page(
        tmp_path,
        [record("p1", "fail", dice=None, reason=f"{folder}/dwi.nii.gz is truncated")],
        left=[["p0", "entry", f"column flair names {folder}/x.nii.gz"]],
        lesions=[["p1", "", "none", f"{folder}/mask.nii.gz is empty"]],
    )
    assert "Doe" not in text
    assert all(name in text for name in ("dwi.nii.gz is truncated", "names x.nii.gz", "none: mask.nii.gz"))


def test_the_final_verdict_counts(tmp_path):
    """quality.tsv knows that two patients share a scan, their records do not."""
    final = record("p1", "pass") | {"verdict": "fail", "reason": "shared"}
    text = page(tmp_path, [record("p1", "pass")], final=[final])
    assert cells_of(text, "p1")[2] == "fail shared"
    assert "1 fail" in text


def test_findings_and_lesions_are_said(tmp_path):
    text = page(
        tmp_path,
        [record("p1", "pass"), record("p2", "pass"), record("p3", "pass"), record("p4", "pass")],
        findings={"p1": Findings(derived=True, stripped={"t2w": True, "flair": False})},
        lesions=[
            ["p1", "12.345", "mask", ""],
            ["p2", "0.250", "automatic", ""],
            ["p3", "", "none", "lesion_mask file m.nii.gz is <empty>"],
        ],
    )
    assert cells_of(text, "p1")[3:5] == [
        "T2w derived from DWI and ADC; brain alone in T2w, whole head in FLAIR",
        "drawn, 12.3 mL",
    ]
    assert cells_of(text, "p2")[3:5] == ["", "found on DWI, 0.2 mL"]
    assert cells_of(text, "p3")[4] == "none: lesion_mask file m.nii.gz is &lt;empty&gt;"
    assert cells_of(text, "p4")[3:5] == ["", ""]


def test_notices(tmp_path):
    text = page(tmp_path, [record("p1", "pass")])
    assert "For research use only." in text
    assert "run “a&lt;b&gt;”" in text
    assert "Synthetic patients." not in text
    assert "Synthetic patients." in page(tmp_path / "phantoms", [record("p1", "pass")], synthetic=True)


def test_pictures_are_told_in_words(tmp_path):
    text = page(
        tmp_path,
        [record("p1", "pass", dice=0.95), record("p2", "pass"), record("p3", "fail", dice=None)],
        lesions=[["p1", "12.3", "mask", ""], ["p2", "", "none", "empty"]],
    )
    assert re.findall('alt="(.*?)"', text) == [
        "No slices of p3: the picture holds the reason in words",
        "Axial slices of p2 on DWI, T2w, FLAIR with outlines of the brain",
        "Axial slices of p1 on DWI, T2w, FLAIR with outlines of brain and lesion",
    ]


def test_each_column_is_explained_with_the_limits_of_the_run(tmp_path):
    text = page(tmp_path, [record("p1", "pass")], thresholds={"adc_median": [0.5, 1.75]})
    legend = dict(re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", text))
    titles = re.findall(r'<button type="button" title="(.*?)"><span>(.*?)</span>', text)
    assert [(meaning, title) for title, meaning in legend.items()] == titles
    assert len(titles) == 5 + len(NUMBERS) + 1
    assert all(meaning.endswith(".") for meaning in legend.values())
    for title, limits in {
        "brain, mL": "in mL. Fail: below 900 or above 2100.",
        "NMI": "Review: below 1.012.",
        "FLAIR shows": "Review: below 95 %. Fail: below 60 %.",
        "FLAIR place": "Review: below 0.33. Fail: below −0.15.",
        "ADC, 10⁻³ mm²/s": "Review: below 0.6 or above 1.45. Fail: below 0.5 or above 1.75.",
        "T2w shows, L − R": "Review: below −5 % or above 5 %.",
        "side seen": "Review: it contradicts the side recorded.",
        "asymmetry": "left equals right.",  # no limit
    }.items():
        assert legend[title].endswith(limits)


def luminance(colour):
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colour", COLOURS.values(), ids=COLOURS)
@pytest.mark.parametrize("ground", ["#ffffff", "#f5f6f8"])
def test_verdicts_are_legible(colour, ground):
    """WCAG 2.2, 1.4.3."""
    light, dark = luminance(ground), luminance(colour)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


class Structure(HTMLParser):
    """Elements with their attributes in order, and the text of each heading and button."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag in ("h1", "h2", "h3", "button"):
            self.texts.append((tag, ""))
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data):
        if self.open:
            tag, text = self.texts.pop()
            self.texts.append((tag, text + data))

    def count(self, tag):
        return sum(name == tag for name, _ in self.elements)

    def find(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def test_structure(tmp_path):
    text = page(
        tmp_path,
        [record("p1", "pass"), record("p2", "fail", dice=None)],
        left=[["p0", "entry", "no DWI"]],
    )
    found = Structure(text)
    for tag in ("head", "body", "header", "main", "h1", "table", "caption", "details", "template"):
        assert found.count(tag) == 1, tag
    levels = [int(tag[1]) for tag, _ in found.texts if tag != "button"]
    assert levels[0] == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert all(words.strip() for _, words in found.texts)
    assert len(found.find("img")) == 2
    assert all(attributes["alt"] for attributes in found.find("img"))
    assert not [name for _, attributes in found.elements for name in attributes if name.startswith("on")]
    assert found.find("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in found.find("meta")
    (region,) = [attributes for attributes in found.find("div") if attributes.get("role") == "region"]
    assert region["tabindex"] == "0"
    assert region["aria-label"]
    labelled = {attributes["for"] for attributes in found.find("label") if "for" in attributes}
    assert {one["id"] for one in found.find("input") if one["type"] == "search"} == labelled
    assert [one["aria-sort"] for one in found.find("th") if "aria-sort" in one] == ["descending"]


def browse(tmp_path, script=""):
    """The page as Chromium has it, after a script that ends it."""
    file = tmp_path / "page/index.html"
    file.write_text(file.read_text().replace("</body>", f"<script>{script}</script></body>"))
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    arguments = [f"--user-data-dir={tmp_path / 'browser'}", "--dump-dom", f"file://{file}"]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=120, check=True
    ).stdout


with_browser = pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not on PATH")


@pytest.mark.slow
@with_browser
def test_the_browser_shows_a_hundred_rows_at_a_time(tmp_path):
    """The rows of all patients are in the file, the worst hundred in the table."""
    text = page(
        tmp_path, [record(f"p{number:03}", "pass", dice=0.5 + number / 1000) for number in range(130)]
    )
    assert len(re.findall("<tr class", text)) == 130
    shown = browse(tmp_path)
    body = re.search("<tbody>(.*?)</tbody>", shown, re.DOTALL)[1]
    assert names_of(body) == [f"p{number:03}" for number in range(100)]
    assert "1 to 100 of 130" in shown


_STEPS = """
const steps = [], said = document.createElement("pre");
function note(what) {
  const names = [...document.querySelectorAll("tbody th")].map(name => name.textContent).join(" ");
  const sorted = [...document.querySelectorAll("th[aria-sort]")]
    .map(head => `${head.textContent} ${head.getAttribute("aria-sort")}`).join(", ");
  steps.push([what, sorted, names, document.querySelector("output").value].join(" | "));
}
const head = title => [...document.querySelectorAll("thead button")].find(one => one.textContent === title);
const press = key => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
const seek = name => { search.value = name; search.dispatchEvent(new Event("input")); };
note("start");
head("Dice").click(); note("Dice");
head("Dice").click(); note("Dice");
head("patient").click(); note("patient");
press("f"); note("f");
press("r"); note("r");
keys.checked = false; press("a"); note("off");
keys.checked = true; press("a"); note("a");
seek("P1"); note("P1");
said.textContent = steps.join("\\n");
document.body.append(said);
"""


@pytest.mark.slow
@with_browser
def test_the_browser_sorts_filters_and_finds(tmp_path):
    page(
        tmp_path,
        [
            record("p1", "pass", dice=0.95),
            record("p2", "review", dice=0.9),
            record("p10", "pass", dice=0.99),
            record("p3", "fail", dice=None),
        ],
    )
    said = re.search("<pre>(.*?)</pre>", browse(tmp_path, _STEPS), re.DOTALL)[1]
    assert said.splitlines() == [
        "start | verdict descending | p3 p2 p1 p10 | 1 to 4 of 4",
        "Dice | Dice ascending | p2 p1 p10 p3 | 1 to 4 of 4",
        "Dice | Dice descending | p10 p1 p2 p3 | 1 to 4 of 4",  # who has no number is last
        "patient | patient ascending | p1 p2 p3 p10 | 1 to 4 of 4",
        "f | patient ascending | p3 | 1 to 1 of 1",
        "r | patient ascending | p2 | 1 to 1 of 1",
        "off | patient ascending | p2 | 1 to 1 of 1",
        "a | patient ascending | p1 p2 p3 p10 | 1 to 4 of 4",
        "P1 | patient ascending | p1 p10 | 1 to 2 of 2",
    ]
