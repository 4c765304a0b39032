"""A search of hyper-parameters: its candidates, its choice, and what reads the choice."""

import json

import pytest

from strokeclock.evaluation.search import COLUMNS, write_search
from strokeclock.fitted import FittedError
from strokeclock.training.candidate import train_candidate
from strokeclock.training.classifier import train_phase
from strokeclock.training.grid import list_points, name_point
from strokeclock.training.record import read_record
from strokeclock.training.search import SearchError, choose_settings, read_chosen, read_search

GRID = {"lr": [1e-4, 1e-3], "batch": [4, 8]}
TRAINING = {"net": "2d", "phase": "phase1_stroke", "start": "random"}
DATA = {"train": "a", "validation": "b"}


def test_a_grid_is_listed_in_its_order():
    assert list_points({"lr": [3, 1], "head": ["fresh", "inherit"], "freeze": [True, False]}) == [
        {"lr": 3, "head": "fresh", "freeze": True},
        {"lr": 3, "head": "fresh", "freeze": False},
        {"lr": 3, "head": "inherit", "freeze": True},
        {"lr": 3, "head": "inherit", "freeze": False},
        {"lr": 1, "head": "fresh", "freeze": True},
        {"lr": 1, "head": "fresh", "freeze": False},
        {"lr": 1, "head": "inherit", "freeze": True},
        {"lr": 1, "head": "inherit", "freeze": False},
    ]
    assert name_point({"lr": 1e-5, "head": "fresh", "freeze": False}) == "lr 1e-05, head fresh, freeze false"


def write_results(folder, areas, *, data=DATA):
    """result.json of a candidate a point of `GRID`; None: it diverged."""
    paths = []
    for number, (point, area) in enumerate(zip(list_points(GRID), areas, strict=True), start=1):
        content = {
            "settings": point,
            "validation_auc": area,
            "validation_loss": None if area is None else 1 - area,
            "epochs": None if area is None else 10 * number,
            "kept_epoch": None if area is None else number,
            "note": "the loss of epoch 1 is not finite" if area is None else "",
            "data": None if area is None else data,
        }
        paths.append(folder / f"candidate-{number}.json")
        paths[-1].write_text(json.dumps(content))
    return paths


@pytest.fixture
def choose(toys, tmp_path):
    def run(areas, **changes):
        results = changes.pop("results", None) or write_results(tmp_path, areas)
        choose_settings(
            results,
            tmp_path / "chosen.json",
            **TRAINING,
            seed=0,
            grid=GRID,
            below_min=None,
            cohort=toys.cohort,
            split=changes.get("split", toys.split),
        )
        return read_search(tmp_path / "chosen.json")

    return run


@pytest.mark.parametrize(
    ("areas", "chosen"),
    [
        ([0.6, 0.9, 0.7, 0.8], 2),
        ([0.6, 0.7, 0.9, 0.9], 3),  # the first of the grid at a tie
        ([0.5, 0.5, 0.5, 0.5], 1),
        ([None, 0.2, None, 0.3], 4),  # what could not be trained is not chosen
    ],
)
def test_the_highest_validation_auc_is_chosen_and_the_first_at_a_tie(choose, areas, chosen):
    found = choose(areas)
    assert found["chosen"] == chosen
    assert found["settings"] == list_points(GRID)[chosen - 1]
    assert (found["looks"], found["grid"], found["seed"]) == (4, GRID, 0)
    assert [one["validation_auc"] for one in found["candidates"]] == areas
    assert found["fitted_on"]["parts"] == ["train", "validation"]
    assert found["fitted_on"]["patients"] == 14
    assert "toy" not in json.dumps(found)


def test_the_table_has_a_row_a_candidate(choose, tmp_path):
    choose([0.6, 0.9, None, 0.8])
    write_search([tmp_path / "chosen.json"], tmp_path / "search.csv")
    assert (tmp_path / "search.csv").read_text().splitlines() == [
        ",".join(COLUMNS),
        'phase1_stroke,2d,random,1,"lr 0.0001, batch 4",0,0.6,0.4,10,1,,4,',
        'phase1_stroke,2d,random,2,"lr 0.0001, batch 8",0,0.9,0.1,20,2,yes,4,',
        'phase1_stroke,2d,random,3,"lr 0.001, batch 4",0,,,,,,4,the loss of epoch 1 is not finite',
        'phase1_stroke,2d,random,4,"lr 0.001, batch 8",0,0.8,0.2,40,4,,4,',
    ]


