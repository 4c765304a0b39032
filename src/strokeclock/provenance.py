"""Digests of code, settings and files, and versions of software: what a result was made from."""

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
    "nibabel",
    "niimath",
    "numba",
    "isal",
    "antspyx",
    "nipype",
    "nilearn",
    "scikit-image",
    "matplotlib",
)


def digest_code(path: str | Path) -> str:
    """Digest a script or module and all modules of strokeclock that it reaches.

    A result of code with another digest is stale. A file reaches the modules that it imports, at the top or
    inside a function, and the modules that these import. A string that names a module of strokeclock counts
    as an import of it. A string that names a package counts as an import of all its modules, because the
    program finds them when it runs. A string that names a template beside the file (*.html) reaches it.
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
    """Return the file and the files of strokeclock that it reaches (`digest_code`)."""
    reached, waiting = set(), [path]
    while waiting:
        if (file := waiting.pop()) not in reached:
            reached.add(file)
            if file.suffix == ".py":
                waiting.extend(_imported(file))
    return frozenset(reached)


@cache
def _imported(path: Path) -> frozenset[Path]:
    """The files of strokeclock that a file imports or names."""
    found: set[Path] = set()
    templates = [*path.parent.glob("*.html")]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found.update(file for alias in node.names for file in _files_of(alias.name))
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path} line {node.lineno}: relative import, write the module's full name")
            found.update(_files_of(node.module or ""))
            found.update(file for alias in node.names for file in _files_of(f"{node.module}.{alias.name}"))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.update(_files_of(node.value, with_members=True))
            found.update(template for template in templates if template.name == node.value)
    return frozenset(found)


def _files_of(name: str, *, with_members: bool = False) -> Iterator[Path]:
    """Yield the files of a module of strokeclock and of its packages; none for any other name."""
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
    """Return the installed versions of the software that results depend on; absent software is left out."""
    versions = {}
    for name in _SOFTWARE:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
