"""Runs with too little in them: every statistic and its picture stands, says why, and nowhere says NaN."""

import csv
import re
from pathlib import Path

import pandas as pd
import pytest

from strokeclock.evaluation.abstention import write_abstention
from strokeclock.evaluation.accuracy import write_accuracy
from strokeclock.evaluation.assisted import write_readers
from strokeclock.evaluation.calibration import write_calibration
from strokeclock.evaluation.comparison import write_comparisons
from strokeclock.evaluation.decision import write_decision_curve
from strokeclock.evaluation.interactions import write_interactions
from strokeclock.evaluation.sample_size import write_sample_size
from strokeclock.evaluation.subgroups import write_subgroups
from strokeclock.evaluation.table2 import write_table2
from strokeclock.evaluation.wanted_rates import fit_wanted_rates, write_wanted_rates
from strokeclock.figures.abstention import draw_abstention
from strokeclock.figures.calibration import draw_calibration
from strokeclock.figures.decision_curve import draw_decision_curve
from strokeclock.figures.roc import draw_roc
from strokeclock.figures.style import save_figure
from strokeclock.figures.subgroups import draw_subgroups
from strokeclock.predictions import PAPER as TASKS

PAPER = Path(__file__).parents[3] / "resources/table2_paper.csv"
SETTINGS = {"confidence": 0.95, "bootstraps": 50}
STROKE = ("2d", "phase1_stroke", "random")
SHORT = ("3d", "phase2_tss3h", "phase1")
RANDOM, CHAIN = ("2d", "phase3_tss4h5", "random"), ("2d", "phase4_attention", "phase3")
VOLUMETRIC = ("3d", "phase4_attention", "phase3")
ALL = [STROKE, RANDOM, VOLUMETRIC]


def one_class(part):
    def spoil(run):
        run.cohort.loc[run.cohort["part"] == part, "onset_to_mri_min"] = 400

    return spoil


def three_of(part):
    """One under 4.5 h, two not, stay; the others of the part learn."""

    def spoil(run):
        late, here = run.cohort["onset_to_mri_min"] >= 270, run.cohort["part"] == part
        kept = [*run.cohort.index[here & ~late][:1], *run.cohort.index[here & late][:2]]
        run.cohort.loc[here, "part"] = "train"
        run.cohort.loc[kept, "part"] = part

    return spoil


def nothing_known_of_the_patients(run):
    run.cohort[["lesion_side", "age", "sex", "field_t"]] = ["both", "", "", ""]


def a_group_of_three(run):
    test = run.cohort.index[run.cohort["part"] == "test"]
    run.cohort.loc[test[:3], "field_t"] = 3.0


def fit(_run):
    """Nothing is spoilt."""


def every_scorer(score):
    return lambda _scorer, _seed, rows: score(rows)


CASES = {
    "nothing trained": (fit, [], None),
    "phase 1 alone": (fit, [STROKE], None),
    "phase 2 alone": (fit, [SHORT], None),
    "2D alone": (fit, [RANDOM, CHAIN], None),
    "3D alone": (fit, [VOLUMETRIC], None),
    "one class on test": (one_class("test"), ALL, None),
    "one class on validation": (one_class("validation"), ALL, None),
    "three on test": (three_of("test"), ALL, None),
    "three on validation": (three_of("validation"), ALL, None),
    "a group of three": (a_group_of_three, ALL, None),
    "patients unknown": (nothing_known_of_the_patients, ALL, None),
    "one score for all": (fit, ALL, every_scorer(lambda rows: 0.5)),
    "certain and right": (fit, ALL, every_scorer(lambda rows: rows["label"].astype(float))),
    "certain and wrong": (fit, ALL, every_scorer(lambda rows: 1.0 - rows["label"])),
}


