"""The figures of the statistics, from tables as the evaluation writes them."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color

from strokeclock.evaluation import abstention, calibration, decision, subgroups
from strokeclock.evaluation.operating import fit_operating_points
from strokeclock.figures.abstention import draw_abstention
from strokeclock.figures.calibration import draw_calibration
from strokeclock.figures.decision_curve import draw_decision_curve
from strokeclock.figures.roc import STYLES
from strokeclock.figures.rows import style_of, title_of
from strokeclock.figures.style import save_figure
from strokeclock.figures.subgroups import draw_subgroups

SETTINGS = {"confidence": 0.95, "bootstraps": 100}
SCORERS = [
    ("2d", "phase3_tss4h5", "random"),
    ("2d", "phase4_attention", "phase3"),
    ("3d", "phase3_tss4h5", "phase2"),
    ("ratio", "phase3_tss4h5", "flair"),
]


@pytest.fixture
def run(tmp_path):
    """Predictions of SCORERS on 80 patients, two seeds for networks; cohort, split, volumes, readers."""
    rng = np.random.default_rng(0)
    patients = [f"p{number:02d}" for number in range(80)]
    part = ["validation", "test"] * 40
    minutes = rng.permutation(np.linspace(30, 510, 80)).round()
    label = (minutes < 270).astype(int)
    files = {
        "cohort": {
            "patient": patients,
            "onset_to_mri_min": minutes,
            "lesion_side": "left",
            "sex": ["F", "M"] * 40,
            "age": rng.integers(50, 90, 80),
            "field_t": 3.0,
        },
        "split": {"patient": patients, "part": part},
        "exclusions": {"patient": [], "stage": [], "reason": []},
        "volumes": {"patient": patients, "volume_ml": 5.0, "source": "mask"},
        "protocol": {"patient": patients, "series": "dwi", "vendor": "GE", "field_t": "3"},
        "readers": {"patient": patients, "reader1": label, "reader2": 1 - label},
    }
    for name, columns in files.items():
        pd.DataFrame(columns).to_csv(tmp_path / f"{name}.tsv", sep="\t", index=False)
    paths = []
    for scorer in SCORERS:
        for seed in (0, 1) if scorer[0] != "ratio" else (0,):
            path = tmp_path / "predictions" / "/".join(scorer) / f"seed-{seed}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            score = 1 / (1 + np.exp(-(rng.normal(size=80) + 2 * label - 1)))
            columns = {
                "patient": patients,
                "hemisphere": "left",
                "part": part,
                "label": label,
                "score": score,
            }
            pd.DataFrame(columns).to_csv(path, sep="\t", index=False)
            paths.append(path)
    return tmp_path, paths


@pytest.fixture
def draw(run):
    """Write a table with a module of evaluation, draw its figure; return the table and the Figure."""
    root, paths = run
    cohort = {"cohort": root / "cohort.tsv", "split": root / "split.tsv"}
    readers = {"exclusions": root / "exclusions.tsv", "readers": root / "readers.tsv"}

    def make(name, *, only=SCORERS):
        chosen = [path for path in paths if path.parts[-4:-1] in only]
        table = root / "table.csv"
        files = {kind: root / f"{kind}.json" for kind in ("thresholds", "temperatures", "abstention")}
        fit_operating_points(chosen, **files, **cohort, settings={"threshold": "validation"})
        fitted = {kind: {kind: path} for kind, path in files.items()}
        if name == "calibration":
            tables = table, root / "reliability.csv"
            calibration.write_calibration(
                chosen, *tables, **fitted["temperatures"], **cohort, settings=SETTINGS
            )
            figure = draw_calibration(*tables)
        elif name == "decision":
            decision.write_decision_curve(
                chosen, table, **fitted["temperatures"], **cohort, **readers, settings=SETTINGS
            )
            figure = draw_decision_curve(table)
        elif name == "abstention":
            abstention.write_abstention(chosen, table, **fitted["abstention"], **cohort, settings=SETTINGS)
            figure = draw_abstention(table)
        else:
            groups = {"volumes": root / "volumes.tsv", "protocols": root / "protocol.tsv"}
            subgroups.write_subgroups(
                chosen, table, **fitted["thresholds"], **cohort, **groups, settings=SETTINGS
            )
            figure = draw_subgroups(table)
        return pd.read_csv(table), figure

    return make


@pytest.mark.parametrize("name", ["calibration", "decision", "abstention", "subgroups"])
def test_bytes_repeat(draw, name, tmp_path):
    for suffix in ("svg", "png"):
        for file in ("a", "b"):
            save_figure(draw(name)[1], tmp_path / f"{file}.{suffix}")
        first = (tmp_path / f"a.{suffix}").read_bytes()
        assert first == (tmp_path / f"b.{suffix}").read_bytes()
        assert len(first) > 8_000


@pytest.mark.parametrize("name", ["calibration", "decision", "abstention", "subgroups"])
def test_nothing_run_is_said(draw, name):
    _, figure = draw(name, only=[])
    (text,) = figure.texts
    assert text.get_text().endswith("run.")
    assert not figure.axes


def test_a_panel_a_row_with_its_slope(draw):
    table, figure = draw("calibration")
    titles = [axis.get_title() for axis in figure.axes if axis.axison]
    assert titles[0] == "2D random start\nTSS < 4.5 h"
    assert len(titles) == len(SCORERS)
    slope = table.query("scores == 'temperature-scaled'")["slope"].iloc[0]
    assert f"slope {slope:.2f}" in figure.axes[0].texts[0].get_text()


def test_reliability_is_drawn_as_tabled(draw, run):
    _, figure = draw("calibration", only=[SCORERS[0]])
    bins = pd.read_csv(run[0] / "reliability.csv").query("scores == 'as predicted'")
    lines = [line for line in figure.axes[0].lines if line.get_label() == "as predicted"]
    assert lines[0].get_xydata() == pytest.approx(bins[["mean_score", "observed"]].to_numpy())


def test_decision_curves_stand_a_panel_a_network_with_readers_and_baseline(draw):
    table, figure = draw("decision")
    assert [axis.get_title() for axis in figure.axes] == [
        "TSS < 4.5 h: 2D network",
        "TSS < 4.5 h: 3D network",
    ]
    lines = [{line.get_label(): line for line in axis.lines} for axis in figure.axes]
    beside = {"treat all", "treat none", "FLAIR ratio", "reader 1", "reader 2", "majority of readers"}
    assert set(lines[0]) == beside | {"random start", "attention, fine-tuned"}
    assert set(lines[1]) == beside | {"from TSS < 3 h"}
    expected = table.query("model == '3d'")["net_benefit"].to_numpy()
    assert lines[1]["from TSS < 3 h"].get_ydata() == pytest.approx(expected)


def test_a_panel_has_its_networks_joined_row_and_keeps_its_size_beside_a_long_legend(tmp_path):
    rows = [("phase3_tss4h5", "2d", "phase2"), ("phase3_tss4h5", "3d", "phase2")]
    rows += [("phase3_tss4h5", "segmentation", start) for start in ("ratios", "2d", "3d")]
    rows += [("phase3_tss4h5", "ratio", "flair"), ("phase3_tss4h5", "clinical", "covariates")]
    table = pd.DataFrame(
        [(*row, "TSS < 4.5 h", 20, 10, threshold, 0.1) for row in rows for threshold in (0.1, 0.9)],
        columns=["stage", "model", "start", "target", "n", "positives", "threshold", "net_benefit"],
    )
    table.to_csv(tmp_path / "table.csv", index=False)
    figure = draw_decision_curve(tmp_path / "table.csv")
    save_figure(figure, tmp_path / "a.png")
    labels = [{line.get_label() for line in axis.lines} for axis in figure.axes]
    both = {"from TSS < 3 h", "segmented ratios", "FLAIR ratio", "clinical covariates"}
    assert labels == [both | {"segmented ratios and 2D"}, both | {"segmented ratios and 3D"}]
    for axis in figure.axes:
        assert axis.get_window_extent().width / figure.dpi > 2


def test_abstention_is_drawn_for_networks_as_tabled(draw):
    table, figure = draw("abstention")
    panels = {axis.get_title().split("\n")[0]: axis for axis in figure.axes if axis.axison}
    assert list(panels) == ["2D random start", "3D from TSS < 3 h", "2D attention, fine-tuned"]
    rows = table.query("model == '3d' and certainty == 'spread'")
    (line,) = (line for line in panels["3D from TSS < 3 h"].lines if "spread" in str(line.get_label()))
    assert line.get_xydata() == pytest.approx(rows[["answered", "accuracy"]].to_numpy())


@pytest.mark.parametrize("name", ["calibration", "abstention"])
def test_scores_that_separate_the_classes_are_drawn(draw, run, name):
    for path in run[1]:
        rows = pd.read_csv(path, sep="\t")
        rows.assign(score=np.where(rows["label"] == 1, 0.9, 0.1)).to_csv(path, sep="\t", index=False)
    table, figure = draw(name)
    save_figure(figure, run[0] / "a.png")
    assert (table["brier" if name == "calibration" else "accuracy"].dropna() > 0).all()


def test_one_seed_is_said_in_its_panel(draw, run):
    for path in run[1]:
        if path.stem == "seed-1":
            path.unlink()
            run[1].remove(path)
    _, figure = draw("abstention", only=[SCORERS[0]])
    assert "needs 2 seeds or more" in figure.axes[0].texts[0].get_text()


def test_forest_of_groups(draw):
    table, figure = draw("subgroups")
    titles = [axis.get_title().replace("\n", " ") for axis in figure.axes]
    assert titles == ["2D random start", "2D attention, fine-tuned", "3D from TSS < 3 h", "FLAIR ratio"]
    first = table[(table["model"] == "2d") & (table["start"] == "random") & (table["group"] != "not given")]
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert len(labels) == len(first)
    assert labels[0] == f"all patients  ({first['positives'].iloc[0]} of 40)"
    points = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert points == pytest.approx(first["auc"].dropna().tolist())
    few = [text.get_text() for text in figure.axes[0].texts]
    assert few == ["too few"] * int(first["auc"].isna().sum())


def test_sites_that_are_too_few_are_in_the_table_alone(draw, run):
    cohort = pd.read_csv(run[0] / "cohort.tsv", sep="\t")
    cohort["site"] = ["large"] * 72 + [f"small {number}" for number in range(8)]
    cohort.to_csv(run[0] / "cohort.tsv", sep="\t", index=False)
    table, figure = draw("subgroups")
    sites = table[(table["variable"] == "site") & (table["model"] == "2d") & (table["start"] == "random")]
    assert len(sites) == 9
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert [label.split("  (")[0] for label in labels if label.startswith("site")] == ["site: large"]


def test_names_and_styles_of_rows():
    assert title_of("2d", "imagenet") == "2D ImageNet"
    assert title_of("3d", "genesis") == "3D Models Genesis"
    assert title_of("3d", "phase5") == "3D from phase5"
    assert style_of("3d", "random") == STYLES["random"]
    assert title_of("ratio", "flair") == "FLAIR ratio"
    assert title_of("clinical", "age") == "clinical age"
    assert not same_color(style_of("clinical", "age").colour, STYLES["random"].colour)
