"""Batches of features, written and read as one table."""

import math

from strokeclock.baselines.radiomics.table import Measured, read_features, write_features


def test_batches_are_read_as_one_table(tmp_path):
    first = [Measured("007", 4.0, "", {"a": 1.5, "b": math.nan}), Measured("b", 1.0, "too small", {})]
    second = [Measured("c", None, "excluded: damaged", {})]
    for name, batch in (("1", first), ("2", second)):
        write_features(batch, tmp_path / f"{name}.tsv")
    table = read_features([tmp_path / "1.tsv", tmp_path / "2.tsv"])
    assert list(table.index) == ["007", "b", "c"]
    assert list(table["reason"]) == ["", "too small", "excluded: damaged"]
    assert table.loc["007", "a"] == 1.5
    assert table[["a", "b"]].isna().sum().tolist() == [2, 3]