def test_nothing_is_chosen_where_nothing_could_be_trained(choose):
    with pytest.raises(
        SearchError, match=r"No candidate of training\.search\.phase1_stroke could be trained"
    ):
        choose([None] * 4)


def test_results_of_another_grid_or_other_patients_are_refused(choose, tmp_path):
    results = write_results(tmp_path, [0.6, 0.7, 0.8, 0.9])
    with pytest.raises(FittedError, match=r"candidate-3\.json is of other settings or patients"):
        choose(None, results=[results[0], results[2], results[1], results[3]])
    other = json.loads(results[3].read_text()) | {"data": DATA | {"train": "c"}}
    results[3].write_text(json.dumps(other))
    with pytest.raises(FittedError, match=r"candidate-4\.json is of other settings or patients"):
        choose(None, results=results)
    results[3].write_text("{}")
    with pytest.raises(FittedError, match=r"candidate-4\.json is no result of a candidate"):
        choose(None, results=results)


def test_settings_chosen_for_another_training_or_other_patients_are_refused(choose, toys, tmp_path):
    choose([0.6, 0.7, 0.8, 0.9])
    where = {"below_min": None, "cohort": toys.cohort, "split": toys.split}
    assert read_chosen(tmp_path / "chosen.json", **TRAINING, **where) == {"lr": 1e-3, "batch": 8}
    with pytest.raises(FittedError, match="was fitted for start 'random', not for 'genesis'"):
        read_chosen(tmp_path / "chosen.json", **TRAINING | {"start": "genesis"}, **where)
    other = tmp_path / "other_split.tsv"
    swapped = {"toy-09\ttrain": "toy-09\ttest", "toy-17\ttest": "toy-17\ttrain"}
    text = toys.split.read_text()
    for before, after in swapped.items():
        assert before in text
        text = text.replace(before, after)
    other.write_text(text)
    with pytest.raises(FittedError, match="was fitted on other patients than the train and validation part"):
        read_chosen(tmp_path / "chosen.json", **TRAINING, **where | {"split": other})


def try_point(toys, output, point, **changes):
    inputs = toys.inputs()
    train_candidate(
        "phase1_stroke",
        output / "result.json",
        point=point,
        net="2d",
        start="random",
        seed=0,
        models=toys.models("2d"),
        training=toys.training(**changes),
        **inputs,
    )
    return json.loads((output / "result.json").read_text())


def test_a_candidate_sees_no_test_patient_and_is_the_training_that_its_settings_ask_for(toys, tmp_path):
    for number in range(14, 18):  # the test part
        (toys.hemispheres / f"toy-{number}.npy").unlink()
    point = {"lr": 1e-3, "batch": 8}
    found = try_point(toys, tmp_path / "search", point)
    record = read_record(tmp_path / "search/run.json")
    assert {*record.data} == {"train", "validation"}
    assert (record.settings.lr, record.settings.batch) == (1e-3, 8)
    assert found["validation_auc"] == record.kept["validation_auc"]
    assert (found["epochs"], found["settings"], found["data"]) == (2, point, record.data)

    others = [try_point(toys, tmp_path / f"{n}", other) for n, other in enumerate(list_points(GRID))]
    results = [tmp_path / f"{number}/result.json" for number in range(4)]
    best = max(range(4), key=lambda number: others[number]["validation_auc"])
    choose_settings(
        results, tmp_path / "chosen.json", **TRAINING, seed=0, grid=GRID, below_min=None,
        cohort=toys.cohort, split=toys.split,
    )  # fmt: skip
    train_phase(
        "phase1_stroke",
        net="2d",
        start="random",
        seed=0,
        models=toys.models("2d"),
        training=toys.training(),
        chosen=tmp_path / "chosen.json",
        output=tmp_path / "real",
        **toys.inputs(),
    )
    real = read_record(tmp_path / "real/run.json")
    assert {"lr": real.settings.lr, "batch": real.settings.batch} == list_points(GRID)[best]
    assert real == read_record(tmp_path / f"{best}/run.json")  # the same bytes as the chosen candidate's


def test_a_candidate_that_diverges_has_a_note_in_place_of_an_auc(toys, tmp_path):
    found = try_point(toys, tmp_path, {"lr": 1e30}, optimizer="adamw")
    assert found["validation_auc"] is None
    assert found["data"] is None
    assert "is not finite" in found["note"]
