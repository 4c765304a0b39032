"""The documentation site: built without a warning, and each of its pages can be used by everybody."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared.accessible import find_violations

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    mkdocs = Path(sys.executable).with_name("mkdocs")
    if not mkdocs.exists():
        pytest.skip("mkdocs is absent: make docs installs it")
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [mkdocs, "build", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )
    return folder


def file_of(page: str) -> str:
    return page.removesuffix("README") + "index.html" if page.endswith("README") else f"{page}.html"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_violations(site, page, tmp_path):
    for width in (1200, 390):
        assert find_violations(site / file_of(page), tmp_path, width=width) == [], width


def test_every_page_is_in_the_menu(site):
    menu = (site / "index.html").read_text(encoding="utf-8")
    assert [page for page in PAGES if f'href="{file_of(page)}"' not in menu] == []


def test_no_page_asks_another_server(site):
    """Pictures, styles and programs come from the site alone."""
    asking = re.compile(
        r'<(?:script|img|iframe|link rel="stylesheet")\b[^>]*\b(?:src|href)="?(?:\w+:)?//[^>]*>'
    )
    asked = {page: asking.findall((site / file_of(page)).read_text(encoding="utf-8")) for page in PAGES}
    assert {page: found for page, found in asked.items() if found} == {}
