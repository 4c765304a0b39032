"""The configuration of a run, checked whole before the first job."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, ValidationError

from strokeclock.errors import ConfigurationError

IMAGENET_WIDTH = 64  # channels of ResNet-18's first stage


def check_configuration(config: Mapping, *, schema: str | Path) -> None:
    """Refuse unknown keys, wrong types and values out of range, and settings that contradict each other.

    Parameters
    ----------
    config : mapping
        The merged configuration.
    schema : path
        JSON schema in YAML (workflow/schemas/config.schema.yaml).

    Raises
    ------
    ConfigurationError
        One sentence for each fault found, each naming its key and the mend.
    """
    with open(schema) as file:
        validator = Draft202012Validator(yaml.safe_load(file))
    faults = [
        sentence
        for error in sorted(
            validator.iter_errors(dict(config)), key=lambda error: list(map(str, error.absolute_path))
        )
        for sentence in _explain(error)
    ]
    if not faults:
        faults = _contradictions(config)
    if faults:
        raise ConfigurationError("\n".join(dict.fromkeys(faults)))  # one key may break several rules


def check_counts(config: Mapping, *, patients: int) -> None:
    """Refuse split.counts that cannot be met, before hours of preprocessing.

    Raises
    ------
    ConfigurationError
        Every patient has a label and the counts do not sum to their number.
    """
    counts = config["split"]["counts"]
    if (
        counts
        and config["cohort"]["require_onset"]
        and not config["split"]["file"]
        and sum(counts) != patients
    ):
        raise ConfigurationError(
            f"Configuration key split.counts is {list(counts)}, together {sum(counts)}, but {patients} "
            "patients enter: correct the counts, or set split.counts: null to use split.fractions."
        )


def _explain(error: ValidationError) -> list[str]:
    place = ".".join(map(str, error.absolute_path))
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        patterns = error.schema.get("patternProperties", {})
        return [
            _unknown_key(key, place, known)
            for key in error.instance
            if key not in known and not any(re.search(pattern, key) for pattern in patterns)
        ]
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return [
            f"Configuration key {_join(place, key)} is missing: take it from config/config.yaml."
            for key in missing
        ]
    meaning = error.schema.get("description", "see config/config.yaml")
    if error.validator == "enum":
        choices = ", ".join(map(str, error.validator_value))
        return [f"Configuration key {place} is {error.instance!r}, not one of its choices: {choices}."]
    return [f"Configuration key {place} cannot be {error.instance!r} ({error.message}): {meaning}."]


def _unknown_key(key: str, place: str, known: list[str]) -> str:
    near = difflib.get_close_matches(str(key), known, n=1)
    mend = f"did you mean {_join(place, near[0])}?" if near else f"known here: {', '.join(known)}."
    return f"Configuration key {_join(place, key)} is unknown: {mend}"


def _join(place: str, key: str) -> str:
    return f"{place}.{key}" if place else str(key)


def _contradictions(config: Mapping) -> list[str]:
    faults = []
    if not re.fullmatch(r"[A-Za-z0-9._-]+", config["run"]):
        faults.append(
            f"Configuration key run is {config['run']!r}: use letters, digits, '.', '_' and '-' only."
        )
    sheet, phantoms = config["cohort"]["sheet"], config["phantom"]["patients"]
    if not sheet and not phantoms:
        faults.append(
            "No patients: set cohort.sheet to your cohort sheet (config/README.md), "
            "or phantom.patients to a number for a synthetic cohort."
        )
    if sheet and phantoms:
        faults.append(
            "Both cohort.sheet and phantom.patients are set: set phantom.patients to 0 or the sheet to null."
        )
    if sheet and not Path(sheet).is_file():
        faults.append(f"Configuration key cohort.sheet names {sheet}, which is not there: correct the path.")
    for section, key in (("cohort", "readers"), ("split", "file"), ("quality", "verdicts")):
        path = config[section][key]
        if path and not Path(path).is_file():
            faults.append(
                f"Configuration key {section}.{key} names {path}, which is not there: "
                "correct the path, or null."
            )
    if config["preprocessing"]["grid"][0] % 2:
        faults.append("Configuration key preprocessing.grid has an odd x: make it even, it is halved.")
    atlas = config["preprocessing"]["atlas"]
    if atlas["source"] == "files":
        for key in ("t2w", "brain_mask"):
            if not atlas[key] or not Path(atlas[key]).is_file():
                faults.append(
                    f"Configuration key preprocessing.atlas.{key} is {atlas[key]!r}, not a file: "
                    "name it, or set preprocessing.atlas.source to nilearn."
                )
    return faults + _faults_of_starting_weights(config)


def _faults_of_starting_weights(config: Mapping) -> list[str]:
    faults = []
    section = "Configuration key starting_weights"
    for name in ("medical_2d", "medical_3d"):
        source, folder = (config["starting_weights"][name][key] for key in ("source", "folder"))
        if folder and source != "folder":
            faults.append(
                f"{section}.{name}.folder is named, and its source is {source}: set source: folder."
            )
        if source == "folder" and not (folder and Path(folder).is_dir()):
            faults.append(
                f"{section}.{name}.folder is {folder!r}, not a folder: name the data set's, or source: null."
            )
        if source == "phantom" and config["cohort"]["sheet"]:
            faults.append(
                f"{section}.{name}.source is phantom, and the cohort is of patients: name the data set."
            )
    file, width = config["starting_weights"]["imagenet"]["file"], config["models"]["2d"]["width"]
    if file and not Path(file).is_file():
        faults.append(f"{section}.imagenet.file names {file}, which is not there: correct the path, or null.")
    if file and width != IMAGENET_WIDTH:
        faults.append(
            f"{section}.imagenet.file: its weights are of width {IMAGENET_WIDTH}, and models.2d.width is "
            f"{width}: set it to {IMAGENET_WIDTH}, or the file to null."
        )
    return faults
