# The checked configuration, the patients, where things lie: all other files of this folder stand on it.

import os
from functools import partial
from pathlib import Path

from snakemake.rules import Wildcards

from strokeclock.batches import deal_batches, find_batch, find_damage
from strokeclock.cohort.readers import read_reader_sheet
from strokeclock.cohort.sheet import read_sheet
from strokeclock.cohort.split_file import check_split_file
from strokeclock.errors import StrokeclockError
from strokeclock.models.registry import networks
from strokeclock.provenance import digest_code
from strokeclock.series import SERIES, list_needed, list_registered, list_used
from strokeclock.settings.check import check_configuration
from strokeclock.settings.duplicates import check_duplicate_keys

BASE = Path(workflow.current_basedir).parents[1]  # of the checkout

try:
    check_duplicate_keys(workflow.configfiles)
    SETTINGS = check_configuration(config)
    COHORT = (
        read_sheet(
            config["cohort"]["sheet"],
            needed=list_needed(config["models"]["channels"]),
            require_onset=config["cohort"]["require_onset"],
            exclude=config["cohort"]["exclude"],
        )
        if config["cohort"]["sheet"]
        else None
    )
    ROWS = {row["patient"]: row for row in COHORT.rows} if COHORT else {}
    PATIENTS = sorted(
        ROWS
        if COHORT
        else (
            f"phantom-{number:04d}"
            for number in range(1, config["phantom"]["patients"] + 1)
        )
    )
    if COHORT and workflow.is_main_process:
        for patient, reason in COHORT.exclusions.items():
            logger.warning(f"patient {patient} is excluded: {reason}.")
    if not PATIENTS:
        raise StrokeclockError(
            f"Every patient of {config['cohort']['sheet']} is excluded."
        )
    SETTINGS.check_counts(patients=len(COHORT.labelled) if COHORT else len(PATIENTS))
    if config["cohort"]["readers"] and workflow.is_main_process:
        # whom they must have read is known after the split, all other faults before hours of training
        read_reader_sheet(
            config["cohort"]["readers"],
            known={*PATIENTS, *(COHORT.exclusions if COHORT else ())},
            needed=(),
        )
    if config["split"]["file"] and workflow.is_main_process:
        check_split_file(
            config["split"]["file"],
            labelled=COHORT.labelled if COHORT else PATIENTS,
            unlabelled=COHORT.unlabelled if COHORT else (),
            excluded=COHORT.exclusions if COHORT else (),
        )
except StrokeclockError as error:
    raise WorkflowError(str(error)) from None

RUN = f"results/{config['run']}"
LOG = f"logs/{config['run']}"
USED = list_used(config["models"]["channels"])  # the series that come to the atlas grid
REGISTERED = list_registered(
    USED, shared=config["preprocessing"]["dwi_transform"] == "register"
)
IS_PHANTOM = COHORT is None
IS_TEMPLATE_SPACE = IS_PHANTOM and config["phantom"]["space"] == "template"
GPUS = 1 if config["training"]["device"] == "cuda" else 0  # of a training

# Starting a process costs as much as a step on one patient: a job takes several. Each job leaves a table of its
# patients' files; a registered phantom takes a second, so that more of them share a job.
BATCHES = deal_batches(PATIENTS, most=config["preprocessing"]["patients_per_job"])
BATCH_OF = {patient: batch for batch in BATCHES for patient in BATCHES[batch]}
PHANTOM_BATCHES = (
    deal_batches(PATIENTS, most=max(100, config["preprocessing"]["patients_per_job"]))
    if IS_TEMPLATE_SPACE
    else BATCHES
)


# ITK and ANTs repeat their results only with both of theirs set before a process starts.
os.environ.update(
    ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS="1", ANTS_RANDOM_SEED="1", OMP_NUM_THREADS="1"
)


wildcard_constraints:
    patient=r"[A-Za-z0-9][A-Za-z0-9._-]*",
    batch=r"b[01]*",
    net="|".join(networks()),
    weights=r"random|genesis|imagenet|medical|phase\d+",
    seed=r"\d+",


def each(patients, path):
    """The file of each of these patients, in their order: ``path`` holds {patient} and lies in the run."""
    return [f"{RUN}/{path}".replace("{patient}", patient) for patient in patients]


def table_of(step):
    """The table that a step's job leaves of its batch's files, with the wildcard {batch}."""
    return f"{RUN}/batches/{step}/{{batch}}.tsv"


def tables_of(step, batches=BATCHES):
    """The tables of all batches of a step."""
    return expand(table_of(step), batch=batches)


def patients_of(wildcards):
    """The patients of a batch."""
    return (BATCHES.get(wildcards.batch) or PHANTOM_BATCHES.get(wildcards.batch))[:]


def files_of(paths):
    """As a rule's param: patient -> what it is -> file; ``paths``: what it is -> path in the run, with {patient}."""
    return lambda wildcards: {
        patient: {name: each([patient], path)[0] for name, path in paths.items()}
        for patient in patients_of(wildcards)
    }


def row_of(key):
    """As a rule's param: what the cohort sheet says of each patient of a batch; "" for phantoms."""
    return lambda wildcards: {
        patient: ROWS[patient][key] if ROWS else ""
        for patient in patients_of(wildcards)
    }


