"""The default configuration as Snakemake would give it, with phantoms."""

import pytest
import yaml


@pytest.fixture
def config(root):
    config = yaml.safe_load((root / "config/config.yaml").read_text())
    config["phantom"]["patients"] = 40
    return config


@pytest.fixture
def laid_over(config):
    """Lay changes over the default configuration, as Snakemake merges files: call it with mappings."""

    def merge(base, change):
        for key, value in change.items():
            base[key] = merge(base.get(key) or {}, value) if isinstance(value, dict) else value
        return base

    def lay(*changes):
        for change in changes:
            merge(config, change)
        return config

    return lay
