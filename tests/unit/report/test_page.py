"""The page to read: whole, self-contained, and with a note on what was not made."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from jinja2 import UndefinedError

from strokeclock.provenance import digest_file, digest_settings
from strokeclock.report.page import CONTENTS
from strokeclock.training.record import read_record, write_record

VOID = {"meta", "img", "br", "hr", "link", "input"}
LOADING = {"script", "link", "iframe", "object", "embed", "audio", "video", "source", "base", "form"}
NOTICE = "For research use only."


class Page(HTMLParser):
    """The elements of a page; an error where they are not nested."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.elements, self.cells, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> at line {self.getpos()[0]}"

    def handle_data(self, data):
        if not {"style", "title"} & set(self.open):
            self.texts.append(data)
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def values(self, attribute):
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]


@pytest.fixture
def check():
    """Hold what every page has, and return it: nested, loading nothing, its anchors there, no bare NaN."""

    def check(text: str) -> Page:
        page = Page(text)
        assert not LOADING & {tag for tag, _ in page.elements}
        assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
        assert all(value.startswith("data:image/") for value in page.values("src"))
        for target in page.values("href"):
            assert not urlsplit(target).scheme
            assert not target.startswith("/")
        styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL) + page.values("style")
        assert not re.search(r"url\(|@import|http", " ".join(styles))
        ids = page.values("id")
        assert len(ids) == len(set(ids))
        assert {target[1:] for target in page.values("href") if target.startswith("#")} <= set(ids)
        assert set(page.values("aria-labelledby")) <= set(ids)
        assert all(attributes.get("alt") for tag, attributes in page.elements if tag == "img")
        words = {word for cell in page.cells for word in re.findall(r"[\w]+", cell)}
        assert not words & {"nan", "NaN", "None", "NaT", "inf"}
        assert NOTICE in page.text
        for anchor, title in CONTENTS.items():
            assert anchor in ids or anchor == "splits"  # which only runs with several splits have
            assert (f"#{anchor}" in page.values("href")) == (anchor in ids)
            assert title in page.text or anchor not in ids
        return page

    return check


def test_all_that_was_made_is_shown(run, check):
    text = run.page()
    page = check(text)
    shown = set(page.values("src"))
    for path in sorted(run.folder.glob("figures/**/*.svg")):
        assert f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}" in shown, path
    tables = sorted(path.name for path in run.folder.glob("tables/*.[ct]sv"))
    assert tables
    for name in tables:
        assert f"tables/{name}" in page.values("href"), name
    assert "not made" not in page.text
    assert "further" not in page.values("id")
    assert "Table 2. Sensitivity, specificity, accuracy and AUC on the test part" in page.text
    assert ".81 (.65–.98)" in page.cells


def test_every_link_leads_to_a_file_of_the_run(run, check):
    run.write("quality/index.html", "<p>quality</p>")
    links = {target for target in check(run.page()).values("href") if not target.startswith("#")}
    assert links
    for target in links:
        assert (run.folder / target).is_file(), target


def test_tables_and_pictures_without_a_place_come_last_under_their_names(run, check):
    run.write("tables/perfusion_lag.csv", "patient,lag_s\nb00,2.5\n")
    run.write("figures/perfusion.png", b"picture")
    text = run.page()
    page = check(text)
    assert "further" in page.values("id")
    assert "perfusion lag, 1 row" in page.text
    assert "2.500" in page.cells
    assert f"data:image/png;base64,{base64.b64encode(b'picture').decode()}" in page.values("src")


def test_the_same_files_give_the_same_page(run):
    assert run.page() == run.page()


@pytest.mark.parametrize(
    ("without", "said"),
    [
        (("figures/training",), "Training curves: not made in this run."),
        (("figures/fig9", "tables/gradcam", "tables/occlusion"), "Figure 9: Grad-CAM: not made in this run."),
        (("accesses",), "The test-set accesses of this run were not recorded."),
        (("quality",), "Quality was not judged in this run."),
        (("models",), "No network was trained in this run."),
        (("tables/table2",), "Table 2: results on the test part: not made in this run."),
        (("tables/table2",), "No row of Table 2 was evaluated in this run."),
        (("tables/comparisons",), "Paired tests on the same patients: not made in this run."),
    ],
)
def test_what_is_missing_is_said(run, check, without, said):
    assert said not in check(run.page()).text
    assert said in check(run.page(without=without)).text


