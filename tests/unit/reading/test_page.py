"""The page of a reading: each status in its own words, no link to the web, no script, nothing unescaped."""

import base64
import io
import re
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from strokeclock.reading.page import write_page
from strokeclock.reading.pictures import LONGER, SHORTER, Slice, Tile
from strokeclock.reading.result import (
    ABSTAINED,
    ANSWERED,
    BOTH_SIDES,
    MISSING_SERIES,
    NO_LESION,
    QUALITY_FAIL,
    SIDE_UNCLEAR,
    STATUSES,
    UNLIKE_TRAINING,
    Answer,
    Lesion,
    Outside,
    Reading,
    Side,
    SimilarScores,
)

VOID = {"meta", "img", "input", "br"}
TITLES = {
    ANSWERED: "TSS < 4.5 h: .73 (five seeds .66 to .79)",
    ABSTAINED: "Abstained: no time is given",
    NO_LESION: "No lesion found: no time is given",
    SIDE_UNCLEAR: "Side of the lesion unclear: no time is given",
    BOTH_SIDES: "Lesions on both sides: no time is given",
    UNLIKE_TRAINING: "Unlike the training patients: no time is given",
    QUALITY_FAIL: "Quality check failed: no time is given",
    MISSING_SERIES: "A series is missing: no time is given",
}


