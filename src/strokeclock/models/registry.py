"""All networks: each module in models/networks defines one (docs/how-to/new-network.md).

Imports no torch: the workflow imports this module, too.
"""

import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from strokeclock.models.spec import NetworkError, NetworkSpec

PACKAGE = "strokeclock.models.networks"  # as a string it counts as an import of all its modules (provenance)


@cache
def networks() -> Mapping[str, NetworkSpec]:
    """Name -> network: the paper's first, then the others, each by name.

    Raises
    ------
    NetworkError
        A module cannot be imported or has no SPEC, or two networks share a name, a source of initial
        weights or the segmentation.
    """
    found: dict[str, NetworkSpec] = {}
    modules: dict[str, str] = {}
    for path, is_folder in _list_modules().items():
        spec = _read_spec(path, end="" if is_folder else ".py")
        if not isinstance(spec, NetworkSpec):
            raise NetworkError(f"{path} holds no SPEC of its network: add one, or move the module elsewhere.")
        if spec.name in found:
            raise NetworkError(
                f"{modules[spec.name]} and {path}: both networks have the name {spec.name}, rename one."
            )
        found[spec.name], modules[spec.name] = spec, path
    for source in sorted({source for spec in found.values() for source in spec.starts.values()}):
        _only(source, [spec.name for spec in found.values() if source in spec.starts.values()])
    _only("phase0_segmentation", [spec.name for spec in found.values() if spec.segments])
    return MappingProxyType(dict(sorted(found.items(), key=lambda item: (not item[1].of_the_paper, item[0]))))


def find_network(name: str) -> NetworkSpec:
    """Return a network's specification.

    Raises
    ------
    NetworkError
        No network has this name.
    """
    if name not in networks():
        if left_out := _list_left_out():
            raise NetworkError(
                f"No network is called {name!r}, and src/strokeclock/models/networks/{left_out[0]} has no "
                "__init__.py: add it, with SPEC."
            )
        raise NetworkError(
            f"No network is called {name!r}: use {', '.join(networks())}, or put a module whose SPEC "
            "has this name into src/strokeclock/models/networks."
        )
    return networks()[name]


def module_of(name: str) -> str:
    """The module that holds a network's SPEC, as it is imported."""
    spec = find_network(name)
    return next(path for path in _list_modules() if import_module(path).SPEC is spec)


def network_started_from(source: str) -> str:
    """Name the network whose initial weights come from ``source``: a value of `NetworkSpec.starts`."""
    return _only(source, [name for name, spec in networks().items() if source in spec.starts.values()])


def segmenting_network() -> str:
    """Name the network whose trunk is the encoder of the segmentation network (phase0_segmentation)."""
    return _only("phase0_segmentation", [name for name, spec in networks().items() if spec.segments])


def list_titles(names: Iterable[str]) -> str:
    """The titles of networks, in words: "2D", "2D and 3D"."""
    *most, last = (find_network(name).title for name in names)
    return f"{', '.join(most)} and {last}" if most else last


def describe_owners(start: str) -> str:
    """Name the networks that have such initial weights: "only the 2D network has ImageNet weights"."""
    owners = [name for name, spec in networks().items() if start in spec.starts]
    weights = ("ImageNet" if start == "imagenet" else start) + " weights"
    if not owners:
        return f"no network has {weights}"
    verb = "networks have" if len(owners) > 1 else "network has"
    return f"only the {list_titles(owners)} {verb} {weights}"


def place_of(model: str) -> int:
    """The position of a row's model in tables and figures: networks in their order, then all others."""
    names = list(networks())
    return names.index(model) if model in names else len(names)


def _list_modules() -> dict[str, bool]:
    """Module -> whether it is a folder."""
    found = pkgutil.iter_modules(import_module(PACKAGE).__path__)
    return {f"{PACKAGE}.{module.name}": module.ispkg for module in found}


def _list_left_out() -> list[str]:
    """Folders that hold modules and no __init__.py, so that Python does not see them."""
    folders = (folder for path in import_module(PACKAGE).__path__ for folder in Path(path).iterdir())
    return sorted(
        folder.name
        for folder in folders
        if folder.is_dir() and any(folder.glob("*.py")) and not (folder / "__init__.py").is_file()
    )


def _read_spec(path: str, *, end: str) -> object:
    """Import a module and return its SPEC, or None where it has none."""
    try:
        return getattr(import_module(path), "SPEC", None)
    except NetworkError as error:
        raise NetworkError(f"src/{path.replace('.', '/')}{end}: {error}") from None
    except Exception as error:
        raise NetworkError(
            f"src/{path.replace('.', '/')}{end} cannot be imported ({describe_error(error)}): correct it; "
            "docs/how-to/new-network.md lists what it must hold."
        ) from error


def describe_error(error: Exception) -> str:
    """Return an error's class and the first line of its message."""
    message = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _only(source: str, names: list[str]) -> str:
    if len(names) != 1:
        raise NetworkError(
            f"{source} belongs to exactly one network, not to {', '.join(names) or 'none'}: name it in one "
            "spec only (src/strokeclock/models/networks)."
        )
    return names[0]
