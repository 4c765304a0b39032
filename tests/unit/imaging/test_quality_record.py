"""Records: which verdict counts, and what the tables hold."""

from strokeclock.batches import write_batch
from strokeclock.imaging.quality_record import make_record, read_record, write_record, write_tables

NUMBERS_OF_ONE = {
    "mask_volume_ml": 1400,
    "dice_to_atlas": 0.95,
    "side_seen": "left",
}


def test_a_manual_verdict_overrides_except_without_volumes():
    automatic = ("fail", "Dice")
    record = make_record("p1", numbers=NUMBERS_OF_ONE, automatic=automatic, person=("pass", "fine"))
    assert (record["verdict"], record["reason"], record["judged_by"]) == ("pass", "fine", "person")
    record = make_record("p1", numbers=NUMBERS_OF_ONE, automatic=("pass", ""), person=("fail", "motion"))
    assert (record["verdict"], record["stage"], record["reason"]) == ("fail", "quality", "motion")
    record = make_record("p1", numbers=None, automatic=automatic, person=("pass", "fine"))
    assert (record["verdict"], record["stage"], record["judged_by"]) == ("fail", "preprocessing", "checks")


def test_tables(tmp_path):
    records = [
        make_record("p1", numbers=NUMBERS_OF_ONE, automatic=("pass", ""), person=None),
        make_record("p2", numbers=NUMBERS_OF_ONE, automatic=("fail", "Dice"), person=None),
        make_record("p3", numbers=None, automatic=("fail", "dwi file is truncated"), person=None),
    ]
    (tmp_path / "entry.tsv").write_text("patient\tstage\treason\np0\tentry\tno FLAIR\n")
    for record in records:
        write_record(tmp_path / f"{record['patient']}.json", record)
    write_batch(
        tmp_path / "checks.tsv",
        {record["patient"]: {"record": tmp_path / f"{record['patient']}.json"} for record in records},
    )
    write_tables(
        [tmp_path / "checks.tsv"],
        entry_exclusions=tmp_path / "entry.tsv",
        quality=tmp_path / "quality.tsv",
        exclusions=tmp_path / "exclusions.tsv",
    )
    assert (tmp_path / "exclusions.tsv").read_text() == (
        "patient\tstage\treason\np0\tentry\tno FLAIR\np2\tquality\tDice\n"
        "p3\tpreprocessing\tdwi file is truncated\n"
    )
    table = [line.split("\t") for line in (tmp_path / "quality.tsv").read_text().splitlines()]
    assert [row[:2] for row in table] == [
        ["patient", "verdict"],
        ["p1", "pass"],
        ["p2", "fail"],
        ["p3", "fail"],
    ]
    assert table[1][table[0].index("mask_volume_ml")] == "1400"
    assert table[3][table[0].index("mask_volume_ml")] == ""


def test_record_survives_the_file(tmp_path):
    record = make_record("p1", numbers=NUMBERS_OF_ONE, automatic=("review", "NMI"), person=None)
    write_record(tmp_path / "p1.json", record)
    assert read_record(tmp_path / "p1.json") == record