class Page(HTMLParser):
    """The text, the headings and the elements of a page; AssertionError where elements do not nest."""

    def __init__(self, source):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(source)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open and data.strip():
            self.texts.append((self.open[-1], " ".join(data.split())))

    @property
    def text(self):
        return "\n".join(text for _, text in self.texts)

    def find(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def answer():
    similar = SimilarScores(
        lowest=0.61, highest=0.8, n=22, positives=17, share=17 / 22, low=0.57, high=0.9, confidence=0.95
    )
    return Answer(
        row="3d/phase3_tss45h/chain",
        title="3D from phase 2",
        below_min=270,
        score=0.734,
        scores=(0.66, 0.79, 0.71, 0.75, 0.76),
        scaled=0.687,
        threshold=0.54,
        source="validation",
        is_shorter=True,
        certainty=0.85,
        cut=0.31,
        coverage=0.8,
        abstained=False,
        similar=similar,
        prevalence=0.45,
    )


@pytest.fixture
def reading(answer):
    return Reading(
        patient="patient",
        status=ANSWERED,
        answers=(answer, replace(answer, row="2d/phase2_tss3h/random", title="", below_min=180, score=0.412)),
        side=Side(
            asked="auto",
            side="left",
            scores={"left": 0.973, "right": 0.121},
            by_row={"2D from ImageNet": {"left": 0.9604, "right": 0.2}},
            threshold=0.41,
            margin=1.0,
            difference=4.6,
            seen_on_dwi="left",
        ),
        lesion=Lesion(
            source="segmentation network",
            volume_ml=53.94,
            ratios={"dwi": 1.62, "flair": 1.144},
            adc=0.52,
            adc_contralateral=0.81,
        ),
        verdict="review",
        verdict_reason="FLAIR shows 93 % of the brain",
        numbers={"mask_volume_ml": 1421.2, "dice_to_atlas": 0.951, "midplane_offset_mm": -0.84},
        outside=(
            Outside(name="te", label="Echo time of FLAIR, ms", value=121.0, low=84, high=95, is_far=True),
            Outside(name="age", label="Age, years", value=28, low=31, high=94.0),
            Outside(name="vendor", label="Vendor", value="Philips", known=("Siemens", "GE")),
        ),
        series={"flair": "TE 121 ms, 24 slices of 5 mm"},
        notes=("The FLAIR was acquired 3 minutes after the DWI.",),
        unchecked=("Whether the series are of one patient.",),
        model={
            "name": "Clock",
            "version": "1.0",
            "cohort": "400 phantoms",
            "sha256": "4f1c",
            "self_test": "Passed.",
        },
        versions={"torch": "2.13.0"},
        differs={"numpy": ("2.3.0", "2.4.1")},
        seconds={"preprocessing": 3.14, "time": 4.0},
    )


@pytest.fixture
def slices():
    grey = np.arange(12 * 10, dtype=np.uint8).reshape(12, 10)
    tiles = {name: Tile(name.upper(), grey) for name in ("t2w", "dwi", "adc", "flair")}
    contour = np.array([[2.0, 3.0], [6.0, 3.0], [4.0, 8.0], [2.0, 3.0]])
    return (Slice(7, -18.4, tiles, ()), Slice(11, 33.0, tiles, (contour,)))


@pytest.fixture
def evidence(slices):
    colour = np.zeros((12, 10, 3), np.uint8)
    tiles = {name: Tile(f"{name} time", colour) for name in (SHORTER, LONGER)}
    return tuple(replace(one, tiles=tiles) for one in slices)


@pytest.fixture
def render(tmp_path):
    def render(reading, **pictures):
        write_page(tmp_path / "index.html", reading, **pictures)
        return (tmp_path / "index.html").read_text()

    return render


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_has_its_words(status, reading, render):
    reason = "" if status == ANSWERED else "Because of the test"
    page = Page(render(replace(reading, status=status, reason=reason)))
    assert [text for tag, text in page.texts if tag == "h1"] == [TITLES[status]]
    assert all((title in page.text) == (other == status) for other, title in TITLES.items())
    assert ("Because of the test." in page.text) == (status != ANSWERED)
    assert "Research use only. Not a medical device. Not for treatment decisions." in page.text
    assert "Trained on 400 phantoms; not validated here." in page.text
    assert "Wrong if the patient has a stroke mimic, a haemorrhage or an old infarct" in page.text


@pytest.mark.parametrize("status", [status for status in STATUSES if status != ANSWERED])
def test_only_an_answer_shows_a_score(status, reading, render):
    text = Page(render(replace(reading, status=status, reason="Because"))).text
    for score in (".73", ".66", ".79", ".69", "77 %", "called under", "or longer", "2d/phase2_tss3h/random"):
        assert score not in text


def test_the_page_never_writes_minutes_of_an_onset(reading, render):
    text = Page(render(reading)).text.replace("The FLAIR was acquired 3 minutes after the DWI.", "")
    assert "minute" not in text
    assert " min" not in text
    assert "270" not in text


def test_what_an_answer_says(reading, render):
    text = Page(render(reading)).text
    for sentence in (
        "In validation, of 22 patients with such scores (.61 to .80), 77 % (57 to 90 %) were under 4.5 h.",
        "The score reaches the threshold of .54: called under 4.5 h.",
        ".54, chosen on validation. From it on, the score counts as under 4.5 h.",
        "Of all validation patients, 45 % were under 4.5 h.",
        "The percentages in brackets are the 95 % interval.",
        ".69: the score, scaled to fit validation patients.",
        "Clock 1.0; row 3D from phase 2",
        "Found by the networks: left.",
        "The sides must differ by 1.00 log odds; here they differ by 4.60.",
        "Eight WAKE-UP raters agreed on visibility in 73 % (κ .46; Galinovic 2014).",
        "No scan of this patient was noticed among those of the model’s training run.",
        "Whether the series are of one patient.",
    ):
        assert sentence in text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"is_shorter": False}, "The score is below the threshold of .54: called 4.5 h or longer."),
        ({"scores": (0.73,)}, "TSS < 4.5 h: .73 (one seed)"),
        ({"score": 0.9996, "scores": (0.999, 1.0)}, "TSS < 4.5 h: > .99 (two seeds > .99 to > .99)"),
        ({"score": 0.004}, "TSS < 4.5 h: < .01 (five seeds .66 to .79)"),
        ({"scores": tuple(k / 20 for k in range(4, 16))}, "(12 seeds .20 to .75)"),
        ({"below_min": 180}, "were under 3 h."),
        ({"source": "fixed"}, ".54, fixed. From it on"),
        ({"similar": None}, "The validation part has patients of one class alone"),
    ],
)
def test_an_answer_in_other_cases(changes, sentence, reading, answer, render):
    assert sentence in Page(render(replace(reading, answers=(replace(answer, **changes),)))).text


