"""Which code, which settings, which files made a result."""

import ast
import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGE = Path(__file__).parent
_SOFTWARE = (
    "snakemake",
    "torch",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "statsmodels",
    "pytorch-optimizer",
    "nibabel",
    "niimath",
    "antspyx",
    "nipype",
    "nilearn",
    "mirp",
    "matplotlib",
)


def digest_code(path: str | Path) -> str:
    """Digest a script or module and all of strokeclock that it reaches: what was made by other code is stale.

    It reaches what it imports, at the top or inside a function, and what those modules import. A string that
    names a module of strokeclock counts as an import of it; one that names a package, as an import of all its
    modules (they are found there when the program runs).
    """
    digest = hashlib.sha256()
    for reached in sorted(reach(Path(path).resolve())):
        digest.update(reached.read_bytes())
    return digest.hexdigest()[:16]


def digest_library() -> str:
    """Digest all of strokeclock's modules."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def reach(path: Path) -> frozenset[Path]:
    """Return the files that a script or module of strokeclock reaches (`digest_code`), itself among them."""
    reached, waiting = set(), [path]
    while waiting:
        if (file := waiting.pop()) not in reached:
            reached.add(file)
            waiting.extend(_imported(file))
    return frozenset(reached)


@cache
def _imported(path: Path) -> frozenset[Path]:
    """The files of strokeclock that a file imports or names."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found.update(file for alias in node.names for file in _files_of(alias.name))
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path} line {node.lineno}: import modules by their whole names")
            found.update(_files_of(node.module or ""))
            found.update(file for alias in node.names for file in _files_of(f"{node.module}.{alias.name}"))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.update(_files_of(node.value, with_members=True))
    return frozenset(found)


def _files_of(name: str, *, with_members: bool = False) -> Iterator[Path]:
    """The files of a module, and of the packages that it lies in; none for what is not of strokeclock."""
    if name.partition(".")[0] != _PACKAGE.name or not name.replace(".", "_").isidentifier():
        return
    place = _PACKAGE.parent.joinpath(*name.split("."))
    module = place.with_suffix(".py")
    if not module.is_file() and not (place / "__init__.py").is_file():
        return
    for folder in [*place.parents, place]:
        if folder.is_relative_to(_PACKAGE) and (folder / "__init__.py").is_file():
            yield folder / "__init__.py"
    if module.is_file():
        yield module
    elif with_members and place != _PACKAGE:
        yield from sorted(place.rglob("*.py"))


def digest_settings(settings: Mapping) -> str:
    """Digest settings, whatever the order of their keys: sha256."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def digest_file(path: str | Path) -> str:
    """Digest a file's content: sha256."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def list_versions() -> dict[str, str]:
    """The installed version of the software that results depend on; what is not installed is left out."""
    versions = {}
    for name in _SOFTWARE:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
