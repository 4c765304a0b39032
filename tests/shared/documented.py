"""Read the code blocks of the documentation's pages, as its tests run them."""

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE
)
_COMMENT = re.compile(r"<!-- (not run|varies)(: [^>]+)? -->\s*\Z")
_FILE = re.compile(r"\A# (\S+\.(?:yaml|tsv|py|smk))\n")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes
    ----------
    language : bash, yaml, python, text; "" where none is named.
    text : without indentation.
    line : of the page, from 1.
    mark : of the comment before it: "not run", "varies", or "".
    """

    language: str
    text: str
    line: int
    mark: str

    @property
    def file(self) -> str:
        """The file that the block is, named in the comment of its first line; "" where none is."""
        found = _FILE.match(self.text)
        return found[1] if found else ""

    @property
    def commands(self) -> list[str]:
        """The commands of a bash block, one a line; a backslash joins lines."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line for line in lines if line and not line.startswith("#")]


def read_blocks(page: Path) -> list[Block]:
    """Read the fenced blocks of a Markdown page, in their order."""
    text = page.read_text(encoding="utf-8")
    blocks = []
    for found in _FENCE.finditer(text):
        indent = found["indent"]
        lines = [line.removeprefix(indent) for line in found["text"].splitlines(keepends=True)]
        mark = _COMMENT.search(text[: found.start()])
        number = text.count("\n", 0, found.start()) + 1
        blocks.append(Block(found["language"], "".join(lines), number, mark[1] if mark else ""))
    return blocks
