"""The names of a bundle's files."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the machine that runs Snakemake imports the names, and has no pandas
    from strokeclock.bundle.recipe import Trained

RECIPE, CONFIGURATION, SUMMARY, SEEN = "recipe.json", "configuration.json", "summary.json", "seen.tsv"
CARD = "README.md"  # the model card, where model hubs look for it
REFERENCE, REFERENCE_ARRAYS = "reference.json", "reference.safetensors"
ATLAS = ("t2w", "brain_mask", "grid", "brain_mask_grid")  # atlas/<name>.nii.gz
EXPECTED, EXPECTED_TENSOR = "self-test/expected.json", "self-test/hemispheres.safetensors"


def name_atlas(name: str) -> str:
    """The file of one image of the atlas."""
    return f"atlas/{name}.nii.gz"


def name_raw(series: str) -> str:
    """The file of one raw series of the self-test."""
    return f"self-test/{series}.nii.gz"


def name_network(trained: "Trained", seed: int) -> tuple[str, str]:
    """The files of one network: weights and record."""
    place = f"networks/{trained.place(seed)}"
    return f"{place}.safetensors", f"{place}.json"


def name_regression(trained: "Trained", seed: int) -> str:
    """The file of one regression."""
    return f"regressions/{trained.place(seed)}.json"
