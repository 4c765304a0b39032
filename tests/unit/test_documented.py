"""The blocks of a page, as the tests of the documentation read them."""

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
