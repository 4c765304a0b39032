"""A script reaches what it imports, wherever the import stands and however it is written."""

import textwrap

import pytest

from strokeclock import provenance


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library of a few modules in the place of strokeclock; call it with a script's lines."""
    package = tmp_path / "src/strokeclock"
    modules = {
        "__init__": "",
        "errors": "",
        "rooms/__init__": "",
        "rooms/door": "from strokeclock.errors import Error",
        "rooms/window": "",
        "rooms/cellar/__init__": "",
        "rooms/cellar/wine": "def open():\n    from strokeclock.rooms import window",
        "attic": "import strokeclock.attic",
    }
    for name, text in modules.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / f"{name}.py").write_text(text)
    monkeypatch.setattr(provenance, "_PACKAGE", package)

    def script(lines):
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(lines))
        provenance.reach.cache_clear()
        provenance._imported.cache_clear()
        return path

    script.package = package
    yield script
    provenance.reach.cache_clear()
    provenance._imported.cache_clear()


def reached(path, package):
    return {str(file.relative_to(package).with_suffix("")) for file in provenance.reach(path) if file != path}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("import os, numpy", set()),
        ("import strokeclock.errors", {"__init__", "errors"}),
        ("from strokeclock.rooms.door import knock", {"__init__", "errors", "rooms/__init__", "rooms/door"}),
        ("from strokeclock.rooms import window", {"__init__", "rooms/__init__", "rooms/window"}),
        ("def f():\n    import strokeclock.attic", {"__init__", "attic"}),
        (
            "from strokeclock.rooms.cellar.wine import open",
            {"__init__", "rooms/__init__", "rooms/cellar/__init__", "rooms/cellar/wine", "rooms/window"},
        ),
        ("PLACE = 'strokeclock.errors'", {"__init__", "errors"}),
        (
            "PLACE = 'strokeclock.rooms.cellar'",
            {"__init__", "rooms/__init__", "rooms/cellar/__init__", "rooms/cellar/wine", "rooms/window"},
        ),
        ("SAID = 'strokeclock.rooms is a fine place'", set()),
        ("PLACE = 'strokeclock'", {"__init__"}),
    ],
)
def test_what_a_script_reaches(library, lines, expected):
    assert reached(library(lines), library.package) == expected


def test_the_digest_changes_with_what_is_reached_and_with_nothing_else(library):
    def digest():
        return provenance.digest_code(library("from strokeclock.rooms.door import knock"))

    first = digest()
    (library.package / "rooms/window.py").write_text("# a word")
    assert digest() == first
    (library.package / "errors.py").write_text("# a word")
    assert digest() != first


def test_the_digest_changes_with_a_template_that_is_named(library):
    for name in ("page.html", "other.html"):
        (library.package / "rooms" / name).write_text("<p>before</p>")
    (library.package / "rooms/door.py").write_text("TEMPLATE = 'page.html'")
    lines = "import strokeclock.rooms.door"

    def digest():
        return provenance.digest_code(library(lines))

    before = digest()
    (library.package / "rooms/other.html").write_text("<p>after</p>")
    assert digest() == before
    (library.package / "rooms/page.html").write_text("<p>after</p>")
    assert digest() != before


def test_relative_imports_are_refused(library):
    with pytest.raises(ValueError, match="write the module's full name"):
        provenance.digest_code(library("from . import errors"))
