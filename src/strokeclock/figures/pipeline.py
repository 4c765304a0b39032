"""Figure 2: the stages of the workflow, their rules, and the rules whose files each takes."""

from collections.abc import Collection, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import NamedTuple

from matplotlib.figure import Figure

from strokeclock.figures.sheet import Arrow, Row, draw_chain, wrap

# Stage -> the beginnings of the files of workflow/rules whose rules belong to it.
STAGES = {
    "Raw series": ("cohort", "phantom"),
    "Preprocessing": ("atlas", "preprocessing"),
    "Hemispheres": ("hemispheres", "lesions"),
    "Training": ("pretraining", "training"),
    "Prediction": ("prediction", "fitted", "baselines"),
    "Evaluation": (),
}
TARGETS = {"all", "quality"}  # rules without files of their own
_WIDEST = 240.0  # points


class Rule(NamedTuple):
    """A rule's file in workflow/rules, without suffix, and the rules whose files it takes."""

    file: str
    after: Sequence[str]


def reduce_edges(after: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Leave out edges that follow from others (a to c beside a to b and b to c); names in topological order.

    Raises
    ------
    graphlib.CycleError
        The edges have a cycle.
    """
    reach: dict[str, set[str]] = {}
    reduced = {}
    for name in TopologicalSorter(after).static_order():
        before = after.get(name, ())
        reach[name] = set(before).union(*(reach[one] for one in before))
        reduced[name] = [one for one in before if not any(one in reach[other] for other in before)]
    return reduced


def draw_pipeline(rules: Mapping[str, Mapping]) -> Figure:
    """Draw a row a stage: its rules, the rules whose files each takes, and its file.

    Parameters
    ----------
    rules : mapping of name -> mapping
        Snakemake's rule graph, the fields of a `Rule` each.
    """
    graph = {name: Rule(**rule) for name, rule in rules.items()}
    stage_of = find_stages(graph)
    taken = reduce_edges({name: rule.after for name, rule in graph.items() if name not in TARGETS})
    rows, stages_before = [], {}
    for stage in STAGES:
        own = [name for name in taken if stage_of[name] == stage]
        lists = [wrap(", ".join(taken[name]) or "–", _WIDEST) for name in own]
        blank = ["\n" * text.count("\n") for text in lists]
        names = [name + lines for name, lines in zip(own, blank, strict=True)]
        files = [f"{graph[name].file}.smk" + lines for name, lines in zip(own, blank, strict=True)]
        if own:
            rows.append(Row(stage, ["\n".join(cell) for cell in (names, lists, files)]))
            stages_before[stage] = {stage_of[one] for name in own for one in graph[name].after} - {stage}
    arrows = [
        Arrow(before, stage) for stage, all_ in reduce_edges(stages_before).items() for before in sorted(all_)
    ]
    return draw_chain(("rule", "takes the files of", "in workflow/rules"), rows, arrows)


def find_stages(graph: Mapping[str, Rule]) -> dict[str, str]:
    """Rule -> its stage; a file without one is of the first stage that takes from it, else of the last."""
    order = [*STAGES]
    stage_of = {
        name: stage
        for name, rule in graph.items()
        for stage, beginnings in STAGES.items()
        if rule.file.startswith(beginnings)
    }
    named = dict(stage_of)
    for name in graph.keys() - named:
        takers = [named[other] for other, rule in graph.items() if name in rule.after and other in named]
        stage_of[name] = min(takers, key=order.index, default=order[-1])
    return stage_of
