"""List the licences of the packages that strokeclock runs with, from what they say themselves.

    python tools/third_party.py > THIRD_PARTY.md

Run it where the packages of requirements.lock are installed. It fails where one names no licence.
"""

import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
HEAD = Path(__file__).with_name("third_party_head.md")
# Words of a licence's text -> its name.
TEXTS = {
    "Permission is hereby granted, free of charge": "MIT",
    "Redistribution and use in source and binary forms": "BSD",
    "Apache License": "Apache-2.0",
}
CLASSIFIER = "License :: OSI Approved :: "
LONGEST = 60  # characters of a licence's name; a longer field holds its text


def name_licence(package: str) -> str:
    """Name a package's licence: by its expression, its classifiers, its field, or its file's text.

    Raises
    ------
    SystemExit
        It names none.
    """
    found = distribution(package)
    if expression := found.metadata.get("License-Expression"):
        return str(expression)
    classifiers = found.metadata.get_all("Classifier") or []
    if named := [text.removeprefix(CLASSIFIER) for text in classifiers if text.startswith(CLASSIFIER)]:
        return "; ".join(sorted(named))
    field = str(found.metadata.get("License") or "").strip()
    if field and "\n" not in field and len(field) <= LONGEST:
        return field
    files = [file for file in found.files or () if "licen" in file.name.lower()]
    for text in (field, *(Path(str(file.locate())).read_text(encoding="utf-8") for file in files)):
        for words, name in TEXTS.items():
            if words in " ".join(text.split()):
                return name
    raise SystemExit(f"{package} names no licence: look it up and add it to {Path(__file__).name}.")


def list_packages(lock: Path) -> list[tuple[str, str]]:
    """Read name and version of each package of requirements.lock."""
    lines = (line.strip() for line in lock.read_text().splitlines() if "==" in line and line[0] != "#")
    return [(name, version) for name, _, version in (line.partition("==") for line in lines)]


def write_page(lock: Path) -> str:
    """Write the page as Markdown."""
    rows = []
    for name, version in list_packages(lock):
        try:
            rows.append(f"| {name} | {version} | {name_licence(name)} |")
        except PackageNotFoundError:
            raise SystemExit(f"{name} is not installed: run this in .venv.") from None
    return HEAD.read_text() + "\n".join([*rows, ""])


if __name__ == "__main__":
    sys.stdout.write(write_page(LOCK))
