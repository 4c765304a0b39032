"""The onset: the ways of giving it, what it becomes, and the sentence where it cannot be read."""

import pytest

from strokeclock.cohort.onset import COLUMNS, Onset, OnsetError, check_units, read_onset

NOTHING = dict.fromkeys(COLUMNS, "")
MRI = "2024-03-31T12:00"


def read(**cells):
    return read_onset(NOTHING | cells)


def fault(**cells):
    with pytest.raises(OnsetError) as caught:
        read(**cells)
    return str(caught.value)


@pytest.mark.parametrize(
    ("cells", "onset"),
    [
        ({}, ("", "", "")),
        ({"onset_to_mri_min": "120"}, ("120", "known", "")),
        ({"onset_to_mri_min": "1.2e2", "onset_kind": "known"}, ("1.2e2", "known", "")),
        ({"onset_to_mri_min": "24"}, ("24", "known", "")),
        ({"onset_to_mri_h": "4.5"}, ("270", "known", "")),
        ({"onset_to_mri_h": "0.3"}, ("18", "known", "")),  # few minutes, in a unit that cannot be mistaken
        ({"onset_to_mri_h": "4.55"}, ("273", "known", "")),
        ({"onset": "2024-03-31T09:30", "mri_time": MRI}, ("150", "known", "")),
        ({"onset": "2024-03-30 23:00:30", "mri_time": MRI}, ("779.5", "known", "")),
        # the clocks change at 2:00 in this night: stamps with a zone know
        ({"onset": "2024-03-31T01:00+01:00", "mri_time": "2024-03-31T05:00+02:00"}, ("180", "known", "")),
        ({"onset": "2024-03-31T10:00Z", "mri_time": "2024-03-31T14:00+0200"}, ("120", "known", "")),
        ({"onset_to_mri_min": "272", "onset_to_mri_h": "4.5"}, ("272", "known", "")),
        ({"onset_to_mri_h": "4.5", "onset": "2024-03-31T07:28", "mri_time": MRI}, ("272", "known", "")),
        ({"last_known_well": "2024-03-31T08:00", "mri_time": MRI}, ("", "", "")),
        (
            {"onset_kind": "wake-up", "last_known_well": "2024-03-30T23:00", "mri_time": MRI},
            ("", "wake-up", ""),
        ),
        (
            {"onset_to_mri_min": "200", "last_known_well": "2024-03-31T08:00", "mri_time": MRI},
            ("200", "known", ""),
        ),
        ({"mri_time": MRI}, ("", "", "")),
        ({"onset_class": "<4.5h"}, ("", "", "<4.5h")),
        ({"onset_class": "< 4.5 H", "onset_kind": "unwitnessed"}, ("", "unwitnessed", "<4.5h")),
        ({"onset_class": "≥4.5h", "onset_kind": "known"}, ("", "known", ">=4.5h")),
        ({"onset_class": ">=4.5h", "onset_to_mri_min": "270"}, ("270", "known", ">=4.5h")),
    ],
)
def test_what_an_onset_becomes(cells, onset):
    assert read(**cells) == Onset(*onset)


@pytest.mark.parametrize(
    ("spellings", "kind"),
    [
        (("known", "Known", "witnessed"), "known"),
        (("wake-up", "wakeup", "Wake up", "woke up", "WAKE_UP"), "wake-up"),
        (("unwitnessed", "un-witnessed", "unknown", "Unclear"), "unwitnessed"),
    ],
)
def test_kinds_are_known_by_the_spellings_of_real_sheets(spellings, kind):
    assert {read(onset_kind=spelling, onset_class="<4.5h").kind for spelling in spellings} == {kind}


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (
            "4.5",
            "column onset_to_mri_min is 4.5, which looks like hours: write minutes, or hours in column",
        ),
        ("23.9", "looks like hours"),
        ("0", "column onset_to_mri_min is 0, outside 1 to 525600: correct it or leave it empty"),
        ("-5", "column onset_to_mri_min is -5, outside 1 to 525600"),
        ("525601", "outside 1 to 525600"),
        ("inf", "column onset_to_mri_min is 'inf', not a number"),
        ("1_20", "column onset_to_mri_min is '1_20', not a number"),
        ("１２０", "column onset_to_mri_min is '１２０', not a number"),  # full-width digits
        ("٣٠٠", "not a number"),
        ("0x78", "not a number"),
        ("120,5", "column onset_to_mri_min is '120,5': write the number with a decimal point"),
        ("120 min", "column onset_to_mri_min is '120 min': write the number alone, without its unit"),
        ("2h", "write the number alone"),
        ("1:30", "not a number"),
        ("soon", "column onset_to_mri_min is 'soon', not a number"),
        ("unknown", "leave it empty, and write wake-up or unwitnessed in column onset_kind"),
        ("wake-up", "leave it empty, and write wake-up or unwitnessed in column onset_kind"),
    ],
)
def test_minutes_that_are_none_are_refused(cell, sentence):
    assert sentence in fault(onset_to_mri_min=cell)


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"onset_to_mri_h": "270"}, "column onset_to_mri_h is 270, which looks like minutes: write hours"),
        ({"onset_to_mri_h": "4,5"}, "write the number with a decimal point"),
        ({"onset_to_mri_h": "0"}, "column onset_to_mri_h is 0, outside 0.017 to 8760"),
        ({"onset_kind": "maybe"}, "column onset_kind is 'maybe': use known, wake-up or unwitnessed"),
        ({"onset_kind": "known"}, "no column gives the time: fill onset_to_mri_min, or write unwitnessed"),
        ({"onset_class": "4.5"}, "column onset_class is '4.5': use <4.5h or >=4.5h"),
        ({"onset_class": "<4,5h"}, "use <4.5h or >=4.5h"),
        (
            {"onset": "2024-03-31T09:00"},
            "column onset has a time stamp, and column mri_time is empty: fill it",
        ),
        (
            {"last_known_well": "2024-03-31T09:00"},
            "column last_known_well has a time stamp, and column mri_time",
        ),
        ({"onset": "2024-03-31T12:01", "mri_time": MRI}, "column onset is not before column mri_time"),
        ({"onset": MRI, "mri_time": MRI}, "column onset is not before column mri_time"),
        ({"last_known_well": "2024-04-01T01:00", "mri_time": MRI}, "column last_known_well is not before"),
        ({"onset": "2022-03-31T09:00", "mri_time": MRI}, "lie 731 days apart: correct one of them"),
        (
            {"onset": "2024-03-31T09:00Z", "mri_time": MRI},
            "one has a time zone: give both a time zone, or neither",
        ),
        ({"mri_time": "noon"}, "column mri_time is no time stamp"),
    ],
)
def test_other_cells_that_cannot_be_read(cells, sentence):
    assert sentence in fault(**cells)