def test_the_cohort_alone_makes_a_page(run, check):
    without = ("figures", "tables", "quality", "models", "predictions", "accesses", "hemispheres")
    page = check(run.page(without=without))
    assert "10 training, 4 validation, 4 test; 2 excluded" in page.text
    assert "b00" not in page.cells


def test_a_run_of_one_network_without_readers(run, check):
    run.config["training"]["networks"] = ["2d"]
    run.write_tables(run.ran)
    page = check(run.page(without=("figures/training/3d", "figures/genesis")))
    assert "2D network, TSS < 4.5 h: AUC" in page.text
    for absent in ("3D network, TSS", "The 3D network is", "Readers’ majority", "Models Genesis"):
        assert absent not in page.text


def test_nobody_left(run, check):
    run.write("cohort/exclusions.tsv", "patient\tstage\treason\n")
    page = check(run.page())
    assert "Nobody was excluded." in page.text
    assert "0 excluded" in page.text


def test_exclusions_are_listed_with_stage_and_reason(run, check):
    page = check(run.page())
    place = page.cells.index("gone")
    assert page.cells[place : place + 3] == ["gone", "entry", "no FLAIR series"]


def test_odd_text_is_shown_as_it_is_written(run, check):
    reason = "<b>b & \"c\"</b> <script>alert('x')</script>"
    run.write_cohort(reason)
    run.config["run"] = "a<b>&c"
    run.write("tables/odd.csv", 'what\n"</table><i>"\n')
    page = check(run.page())
    assert reason in page.cells
    assert "run “a<b>&c”" in page.text
    assert "</table><i>" in page.cells


def test_folders_of_the_machine_never_show(run, check):
    run.write_cohort("/srv/hospital/Doe, Jane; ward 7/gone/flair.nii.gz is damaged")
    run.config["cohort"]["sheet"] = (
        "/srv/hospital/Doe, Jane; ward 7/a name that is long enough to wrap/cohort.tsv"
    )
    run.config["cohort"]["readers"] = "../Doe Jane/readers.tsv"
    run.config["cohort"]["exclude"] = {"p1": "no DWI/FLAIR in /srv/hospital/Doe, Jane/dwi.nii.gz"}
    run.config["initial_weights"]["imagenet"]["file"] = "/home/somebody/weights/resnet18.pth"
    run.write("tables/odd.csv", "note\nsee /srv/hospital/notes.txt and results/x.csv\n")
    lost = {"status": "not run: /srv/hospital/resnet18.pth does not exist"}
    run.write_tables(run.ran | lost, run.unrun | lost)
    text = run.page()
    page = check(text)
    assert "flair.nii.gz is damaged" in page.cells
    assert "see notes.txt and results/x.csv" in page.cells
    assert "cohort.tsv" in page.cells
    assert "not run: resnet18.pth does not exist" in page.cells
    assert "p1: no DWI/FLAIR in dwi.nii.gz" in page.text
    for hidden in ("/srv", "hospital", "somebody", "hidden-folder", "Doe", "Jane", "ward 7"):
        assert hidden not in text


def test_rows_that_were_not_run_say_why(run, check):
    run.write_tables(run.ran | {"status": "not run: no seed of it was trained"}, run.unrun, run.readers)
    page = check(run.page())
    assert "2D network, TSS < 4.5 h: AUC – not run: no seed of it was trained" in page.text
    assert "2 of 3 rows of Table 2 were not run; the table gives the reasons." in page.text
    assert "Not run, without initial weights: 2D from ImageNet weights." in page.text


def test_tiles_show_the_result_with_interval_patients_and_the_papers(run, check):
    assert (
        "2D network, TSS < 4.5 h: AUC .81 .65 to .98; 4 patients; the paper’s .74" in check(run.page()).text
    )


