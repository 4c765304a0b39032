"""The split: no overlap, exact counts, strata kept, the same every time."""

import numpy as np
import pandas as pd
import pytest

from strokeclock.cohort.parts import SplitError, read_parts
from strokeclock.cohort.split import assert_no_overlap, check_split, divide_cohort, make_split
from strokeclock.cohort.tables import read_cohort, read_members, read_split_table
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


def test_a_runs_own_split_is_taken_again_and_a_new_patient_is_asked_for(tmp_path):
    """The split of a run names nobody whom the checks excluded; a withdrawal removes one more."""
    cohort(40).to_csv(tmp_path / "cohort.tsv", sep="\t", index=False)
    files = {name: tmp_path / f"{name}.tsv" for name in ("cohort", "exclusions", "split")}
    settings = {"counts": None, "fractions": [0.6, 0.2, 0.2], "seed": 1}
    files["exclusions"].write_text("patient\tstage\treason\np0000\tquality\tmotion\n")
    divide_cohort(**files, **settings)
    own = read_split_table(files["split"])
    kept = own[own["patient"] != "p0007"].reset_index(drop=True)
    kept.to_csv(tmp_path / "own.tsv", sep="\t", index=False)
    cohort(40).query("patient != 'p0007'").to_csv(files["cohort"], sep="\t", index=False)
    divide_cohort(**files, **settings, file=tmp_path / "own.tsv")
    pd.testing.assert_frame_equal(read_split_table(files["split"]), kept)
    # p0001 is excluded since and leaves the split; p0000 is excluded no longer
    files["exclusions"].write_text("patient\tstage\treason\np0001\tquality\tmotion\n")
    with pytest.raises(ConfigurationError, match=r"own\.tsv lacks patients of the cohort: p0000; give each"):
        divide_cohort(**files, **settings, file=tmp_path / "own.tsv")
    files["exclusions"].write_text("patient\tstage\treason\np0000\tquality\tx\np0001\tquality\ty\n")
    divide_cohort(**files, **settings, file=tmp_path / "own.tsv")
    assert set(read_split_table(files["split"])["patient"]) == {*kept["patient"]} - {"p0001"}


def test_a_new_split_keeps_the_earlier_one_where_patients_change_their_part(tmp_path, caplog):
    files = {name: tmp_path / f"{name}.tsv" for name in ("cohort", "split", "exclusions")}
    settings = {"counts": None, "fractions": [0.6, 0.2, 0.2], "seed": 1}
    before = tmp_path / "split.before.tsv"
    files["exclusions"].write_text("patient\tstage\treason\n")
    cohort(20).to_csv(files["cohort"], sep="\t", index=False)
    for _ in range(2):
        divide_cohort(**files, **settings)
    assert not before.exists()
    earlier = files["split"].read_text()
    cohort(24).to_csv(files["cohort"], sep="\t", index=False)
    divide_cohort(**files, **settings)
    assert before.read_text() == earlier
    assert "of 20 patients now have another part than before" in caplog.text
    caplog.clear()
    parts = before.read_text() + "".join(
        f"{one}\ttrain\n" for one in read_cohort(files["cohort"])["patient"][20:]
    )
    (tmp_path / "own.tsv").write_text(parts)
    divide_cohort(**files, **settings, file=tmp_path / "own.tsv")
    assert read_parts(files["split"]).items() >= read_parts(before).items()
    assert "another part" not in caplog.text
    files["split"].write_text("damaged")
    divide_cohort(**files, **settings)


def test_what_the_split_says_of_an_excluded_scan_does_not_count(tmp_path):
    patients = cohort(12).assign(person=["a", "a", *"bcdefghijk"])
    split = make_split(cohort(12), counts=[8, 2, 2], seed=0)
    split.loc[:1, "part"] = ["train", "test"]  # two scans of one person
    split.to_csv(tmp_path / "s.tsv", sep="\t", index=False)
    with pytest.raises(ConfigurationError, match="p0000 and p0001 are scans of one person"):
        check_split(tmp_path / "s.tsv", patients=patients)
    kept = check_split(tmp_path / "s.tsv", patients=patients, excluded=["p0001"])
    assert list(kept["patient"]) == [patient for patient in patients["patient"] if patient != "p0001"]


