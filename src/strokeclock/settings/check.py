"""Check of the whole configuration before the first job: an error for all faults, or the settings."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from strokeclock.errors import ConfigurationError
from strokeclock.settings import sentences
from strokeclock.settings.configuration import Settings
from strokeclock.settings.group import Group, group_of

# Former key -> present key, both in full, as in training.seeds.
RENAMED: dict[str, str] = {
    "models.field": "models.view",
    "models.other_hemisphere": "models.contralateral",
    "starting_weights": "initial_weights",
    "training.arms": "training.starts",
    "evaluation.radiomics.adc_max": "evaluation.radiomics.adc_share",
    "evaluation.radiomics.min_roi_ml": "evaluation.radiomics.min_infarct_ml",
    "training.phase0_outline": "training.phase0_segmentation",
}


def check_configuration(config: Mapping) -> Settings:
    """Return the settings of a configuration.

    Parameters
    ----------
    config : mapping
        The merged configuration, as Snakemake gives it. It is not changed.

    Raises
    ------
    ConfigurationError
        A sentence for each fault found, each naming its key and the remedy: unknown, renamed and missing
        keys, wrong types, values out of range, settings that contradict each other, files that do not exist.
    """
    faults = dict(_faults_of_keys(config, Settings, ()))
    try:
        settings = Settings.model_validate(dict(config))
    except ValidationError as error:
        for place, sentence in sentences.explain(error):
            if not any(place[:depth] in faults for depth in range(len(place) + 1)):
                faults[place] = sentence
    if not faults and (contradictions := list(settings.all_faults())):
        raise ConfigurationError("\n".join(contradictions))
    if faults:
        raise ConfigurationError("\n".join(faults.values()))
    return settings


def _faults_of_keys(
    config: Mapping, group: type[Group], place: tuple[object, ...]
) -> Iterator[tuple[tuple[object, ...], str]]:
    """Yield (place, sentence) for each missing or unknown key; rules read the mapping without defaults."""
    known = group.fields_by_key()
    for key, field in known.items():
        must_be_there = group.is_whole and key not in group.may_lack
        if key not in config and (must_be_there or field.is_required()):
            yield (*place, key), sentences.missing_key((*place, key))
    for key, value in config.items():
        inner = group_of(known[key]) if key in known else group.group_of_free_key(key)
        if key not in known and inner is None:
            dotted = ".".join(map(str, (*place, key)))
            yield (
                (*place, key),
                sentences.renamed_key(dotted, RENAMED[dotted])
                if dotted in RENAMED
                else sentences.unknown_key(key, place, list(known)),
            )
        elif inner and isinstance(value, Mapping):
            yield from _faults_of_keys(value, inner, (*place, key))
