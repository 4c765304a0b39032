"""Plans of the shipped configuration and of changes to it."""

import pytest
import yaml
from shipped_plan import RUN

from strokeclock.plan.plan import make_plan
from strokeclock.settings.check import check_configuration


def merged(base, change):
    """The configuration with a change, as Snakemake takes one over another."""
    both = [key for key in change if isinstance(change[key], dict) and isinstance(base.get(key), dict)]
    return base | change | {key: merged(base[key], change[key]) for key in both}


@pytest.fixture(scope="session")
def shipped(root):
    return yaml.safe_load((root / "config/config.yaml").read_text())


@pytest.fixture
def planned(shipped):
    """The plan of the shipped configuration, of phantoms, or of a change to it."""

    def plan(change=None, **more):
        config = merged(shipped, {"phantom": {"patients": 30}, "split": {"counts": None}})
        config = merged(config, change or {})
        check_configuration(config)
        return make_plan(config, folder=RUN, **more)

    return plan