def test_a_split_without_a_test_part_is_taken_again(tmp_path):
    """Fewer than three persons have a known onset, and the others may teach."""
    patients = cohort(12)
    patients.loc[2:, "onset_to_mri_min"] = np.nan
    split = make_split(patients, fractions=[0.6, 0.2, 0.2], seed=0, unknown_onset=True)
    assert sizes(split) == (9, 3, 0)
    split.to_csv(tmp_path / "s.tsv", sep="\t", index=False)
    pd.testing.assert_frame_equal(
        check_split(tmp_path / "s.tsv", patients=patients, unknown_onset=True), split
    )
    split.assign(part=["train"] * 11 + ["validation"]).to_csv(tmp_path / "s.tsv", sep="\t", index=False)
    with pytest.raises(ConfigurationError, match="leaves the test part empty"):
        check_split(tmp_path / "s.tsv", patients=cohort(12), unknown_onset=True)


@pytest.mark.parametrize("column", ["site", "field_t"])
def test_a_missing_site_or_field_is_a_group_of_its_own(column):
    patients = cohort(60)
    patients[column] = patients[column].where(patients.index % 5 != 0)
    split = make_split(patients, counts=[36, 12, 12], seed=0)
    assert sizes(split) == (36, 12, 12)


def part_of(split):
    return dict(split.itertuples(index=False))


def with_persons(patients, scans):
    """The first persons have so many scans each, neighbours in the table; everyone else has one."""
    persons = [f"q{number}" for number, count in enumerate(scans) for _ in range(count)]
    return patients.assign(person=persons + list(patients["patient"][len(persons) :]))


