"""The case mix of the parts: standardised differences by hand, by permutation, and on a written table."""

import math

import numpy as np
import pandas as pd
import pytest

from strokeclock.evaluation.case_mix import standardise, standardise_shares, write_case_mix
from strokeclock.predictions import PAPER


def test_a_difference_of_means_is_over_the_root_of_the_mean_variance():
    assert standardise([10.0, 14.0], [9.0, 23.0]) == pytest.approx(4 / 4)  # the root of (9 + 23) / 2
    assert standardise([14.0, 10.0], [9.0, 23.0]) == pytest.approx(-1)
    assert standardise([1.0, 2.0], [0.0, 0.0]) is None


def test_two_levels_are_austins_difference_of_shares():
    """.3 and .5: .2 over the root of (.21 + .25) / 2."""
    found = standardise_shares({"F": 0.3, "M": 0.7}, {"F": 0.5, "M": 0.5})
    assert found == pytest.approx(0.2 / math.sqrt(0.23))


def test_three_levels_by_hand():
    """Of b and c: S = (.225, -.07; -.07, .16), d = (.1, 0), so d' S⁻¹ d = .01 · .16 / (.225 · .16 - .07²)."""
    first, second = {"a": 0.5, "b": 0.3, "c": 0.2}, {"a": 0.4, "b": 0.4, "c": 0.2}
    expected = math.sqrt(0.0016 / 0.0311)
    assert standardise_shares(first, second) == pytest.approx(expected)
    renamed = [
        {f"{9 - ord(name) + ord('a')}": share for name, share in part.items()} for part in (first, second)
    ]
    assert standardise_shares(*renamed) == pytest.approx(expected)  # whichever level is left out


def test_a_level_may_be_missing_in_a_part_and_separation_has_no_value():
    """d = .1 against level a; S = .5 · .1 · .9."""
    assert standardise_shares({"a": 1.0}, {"a": 0.9, "b": 0.1}) == pytest.approx(0.1 / math.sqrt(0.045))
    assert standardise_shares({"a": 1.0}, {"b": 1.0}) is None
    assert standardise_shares({"a": 1.0}, {"a": 1.0}) is None


COHORT = {
    # patient: age, sex, nihss, minutes, class, side, field_t, site, part
    "a": ("50", "F", "", "100", "", "left", "1.5", "A", "train"),
    "b": ("60", "M", "", "200", "", "left", "", "A", "train"),
    "c": ("70", "F", "", "400", "", "right", "3", "B", "train"),
    "d": ("80", "", "", "", "<4.5h", "right", "3", "B", "train"),
    "e": ("65", "M", "", "300", "", "left", "3", "", "validation"),
    "f": ("70", "M", "", "150", "", "both", "1.5", "A", "test"),
    "g": ("", "F", "7", "500", "", "left", "3", "B", "test"),
    "h": ("80", "F", "9", "100", "", "left", "3", "C", "test"),
    "unknown": ("20", "F", "42", "", "", "left", "7", "Z", "train"),  # of unknown onset: not counted
    "far": ("20", "F", "42", "60", "", "left", "7", "Z", "external"),
}


@pytest.fixture
def table(tmp_path):
    columns = ("age", "sex", "nihss", "onset_to_mri_min", "onset_class", "lesion_side", "field_t", "site")
    rows = ["\t".join(["patient", *columns])] + ["\t".join([p, *row[:-1]]) for p, row in COHORT.items()]
    files = {
        "cohort": rows,
        "split": ["patient\tpart", *(f"{patient}\t{row[-1]}" for patient, row in COHORT.items())],
        "volumes": ["patient\tvolume_ml\tsource", "a\t2\tmask", "b\t4\tmask", "c\t\tnone", "f\t3\tautomatic"],
        "protocol": [
            "patient\tseries\tvendor\tfield_t",
            *("a\tt2w\tGE\t1.5", "b\tt2w\tn/a\tn/a", "b\tdwi\tSiemens\t1.5", "b\tflair\tGE\t1.5"),
            *("c\tt2w\tGE\t3", "f\tt2w\tGE\t1.5", "g\tt2w\tGE\t3"),
        ],
    }
    paths = {name: tmp_path / f"{name}.tsv" for name in files}
    for name, lines in files.items():
        paths[name].write_text("\n".join(lines) + "\n")
    write_case_mix(table=tmp_path / "case_mix.csv", **paths, tasks=PAPER)
    return pd.read_csv(tmp_path / "case_mix.csv").fillna({"level": "", "above": "", "note": ""})


