"""Figure 2 is drawn from the same graph that Snakemake prints."""

import ast
import base64
import json
import re

import pytest

SMALL = {
    "run": "graph",
    "phantom": {"patients": 12},
    "preprocessing": {"patients_per_job": 5},
    "split": {"counts": None},
    "initial_weights": {"medical_2d": {"source": "phantom"}},
    "training": {"seeds": [0, 1]},
}
FIGURE = "results/graph/figures/fig2.svg"


CHECKPOINTS = {"hemisphere_manifest"}
# Whose files are taken behind a checkpoint, as Snakemake finds when the checkpoint is done.
BEFORE_CHECKPOINTS = {"lesion_sides", "split", "inclusion", "lesion_volumes"} | CHECKPOINTS


def printed_edges(text):
    """The edges of a graph in dot."""
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', text))
    return {(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", text)}


def given_graph(folder):
    """The graph that the job of Figure 2 was given, as Snakemake keeps it."""
    name = base64.b64encode(FIGURE.encode()).decode()
    record = json.loads((folder / ".snakemake/metadata" / name).read_text())
    params = map(ast.literal_eval, record["params"])
    return next(param for param in params if isinstance(param, dict))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            {"preprocessing": SMALL["preprocessing"] | {"toolchain": "fsl"}}, marks=pytest.mark.slow
        ),
        {"phantom": {"patients": 12, "space": "template"}},
    ],
    ids=["fsl", "template"],
)
def test_the_figure_is_given_snakemakes_own_graph(tmp_path, snakemake, change):
    config = SMALL | change
    printed = snakemake("--rulegraph", "dot", config=config)
    assert printed.returncode == 0, printed.stdout
    drawn = snakemake(FIGURE, config=config)
    assert drawn.returncode == 0, drawn.stdout
    graph = given_graph(tmp_path)
    edges = {(before, name) for name, rule in graph.items() for before in rule["after"]}
    assert len(edges) > 100
    printed_ones = printed_edges(printed.stdout)
    assert {edge for edge in printed_ones if edge[0] not in CHECKPOINTS} <= edges
    assert {before for before, _ in edges - printed_ones} <= BEFORE_CHECKPOINTS
    assert graph["phase2_tss3h"]["file"] == "training"
    assert set(graph["phase2_tss3h"]["after"]) >= {"phase1_stroke", "medical_2d", "hemisphere_manifest"}


def test_the_stages_of_a_sheet_with_sides_from_masks_have_no_cycle(tmp_path, snakemake):
    rows = ["patient\tt2w\tdwi\tflair\tonset_to_mri_min\tlesion_side\tlesion_mask"]
    rows += [f"p{number}\tscan.nii\tscan.nii\tscan.nii\t{60 * number}\t\tscan.nii" for number in range(1, 9)]
    (tmp_path / "scan.nii").touch()
    (tmp_path / "sheet.tsv").write_text("\n".join(rows) + "\n")
    change = {"cohort": {"sheet": "sheet.tsv"}, "phantom": {"patients": 0}, "initial_weights": {}}
    drawn = snakemake(FIGURE, config=SMALL | change)
    assert drawn.returncode == 0, drawn.stdout
    graph = given_graph(tmp_path)
    assert set(graph["lesion_sides"]["after"]) == {"cohort", "lesions"}
    assert set(graph["check"]["after"]) >= {"cohort", "lesions"}


def test_of_several_splits_the_first_is_drawn(tmp_path, snakemake):
    change = {"phantom": {"patients": 12, "space": "template"}, "split": {"counts": None, "repeats": 2}}
    drawn = snakemake(FIGURE, config=SMALL | change)
    assert drawn.returncode == 0, drawn.stdout
    graph = given_graph(tmp_path)
    assert not [name for name in graph if name.startswith("repeat_")]
    assert "table2" in graph["summarise_repeats"]["after"]
