"""A configuration as Snakemake merges it: files laid over the defaults."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from strokeclock.errors import ConfigurationError
from strokeclock.settings.pages import config_text


def merge_files(files: Sequence[Path]) -> dict[str, Any]:
    """Return the defaults with configuration files laid over them; the later files win.

    Raises
    ------
    ConfigurationError
        A file is not there, or holds no YAML mapping.
    """
    config: dict[str, Any] = yaml.safe_load(config_text())
    for file in files:
        try:
            above = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        except FileNotFoundError:
            raise ConfigurationError(
                f"Configuration file {file} does not exist: name one that does, from the present folder."
            ) from None
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigurationError(f"Configuration file {file.name} is not YAML: {error}") from None
        if not isinstance(above, dict):
            raise ConfigurationError(f"Configuration file {file.name} holds no keys: see config/README.md.")
        lay_over(config, above)
    return config


def lay_over(config: dict[str, Any], above: Mapping[str, Any]) -> None:
    """Replace values of a configuration by others; mappings are merged."""
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(config.get(key), dict):
            lay_over(config[key], value)
        else:
            config[key] = value
