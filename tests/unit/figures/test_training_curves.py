"""The training curves show the histories, all seeds in one picture."""

import numpy as np
import pandas as pd
import pytest

from strokeclock.figures.style import save_figure
from strokeclock.figures.training_curves import draw_training_curves, write_training_curves
from strokeclock.training.record import write_record


@pytest.fixture
def trainings(tmp_path, make_record):
    """Write trainings of 3 + seed epochs, whose second was selected; return their tables and files."""

    def write(seeds, columns):
        tables, histories, records = [], [], []
        for seed in range(seeds):
            table = pd.DataFrame(
                np.random.default_rng(seed).random((3 + seed, len(columns))), columns=columns
            )
            table.insert(0, "epoch", np.arange(3 + seed) + 1)
            tables.append(table)
            histories.append(tmp_path / f"{seed}.tsv")
            table.to_csv(histories[-1], sep="\t", index=False)
            records.append(tmp_path / f"{seed}.json")
            write_record(records[-1], make_record(seed=seed, best={"epoch": 2}))
        return tables, histories, records

    return write


def draw(folder, histories, records):
    outputs = [folder / "curves.svg", folder / "curves.png"]
    figure = draw_training_curves(histories, records, net="2d", phase="phase1_stroke", start="random")
    save_figure(figure, *outputs)
    return figure, outputs


CLASSIFIER = ["train_loss", "validation_loss", "validation_auc", "learning_rate"]


def test_every_seed_is_a_line_with_a_dot_at_the_selected_epoch(trainings, tmp_path):
    tables, histories, records = trainings(3, CLASSIFIER)
    figure, _ = draw(tmp_path, histories, records)
    assert [axis.get_title() for axis in figure.axes] == [
        "Training loss",
        "Validation loss",
        "Validation AUC",
    ]
    for axis, column in zip(figure.axes, CLASSIFIER, strict=False):
        for seed, table in enumerate(tables):
            line, dot = axis.lines[2 * seed : 2 * seed + 2]
            np.testing.assert_allclose(line.get_xydata(), table[["epoch", column]], rtol=1e-8)
            np.testing.assert_allclose(dot.get_xydata(), [[2, table[column][1]]], rtol=1e-8)
            assert line.get_color() == dot.get_color()
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["seed 0", "seed 1", "seed 2", "selected"]


def test_both_losses_have_one_scale_that_holds_them(trainings, tmp_path):
    tables, histories, records = trainings(3, CLASSIFIER)
    figure, _ = draw(tmp_path, histories, records)
    low, high = figure.axes[0].get_ylim()
    assert (low, high) == figure.axes[1].get_ylim()
    losses = pd.concat(tables)[["train_loss", "validation_loss"]].to_numpy()
    assert low <= losses.min() <= losses.max() <= high


def test_phase_0_has_no_auc(trainings, tmp_path):
    _, histories, records = trainings(1, ["train_loss", "validation_loss", "learning_rate"])
    figure, _ = draw(tmp_path, histories, records)
    assert [axis.get_title() for axis in figure.axes] == ["Training loss", "Validation loss"]


def test_no_two_of_eighteen_seeds_share_a_style(trainings, tmp_path):
    _, histories, records = trainings(18, CLASSIFIER)
    figure, _ = draw(tmp_path, histories, records)
    lines = figure.axes[0].lines[::2]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 18


def test_bytes_repeat(trainings, tmp_path):
    _, histories, records = trainings(2, CLASSIFIER)
    contents = []
    for _ in range(2):
        _, outputs = draw(tmp_path, histories, records)
        contents.append([path.read_bytes() for path in outputs])
    assert contents[0] == contents[1]


def test_each_row_has_its_own_picture(trainings, tmp_path):
    _, histories, records = trainings(4, CLASSIFIER)
    rows = [("2d", "phase1_stroke", "random"), ("3d", "phase1_stroke", "genesis")]
    names = [
        (f"{'/'.join(row)}/seed-{seed}/history.tsv", f"{'/'.join(row)}/seed-{seed}/run.json")
        for row in rows
        for seed in (0, 1)
    ]
    for (history, record), old_history, old_record in zip(names, histories, records, strict=True):
        (tmp_path / history).parent.mkdir(parents=True)
        old_history.rename(tmp_path / history)
        old_record.rename(tmp_path / record)
    histories, records = ([tmp_path / name for name in column] for column in zip(*names, strict=True))
    svg, png = ([tmp_path / f"{number}.{suffix}" for number in (0, 1)] for suffix in ("svg", "png"))
    write_training_curves(histories, records, svg=svg, png=png)
    for number, (net, phase, start) in enumerate(rows):
        own = slice(2 * number, 2 * number + 2)
        figure = draw_training_curves(histories[own], records[own], net=net, phase=phase, start=start)
        save_figure(figure, alone := tmp_path / "alone.svg")
        assert svg[number].read_bytes() == alone.read_bytes()
        assert png[number].is_file()
    with pytest.raises(ValueError, match="zip"):
        write_training_curves(histories[:2], records[:2], svg=svg, png=png)
