"""The tables of docs/study/README.md say what the tables of the runs say."""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

STUDY = Path(__file__).parents[2] / "docs/study"
PAGE = STUDY.joinpath("README.md").read_text(encoding="utf-8")
KINDS = {"random weights": ("random",), "chain": ("phase1", "phase2"), "attention": ("phase3",)}
OTHERS = {
    "segmented ratios": ("segmentation", "ratios"),
    "segmented ratios and 2D": ("segmentation", "2d"),
    "segmented ratios and 3D": ("segmentation", "3d"),
    "FLAIR ratio": ("ratio", "flair"),
    "ratios of all series": ("ratio", "series"),
    "clinical covariates¹": ("clinical", "covariates"),
}
COLUMNS = [(run, target) for target in ("TSS < 3 h", "TSS < 4.5 h") for run in ("tuned", "paper")]


def read_table(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    below = PAGE[PAGE.index(f"\n## {heading}") :]
    table = below[below.index("\n|") :].strip().partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def list_cells() -> Iterator[tuple[str, str, str, str]]:
    """Each cell of Table 2: row, run, target, text."""
    for name, *cells in read_table("Table 2"):
        for (run, target), text in zip(COLUMNS, cells, strict=True):
            yield name, run, target, text


def find_row(name: str, run: str, target: str) -> pd.DataFrame:
    table = pd.read_csv(STUDY / run / "table2.csv", dtype={"start": str}).dropna(subset=["auc"])
    table = table[table["target"] == target]
    if name in OTHERS:
        model, start = OTHERS[name]
        return table[(table["model"] == model) & (table["start"] == start)]
    net, kind = name.split(", ")
    return table[(table["model"] == net.lower()) & table["start"].isin(KINDS[kind])]


def write_auc(row: dict) -> str:
    auc = f"{row['auc']:.3f}"[1:]
    return f"{auc} ({row['auc_low']:.2f}–{row['auc_high']:.2f})".replace("(0", "(").replace("–0", "–")


@pytest.mark.parametrize(("name", "run", "target", "text"), [*list_cells()])
def test_table_2_of_the_page_is_that_of_the_runs(name: str, run: str, target: str, text: str) -> None:
    if name == "practical ceiling":
        answers = pd.read_csv(STUDY / "answers.csv")
        answers = answers[answers["question"].str.startswith("practical ceiling against")]
        row = answers[answers["target"] == target].iloc[0].to_dict()
        rows = [{cell: row[f"auc_a{cell.removeprefix('auc')}"] for cell in ("auc", "auc_low", "auc_high")}]
        rows = rows if run == "tuned" else []
    else:
        rows = find_row(name, run, target).to_dict("records")
    assert [write_auc(row) for row in rows] == ([text] if text else [])


def test_the_distances_to_the_ceiling_are_those_of_the_answers() -> None:
    answers = pd.read_csv(STUDY / "answers.csv")
    for target, *_, given, found in read_table("2 How near"):
        for side, text in (("given", given), ("found", found)):
            question = f"practical ceiling against the best row, side {side}"
            row = answers[(answers["question"] == question) & (answers["target"] == target)].iloc[0]
            numbers = [f"{row[column]:.3f}"[1:] for column in ("difference", "low", "high")]
            assert re.findall(r"\.\d+", text) == numbers


def test_the_clock_of_phase_1_and_the_other_cohorts_are_those_of_the_answers() -> None:
    answers = pd.read_csv(STUDY / "answers.csv")
    answers = answers[answers["target"] == "TSS < 4.5 h"]
    clock = answers[answers["question"] == "score of phase 1 as a clock, paper's recipe"]
    two, three = (f"{area:.3f}"[1:] for area in clock.sort_values("a")["auc_a"])
    assert f"{two} in 2D and {three} in 3D" in " ".join(PAGE.split())
    others = answers[answers["question"].str.contains("phantoms of seed")]["auc_a"]
    low, high, mean = (f"{area:.3f}"[1:] for area in (others.min(), others.max(), others.mean()))
    assert f"is {low} to {high}, with a mean of {mean}." in " ".join(PAGE.split())