@pytest.mark.parametrize(
    ("n", "scans", "counts"),
    [
        (422, [2] * 30 + [5, 4, 3], (272, 68, 82)),
        (40, [7, 6, 5], (24, 8, 8)),
        (10, [2], (6, 2, 2)),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_scans_of_one_person_are_in_one_part_and_counts_are_exact_where_they_can_be(n, scans, counts, seed):
    patients = with_persons(cohort(n), scans)
    split = make_split(patients, counts=counts, seed=seed)
    assert sizes(split) == counts
    parts = split.merge(patients).groupby("person")["part"].nunique()
    assert (parts == 1).all()
    assert sorted(split["patient"]) == sorted(patients["patient"])


def test_counts_that_persons_do_not_allow_are_approached_and_logged(caplog):
    """Six persons of two scans give even parts alone: (6, 2, 4) or its like is one away from (7, 2, 3)."""
    caplog.set_level("INFO")
    split = make_split(with_persons(cohort(12), [2] * 6), counts=(7, 2, 3), seed=0)
    found = sizes(split)
    assert sum(abs(a - b) for a, b in zip(found, (7, 2, 3), strict=True)) == 2
    assert all(number % 2 == 0 and number for number in found)
    assert f"12 scans of 6 persons: the parts have {[*found]} scans, wanted were [7, 2, 3]" in caplog.text


def test_persons_of_one_scan_each_change_nothing():
    patients = cohort(422)
    split = make_split(patients, counts=[272, 68, 82], seed=2021)
    named = patients.assign(person=patients["patient"].str.replace("p", "person"))
    pd.testing.assert_frame_equal(make_split(named, counts=[272, 68, 82], seed=2021), split)


def test_fewer_persons_than_parts_are_refused():
    patients = cohort(6).assign(person=["x"] * 3 + ["y"] * 3)
    with pytest.raises(ConfigurationError, match="6 labelled patients are scans of 2 persons"):
        make_split(patients, counts=[2, 2, 2], seed=0)


def unlike(n=30):
    """Of p0000: class alone; p0001: unknown onset; p0002: no lesion; p0003: neither; p0004, p0005: site B."""
    patients = cohort(n, sites=("a",)).assign(onset_class=None)
    patients.loc[[0, 1, 3], "onset_to_mri_min"] = np.nan
    patients.loc[0, "onset_class"] = "<4.5h"
    patients.loc[2, "lesion_side"] = "none"
    patients.loc[3, "lesion_side"] = None
    patients.loc[[4, 5], "site"] = "B"
    return patients


def test_unknown_onsets_teach_in_the_training_part_if_asked_for():
    known = 30 - 3
    without = part_of(make_split(unlike(), counts=[15, 6, 6], seed=0))
    assert len(without) == known
    assert without["p0000"] in ("train", "validation", "test")  # it has the label of 4.5 h
    parts = part_of(make_split(unlike(), counts=[15, 6, 6], seed=0, unknown_onset=True))
    assert parts == without | {"p0001": "train", "p0002": "train"}


def without_onset(n=20, without_lesion=5):
    patients = cohort(n).assign(onset_to_mri_min=np.nan, onset_class=None)
    patients.loc[: without_lesion - 1, "lesion_side"] = "none"
    return patients


def test_a_cohort_without_any_onset_is_divided_into_train_and_validation():
    """A quarter of 15 with a lesion and of 5 without: fractions of .6 and .2."""
    patients, fractions = without_onset(), [0.6, 0.2, 0.2]
    assert part_of(make_split(patients, fractions=fractions, seed=0)) == {}
    parts = part_of(make_split(patients, fractions=fractions, seed=0, unknown_onset=True))
    assert [*parts] == [*patients["patient"]]
    assert {*parts.values()} == {"train", "validation"}
    sides = patients.set_index("patient")["lesion_side"]
    validating = [sides[patient] == "none" for patient, part in parts.items() if part == "validation"]
    assert (len(validating), sum(validating)) == (4 + 1, 1)
    shuffled = patients.sample(frac=1, random_state=1)
    assert part_of(make_split(shuffled, fractions=fractions, seed=0, unknown_onset=True)) == parts


def test_a_cohort_without_any_onset_keeps_persons_and_the_external_part_together():
    patients = without_onset().assign(person=[f"x{number // 4}" for number in range(20)], site="a")
    patients.loc[19, "site"] = "B"
    split = make_split(
        patients, fractions=[0.6, 0.2, 0.2], seed=3, unknown_onset=True, external={"site": ["B"]}
    )
    assert (split.merge(patients).groupby("person")["part"].nunique() == 1).all()
    assert {p for p, part in part_of(split).items() if part == "external"} == {
        f"p{number:04d}" for number in range(16, 20)
    }
    assert {*split["part"]} == {"train", "validation", "external"}


def test_two_patients_of_known_onset_among_unknown_ones_are_divided_with_them():
    patients = without_onset()
    patients.loc[[6, 7], "onset_to_mri_min"] = 100
    split = make_split(patients, fractions=[0.6, 0.2, 0.2], seed=0, unknown_onset=True)
    assert len(split) == 20
    assert "test" not in {*split["part"]}


def test_one_patient_who_may_teach_has_no_part(caplog):
    patients = without_onset(n=3, without_lesion=2)
    assert part_of(make_split(patients, fractions=[0.6, 0.2, 0.2], seed=0, unknown_onset=True)) == {}
    assert "too few to divide" in caplog.text


def test_a_further_scan_of_unknown_onset_does_not_teach_what_its_person_tests():
    patients = unlike()
    parts = part_of(make_split(patients, counts=[15, 6, 6], seed=0))
    tested = next(patient for patient, part in parts.items() if part == "test")
    taught = next(patient for patient, part in parts.items() if part == "train")
    patients = patients.assign(person=patients["patient"])
    patients.loc[1, "person"], patients.loc[2, "person"] = tested, taught
    again = part_of(make_split(patients, counts=[15, 6, 6], seed=0, unknown_onset=True))
    assert again == parts | {"p0002": "train"}


def test_the_external_cohort_is_a_part_of_its_own():
    patients = unlike()
    split = make_split(patients, counts=[13, 6, 6], seed=0, external={"site": ["B"]}, unknown_onset=True)
    assert sizes(split) == (13 + 2, 6, 6)
    assert [patient for patient, part in part_of(split).items() if part == "external"] == ["p0004", "p0005"]


def test_external_patients_need_no_label_and_take_their_other_scans_along():
    patients = unlike().assign(person=lambda table: table["patient"])
    patients.loc[[3, 4, 20], "person"] = "one"
    parts = part_of(make_split(patients, seed=0, fractions=[0.6, 0.2, 0.2], external={"site": ["B"]}))
    assert {patient for patient, part in parts.items() if part == "external"} == {
        "p0003", "p0004", "p0005", "p0020"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("external", "message"),
    [
        ({"hospital": ["B"]}, "split.external names the column hospital: use one of patient, person,"),
        ({"site": ["B", "C"]}, "split.external names site C, which no patient who enters has"),
        ({"lesion_mask": ["x"]}, "names the column lesion_mask"),
    ],
)
def test_an_external_cohort_that_nobody_belongs_to_is_refused(external, message):
    with pytest.raises(ConfigurationError, match=message):
        make_split(unlike(), fractions=[0.6, 0.2, 0.2], seed=0, external=external)


def test_numbers_are_compared_as_numbers():
    patients = unlike().assign(field_t=[3.0] * 28 + [1.5] * 2)
    parts = part_of(make_split(patients, fractions=[0.6, 0.2, 0.2], seed=0, external={"field_t": ["1.50"]}))
    assert [patient for patient, part in parts.items() if part == "external"] == ["p0028", "p0029"]


def write_file(tmp_path, parts):
    path = tmp_path / "mine.tsv"
    path.write_text("patient\tpart\n" + "".join(f"{patient}\t{part}\n" for patient, part in parts.items()))
    return path


def test_a_given_split_may_name_external_patients_and_those_of_unknown_onset_in_train(tmp_path):
    patients = unlike()
    parts = part_of(make_split(patients, fractions=[0.6, 0.2, 0.2], seed=0))
    mine = write_file(tmp_path, parts | {"p0003": "external", "p0004": "external", "p0001": "train"})
    with pytest.raises(ConfigurationError, match="without onset or lesion side: p0001"):
        check_split(mine, patients=patients)
    found = part_of(check_split(mine, patients=patients, unknown_onset=True))
    # the file does not name p0002
    assert found == parts | {"p0003": "external", "p0004": "external", "p0001": "train", "p0002": "train"}
    mine = write_file(tmp_path, parts | {"p0001": "test"})
    with pytest.raises(ConfigurationError, match="without onset or lesion side: p0001"):
        check_split(mine, patients=patients, unknown_onset=True)


def test_a_given_split_of_unknown_onsets_may_validate_and_needs_no_test_part(tmp_path):
    patients = without_onset(n=4, without_lesion=1)
    parts = {"p0000": "train", "p0001": "validation", "p0002": "train", "p0003": "validation"}
    mine = write_file(tmp_path, parts)
    assert part_of(check_split(mine, patients=patients, unknown_onset=True)) == parts
    with pytest.raises(ConfigurationError, match="without onset or lesion side: p0000"):
        check_split(mine, patients=patients)
    with_onset = patients.assign(onset_to_mri_min=[np.nan, 100, 200, 300])
    with pytest.raises(ConfigurationError, match="leaves the test part empty"):
        check_split(mine, patients=with_onset, unknown_onset=True)
    alone = write_file(tmp_path, dict.fromkeys(parts, "train"))
    with pytest.raises(ConfigurationError, match="leaves the validation part empty"):
        check_split(alone, patients=patients, unknown_onset=True)


def test_a_given_split_with_a_person_in_two_parts_is_refused(tmp_path):
    patients = cohort(12).assign(person=lambda table: table["patient"])
    parts = part_of(make_split(patients, fractions=[0.6, 0.2, 0.2], seed=0))
    tested = next(patient for patient, part in parts.items() if part == "test")
    taught = next(patient for patient, part in parts.items() if part == "train")
    patients["person"] = patients["person"].replace(tested, taught)
    with pytest.raises(ConfigurationError, match="are scans of one person and are in the parts"):
        check_split(write_file(tmp_path, parts), patients=patients)


def test_a_written_split_has_each_person_in_one_part(tmp_path):
    """The assertion where a split is written, whoever made it."""
    table = cohort(12).assign(person=["x", "x", *[f"p{number:04d}" for number in range(2, 12)]])
    table.to_csv(tmp_path / "cohort.tsv", sep="\t", index=False)
    (tmp_path / "exclusions.tsv").write_text("patient\tstage\treason\n")
    divide_cohort(
        tmp_path / "cohort.tsv",
        tmp_path / "split.tsv",
        exclusions=tmp_path / "exclusions.tsv",
        counts=None,
        fractions=[0.6, 0.2, 0.2],
        seed=0,
    )
    parts = part_of(read_split_table(tmp_path / "split.tsv"))
    assert parts["p0000"] == parts["p0001"]
    rows = (tmp_path / "split.tsv").read_text().replace(f"p0000\t{parts['p0000']}", "p0000\texternal")
    (tmp_path / "split.tsv").write_text(rows)
    with pytest.raises(SplitError, match="p0000 and p0001 are scans of one person"):
        read_members(tmp_path / "cohort.tsv", tmp_path / "split.tsv", below_min=270)


@pytest.mark.parametrize("column", ["field_t", "site"])
@pytest.mark.parametrize("missing", [1, 20, 80])
def test_a_missing_field_or_site_is_a_stratum_of_its_own(column, missing):
    patients = cohort(100)
    patients.loc[: missing - 1, column] = None
    split = make_split(patients, counts=[60, 20, 20], seed=1)
    assert sizes(split) == (60, 20, 20)
    if missing >= 20:
        tested = split.set_index("patient")["part"].reindex(patients["patient"].head(missing)) == "test"
        assert abs(tested.sum() - missing / 5) <= 2