def test_a_network_that_was_not_asked_for_has_no_tile(run, check):
    absent = run.unrun | {"stage": "phase4_attention", "model": "3d", "start": "phase3"}
    run.write_tables(run.ran, absent)
    text = check(run.page()).text
    assert "2D network, TSS < 4.5 h: AUC .81" in text
    assert "3D network, TSS < 4.5 h: AUC" not in text
    run.write_tables(absent)
    assert "3D network, TSS < 4.5 h: AUC – not run" in check(run.page()).text


def test_the_ratio_without_a_network_has_a_tile(run, check):
    ratio = run.ran | {"stage": "phase3_tss4h5", "model": "ratio", "start": "flair"}
    run.write_tables(run.ran, ratio)
    assert "FLAIR ratio (no network): AUC .81 .65 to .98" in check(run.page()).text


def test_a_warning_of_too_few_patients(run, check):
    text = check(run.page()).text
    assert "a class has only 2 in the test part" in text
    enough = run.ran | {"n": "40", "positives": "20"}
    run.write_tables(enough)
    assert "a class has only" not in check(run.page()).text


def test_a_second_access_is_counted(run, check):
    assert "2 rows were evaluated on this test part, each once." in check(run.page()).text
    run.write_tables(run.ran | {"auc": "0.9"}, run.readers)
    assert "each once" in check(run.page()).text  # the same evaluation again is no new access
    run.access(run.ran | {"configuration": "33c0ffee33c0ffee", "predictions": ""})
    said = "2 rows were evaluated on this test part, 1 of them more than once, none more than 2 times."
    assert said in check(run.page()).text


def test_a_long_table_is_cut_and_said_to_be(run, check):
    page = check(run.page())
    assert "Net benefit, 250 rows" in page.text
    assert "The first 200 of 250 rows; all tables/decision_curve.csv" in page.text
    assert "0.200" in page.cells
    assert "0.201" not in page.cells


def test_only_phantoms_are_called_synthetic(run, check):
    assert "Synthetic patients." in check(run.page()).text
    run.config["cohort"]["sheet"] = "cohort.tsv"
    assert "ynthetic patients" not in check(run.page(without=("figures/phantom",))).text


def test_provenance_names_seeds_versions_and_digests(run, check):
    run.config["training"]["seeds"] = [3, 14]
    page = check(run.page())
    assert "3, 14" in page.cells
    assert "9.9.9" in page.cells  # torch as a training recorded it
    assert "ab" * 32 in page.cells
    prediction = run.folder / "predictions/2d/phase3_tss4h5/random/seed-0.tsv"
    assert digest_file(prediction) in page.cells
    assert digest_settings(run.config) in page.cells
    assert "bootstraps: 2000" in page.text


def test_trainings_are_listed_in_words(run, check):
    page = check(run.page())
    place = page.cells.index("phase 2: TSS < 3 h")
    assert page.cells[place - 1 : place + 7] == [
        *("2D", "phase 2: TSS < 3 h", "random weights", "0", "7", "5", "0.718", "0.500"),
    ]
    assert "3D, phase 0: Models Genesis, from random weights" in page.text


def test_a_network_without_a_fold_says_so(run, check):
    record = read_record(run.folder / "models/2d/phase2_tss3h/random/seed-0/run.json")
    place = "models/3d/phase0_segmentation/random/seed-0/fold-2"
    record = replace(
        record, net="3d", phase="phase0_segmentation", data={"fold": 2, "folds": 5}, model_sha256="cd" * 32
    )
    (run.folder / place).mkdir(parents=True)
    write_record(run.folder / place / "run.json", record)
    page = check(run.page())
    assert "phase 0: lesion segmentation, without fold 2" in page.cells
    assert page.cells[page.cells.index(f"{place}/model.pt") + 1] == "cd" * 32


def test_a_page_that_cannot_be_written_leaves_the_one_before(run, tmp_path):
    before = run.page()
    captions = tmp_path / "captions"
    captions.mkdir()
    (captions / "roc.rst").write_text("{{ snakemake.wildcards.nobody }}")
    with pytest.raises(UndefinedError):
        run.page(captions=captions)
    assert (run.folder / "index.html").read_text() == before
