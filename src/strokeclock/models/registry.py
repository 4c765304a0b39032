"""The networks there are: every module in models/networks is one, found by its file (docs/extending.md).

Imports nothing heavy: the workflow reads this list too.
"""

import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

from strokeclock.models.spec import NetworkError, NetworkSpec

PACKAGE = "strokeclock.models.networks"  # as a string it counts as an import of all its modules (provenance)


@cache
def networks() -> Mapping[str, NetworkSpec]:
    """Name -> network: the paper's first, then the others, each by name.

    Raises
    ------
    NetworkError
        A module says nothing of its network, or two say what only one can.
    """
    found: dict[str, NetworkSpec] = {}
    for module in pkgutil.iter_modules(import_module(PACKAGE).__path__):
        path = f"{PACKAGE}.{module.name}"
        spec = getattr(import_module(path), "SPEC", None)
        if not isinstance(spec, NetworkSpec):
            raise NetworkError(f"{path} holds no SPEC of its network: add one, or move the module elsewhere.")
        if spec.name in found:
            raise NetworkError(f"{path}: another network is called {spec.name}, give it a name of its own.")
        found[spec.name] = spec
    for source in sorted({source for spec in found.values() for source in spec.starts.values()}):
        _only(source, [spec.name for spec in found.values() if source in spec.starts.values()])
    _only("phase0_outline", [spec.name for spec in found.values() if spec.segments])
    return MappingProxyType(dict(sorted(found.items(), key=lambda item: (not item[1].of_the_paper, item[0]))))


def find_network(name: str) -> NetworkSpec:
    """What a network says of itself.

    Raises
    ------
    NetworkError
        There is no such network.
    """
    if name not in networks():
        raise NetworkError(
            f"No network is called {name!r}: {', '.join(networks())} are (src/strokeclock/models/networks)."
        )
    return networks()[name]


def network_taught_by(source: str) -> str:
    """Name the network that begins with what ``source`` teaches: a value of `NetworkSpec.starts`."""
    return _only(source, [name for name, spec in networks().items() if source in spec.starts.values()])


def segmenting_network() -> str:
    """Name the network whose trunk learns to find the lesion's voxels (phase0_outline)."""
    return _only("phase0_outline", [name for name, spec in networks().items() if spec.segments])


def list_titles(names: Iterable[str]) -> str:
    """The titles of networks, in words: "2D", "2D and 3D"."""
    *most, last = (find_network(name).title for name in names)
    return f"{', '.join(most)} and {last}" if most else last


def describe_owners(start: str) -> str:
    """Say which networks alone have such starting weights: "ImageNet weights are of the 2D network alone"."""
    owners = [name for name, spec in networks().items() if start in spec.starts]
    weights = ("ImageNet" if start == "imagenet" else start) + " weights"
    if not owners:
        return f"no network has {weights}"
    return f"{weights} are of the {list_titles(owners)} network{'s' * (len(owners) > 1)} alone"


def place_of(model: str) -> int:
    """The place of a row's model in tables and figures: networks in their order, all others behind them."""
    names = list(networks())
    return names.index(model) if model in names else len(names)


def _only(source: str, names: list[str]) -> str:
    if len(names) != 1:
        raise NetworkError(
            f"{source} teaches one network and not {', '.join(names) or 'none'}: name it in the spec of one "
            "network alone (src/strokeclock/models/networks)."
        )
    return names[0]
