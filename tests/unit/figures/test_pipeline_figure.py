"""Figure 2 shows the rules that there are, in their stages, and what each takes."""

from graphlib import CycleError

import pytest

from strokeclock.figures.pipeline import STAGES, Rule, draw_pipeline, find_stages, reduce_edges

RULES = {
    "cohort": {"file": "cohort", "after": []},
    "atlas": {"file": "atlas", "after": []},
    "preprocess": {"file": "preprocessing", "after": ["atlas"]},
    "check": {"file": "hemispheres", "after": ["preprocess", "cohort"]},
    "hemispheres": {"file": "hemispheres", "after": ["preprocess", "check"]},
    "quality_page": {"file": "hemispheres", "after": ["check"]},
    "phase1_stroke": {"file": "training", "after": ["hemispheres", "cohort"]},
    "phase2_tss3h": {"file": "training", "after": ["hemispheres", "phase1_stroke", "cohort"]},
    "predict": {"file": "prediction", "after": ["phase1_stroke", "phase2_tss3h", "hemispheres"]},
    "lesions": {"file": "lesions", "after": ["preprocess"]},
    "table2": {"file": "evaluation", "after": ["predict", "cohort"]},
    "roc": {"file": "figures", "after": ["predict", "table2"]},
    "gradcam": {"file": "figures", "after": ["predict", "lesions"]},
    "results_page": {"file": "page", "after": ["roc", "gradcam", "table2", "predict"]},
    "all": {"file": "Snakefile", "after": ["results_page", "roc", "quality_page"]},
}


@pytest.fixture(scope="module")
def figure():
    return draw_pipeline(RULES)


def lines_of(figure):
    """The words of each line of the rules, from the left: line's height -> words."""
    lines = {}
    for text in figure.axes[0].texts:
        if text.get_text().strip():
            lines.setdefault(round(text.get_position()[1], 3), []).append(text)
    return [
        [t.get_text() for t in sorted(line, key=lambda t: t.get_position()[0])] for line in lines.values()
    ]


def test_every_rule_has_a_line_with_what_it_takes_and_its_file(figure, read_sheet):
    words = read_sheet(figure)
    assert not any("all" in word.split(", ") for word in words)
    lines = lines_of(figure)
    for name, takes, file in (
        ("cohort", "–", "cohort.smk"),
        ("preprocess", "atlas", "preprocessing.smk"),
        ("check", "preprocess, cohort", "hemispheres.smk"),
        ("hemispheres", "check", "hemispheres.smk"),
        ("phase2_tss3h", "phase1_stroke", "training.smk"),
        ("predict", "phase2_tss3h", "prediction.smk"),
        ("gradcam", "predict, lesions", "figures.smk"),
        ("results_page", "roc, gradcam", "page.smk"),
    ):
        assert sum(line[-3:] == [name, takes, file] for line in lines) == 1, name
    assert sum(len(line) >= 3 for line in lines) == 1 + len(RULES) - 1  # the head, and no target


def heights(figure):
    """How far down the stages and the rules' own lines stand."""
    texts = figure.axes[0].texts
    (column,) = (text.get_position()[0] for text in texts if text.get_text() == "rule")
    return {text.get_text(): text.get_position()[1] for text in texts if text.get_position()[0] <= column}


def test_rules_stand_in_their_stages_one_below_the_other(figure):
    height = heights(figure)
    assert [stage for stage in height if stage in STAGES] == [*STAGES]
    (first, second, third) = sorted(
        (patch.get_y(), patch.get_y() + patch.get_height())
        for patch in figure.axes[0].patches
        if type(patch).__name__ == "Rectangle"
    )  # every second stage's band, from the first on
    for names, (top, bottom) in (
        (("Raw series", "cohort"), first),
        (("Preprocessing", "atlas", "preprocess"), (first[1], second[0])),
        (("Hemispheres", "check", "lesions", "quality_page"), second),
        (("Training", "phase1_stroke", "phase2_tss3h"), (second[1], third[0])),
        (("Prediction", "predict"), third),
        (("Evaluation", "table2", "roc", "results_page"), (third[1], 1000)),
    ):
        assert all(top < height[name] < bottom for name in names), names
    assert height["phase1_stroke"] < height["phase2_tss3h"]


def test_arrows_lead_from_stage_to_stage(figure, ends_of_arrows):
    height = heights(figure)

    def stage_at(y):
        return min(STAGES, key=lambda stage: abs(height[stage] - y))

    assert {(stage_at(start[1]), stage_at(end[1])) for start, end in ends_of_arrows(figure)} == {
        ("Raw series", "Hemispheres"), ("Preprocessing", "Hemispheres"), ("Hemispheres", "Training"),
        ("Training", "Prediction"), ("Prediction", "Evaluation"),
    }  # fmt: skip


def test_a_stage_without_rules_is_left_out_and_a_long_list_is_wrapped(read_sheet):
    rules = {f"a_rule_of_many_words_{n}": {"file": "cohort", "after": []} for n in range(9)}
    figure = draw_pipeline(
        rules | {"last": {"file": "page", "after": [*rules]}, "next": {"file": "page", "after": ["last"]}}
    )
    words = read_sheet(figure)
    assert {stage for stage in STAGES if stage in words} == {"Raw series", "Evaluation"}
    assert all(", ".join(words).count(name) == 2 for name in rules)
    assert ["next", "last", "page.smk"] in lines_of(figure)


def test_what_follows_is_left_out_and_circles_are_refused():
    edges = {"a": [], "b": ["a"], "c": ["a", "b"], "d": ["a", "c"]}
    assert reduce_edges(edges) == {"a": [], "b": ["a"], "c": ["b"], "d": ["c"]}
    assert list(reduce_edges({"a": ["z"], "b": ["a"]})) == ["z", "a", "b"]
    with pytest.raises(CycleError):
        reduce_edges({"a": ["b"], "b": ["a"]})


@pytest.mark.parametrize(
    ("file", "taker", "stage"),
    [
        ("preprocessing_mine", "check", "Preprocessing"),
        ("denoising", "check", "Hemispheres"),  # no stage names the file: where its files are taken first
        ("denoising", "roc", "Evaluation"),
        ("denoising", None, "Evaluation"),
    ],
)
def test_a_further_file_of_rules_belongs_where_its_files_are_taken(file, taker, stage):
    rules = RULES | {"further": {"file": file, "after": ["atlas"]}}
    if taker:
        rules[taker] = rules[taker] | {"after": [*rules[taker]["after"], "further"]}
    stages = find_stages({name: Rule(**rule) for name, rule in rules.items()})
    assert (stages["further"], stages["check"], stages["roc"]) == (stage, "Hemispheres", "Evaluation")
    assert any(text.get_text().strip() == f"{file}.smk" for text in draw_pipeline(rules).axes[0].texts)
