"""Forest plot: AUC for TSS < 4.5 h in groups of patients."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.evaluation.subgroups import ALL, NOT_GIVEN, SCANNER, SITE
from strokeclock.evaluation.tables import KEY
from strokeclock.figures.rows import read_rows, style_of, title_of, write_instead
from strokeclock.figures.style import INK, PALE, house_style
from strokeclock.models.registry import networks
from strokeclock.predictions import SUBSET


def draw_subgroups(table: str | Path) -> Figure:
    """Draw a column a row of Table 2 from tables/subgroups.csv.

    Of each network, the random start and the end of the chain; and the baselines of all patients. Sites and
    scanners that are too few to be measured are not drawn: a study of many hospitals has many.
    """
    rows = read_rows(table)
    rows = rows[rows["variable"] != ""]
    shown = _choose(rows)
    with house_style():
        if not shown:
            figure = Figure(figsize=(4, 1.5))
            write_instead(figure, "No row with the target TSS < 4.5 h was run.")
        else:
            first = rows.set_index(list(KEY)).loc[shown[0], :].set_index(["variable", "group"])
            first = first.drop(NOT_GIVEN, level="group", errors="ignore")
            few = first.index.get_level_values("variable").isin([SITE, SCANNER]) & first["auc"].isna()
            first = first[~few]
            figure = Figure(figsize=(2.4 + 1.35 * len(shown), 0.19 * len(first) + 1.3), layout="constrained")
            axes = figure.subplots(1, len(shown), squeeze=False, sharey=True)[0]
            for axis, key in zip(axes, shown, strict=True):
                cells = rows.set_index(list(KEY)).loc[key, :].set_index(["variable", "group"])
                _draw_column(axis, cells.reindex(first.index), style_of(*key[1:]).colour)
                axis.set_title(title_of(*key[1:]).replace(" ", "\n", 1), fontsize=7)
                axis.set_xlim(min(0.35, rows["auc_low"].min()), 1)
            axes[0].set_yticks(range(len(first)), [_label(row) for row in first.itertuples()])
            axes[0].set_ylim(len(first) - 0.4, -0.6)
            axes[0].set_ylabel("Group (patients under 4.5 h of all)")
            figure.supxlabel("AUC with interval (DeLong)", fontsize=8)
        return figure


def _choose(rows: pd.DataFrame) -> list[tuple[str, str, str]]:
    keys = list(dict.fromkeys(rows[list(KEY)].itertuples(index=False, name=None)))
    shown = []
    for net in networks():
        of_net = [key for key in keys if key[1] == net]
        shown += [key for key in of_net if key[2] == "random"]
        shown += sorted(key for key in of_net if key[2].startswith("phase"))[-1:]
    return shown + [key for key in keys if key[1] not in (*networks(), SUBSET)]


def _label(row: Any) -> str:
    variable, group = row.Index
    name = "all patients" if variable == ALL else f"{variable}: {group}"
    return f"{name}  ({row.positives:.0f} of {row.n:.0f})"


def _draw_column(axis: Axes, cells: pd.DataFrame, colour: str) -> None:
    axis.axvline(0.5, color=PALE, linewidth=0.8)
    axis.axvline(cells["auc"].iloc[0], color=colour, linewidth=0.8, linestyle=":")
    for place, (_, row) in enumerate(cells.iterrows()):
        if pd.isna(row["auc"]):
            axis.text(0.52, place, "too few", va="center", fontsize=6, color=INK)
            continue
        axis.plot([row["auc_low"], row["auc_high"]], [place, place], color=colour, linewidth=1.2)
        axis.plot(row["auc"], place, "o", color=colour, markersize=4)
    axis.set_xticks([0.5, 0.75, 1])
    axis.tick_params(axis="y", length=0)
