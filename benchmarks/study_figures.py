"""Draw the figures of the phantom study (docs/study) from its tables.

python benchmarks/study_figures.py docs/study
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from study_answers import ATTENTION, CEILING, CHAIN, CONFIDENCE, HOSPITAL, OBSERVER, UNKNOWN

from strokeclock.figures.printed_tables import set_table2
from strokeclock.figures.rows import title_of
from strokeclock.figures.style import BLUE, INK, PALE, SKY, VERMILION, house_style, save_figure
from strokeclock.figures.typeset import print_table
from strokeclock.models.registry import find_network, networks

TARGETS = ("TSS < 3 h", "TSS < 4.5 h")
RECIPES = {"tuned": ("tuned", BLUE, "o"), "paper's": ("paper", VERMILION, "s")}
NOT_SHOWN = ("readers", "ml")
TRAINED = ("weights", "chain", "attention")  # how the title of a network's row ends


def title_row(name: str) -> str:
    """The title of a row <network>/<phase>/<start>, without what follows it."""
    net, phase, start = name.partition(" ")[0].split("/")
    if net in networks():
        chain = "attention" if phase == "phase4_attention" else "chain"
        return f"{find_network(net).title} {'random weights' if start == 'random' else chain}"
    return title_of(net, start)


def draw_rows(folder: Path, answers: pd.DataFrame) -> Figure:
    """Draw the AUC of each row of Table 2, with both recipes, and the practical ceiling."""
    tables = {
        recipe: pd.read_csv(folder / run / "table2.csv").dropna(subset=["auc"])
        for recipe, (run, _, _) in RECIPES.items()
        if (folder / run).exists()
    }
    figure = Figure(figsize=(8.6, 4.6), layout="constrained")
    axes = figure.subplots(1, 2, sharex=True)
    for axis, target in zip(axes, TARGETS, strict=True):
        own = {recipe: table[table["target"] == target] for recipe, table in tables.items()}
        places = {title: number for number, title in enumerate(list_titles(own["tuned"]))}
        for recipe, table in own.items():
            _, colour, marker = RECIPES[recipe]
            shift = 0.14 if recipe == "tuned" else -0.14
            for row in table.to_dict("records"):
                if (title := title_row(name_row(row))) in places:
                    _draw_interval(axis, row, places[title] - shift, colour, marker, f"{recipe} recipe")
        _draw_ceiling(axis, answers, target)
        axis.axvline(0.5, color=PALE, linewidth=0.8, zorder=0)
        axis.set_yticks(range(len(places)), [*places])
        axis.set_ylim(len(places) - 0.5, -0.5)
        axis.set(title=target, xlabel="AUC with interval")
        axis.tick_params(axis="y", length=0)
    _add_legend(figure, axes)
    return figure


def list_titles(table: pd.DataFrame) -> list[str]:
    """The rows to draw: trained networks, attention behind them, then the others, as in Table 2."""
    rows = table[~table["model"].isin(NOT_SHOWN)]
    titles = [title_row(name_row(row)) for row in rows.to_dict("records")]
    return sorted(titles, key=lambda title: (title.split(" ")[-1] not in TRAINED, "attention" in title))


def name_row(row: Mapping) -> str:
    return f"{row['model']}/{row['stage']}/{row['start']}"


def _draw_ceiling(axis: Axes, answers: pd.DataFrame, target: str) -> None:
    found = answers[answers["question"].str.startswith(CEILING) & (answers["target"] == target)]
    if len(found):
        row = found.iloc[0]
        axis.axvspan(row["auc_a_low"], row["auc_a_high"], color=SKY, alpha=0.25, linewidth=0)
        axis.axvline(row["auc_a"], color=SKY, label=OBSERVER)


def _draw_interval(axis: Axes, row: dict, place: float, colour: str, marker: str, label: str) -> None:
    axis.plot([row["auc_low"], row["auc_high"]], [place, place], color=colour, linewidth=1.2)
    axis.plot(row["auc"], place, marker, color=colour, markersize=4, linestyle="", label=label)


def draw_chain(answers: pd.DataFrame) -> Figure:
    """Draw what the phases add to random weights, and attention to the phase before it."""
    rows = answers[answers["question"].str.startswith((CHAIN, ATTENTION))]
    return draw_differences(
        rows,
        labels=[
            f"{row.target}, {title_row(str(row.a)).split(' ')[0]}, "
            f"{str(row.question).split(', ')[1].removesuffix(' recipe')}"
            for row in rows.itertuples()
        ],
        groups=[str(question).split(", ")[0] for question in rows["question"]],
    )


def draw_outside(answers: pd.DataFrame) -> Figure:
    """Draw what a second hospital costs, and what patients of unknown onset add."""
    is_hospital = answers["question"].str.startswith(HOSPITAL) & answers["difference"].notna()
    rows = answers[is_hospital | (answers["question"] == UNKNOWN)]
    return draw_differences(
        rows,
        labels=[f"{row.target}, {title_row(str(row.a))}" for row in rows.itertuples()],
        groups=[str(question) for question in rows["question"]],
    )


def draw_differences(rows: pd.DataFrame, *, labels: Sequence[str], groups: Sequence[str]) -> Figure:
    """Draw a forest of differences, a block a group."""
    figure = Figure(figsize=(6.6, 0.23 * (len(rows) + 2 * len(set(groups))) + 0.6), layout="constrained")
    axis = figure.subplots()
    axis.axvline(0, color=PALE, linewidth=0.8)
    place, ticks, names = 0.0, [], []
    for group in dict.fromkeys(groups):
        axis.text(0.01, place, group, transform=axis.get_yaxis_transform(), fontweight="bold", va="center")
        for row, label, own in zip(rows.to_dict("records"), labels, groups, strict=True):
            if own != group:
                continue
            place += 1
            colour = VERMILION if "paper" in label else BLUE
            if pd.notna(row["low"]):
                axis.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=1.2)
            axis.plot(row["difference"], place, "o", color=colour, markersize=4)
            ticks.append(place)
            names.append(label)
        place += 1.6
    axis.set_yticks(ticks, names)
    axis.set_ylim(place - 0.6, -0.8)
    axis.set_xlabel("Difference of AUC with interval")
    axis.tick_params(axis="y", length=0, colors=INK)
    return figure


def _add_legend(figure: Figure, axes: Sequence[Axes]) -> None:
    handles: dict = {}
    for axis in axes:
        handles |= dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    figure.legend([*handles.values()], [*handles], loc="outside lower center", ncols=len(handles))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of the tables, and of the figures")
    folder = parser.parse_args().folder
    answers = pd.read_csv(folder / "answers.csv", dtype={"a": str, "b": str, "question": str})
    with house_style():
        figures = {
            "rows": draw_rows(folder, answers),
            "chain": draw_chain(answers),
            "outside": draw_outside(answers),
        }
    for name, figure in figures.items():
        save_figure(figure, folder / f"{name}.png")
    print_table(set_table2(folder / "tuned/table2.csv", confidence=CONFIDENCE), folder / "table2.png")


if __name__ == "__main__":
    main()
