"""Check of configuration files for repeated keys, before they are merged: YAML keeps only the last."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from strokeclock.errors import ConfigurationError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_duplicate_keys(paths: Iterable[str | Path]) -> None:
    """Refuse configuration files that set one key twice, of which only the last would be used.

    Parameters
    ----------
    paths : of YAML or JSON files; addresses, which are no local files, are skipped.

    Raises
    ------
    ConfigurationError
        A sentence for each repeated key, with file and line; or a file is not UTF-8 text.
    """
    faults = [fault for path in paths if Path(path).is_file() for fault in _faults(Path(path))]
    if faults:
        raise ConfigurationError("\n".join(faults))


def _faults(path: Path) -> Iterator[str]:
    try:
        root = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=_LOADER)
    except UnicodeDecodeError as error:
        yield f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8."
        return
    except yaml.YAMLError:
        return  # Snakemake itself refuses files that are neither YAML nor JSON
    yield from _repeated(root, (), path)


def _repeated(node: yaml.Node | None, place: tuple[str, ...], path: Path) -> Iterator[str]:
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _repeated(item, (*place, str(number)), path)
    if not isinstance(node, yaml.MappingNode):
        return
    first: dict[tuple[str, str], int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        name = str(key.value)
        if (key.tag, name) in first and not name.startswith("?"):  # ?if … of a YTE template
            yield (
                f"{path} line {line}: key {'.'.join((*place, name))} is already in line "
                f"{first[key.tag, name]}: keep one."
            )
        first.setdefault((key.tag, name), line)
        yield from _repeated(value, (*place, name), path)
