"""Check a network's specification: what the workflow, figures and pages use of it without building it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from matplotlib.lines import Line2D

from strokeclock.errors import StrokeclockError
from strokeclock.models.registry import PACKAGE, describe_error, module_of
from strokeclock.models.spec import NetworkError, NetworkSpec
from strokeclock.settings.networks import InitialWeights
from strokeclock.training.phases import GENESIS

# Prints the first library that a module imports beyond what Snakemake brings; its arguments are the module
# and the folders of the networks.
_IMPORT = """
import sys, importlib, pydantic, yaml, strokeclock.models.networks, strokeclock.models.registry
strokeclock.models.networks.__path__[:] = sys.argv[2:]
before = set(sys.modules)
importlib.import_module(sys.argv[1])
new = (name.partition(".")[0] for name in [*sys.modules] if name not in before)
print(next((name for name in new if name not in {*sys.stdlib_module_names, "strokeclock"}), ""))
"""


@dataclass(frozen=True)
class SpecificationCheck:
    """The checks of what needs no network; each raises NetworkError."""

    spec: NetworkSpec

    def described(self, settings: Mapping[str, Any]) -> None:
        """Check the clause of the methods, with these settings and with each choice of one of them."""
        cases = [dict(settings)]
        for own in self.spec.settings:
            choices = (True, False) if isinstance(own.default, bool) else own.choices
            cases += [dict(settings) | {own.name: choice} for choice in choices]
        for case in cases:
            given = ", ".join(f"{own.name}: {case[own.name]}" for own in self.spec.settings)
            with self._calling(f"describe with the settings {given or 'of all networks'}"):
                clause: object = self.spec.describe(case)
            if not isinstance(clause, str) or not clause.strip():
                raise self._fault(
                    f"describe returns {clause!r}, no clause", "return one, as the paper's networks do"
                )
            if clause != clause.strip().rstrip("."):
                raise self._fault(
                    "the clause of describe ends with a full stop or begins or ends with a space",
                    "leave it out: the page adds the full stop",
                )

    def without_torch(self) -> None:
        """Check, in a fresh process, that the module of SPEC imports nothing that Snakemake lacks."""
        module = module_of(self.spec.name)
        found = subprocess.run(
            [sys.executable, "-c", _IMPORT, module, *import_module(PACKAGE).__path__],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=False,
        )
        if found.returncode:
            last = (found.stderr.strip().splitlines() or ["no message"])[-1]
            raise self._fault(f"the import of {module} fails: {last}", "correct it")
        if library := found.stdout.strip():
            raise self._fault(
                f"{module} imports {library} at its top, where the workflow has none",
                "import it, and what imports it, inside build",
            )

    def line(self) -> None:
        """Check that figures can draw the line style."""
        style: Any = self.spec.line
        try:
            Line2D([], [], linestyle=style)
        except (TypeError, ValueError, IndexError):
            raise self._fault(
                f"line is {self.spec.line!r}, no line style of Matplotlib",
                "use -, --, -. or :, or an offset and lengths on and off, as (0, (1, 1))",
            ) from None

    def sources(self) -> None:
        """Check that the initial weights can be configured."""
        for start, source in self.spec.starts.items():
            if source not in (*InitialWeights.model_fields, GENESIS):
                raise self._fault(
                    f"starts[{start!r}] is {source!r}, no key of initial_weights",
                    "leave starts empty, or add the key in settings/networks.py and the rule that makes it",
                )

    @contextmanager
    def _calling(self, what: str) -> Iterator[None]:
        """Make one sentence of what goes wrong inside the network."""
        try:
            yield
        except StrokeclockError:
            raise
        except Exception as error:
            raise self._fault(f"{what} raises {describe_error(error)}", f"correct {self._place}") from error

    def _fault(self, wrong: str, remedy: str) -> NetworkError:
        return NetworkError(f"{self._subject}: {wrong.rstrip('.')}: {remedy}.")

    @property
    def _subject(self) -> str:
        return f"The {self.spec.name} network"

    @property
    def _place(self) -> str:
        return self.spec.build.__module__