@pytest.mark.parametrize("case", CASES)
def test_every_table_and_picture_stands(made_up_run, case):
    spoil, scorers, score = CASES[case]
    run, root = made_up_run, made_up_run.root
    run.cohort = run.cohort.assign(age=70, sex="F", field_t=1.5)
    spoil(run)
    paths = run.write(scorers, score=score)
    pd.DataFrame({"patient": run.cohort["patient"], "volume_ml": 5.0, "source": "mask"}).to_csv(
        root / "volumes.tsv", sep="\t", index=False
    )
    people = {"cohort": root / "cohort/cohort.tsv", "split": root / "cohort/split.tsv"}
    readers = {"exclusions": root / "cohort/exclusions.tsv", "readers": root / "readers.tsv"}
    groups = {"volumes": root / "volumes.tsv", "protocols": root / "cohort/protocol.tsv"}
    names = (
        *("table2", "comparisons", "calibration", "reliability"),
        *("decision_curve", "abstention", "subgroups"),
        *("accuracy", "wanted_rates", "interactions", "readers", "sample_size"),
    )
    table = {name: root / f"tables/{name}.csv" for name in names}
    fitted = run.fit(paths)
    thresholds, temperatures = ({kind: fitted[kind]} for kind in ("thresholds", "temperatures"))
    write_table2(
        paths,
        table["table2"],
        root / "accesses.tsv",
        **thresholds,
        ledger=root / "ledger.tsv",
        run="made-up",
        paper=PAPER,
        **people,
        **readers,
        settings=SETTINGS,
        recipe="paper",
    )
    write_comparisons(paths, table["comparisons"], **thresholds, **people, **readers, settings=SETTINGS)
    write_calibration(
        paths, table["calibration"], table["reliability"], **temperatures, **people, settings=SETTINGS
    )
    write_decision_curve(
        paths, table["decision_curve"], **temperatures, **people, **readers, settings=SETTINGS
    )
    write_abstention(paths, table["abstention"], abstention=fitted["abstention"], **people, settings=SETTINGS)
    write_subgroups(
        paths,
        table["subgroups"],
        **thresholds,
        **people,
        **groups,
        settings=SETTINGS,
    )

    write_accuracy(paths, table["accuracy"], **thresholds, **people, **readers, settings=SETTINGS)
    wanted = root / "fitted/wanted_rates.json"
    fit_wanted_rates(paths, wanted, **people)
    write_wanted_rates(paths, table["wanted_rates"], wanted_rates=wanted, **people, settings=SETTINGS)
    write_interactions(paths, table["interactions"], **thresholds, **people, **groups)
    write_readers(paths, table["readers"], **people, **readers, settings=SETTINGS)
    write_sample_size(paths, table["sample_size"], **people, settings=SETTINGS)

    figures = {
        f"roc-{phases[-1]}": draw_roc(
            paths, table2=table["table2"], phases=phases, readers=with_readers, tasks=TASKS
        )
        for phases, with_readers in (
            (["phase2_tss3h"], False),
            (["phase3_tss4h5"], False),
            (["phase3_tss4h5", "phase4_attention"], True),
        )
    }
    figures["calibration"] = draw_calibration(table["calibration"], table["reliability"])
    figures["decision_curve"] = draw_decision_curve(table["decision_curve"])
    figures["abstention"] = draw_abstention(table["abstention"])
    figures["subgroups"] = draw_subgroups(table["subgroups"])
    for name, figure in figures.items():
        save_figure(figure, root / f"figures/{name}.svg")

    for path in table.values():
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        for cell in (cell for row in rows for cell in row.values()):
            assert not re.fullmatch(r"-?(nan|inf)|None", cell, re.IGNORECASE), path.name
    for picture in (root / "figures").glob("*.svg"):
        assert not re.search(r"\bnan\b", picture.read_text(), re.IGNORECASE), picture.name


def test_a_group_of_three_is_too_few(made_up_run):
    run, root = made_up_run, made_up_run.root
    run.cohort = run.cohort.assign(age=70, sex="F", field_t=1.5)
    a_group_of_three(run)
    paths = run.write([RANDOM])
    (root / "volumes.tsv").write_text("patient\tvolume_ml\tsource\n")
    output = root / "tables/subgroups.csv"
    people = {"cohort": root / "cohort/cohort.tsv", "split": root / "cohort/split.tsv"}
    fitted = run.fit(paths)
    write_subgroups(
        paths,
        output,
        thresholds=fitted["thresholds"],
        **people,
        volumes=root / "volumes.tsv",
        protocols=root / "cohort/protocol.tsv",
        settings=SETTINGS,
    )
    with open(output, newline="") as file:
        (group,) = (row for row in csv.DictReader(file) if row["group"] == "3 T")
    assert group["n"] == "3"
    assert group["note"].startswith("too few")
    assert not group["auc"]