def test_numbers_are_written_alike(reading, render):
    lines = Page(render(reading)).text.split("\n")
    for cells in (
        ["Volume, in the patient’s own space", "53.9 mL"],
        ["Relative FLAIR signal", "1.14"],
        ["ADC in the lesion", ".52 × 10⁻³ mm²/s"],
        ["ADC in the lesion over contralateral", ".64"],
        ["Mean", ".97", ".12"],
        ["2D from ImageNet", ".96", ".20"],
        ["Echo time of FLAIR, ms", "121", "84 to 95", "26 above (2.36 × the range’s width);"],
        ["Age, years", "28", "31 to 94", "3 below (.05 × the range’s width)"],
        ["Vendor", "Philips", "Siemens, GE", "not among them"],
        ["Volume of the brain, mL", "1421"],
        ["Overlap of the brain with the atlas’s (Dice; 1 is the best)", ".95"],
        ["Offset of the mid-sagittal plane, mm", "−0.8"],
        ["2d/phase2_tss3h/random", "TSS < 3 h", ".41", ".66 to .79", ".69", ".54", "under 3 h"],
        ["numpy", "2.3.0", "2.4.1"],
        ["preprocessing", "3.1"],
        ["Seconds by step; 7.1 s together"],
    ):
        at = lines.index(cells[0])
        assert lines[at : at + len(cells)] == cells
    assert lines.count("far: no time is given") == 1


def test_a_further_row_that_abstains_shows_no_score(reading, answer, render):
    rows = (answer, replace(answer, title="ratios", score=0.551, abstained=True))
    lines = Page(render(replace(reading, answers=rows))).text.split("\n")
    at = lines.index("ratios")
    assert lines[at + 1 : at + 4] == ["TSS < 4.5 h", "abstained", "–"]
    assert ".55" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        ({}, []),
        (
            {"seen_on_dwi": "right"},
            ["Check the side: Restricted diffusion is seen on the other side, right."],
        ),
        ({"seen_on_dwi": "both"}, []),
        (
            {"asked": "right", "side": "right"},
            [
                "Check the side: The networks see a lesion rather on the other side: left .97, right .12.",
                "Check the side: Restricted diffusion is seen on the other side, left.",
            ],
        ),
        ({"asked": "right", "side": "right", "difference": 0.9, "seen_on_dwi": "none"}, []),
        ({"asked": "left", "scores": {}, "by_row": {}}, []),
        ({"asked": "both", "side": "both"}, []),
    ],
)
def test_what_speaks_against_the_side_is_named(changes, sentences, reading, render):
    text = Page(render(replace(reading, side=replace(reading.side, **changes)))).text
    assert [line for line in text.split("\n") if line.startswith("Check the side")] == sentences
    asked = changes.get("asked", "auto")
    assert (f"Given by the user: {asked}." in text) == (asked != "auto")


def test_seen_scans_are_named(reading, render):
    text = Page(render(replace(reading, seen={"train": ("dwi", "flair")}))).text
    assert "DWI, FLAIR of this patient was in the model’s training part" in text
    assert "No scan of this patient was noticed" not in text


def test_a_reading_that_ended_early_claims_nothing(render):
    text = Page(render(Reading(patient="p", status=MISSING_SERIES, reason="flair is missing"))).text
    for sentence in (
        "No pictures: the reading ended before the series were registered.",
        "Not looked for: the reading ended before.",
        "No lesion was outlined.",
        "Not compared: the reading ended before.",
        "Not checked: the reading ended before.",
        "No series was read.",
    ):
        assert sentence in text
    assert "No scan of this patient" not in text