def test_numbers_of_the_parts(table):
    row = table[table["variable"] == "age, years"].iloc[0]
    assert row[["train_n", "train", "train_low", "train_high"]].tolist() == [4, 65, 57.5, 72.5]
    assert row[["validation_n", "test_n", "test"]].tolist() == [1, 2, 75]
    ages = np.array([50, 60, 70, 80]), np.array([70, 80])
    expected = (75 - 65) / math.sqrt((ages[0].var(ddof=1) + ages[1].var(ddof=1)) / 2)
    assert row["smd_test"] == pytest.approx(expected, rel=1e-5)
    assert row["chance_test"] == pytest.approx(math.sqrt(1 / 4 + 1 / 2), rel=1e-5)
    assert row["above"] == "test"
    assert np.isnan(row["smd_validation"])
    assert row["note"] == "no standardised difference: fewer than two values in a part"


def test_what_a_part_lacks_is_said(table):
    rows = table.set_index(["variable", "level"])
    nihss = rows.loc[("NIHSS", "")]
    assert nihss["note"] == "not given in the train part"
    assert nihss[["train_n", "test_n", "test"]].tolist() == [0, 2, 8]
    assert rows.loc[("lesion volume, mL", ""), ["train_n", "train"]].tolist() == [2, 3]
    assert rows.loc[("onset known", ""), "note"] == ""
    assert rows.loc[("onset known", "by its class alone"), "train"] == 0.25


def test_shares_of_the_parts(table):
    rows = table.set_index(["variable", "level"])
    assert rows.loc[("sex", ""), ["train_n", "validation_n", "test_n"]].tolist() == [3, 1, 3]
    assert rows.loc[("sex", "female"), ["train", "validation", "test"]].tolist() == pytest.approx(
        [2 / 3, 0, 2 / 3], abs=1e-6
    )
    assert rows.loc[("sex", ""), "smd_test"] == 0
    # patient b's field strength is the protocol's, patient d has the sheet's
    assert rows.loc[("field strength", "1.5 T"), ["train", "test"]].tolist() == pytest.approx(
        [0.5, 1 / 3], abs=1e-6
    )
    assert rows.loc[("vendor", ""), ["train_n", "validation_n", "test_n"]].tolist() == [3, 0, 2]
    assert rows.loc[("vendor", "Siemens"), "train"] == pytest.approx(1 / 3, abs=1e-6)
    assert rows.loc[("TSS < 3 h", ""), "train_n"] == 3  # the class of 4.5 h does not tell
    assert rows.loc[("TSS < 4.5 h", "yes"), "train"] == 0.75
    assert rows.loc[("site", "C"), ["train", "test"]].tolist() == pytest.approx([0, 1 / 3], abs=1e-6)
    assert "Z" not in rows.loc["site"].index
    assert rows.loc[("site", ""), "chance_test"] == pytest.approx(math.sqrt(2 * (1 / 4 + 1 / 3)), rel=1e-5)
    assert "7 T" not in rows.loc["field strength"].index


def test_chance_is_what_random_parts_differ_by():
    """Root mean square of the difference over 2,000 random divisions of 400 patients, four levels."""
    rng = np.random.default_rng(0)
    levels = rng.choice(list("abcd"), 400, p=[0.4, 0.3, 0.2, 0.1])
    found = []
    for _ in range(2000):
        levels = rng.permutation(levels)
        shares = [
            pd.Series(part).value_counts(normalize=True).to_dict() for part in (levels[:250], levels[250:])
        ]
        found.append(standardise_shares(*shares))
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(math.sqrt(3 * (1 / 250 + 1 / 150)), rel=0.03)
