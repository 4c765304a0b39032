"""Figure 2: the stages of the workflow, and the rules of each with what they take."""

from collections.abc import Collection, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import NamedTuple

from matplotlib.figure import Figure

from strokeclock.figures.sheet import Arrow, Row, draw_chain, wrap

# Stage -> the files of workflow/rules whose rules belong to it; what no stage names is of the last one.
STAGES = {
    "Raw series": ("cohort", "phantom"),
    "Preprocessing": ("atlas", "preprocessing_fsl", "preprocessing_open"),
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
    """Leave out what follows: a before c where a is before b and b before c; each name after all before it.

    Raises
    ------
    graphlib.CycleError
        The edges go round in a circle.
    """
    reach: dict[str, set[str]] = {}
    reduced = {}
    for name in TopologicalSorter(after).static_order():
        before = after.get(name, ())
        reach[name] = set(before).union(*(reach[one] for one in before))
        reduced[name] = [one for one in before if not any(one in reach[other] for other in before)]
    return reduced


def draw_pipeline(rules: Mapping[str, Mapping]) -> Figure:
    """Draw a row a stage: its rules, what each takes, and in which file it stands.

    Parameters
    ----------
    rules : mapping of name -> mapping
        Snakemake's rule graph, the fields of a `Rule` each.
    """
    graph = {name: Rule(**rule) for name, rule in rules.items()}
    stage_of_file = {file: stage for stage, files in STAGES.items() for file in files}
    stage_of = {name: stage_of_file.get(rule.file, [*STAGES][-1]) for name, rule in graph.items()}
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
