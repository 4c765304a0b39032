"""The split: no overlap, exact counts, strata kept, the same every time."""

import numpy as np
import pandas as pd
import pytest

from strokeclock.cohort.split import (
    assert_no_overlap,
    check_split,
    divide_cohort,
    make_split,
    read_cohort,
    read_split_table,
)
from strokeclock.errors import ConfigurationError


def cohort(n: int, *, seed: int = 0, fields: tuple = (1.5, 3.0), sites: tuple = ("a", "b")) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "patient": [f"p{number:04d}" for number in range(n)],
            "onset_to_mri_min": rng.lognormal(np.log(225), 1.0, n).round(),
            "lesion_side": rng.choice(["left", "right"], n),
            "field_t": rng.choice(fields, n),
            "site": rng.choice(sites, n),
        }
    )


def sizes(split: pd.DataFrame) -> tuple[int, ...]:
    return tuple(int((split["part"] == part).sum()) for part in ("train", "validation", "test"))


def test_paper_counts_exact_and_disjoint():
    patients = cohort(422)
    split = make_split(patients, counts=[272, 68, 82], seed=2021)
    assert sizes(split) == (272, 68, 82)
    assert sorted(split["patient"]) == sorted(patients["patient"])
    assert not split["patient"].duplicated().any()


@pytest.mark.parametrize("cut", [180, 270])
def test_each_part_has_the_cohort_share_of_early_patients(cut):
    patients = cohort(422)
    split = make_split(patients, counts=[272, 68, 82], seed=2021).merge(patients)
    early = split["onset_to_mri_min"] < cut
    for _, part in split.groupby("part"):
        expected = early.mean() * len(part)
        assert abs(early[part.index].sum() - expected) <= 3


def test_field_and_site_are_balanced_too():
    patients = cohort(422)
    split = make_split(patients, counts=[272, 68, 82], seed=2021).merge(patients)
    group = split["field_t"].astype(str) + split["site"]
    share = group.value_counts(normalize=True)
    for _, part in split.groupby("part"):
        counts = group[part.index].value_counts()
        assert (counts - share * len(part)).abs().max() <= 4


def test_same_seed_same_split_whatever_the_order_of_rows():
    patients = cohort(60)
    first = make_split(patients, fractions=[0.64, 0.16, 0.2], seed=1)
    shuffled = make_split(patients.sample(frac=1, random_state=3), fractions=[0.64, 0.16, 0.2], seed=1)
    pd.testing.assert_frame_equal(first, shuffled)
    other = make_split(patients, fractions=[0.64, 0.16, 0.2], seed=2)
    assert not first.equals(other)


def test_test_set_does_not_move_with_training_and_validation():
    patients = cohort(422)
    a = make_split(patients, counts=[272, 68, 82], seed=5)
    b = make_split(patients, counts=[260, 80, 82], seed=5)
    assert set(a.patient[a.part == "test"]) == set(b.patient[b.part == "test"])


@pytest.mark.parametrize(("n", "expected"), [(40, (26, 6, 8)), (12, (8, 2, 2)), (3, (1, 1, 1))])
def test_small_cohorts(n, expected):
    for seed in range(20):
        split = make_split(cohort(n, seed=seed), fractions=[0.64, 0.16, 0.2], seed=seed)
        assert sizes(split) == expected


def test_twelve_patients_have_both_labels_in_every_part():
    patients = cohort(12).assign(onset_to_mri_min=[60, 100, 170, 200, 250, 260, 300, 400, 500, 600, 700, 800])
    for seed in range(20):
        split = make_split(patients, counts=[8, 2, 2], seed=seed).merge(patients)
        assert (split.groupby("part")["onset_to_mri_min"].min() < 270).all()
        assert (split.groupby("part")["onset_to_mri_min"].max() >= 270).all()


def test_small_strata_are_merged_and_logged(caplog):
    patients = cohort(30).assign(onset_to_mri_min=[100.0] * 14 + [200.0] + [400.0] * 15)
    with caplog.at_level("INFO"):
        make_split(patients, counts=[20, 5, 5], seed=0)
    assert "stratified on the time since onset at [270] min only" in caplog.text


def test_a_site_of_two_patients_is_pooled(caplog):
    patients = cohort(200, sites=("a",)).assign(site=["a"] * 100 + ["b"] * 98 + ["c"] * 2)
    with caplog.at_level("INFO"):
        split = make_split(patients, counts=[128, 32, 40], seed=0)
    assert sizes(split) == (128, 32, 40)
    assert "are pooled" in caplog.text


