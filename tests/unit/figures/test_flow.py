"""The flow of a run's patients, counted by hand, and its diagram."""

import pandas as pd
import pytest

from strokeclock.evaluation.flow import write_flow
from strokeclock.figures.flow import draw_flow
from strokeclock.figures.style import save_figure
from strokeclock.predictions import PAPER

# patient: minutes, class, side, part, source of the lesion
PATIENTS = {
    "a1": ("100", "", "left", "train", "mask"),
    "a2": ("200", "", "right", "train", "mask"),
    "a3": ("300", "", "left", "train", "mask"),
    "a4": ("", "", "both", "train", "mask"),  # of unknown onset
    "a5": ("", "", "none", "train", "none"),
    "b1": ("", "<4.5h", "left", "validation", "mask"),
    "b2": ("500", "", "left", "validation", "mask"),
    "c1": ("90", "", "left", "test", "mask"),
    "c2": ("260", "", "left", "test", "automatic"),
    "c3": ("700", "", "right", "test", "none"),
    "c4": ("", ">=4.5h", "both", "test", "mask"),
    "d1": ("60", "", "left", "external", "mask"),
    "e1": ("", "", "left", "", "mask"),  # without onset, in no part
    "e2": ("80", "", "left", "", "mask"),  # for whom there is no part
    "x1": ("80", "", "left", "", "none"),  # fails the checks
    "x2": ("80", "", "left", "", "none"),
}
EXCLUDED = [
    *((f"y{number}", "entry", f"column age is {number}, outside 0 to 125: x") for number in range(2)),
    *(
        (f"z{number}", "entry", f"no {name} series: x")
        for number, name in enumerate(("A", "A", "A", "B", "C", "D", "E", "F"))
    ),
    ("own", "entry", "consent of Jane Doe"),
    ("x1", "quality", "Dice of brain and atlas mask 0.31, below 0.6"),
    ("x2", "quality", "moved, Mrs Doe"),
]
TABLE2 = """stage,model,start,target,status,unit,n,positives
phase1_stroke,2d,random,lesion,ok,hemisphere,8,5
phase2_tss3h,2d,random,TSS < 3 h,not run: no,,,
phase2_tss3h,3d,random,TSS < 3 h,ok,patient,3,1
phase3_tss4h5,2d,random,TSS < 4.5 h,ok,patient,4,2
phase3_tss4h5,3d,random,TSS < 4.5 h,ok,patient,4,2
phase4_attention,ml,radiomics,TSS < 4.5 h,ok,patient,2,1
readers,majority,,TSS < 4.5 h,not run: no reader sheet is configured (cohort.readers),,,
phase5_tss6h,2d,random,,not run: no,,,
"""
END_TO_END = """target,side,patients,n,positives,answered,abstained
TSS < 3 h,found,all,,,,
TSS < 4.5 h,given,all,4,2,4,0
TSS < 4.5 h,found,all,,,,
TSS < 4.5 h,found,answered,2,1,2,0
TSS < 4.5 h,found,all,4,2,2,1
TSS < 4.5 h,found,all,4,2,1,0
,,,,,,
"""


@pytest.fixture
def flow(tmp_path):
    """Write the files and the table; return it and its path."""
    cohort = [f"{name}\t{minutes}\t{of}\t{side}" for name, (minutes, of, side, _, _) in PATIENTS.items()]
    files = {
        "cohort": "patient\tonset_to_mri_min\tonset_class\tlesion_side\n" + "\n".join(cohort),
        "split": "patient\tpart\n" + "\n".join(f"{p}\t{row[3]}" for p, row in PATIENTS.items() if row[3]),
        "exclusions": "patient\tstage\treason\n" + "\n".join(map("\t".join, EXCLUDED)),
        "quality": "patient\tjudged_by\n"
        + "\n".join(f"{p}\t{'person' if p == 'x2' else 'checks'}" for p in PATIENTS),
        "volumes": "patient\tvolume_ml\tsource\n"
        + "\n".join(f"{p}\t{'' if row[4] == 'none' else 2}\t{row[4]}" for p, row in PATIENTS.items()),
    }
    paths = {name: tmp_path / f"{name}.tsv" for name in files}
    for name, text in files.items():
        paths[name].write_text(text + "\n")
    (tmp_path / "table2.csv").write_text(TABLE2)
    paths["end_to_end"] = tmp_path / "end_to_end.csv"
    paths["end_to_end"].write_text(END_TO_END)
    write_flow(tmp_path / "table2.csv", tmp_path / "flow.csv", **paths, left_out=["own"], tasks=PAPER)
    return pd.read_csv(tmp_path / "flow.csv", keep_default_na=False), tmp_path / "flow.csv"


