"""One table holds the properties of each series, and every module uses it."""

import ast
import re
import runpy
from dataclasses import replace

import pytest
import yaml

from strokeclock import series
from strokeclock.cohort import sheet
from strokeclock.errors import ConfigurationError
from strokeclock.imaging import quality_record
from strokeclock.phantom import signal
from strokeclock.report import quality_columns
from strokeclock.series import (
    CHANNELS,
    MATCHED,
    SERIES,
    SIDES,
    Series,
    find_bias_field,
    list_needed,
    list_registered,
    list_sides,
    list_used,
)

SWI = Series(name="swi", label="SWI", title="SWI", place="own", bias_field="own", min_fit=0.5)
B500 = Series(name="b500", label="b500", title="DWI (b500)", place="shared", bias_field="shared")


@pytest.fixture
def further(monkeypatch):
    """The table with two series more."""
    monkeypatch.setattr(series, "SERIES", {**SERIES, "swi": SWI, "b500": B500})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "SWI", "lower-case letters and digits"),
        ("name", "my_swi", "lower-case letters and digits"),
        ("name", "1swi", "a letter first"),
        ("name", "lesion", "use none of brain, mask, lesion"),
        ("label", "", "has label ''"),
        ("title", None, "has title None"),
        ("place", "self", "use 'reference', 'shared', 'own'"),
        ("bias_field", "None", "'own', 'shared', None, without quotes"),
        ("required", "yes", "use True or False"),
        ("instead", "flair", "which only t2w may have"),
        ("derived", True, "which only adc may have"),
        ("phantom", True, "which only t2w, dwi, flair and adc may have"),
        ("full", "100", "use a number above 0"),
        ("full", 0, "use a number above 0"),
        ("full", True, "use a number above 0"),
        ("min_coverage", 90, "use a share from 0 to 1"),
        ("min_fit", "0.5", "use a share from 0 to 1"),
        ("fail_coverage", None, "use a share from 0 to 1"),
        ("fail_fit", 0.6, "above its min_fit"),
        ("fluid", (0.3, 0.9), "use Limits(fail_below"),
        ("tissue", series.Limits(0.2, 0.1, 1.0, 2.0), "four rising numbers"),
        ("fluid", series.Limits(float("nan"), 0.1, 1.0, 2.0), "four rising numbers"),
    ],
)
def test_an_entry_with_a_wrong_value_is_refused(field, value, message):
    with pytest.raises(ConfigurationError) as caught:
        replace(SWI, **{field: value})
    name = value if field == "name" else "swi"
    assert str(caught.value).startswith(f"src/strokeclock/series.py: the series {name!r} has ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (replace(SWI, name="flair"), "two series are called 'flair': rename one"),
        (replace(SWI, place="reference"), "in 2 series (t2w, swi): give the T2w alone"),
    ],
)
def test_entries_that_contradict_each_other_are_refused(entry, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        series.index([*SERIES.values(), entry])


def test_an_entry_before_the_reference_is_refused():
    with pytest.raises(ConfigurationError, match="'swi' stands before 't2w': put it behind the others"):
        series.index((SWI, *SERIES.values()))


def test_a_series_called_like_another_column_of_the_sheet_is_refused(monkeypatch):
    monkeypatch.setattr(series, "SERIES", {**SERIES, "age": replace(SWI, name="age")})
    with pytest.raises(ConfigurationError, match="the series 'age' is called like another column"):
        runpy.run_path(sheet.__file__)


def test_the_shipped_series():
    assert [*SERIES] == ["t2w", "dwi", "flair", "adc"]
    assert all(name == one.name for name, one in SERIES.items())
    assert MATCHED == CHANNELS == ("dwi", "t2w", "flair")
    assert SERIES["adc"].full == 3e-3
    assert [name for name, one in SERIES.items() if one.place == "reference"] == ["t2w"]


def test_names_can_stand_in_files_columns_and_outputs():
    taken = {"brain_mask", "record", "reference", "atlas", "transform", "cohort", "lesion", *sheet.COLUMNS}
    taken -= {*SERIES}
    for name, one in SERIES.items():
        assert re.fullmatch(r"[a-z][a-z0-9]*", name)
        assert name not in taken
        assert one.label
        assert one.title
        assert one.instead in ("", *SERIES)


@pytest.mark.parametrize("channels", [(), CHANNELS, ("flair",), ("dwi", "adc")])
def test_what_a_patient_needs_and_what_is_used_of_them(channels, further):
    asked = ("flair",) * ("flair" in channels)
    assert list_needed(channels) == ("t2w", "dwi", *asked)  # an ADC is computed, never required
    assert list_used(channels) == ("t2w", "dwi", *asked, "adc")
    assert list_needed((*channels, "swi")) == ("t2w", "dwi", *asked, "swi")
    assert list_used((*channels, "swi")) == ("t2w", "dwi", *asked, "adc", "swi")


def test_what_is_registered_for_itself(further):
    names = ("t2w", "dwi", "flair", "adc", "swi", "b500")
    assert list_registered(names, shared=False) == ("flair", "swi")
    assert list_registered(names, shared=True) == ("dwi", "flair", "swi", "b500")


@pytest.mark.parametrize(
    ("shared", "sources"),
    [
        (True, {"t2w": "t2w", "dwi": "t2w", "flair": "flair", "adc": None, "swi": "swi", "b500": "t2w"}),
        (False, {"t2w": "t2w", "dwi": "dwi", "flair": "flair", "adc": None, "swi": "swi", "b500": "b500"}),
    ],
)
def test_by_which_field_a_series_is_corrected(shared, sources, further):
    assert {name: find_bias_field(name, shared=shared) for name in sources} == sources


def test_a_lesion_of_both_sides_is_in_both_hemispheres():
    assert [list_sides(side) for side in ("left", "right", "both")] == [("left",), ("right",), SIDES]


def test_the_sheet_has_a_column_of_each_series():
    assert sheet.COLUMNS[1:5] == (*SERIES,)


def test_the_checks_are_columns_of_the_quality_table_and_page():
    assert (*quality_columns.COLUMNS,) == quality_record.NUMBERS
    assert quality_record.NUMBERS[3:7] == ("t2w_coverage", "dwi_coverage", "flair_coverage", "flair_fit")


def test_the_configuration_takes_its_thresholds_from_the_table(root):
    settings = yaml.safe_load((root / "config/config.yaml").read_text())["quality"]
    for name, one in SERIES.items():
        assert settings.get(f"min_{name}_coverage") == one.min_coverage
        assert settings.get(f"min_{name}_fit") == one.min_fit


def test_a_phantom_has_what_every_patient_needs():
    assert signal.SERIES == ("t2w", "dwi", "flair")
    assert set(signal.SERIES) >= set(series.REQUIRED)


PAPER_ROWS = "src/strokeclock/figures/preprocessed.py"  # Fig. 3's own order


def lists_by_hand(path):
    """Line numbers where a module writes the series, or the sides, as a tuple or list of its own."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            values = {one.value for one in node.elts if isinstance(one, ast.Constant)}
            if values >= {"t2w", "dwi", "flair"} or values in ({"left", "right"}, {"left", "right", "both"}):
                yield node.lineno


def test_no_module_lists_the_series_or_the_sides_by_hand(root):
    files = [*(root / "src/strokeclock").rglob("*.py"), *(root / "workflow/scripts").glob("*.py")]
    wrong = [
        f"{path.relative_to(root)}:{line}"
        for path in files
        if path not in (root / "src/strokeclock/series.py", root / PAPER_ROWS)
        for line in lists_by_hand(path)
    ]
    assert not wrong, "take them from strokeclock.series"
