"""The blocks of a page, as the tests of the documentation read them."""

import re

from documented import read_blocks

PAGE = """# A page

```bash
# a comment
first --option \\
  value
second
```

1. A step:

   ```yaml
   # config/mine.yaml
   run: mine
   ```

<!-- varies: it depends on the processor -->
```text
said
```

<!-- not run: it takes hours -->

```bash
long
```
"""


def test_blocks_have_language_mark_file_and_line(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    first, second, third, last = read_blocks(page)
    assert first.commands == ["first --option    value", "second"]
    assert (second.file, second.text, second.line) == (
        "config/mine.yaml",
        "# config/mine.yaml\nrun: mine\n",
        12,
    )
    assert (third.language, third.mark, third.text) == ("text", "varies", "said\n")
    assert (last.mark, last.commands, last.file) == ("not run", ["long"], "")


HIDDEN = re.compile(r"^ *(```+).*?^ *\1|<!--.*?-->|(`+)(?!`).+?(?<!`)\2(?!`)", re.DOTALL | re.MULTILINE)


def find_tags(text):
    """The words in angle brackets that a browser takes for tags: those outside code and comments."""
    return re.findall(r"<\w[^<>\n]*>", HIDDEN.sub("", text))


def test_a_word_in_angle_brackets_is_found_outside_code_alone():
    text = "`results/<run>/`, ``a `<b>` c``\n\n```bash\nls <folder>\n```\n\n<!-- <note> -->\n\n3 < 4, {}\n"
    assert find_tags(text.format("")) == []
    assert find_tags(text.format("logs/<run>/, phase<number>_<what>")) == ["<run>", "<number>", "<what>"]


def test_no_page_has_a_word_that_a_browser_takes_for_a_tag(root):
    pages = sorted(root.glob("docs/**/*.md"))
    assert len(pages) > 30
    found = {str(page.relative_to(root)): find_tags(page.read_text(encoding="utf-8")) for page in pages}
    assert {page: tags for page, tags in found.items() if tags} == {}
