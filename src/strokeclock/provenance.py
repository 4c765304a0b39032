"""Which code, which settings, which files made a result."""

import hashlib
import json
from collections.abc import Mapping
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


def digest_code(*subpackages: str) -> str:
    """Digest library subpackages: what was made by other code is stale."""
    digest = hashlib.sha256()
    for subpackage in subpackages:
        for path in sorted((_PACKAGE / subpackage).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


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
