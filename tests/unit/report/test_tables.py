"""A CSV as the page shows it: cell by cell."""

import pytest

from strokeclock.report.folders import hide_folders
from strokeclock.report.pictures import embed_picture, measure_picture, render_caption
from strokeclock.report.tables import read_table, shorten
from strokeclock.report.words import name_column, name_phase, name_row, name_side, name_start
from strokeclock.training.phases import PAPER


@pytest.fixture
def table(tmp_path):
    def read(text, suffix=".csv"):
        path = tmp_path / f"table{suffix}"
        path.write_text(text)
        return read_table(path)

    return read


def test_an_interval_stands_behind_its_value(table):
    shown = table("auc,auc_low,auc_high\n0.8,0.65432,1\n0.5,,\n,,\n")
    assert shown.titles == ["AUC"]
    assert shown.rows == [["0.800 [0.654, 1.000]"], ["0.500"], [""]]
    assert shown.numeric == [True]


def test_ends_without_a_name_are_the_differences(table):
    shown = table("difference,low,high,p\n-0.25,-0.5,0,0.04\n")
    assert shown.titles == ["Difference", "p"]
    assert shown.rows == [["−0.250 [−0.500, 0.000]", "0.040"]]


def test_whole_numbers_stay_whole_and_others_do_not(table):
    assert table("n,share\n120000,1\n-3,0.5\n").rows == [["120000", "1.000"], ["−3", "0.500"]]
    assert table("item,k\n1,1\n3a,x\n12,0.5\n").rows == [["1", "1.000"], ["3a", "x"], ["12", "0.500"]]


def test_columns_with_nothing_are_left_out_and_a_word_makes_text(table):
    shown = table("a\tempty\tb\n1\t\ttwo\n2\t\t3\n", ".tsv")
    assert shown.titles == ["a", "b"]
    assert shown.numeric == [True, False]


def test_rows_are_called_as_in_the_figures(table):
    shown = table(
        "stage,model,start,note\n"
        "phase4_attention,2d,phase3,\nphase3_tss4h5,ratio,flair,\nreaders,reader2,,\nstrategy,treat all,,x\n"
    )
    assert shown.titles == ["Stage", "Model", "Note"]
    assert [row[:2] for row in shown.rows] == [
        ["phase 4", "2D attention, fine-tuned"],
        ["phase 3", "FLAIR ratio"],
        ["readers", "reader 2"],
        ["strategy", "treat all"],
    ]


def test_an_empty_table_has_no_rows(table):
    assert table("a,b\n").rows == []
    assert table("").rows == []


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("0.123456", "0.123"),
        ("12.3456", "12.35"),
        ("0", "0.000"),
        ("0.0000123", "1.23e−05"),
        ("-0.5", "−0.500"),
        ("not run", "not run"),
        ("8bb40f812b2a3a47", "8bb40f812b2a3a47"),
        ("1.5 T", "1.5 T"),
    ],
)
def test_numbers_keep_the_digits_that_count(text, short):
    assert shorten(text) == short


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/srv/data/a/flair.nii.gz is cut", "flair.nii.gz is cut"),
        ("'/srv/data/flair.nii': no", "'flair.nii': no"),
        ("of /srv/Doe, Jane; ward 7/x (1)/flair.nii.gz, cut", "of flair.nii.gz, cut"),
        ("names /a b/c.zip/d's: e/f.nii.gz and g/h.tsv", "names f.nii.gz and g/h.tsv"),
        ("/a b/c.tsv line 3 and /d e/f.tsv: 1 / 2", "c.tsv line 3 and f.tsv: 1 / 2"),
        ("/srv/Jörg Ö./é\tü/m.mha", "m.mha"),
        ("no T2w (b0) series and/or 5 mm/s, 2 / 3 / 4", "no T2w (b0) series and/or 5 mm/s, 2 / 3 / 4"),
        ("DWI/FLAIR at 1/2 of tables/x.csv", "DWI/FLAIR at 1/2 of tables/x.csv"),
        ("at https://osf.io/ab/cd.", "at https://osf.io/ab/cd."),
        ("file:///srv/Doe/x.nii and https:/srv/Doe/x.nii", "file://x.nii and https:x.nii"),
    ],
)
def test_folders_are_cut_from_absolute_paths_alone(text, shown):
    assert hide_folders(text) == shown


def test_phases_starts_and_columns_have_words():
    assert name_phase("phase1_stroke", PAPER) == "phase 1: lesion"
    assert name_phase("phase4_attention", PAPER) == "phase 4 with attention: TSS < 4.5 h"
    assert name_phase("phase0_medical", PAPER) == "phase 0: brain tumours"
    assert [name_start(start) for start in ("genesis", "phase2")] == ["Models Genesis", "phase 2"]
    assert name_row("3d", "random") == "3D random start"
    assert name_side("readers/majority") == "majority"
    assert name_side("2d/phase2_tss3h/random") == "2D random start"
    assert name_side("") == ""  # nothing can be compared
    assert [name_column(name) for name in ("n", "p_holm", "auc_before", "mean_score")] == [
        *("n", "p (Holm)", "AUC before", "Mean score"),
    ]


def test_a_large_drawing_gives_way_to_its_picture(tmp_path):
    svg, png = tmp_path / "a.svg", tmp_path / "a.png"
    svg.write_text('<svg width="250.5pt">')
    png.write_bytes(b"p" * 1000)
    assert embed_picture([png, svg]).startswith("data:image/svg+xml;base64,")
    assert measure_picture([png, svg]) == 401
    svg.write_text('<svg width="250.5pt">' + " " * 400_000)
    assert embed_picture([svg, png]).startswith("data:image/png;base64,")
    assert embed_picture([svg]).startswith("data:image/svg+xml;base64,")
    assert measure_picture([png]) is None


def test_a_caption_is_escaped_and_its_code_marked():
    source = "{{ snakemake.wildcards.figure }}: a < b, ``auc_low`` of ``tables/a_b.csv``\n and more"
    assert render_caption(source, {"figure": "fig6"}) == (
        "fig6: a &lt; b, <code>auc low</code> of <code>tables/a_b.csv</code> and more"
    )