def test_the_pictures_are_inside_with_words_and_contours(reading, slices, evidence, render):
    page = Page(render(reading, slices=slices, evidence=evidence))
    images = page.find("img")
    alts = [image["alt"] for image in images]
    assert len(images) == 6 + 6 + 2 * 2
    assert alts[0] == "T2W, axial slice at z −18 mm; the patient’s right is on the left"
    assert alts[10:12] == [
        f"{name} with the lesion’s contour, axial slice at z +33 mm; the patient’s right is on the left"
        for name in ("DWI", "FLAIR")
    ]
    assert "Grad-CAM, evidence for a shorter time, axial slice at z +33 mm" in alts[-2]
    kind, content = images[7]["src"].split(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        assert (np.asarray(picture) == slices[1].tiles["dwi"].image).all()
    assert [path["d"] for path in page.find("path")] == ["M2.0 3.0L6.0 3.0L4.0 8.0L2.0 3.0Z"]
    kept = [one for one in page.find("svg") if "kept" in one.get("class", "")]
    assert len(kept) == 2 + 2
    assert alts[4].startswith("DWI without lesion")
    assert [text for tag, text in page.texts if tag == "figcaption"] == [
        *["no lesion here"] * 2,
        *["with contour"] * 2,
    ]
    assert {one["viewbox"] for one in kept} == {"0 0 10 12"}


def test_without_a_lesion_no_tile_is_repeated(reading, slices, render):
    page = Page(render(reading, slices=slices[:1]))
    assert len(page.find("img")) == 4
    assert not page.find("input")
    assert "No lesion is outlined; the slices are evenly spaced." in page.text


def test_the_page_stands_alone(reading, slices, evidence, render):
    source = render(reading, slices=slices, evidence=evidence)
    page = Page(source)
    assert not re.search(r"https?:|//\w|url\(|@import|javascript:", source)
    assert not {"script", "link", "iframe", "a", "form", "object"} & {tag for tag, _ in page.elements}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len({*names})
    assert {f"#{name}" for name in names} >= {one["href"] for one in page.find("use")}
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.find("img"))
    assert "default-src 'none'" in source


def test_headings_go_down_by_one(reading, slices, evidence, render):
    page = Page(render(reading, slices=slices, evidence=evidence))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def poison(value, text):
    """The same value with every text replaced, but for the status and the names that are looked up."""
    if isinstance(value, str):
        return text
    if isinstance(value, dict):
        return {key: poison(item, text) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(poison(item, text) for item in value)
    if is_dataclass(value):
        kept = ("status", "asked", "side", "seen_on_dwi")
        return replace(
            value,
            **{
                field.name: poison(getattr(value, field.name), text)
                for field in fields(value)
                if field.name not in kept or not isinstance(getattr(value, field.name), str)
            },
        )
    return value


@pytest.mark.parametrize("status", STATUSES)
def test_every_text_is_escaped(status, reading, render):
    hostile = "</style><script>alert('\"&')</script>{{ 7 * 7 }}"
    source = render(replace(poison(reading, hostile), status=status, seen={hostile: (hostile,)}))
    page = Page(source)
    assert not page.find("script")
    assert hostile not in source
    assert page.text.count("{{ 7 * 7 }}") > 15
    assert "49" not in page.text


def test_no_folder_is_shown(reading, render):
    path = "column flair names /data/Doe, Jane/flair.nii.gz"
    text = Page(render(replace(poison(reading, path), status=QUALITY_FAIL))).text
    assert "Doe" not in text
    assert "column flair names flair.nii.gz" in text


def test_the_same_reading_gives_the_same_bytes(reading, slices, render):
    assert render(reading, slices=slices) == render(reading, slices=slices)