def preprocessed_table(wildcards):
    """The table that holds a batch's preprocessed files."""
    if IS_TEMPLATE_SPACE:
        batch = find_batch(PHANTOM_BATCHES, wildcards.batch)
        return expand(table_of("phantom_registered"), batch=batch)
    return expand(table_of("preprocess"), batch=wildcards.batch)


PREPROCESSED_TABLES = (
    tables_of("phantom_registered", PHANTOM_BATCHES)
    if IS_TEMPLATE_SPACE
    else tables_of("preprocess")
)
PHANTOM_TABLES = (
    PREPROCESSED_TABLES
    if IS_TEMPLATE_SPACE
    else tables_of("phantom") if IS_PHANTOM else []
)
# Nothing else asks for them once what is made from them is there: `all` does, so that a missing file is made anew.
BATCH_TABLES = [
    *PHANTOM_TABLES,
    *PREPROCESSED_TABLES,
    *(
        table
        for step in ("check", "lesions", "hemispheres", "quality_picture")
        for table in tables_of(step)
    ),
]
PREPROCESSED = {
    **{
        name: f"preprocessed/{{patient}}/{name}.nii.gz"
        for name in (*USED, "brain_mask")
    },
    "t2w_to_atlas": "preprocessed/{patient}/transforms/t2w_to_atlas.txt",
    **{
        f"{name}_to_t2w": f"preprocessed/{{patient}}/transforms/{name}_to_t2w.txt"
        for name in REGISTERED
    },
}


# What keeps its bytes makes no training and no table stale. Snakemake decides on a job anew, by its inputs' checksums,
# when a checkpoint before it is done. There is one, the manifest of hemispheres; whatever lies behind it takes a file
# through it. Two in a row would not do: where the first lets the second drop out, jobs behind both are left undone.
is_graph_read = False  # then the checkpoint is taken for done (`rule_graph`)


def settled(path):
    """An input that is there when all is settled that networks and tables read of patients."""

    def after(wildcards):
        if not is_graph_read:
            checkpoints.hemisphere_manifest.get()
        return path

    return after


SETTLED = settled(f"{RUN}/hemispheres/manifest.tsv")
LEARNED_FROM = {
    "manifest": SETTLED,
    "cohort": settled(f"{RUN}/cohort/cohort.tsv"),
    "split": settled(f"{RUN}/cohort/split.tsv"),
}
EXCLUSIONS = settled(f"{RUN}/cohort/exclusions.tsv")
VOLUMES = settled(f"{RUN}/lesions/volumes.tsv")


def raw_series(patient):
    """The files of a patient's raw series that are used; None where there is none."""
    if IS_PHANTOM:
        return {
            name: (
                None
                if SERIES[name].derived
                else f"{RUN}/phantom/{patient}/{name}.nii.gz"
            )
            for name in USED
        }
    return {name: ROWS[patient][name] or None for name in USED}


def raw_files_of(patients):
    """What patients' raw series depend on: their files, or the tables of the phantoms that they are made with."""
    if IS_PHANTOM:
        batches = sorted({BATCH_OF[patient] for patient in patients})
        return expand(table_of("phantom"), batch=batches)
    return [
        file for patient in patients for file in raw_series(patient).values() if file
    ]


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
    return raw_series(patient)["dwi"]


def drawn_files_of(patients):
    """What patients' drawn lesions depend on: the masks and the series they were drawn on, or the phantoms' tables."""
    if IS_PHANTOM:
        return [] if IS_TEMPLATE_SPACE else raw_files_of(patients)
    drawn = [patient for patient in patients if lesion_mask(patient)]
    return [*map(lesion_mask, drawn), *map(drawn_on, drawn)]


def code_of(script, wildcards):
    """As a rule's param: the digest of its script and of all code that this imports."""
    return digest_code(script)


def remove_false_tables():
    """Remove the tables whose files are missing or changed, so that their batches are made anew."""
    for table in {*BATCH_TABLES, *tables_of("radiomics")}:
        if Path(table).is_file() and (damage := find_damage(table)):
            logger.warning(f"{damage}: its batch is made anew.")
            Path(table).unlink()


def rule_graph():
    """All rules from which the whole run is made -> their file, and the rules whose files they take.

    What is taken for a batch, a patient or a seed is taken for all.
    """
    global is_graph_read
    is_graph_read = True
    patterned = [one for one in workflow.rules if one.has_wildcards()]
    makers = {
        file: one
        for one in workflow.rules
        if not one.has_wildcards()
        for file in one.output
    }
    graph, seen, waiting = {}, set(), [(rules.all.rule, {})]
    while waiting:
        taker, wildcards = waiting.pop()
        place = Path(taker.snakefile).stem
        after = graph.setdefault(taker.name, {"file": place, "after": set()})["after"]
        case = taker.name, *(
            value
            for key, value in wildcards.items()
            if key not in ("batch", "patient", "seed")
        )
        if case in seen:
            continue
        seen.add(case)
        for file in taker.expand_input(Wildcards(fromdict=wildcards))[0]:
            maker = makers.get(file) or next(
                (one for one in patterned if one.is_producer(file)), None
            )
            if maker:
                after.add(maker.name)
                waiting.append((maker, maker.get_wildcards(file) or {}))
    is_graph_read = False
    return {
        name: node | {"after": sorted(node["after"])}
        for name, node in sorted(graph.items())
    }