def test_counts_that_do_not_fit_name_the_remedy():
    with pytest.raises(ConfigurationError, match=r"\[272, 68, 82\].*422.*n = 40.*split.counts: null"):
        make_split(cohort(40), counts=[272, 68, 82], seed=0)


def test_unlabelled_patients_get_no_part():
    patients = cohort(40)
    patients.loc[:4, "onset_to_mri_min"] = np.nan
    patients.loc[5, "lesion_side"] = np.nan
    split = make_split(patients, fractions=[0.64, 0.16, 0.2], seed=0)
    assert set(split["patient"]) == set(patients["patient"][6:])


def test_no_labelled_patient_gives_an_empty_split(caplog):
    split = make_split(cohort(5).assign(onset_to_mri_min=np.nan), counts=[272, 68, 82], seed=0)
    assert list(split.columns) == ["patient", "part"]
    assert split.empty
    assert "none is in training, validation or test" in caplog.text


def test_overlap_is_refused():
    with pytest.raises(ConfigurationError, match="more than once: p1"):
        assert_no_overlap(pd.DataFrame({"patient": ["p1", "p2", "p1"], "part": ["train", "test", "test"]}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.assign(part=s.part.replace("validation", "val")), "names the part 'val'"),
        (lambda s: pd.concat([s, s.iloc[:1]]), "more than once: p0000"),
        (lambda s: s.iloc[1:], "lacks patients of the cohort: p0000"),
        (lambda s: s.replace("p0003", "stranger"), "not in the cohort: stranger"),
        (lambda s: s.rename(columns={"part": "set"}), "lacks the column part"),
    ],
)
def test_existing_split_is_checked(tmp_path, change, message):
    patients = cohort(12)
    change(make_split(patients, counts=[8, 2, 2], seed=0)).to_csv(tmp_path / "s.tsv", sep="\t", index=False)
    with pytest.raises(ConfigurationError, match=message):
        check_split(tmp_path / "s.tsv", patients=patients)


def test_existing_split_is_taken_and_the_excluded_leave_it(tmp_path):
    patients = cohort(12)
    split = make_split(patients, counts=[8, 2, 2], seed=0)
    split.to_csv(tmp_path / "s.tsv", sep="\t", index=False)
    pd.testing.assert_frame_equal(check_split(tmp_path / "s.tsv", patients=patients), split)
    kept = check_split(tmp_path / "s.tsv", patients=patients.iloc[1:], excluded=["p0000"])
    assert list(kept["patient"]) == list(patients["patient"][1:])


def test_existing_split_may_not_name_unlabelled_patients(tmp_path):
    patients = cohort(12)
    make_split(patients, counts=[8, 2, 2], seed=0).to_csv(tmp_path / "s.tsv", sep="\t", index=False)
    patients.loc[2, "onset_to_mri_min"] = np.nan
    with pytest.raises(ConfigurationError, match="without onset or lesion side: p0002"):
        check_split(tmp_path / "s.tsv", patients=patients)


def test_cohort_table_keeps_identifiers_as_text(tmp_path):
    (tmp_path / "c.tsv").write_text(
        "patient\tonset_to_mri_min\tlesion_side\tsite\n007\t90\tleft\t01\nNA\t\t\t\n"
    )
    patients = read_cohort(tmp_path / "c.tsv")
    assert list(patients["patient"]) == ["007", "NA"]
    assert patients["onset_to_mri_min"].isna().tolist() == [False, True]
    assert patients["site"].iloc[0] == "01"


def test_the_excluded_get_no_part_and_the_users_split_is_taken(tmp_path):
    patients = cohort(40)
    patients.to_csv(tmp_path / "cohort.tsv", sep="\t", index=False)
    (tmp_path / "exclusions.tsv").write_text("patient\tstage\treason\np0000\tquality\tmotion\n")
    files = {name: tmp_path / f"{name}.tsv" for name in ("cohort", "exclusions", "split")}
    divide_cohort(**files, counts=None, fractions=[0.6, 0.2, 0.2], seed=1)
    divided = read_split_table(files["split"])
    expected = make_split(patients[1:], fractions=[0.6, 0.2, 0.2], seed=1)
    pd.testing.assert_frame_equal(divided, expected.reset_index(drop=True), check_dtype=False)
    given = make_split(patients, fractions=[0.5, 0.25, 0.25], seed=9)
    given.to_csv(tmp_path / "given.tsv", sep="\t", index=False)
    divide_cohort(**files, file=tmp_path / "given.tsv", counts=None, fractions=[0.6, 0.2, 0.2], seed=1)
    parts = dict(read_split_table(files["split"]).itertuples(index=False))
    assert parts == dict(given[given["patient"] != "p0000"].itertuples(index=False))
