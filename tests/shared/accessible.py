"""Check a page with axe-core in headless Chromium."""

import html
import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGE = "axe_playwright_python"  # of it only the file axe.min.js is used
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
_RUN = """async function check() {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  const told = document.createElement("pre");
  told.id = "axe-violations";
  told.textContent = JSON.stringify(found.violations.map(one => ({rule: one.id, count: one.nodes.length,
    help: one.help, first: one.nodes[0].html.slice(0, 200)})));
  document.body.replaceChildren(told);
}
addEventListener("load", () => setTimeout(check, 2000));  // the page's own scripts come first"""


def find_violations(page: Path, folder: Path, *, width: int = 1200) -> list[dict]:
    """Return axe-core's violations on a page: rule, count, help, first.

    The page is copied beside the original for a moment, with axe-core in its head, so that its pictures are
    found. The test is skipped where Chromium or axe-core is absent.
    """
    found = importlib.util.find_spec(PACKAGE)
    if not shutil.which("chromium"):
        pytest.skip("chromium is not on PATH")
    if not found or not found.origin:
        pytest.skip("axe-core is absent: make docs installs it")
    axe = (
        Path(found.origin)
        .with_name("axe.min.js")
        .read_text(encoding="utf-8")
        .replace("</script", "<\\/script")
    )
    copy = page.with_name(f"axe-{page.name}")
    scripts = f"<script>{axe}</script><script>{_RUN}\n</script></head>"
    text = page.read_text(encoding="utf-8")
    assert "</head>" in text
    text = _POLICY.sub("", text)  # it would stop axe-core
    try:
        copy.write_text(text.replace("</head>", scripts, 1), encoding="utf-8")
        command = [
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
        ]
        arguments = [
            f"--user-data-dir={folder / 'browser'}",
            f"--window-size={width},1000",
            "--virtual-time-budget=120000",
            "--dump-dom",
            copy.resolve().as_uri(),
        ]
        shown = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, timeout=300, check=True
        )
    finally:
        copy.unlink()
    told = re.search(r'<pre id="axe-violations">(.*?)</pre>', shown.stdout, re.DOTALL)
    assert told, f"axe-core did not end on {page}"
    return json.loads(html.unescape(told[1]))