@pytest.mark.parametrize(
    "stamp",
    ["31.03.2024 09:00", "31/03/2024 09:00", "03/31/2024 09:00", "2024-03-31", "09:00", "2024-03-31T9:00",
     "20240331T0900", "2024-13-31T09:00", "2024-02-30T09:00", "24-03-31T09:00", "２024-03-31T09:00"],
)  # fmt: skip
def test_a_stamp_without_year_first_or_time_of_day_is_refused_and_not_repeated(stamp):
    sentence = fault(onset=stamp, mri_time=MRI)
    assert (
        "column onset is no time stamp with year first and a time of day: write it as 2024-01-31T14:05"
        in sentence
    )
    assert stamp not in sentence


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (
            {"onset_to_mri_min": "120", "onset_to_mri_h": "4.5"},
            "minutes from onset to MRI are 120 by column onset_to_mri_min and 270 by column onset_to_mri_h",
        ),
        (
            {"onset_to_mri_min": "120", "onset": "2024-03-31T09:00", "mri_time": MRI},
            "are 120 by column onset_to_mri_min and 180 by column onset",
        ),
        (
            {"onset_to_mri_min": "120", "onset_kind": "wake-up"},
            "column onset_kind is wake-up, and a time of onset is",
        ),
        (
            {"onset_to_mri_h": "2", "onset_kind": "unknown"},
            "column onset_kind is unwitnessed, and a time of onset",
        ),
        (
            {"onset": "2024-03-31T09:00", "mri_time": MRI, "onset_kind": "woke up"},
            "which would be a label: leave the time empty, or give it as last_known_well and mri_time",
        ),
        (
            {"onset_to_mri_min": "300", "onset_class": "<4.5h"},
            "onset_class is <4.5h, and the onset lies 300 min before",
        ),
        (
            {"onset_to_mri_min": "269", "onset_class": ">=4.5h"},
            "onset_class is >=4.5h, and the onset lies 269 min",
        ),
        (
            {"onset_to_mri_min": "300", "last_known_well": "2024-03-31T08:00", "mri_time": MRI},
            "the onset lies 300 min before the MRI, and last_known_well 240 min",
        ),
        (
            {"onset_class": ">=4.5h", "last_known_well": "2024-03-31T08:00", "mri_time": MRI},
            "column onset_class is >=4.5h, and last_known_well lies 240 min before the MRI",
        ),
    ],
)
def test_ways_that_contradict_each_other_are_refused(cells, sentence):
    assert sentence in fault(**cells)


def column(name, *cells):
    return [NOTHING | {name: cell} for cell in cells]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            column("onset_to_mri_min", "1.5", "4.5", "30"),
            "2 of 3 numbers are under 24, which looks like hours",
        ),
        (
            column("onset_to_mri_min", "1.5", "4.5", "30", "48"),
            "in column onset_to_mri_min 2 of 4 numbers are under 24",
        ),
        (column("onset_to_mri_min", "1.5", "100", "30"), None),  # one patient's own fault
        (column("onset_to_mri_min", "1.5", "4.5"), None),  # so few are excluded one by one
        (column("onset_to_mri_min", "1.5", "4.5", "soon", ""), None),
        (column("onset_to_mri_h", "60", "200", "2"), "2 of 3 numbers are over 24, which looks like minutes"),
        (column("onset_to_mri_h", "1.5", "200", "2"), None),
    ],
)
def test_a_column_in_the_other_unit_is_found(rows, sentence):
    found = check_units(rows)
    assert found is None if sentence is None else sentence in found
