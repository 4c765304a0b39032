# The checked configuration, the patients, where things lie: all other files of this folder stand on it.

import os
import re
from pathlib import Path

from snakemake.rules import Wildcards

from strokeclock.cohort.sheet import read_sheet
from strokeclock.configuration import check_configuration, check_counts
from strokeclock.errors import StrokeclockError

# as a rule's param it makes results stale when their code changes
from strokeclock.provenance import digest_code as code

BASE = Path(workflow.basedir)

try:
    check_configuration(config, schema=BASE / "workflow/schemas/config.schema.yaml")
    COHORT = (
        read_sheet(
            config["cohort"]["sheet"],
            require_onset=config["cohort"]["require_onset"],
            exclude=config["cohort"]["exclude"],
        )
        if config["cohort"]["sheet"]
        else None
    )
    ROWS = {row["patient"]: row for row in COHORT.rows} if COHORT else {}
    PATIENTS = (
        list(ROWS)
        if COHORT
        else [
            f"phantom-{number:04d}"
            for number in range(1, config["phantom"]["patients"] + 1)
        ]
    )
    if COHORT and workflow.is_main_process:
        for patient, reason in COHORT.exclusions.items():
            logger.warning(f"patient {patient} is excluded: {reason}.")
    if not PATIENTS:
        raise StrokeclockError(
            f"Every patient of {config['cohort']['sheet']} is excluded."
        )
    check_counts(config, patients=len(PATIENTS))
    if config["cohort"]["readers"] and workflow.is_main_process:
        # whom they must have read is known after the split, all other faults before hours of training
        from strokeclock.evaluation.readers import read_readers

        read_readers(
            config["cohort"]["readers"],
            known={*PATIENTS, *(COHORT.exclusions if COHORT else ())},
            needed=(),
        )
except StrokeclockError as error:
    raise WorkflowError(str(error)) from None

# Starting a process costs as much as a step on one patient: a job takes several, in the sheet's order.
PER_JOB = config["preprocessing"]["patients_per_job"]
LOTS = dict(
    enumerate(
        (PATIENTS[i : i + PER_JOB] for i in range(0, len(PATIENTS), PER_JOB)), start=1
    )
)

RUN = f"results/{config['run']}"
LOG = f"logs/{config['run']}"
# What has its own geometry is registered to the T2w for itself. The others take the T2w's matrix.
REGISTERED = (
    ("flair", "dwi")
    if config["preprocessing"]["dwi_transform"] == "register"
    else ("flair",)
)
IS_PHANTOM = COHORT is None
IS_TEMPLATE_SPACE = IS_PHANTOM and config["phantom"]["space"] == "template"
GPUS = 1 if config["training"]["device"] == "cuda" else 0  # of a training


# ITK and ANTs repeat their results only with both of theirs set before a process starts.
os.environ.update(
    ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS="1", ANTS_RANDOM_SEED="1", OMP_NUM_THREADS="1"
)


wildcard_constraints:
    patient=r"[A-Za-z0-9][A-Za-z0-9._-]*",
    net="2d|3d",
    weights=r"random|genesis|imagenet|medical|phase\d+",
    seed=r"\d+",


def each(patients, path):
    """The file of each of these patients, in their order: ``path`` holds {patient} and lies in the run."""
    return [f"{RUN}/{path}".replace("{patient}", patient) for patient in patients]


def series(patient, name):
    """The file of a raw series, or [] where the patient has none: t2w, dwi, flair, adc."""
    if IS_PHANTOM:
        return [] if name == "adc" else f"{RUN}/phantom/{patient}/{name}.nii.gz"
    return ROWS[patient][name] or []


def b_value(patient):
    """The diffusion weighting of the patient's DWI in s/mm²; the paper's 1000 where the sheet is silent."""
    return float(ROWS[patient]["b_value"] or 1000) if ROWS else 1000.0


def lesion_mask(patient):
    """The file of a lesion as drawn, or None: a phantom's truth, or the sheet's lesion_mask."""
    if IS_PHANTOM:
        return f"{RUN}/derivatives/truth/{patient}/lesion.nii.gz"
    return ROWS[patient]["lesion_mask"] or None


def drawn_on(patient):
    """The series on whose grid a lesion is drawn, or None: nothing is drawn, or on the atlas grid."""
    if IS_TEMPLATE_SPACE or not lesion_mask(patient):
        return None
    return series(patient, "dwi")


def rule_graph():
    """All rules from which the whole run is made -> their file, and the rules whose files they take.

    Rules made in a loop count as one, unnumbered; what is taken for a patient or a seed is taken for all.
    """

    def unnumbered(one):
        return re.sub(r"_\d+$", "", one.name)

    patterned = [one for one in workflow.rules if one.has_wildcards()]
    makers = {
        file: one
        for one in workflow.rules
        if not one.has_wildcards()
        for file in one.output
    }
    graph, seen, waiting = {}, set(), [(workflow.get_rule("all"), {})]
    while waiting:
        taker, wildcards = waiting.pop()
        name, place = unnumbered(taker), Path(taker.snakefile).stem
        after = graph.setdefault(name, {"file": place, "after": set()})["after"]
        case = name, *(
            value for key, value in wildcards.items() if key not in ("patient", "seed")
        )
        if case in seen:
            continue
        seen.add(case)
        for file in taker.expand_input(Wildcards(fromdict=wildcards))[0]:
            maker = makers.get(file) or next(
                (one for one in patterned if one.is_producer(file)), None
            )
            if maker:
                after.add(unnumbered(maker))
                waiting.append((maker, maker.get_wildcards(file) or {}))
    return {
        name: node | {"after": sorted(node["after"])}
        for name, node in sorted(graph.items())
    }
