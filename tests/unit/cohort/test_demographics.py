"""Table 1 against a cohort small enough to work out by hand."""

import pandas as pd

from strokeclock.cohort.demographics import write_table1

COHORT = """\
patient\tage\tsex\tnihss\tonset_to_mri_min\tlesion_side
a\t50\tF\t2\t60\tleft
b\t60\tM\t4\t120\tleft
c\t70\tF\t8\t240\tleft
d\t80\tF\t16\t481\tleft
e\t90\tM\t\t600\tleft
f\t40\t\t5\t100\tleft
"""
SPLIT = "patient\tpart\na\ttrain\nb\ttrain\nc\tvalidation\nd\ttest\ne\ttest\n"


def make_table(tmp_path, split=SPLIT, cohort=COHORT):
    (tmp_path / "cohort.tsv").write_text(cohort)
    (tmp_path / "split.tsv").write_text(split)
    (tmp_path / "exclusions.tsv").write_text(
        "patient\tstage\treason\nf\tquality\tmotion\nz\tentry\tno FLAIR\n"
    )
    write_table1(
        tmp_path / "cohort.tsv",
        tmp_path / "split.tsv",
        tmp_path / "table1.csv",
        exclusions=tmp_path / "exclusions.tsv",
    )
    return (tmp_path / "table1.csv").read_text()


def test_table1_by_hand(tmp_path):
    assert make_table(tmp_path) == (
        "characteristic,training,test,all\n"
        '"Patients, n",3,2,5\n'
        '"Age, years: median (IQR)",60 (55-65),85 (82.5-87.5),70 (60-80)\n'
        "Female sex: n (%),2 (67%),1 (50%),3 (60%)\n"
        "NIHSS: median (IQR),4 (3-6),16 (one patient); 1 missing,6 (3.5-10); 1 missing\n"
        '"Onset to MRI, min: median (IQR)",120 (90-180),540.5 (510.75-570.25),240 (120-481)\n'
        '"Excluded, n",,,2\n'
    )


def test_an_empty_split_and_a_column_without_a_value_are_unknown(tmp_path):
    cohort = COHORT.replace("\tF\t", "\t\t").replace("\tM\t", "\t\t")
    make_table(tmp_path, cohort=cohort)
    table = pd.read_csv(tmp_path / "table1.csv", index_col=0, dtype=str)
    assert list(table.loc["Female sex: n (%)"]) == ["unknown"] * 3

    make_table(tmp_path, split="patient\tpart\n")
    table = pd.read_csv(tmp_path / "table1.csv", index_col=0, dtype=str)
    assert list(table.loc["Patients, n"]) == ["0"] * 3
    assert (table.drop(["Patients, n", "Excluded, n"]) == "no patients").all(axis=None)


def test_a_part_of_one_patient_has_no_quartiles(tmp_path):
    make_table(tmp_path, split="patient\tpart\na\ttrain\nf\ttest\n")
    table = pd.read_csv(tmp_path / "table1.csv", index_col=0, dtype=str)[["training", "test"]].dropna()
    assert table.to_numpy().T.tolist() == [
        ["1", "50 (one patient)", "1 (100%)", "2 (one patient)", "60 (one patient)"],
        ["1", "40 (one patient)", "unknown", "5 (one patient)", "100 (one patient)"],
    ]


def test_only_known_onsets_are_described_and_others_are_counted(tmp_path):
    """A time is learned from nobody else, so the characteristics are not theirs."""
    cohort = (
        COHORT.replace("lesion_side\n", "lesion_side\tonset_class\n").replace("left\n", "left\t\n")
        + "g\t20\tM\t1\t\tright\t\nh\t30\tM\t0\t90\tnone\t\ni\t50\tF\t2\t\tboth\t<4.5h\nj\t1\tF\t0\t\t\t\n"
    )
    split = SPLIT + "g\ttrain\nh\ttrain\ni\ttest\nj\texternal\n"
    make_table(tmp_path, cohort=cohort, split=split)
    table = pd.read_csv(tmp_path / "table1.csv", index_col=0, dtype=str, keep_default_na=False)
    assert list(table.loc["Patients, n"]) == ["3", "3", "6"]
    assert list(table.loc["Age, years: median (IQR)"]) == ["60 (55-65)", "80 (65-85)", "65 (52.5-77.5)"]
    assert table.loc["Onset to MRI, min: median (IQR)", "test"] == "540.5 (510.75-570.25); 1 missing"
    assert list(table.loc["Onset unknown, n"]) == ["1", "0", "1"]
    assert list(table.loc["No acute lesion, n"]) == ["1", "0", "1"]
    assert list(table.loc["External cohort, n"]) == ["", "", "1"]