def test_everyone_is_counted_once(flow):
    table, _ = flow
    rows = [tuple(row) for row in table[["step", "part", "what", "reason", "n"]].itertuples(index=False)]
    assert rows == [
        ("entered", "", "", "", "27"),
        ("excluded", "", "", "", "13"),
        ("excluded", "", "entry", "", "11"),
        ("excluded", "", "entry", "no A series", "3"),
        ("excluded", "", "entry", "column age is …, outside 0 to 125", "2"),
        ("excluded", "", "entry", "left out by a person (cohort.exclude)", "1"),
        ("excluded", "", "entry", "no B series", "1"),
        ("excluded", "", "entry", "no C series", "1"),
        ("excluded", "", "entry", "other reasons", "3"),
        ("excluded", "", "quality", "", "2"),
        ("excluded", "", "quality", "Dice of brain and atlas mask …, below 0.6", "1"),
        ("excluded", "", "quality", "left out by a person (quality.verdicts)", "1"),
        ("without onset or side", "", "", "", "1"),
        ("in no part", "", "", "", "1"),
        ("external cohort", "", "", "", "1"),
        ("teach no time", "", "onset unknown", "", "1"),
        ("teach no time", "", "no acute lesion", "", "1"),
        ("divided into parts", "", "", "", "9"),
        ("divided into parts", "", "with a class of the onset alone", "", "2"),
        ("part", "train", "", "", "3"),
        ("part", "train", "TSS < 3 h", "", "1"),
        ("part", "train", "TSS < 4.5 h", "", "2"),
        ("part", "validation", "", "", "2"),
        ("part", "validation", "TSS < 3 h", "", "0"),
        ("part", "validation", "TSS < 4.5 h", "", "1"),
        ("part", "test", "", "", "4"),
        ("part", "test", "TSS < 3 h", "", "1"),
        ("part", "test", "TSS < 4.5 h", "", "2"),
        ("analysed", "test", "lesion", "", "8"),
        ("analysed", "test", "TSS < 3 h", "", "3"),
        ("analysed", "test", "TSS < 4.5 h", "", "4"),
        ("analysed", "test", "TSS < 4.5 h, radiomics baseline", "", "2"),
        ("analysed", "test", "TSS < 4.5 h, readers", "", ""),
        ("analysed", "test", "TSS < 3 h, side found", "", ""),
        ("analysed", "test", "TSS < 4.5 h, side found", "", "4"),
        ("analysed", "test", "lesion outline known", "", "3"),
    ]
    assert 13 + 1 + 1 + 1 + 2 + 9 == 27
    analysed = table[table["step"] == "analysed"].set_index("what")
    assert analysed.loc["lesion", ["unit", "positives"]].tolist() == ["hemisphere", "5"]
    assert analysed.loc["TSS < 4.5 h, readers", "note"] == "not run"
    assert analysed.loc["TSS < 4.5 h, side found", ["positives", "note"]].tolist() == ["2", "side told in 3"]
    assert analysed.loc["lesion outline known", "note"] == "2 from a mask, 1 found on DWI"
    assert "Doe" not in table.to_csv()


def test_the_diagram_says_what_the_table_says(flow, read_sheet, tmp_path):
    _, path = flow
    figure = draw_flow(path)
    words = read_sheet(figure)
    assert words[0] == "Entered: 27"
    assert words[1].splitlines()[:4] == [
        "Excluded: 13", "Entry: 11", "   no A series: 3", "   column age is …, outside 0 to 125: 2",
    ]  # fmt: skip
    assert words[2] == "Not excluded: 14"
    assert words[3].splitlines() == [
        "Without onset or side: 1",
        "In no part: 1",
        "External cohort: 1",
        "Onset unknown, used where no time is learned: 1",
        "No acute lesion, used where no time is learned: 1",
    ]
    assert words[4].replace("\n   ", " ") == "Divided into parts: 9\nWith a class of the onset alone: 2"
    assert words[5:8] == [
        "Training: 3\nTSS < 3 h: 1\nTSS < 4.5 h: 2",
        "Validation: 2\nTSS < 3 h: 0\nTSS < 4.5 h: 1",
        "Test: 4\nTSS < 3 h: 1\nTSS < 4.5 h: 2",
    ]
    assert words[10].replace("\n   ", " ").splitlines() == [
        "Analysed",
        "Lesion: 8 hemispheres (5 positive)",
        "TSS < 3 h: 3 (1 positive)",
        "TSS < 4.5 h: 4 (2 positive)",
        "TSS < 4.5 h, radiomics baseline: 2 (1 positive)",
        "TSS < 4.5 h, readers: not run",
        "TSS < 3 h, side found: not run",
        "TSS < 4.5 h, side found: 4 (2 positive)",
        "Lesion outline known: 3",
    ]
    for name in ("one", "two"):
        save_figure(draw_flow(path), tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_without_exclusions_no_box_stands_beside(flow, tmp_path):
    table, path = flow
    table = table[table["step"].isin(["entered", "divided into parts", "part", "analysed"])]
    head = pd.DataFrame([{"step": "excluded", "n": "0"}])
    pd.concat([table, head]).to_csv(path, index=False)
    words = [text.get_text() for text in draw_flow(path).axes[0].texts if text.get_text()]
    assert len(words) == 8  # entered, divided, three parts, what they are for
