# The checked configuration, the patients and the paths of a run, for all other files of this folder.

import os
import shutil
from functools import partial
from pathlib import Path
from threading import Thread

from snakemake.io import apply_wildcards, get_flag_value
from snakemake.rules import Wildcards
from snakemake.settings.types import DeploymentMethod

from strokeclock.baselines.radiomics.maps import find_maps
from strokeclock.batches import find_damage, read_dropped
from strokeclock.cohort.patients import read_patients
from strokeclock.errors import StrokeclockError
from strokeclock.host import check_host, end_timers
from strokeclock.models.registry import networks
from strokeclock.plan.plan import make_plan
from strokeclock.provenance import digest_code
from strokeclock.rules import check_rule
from strokeclock.settings.check import check_configuration
from strokeclock.settings.duplicates import check_duplicate_keys
from strokeclock.slurm import watch_jobs
from strokeclock.toolchain import FSL

BASE = Path(workflow.current_basedir).parents[1]  # of the checkout
# All paths of rules begin with one of these.
RUN = f"results/{config['run']}"
LOG = f"logs/{config['run']}"

try:
    check_host()
    check_duplicate_keys(workflow.configfiles)
    settings = check_configuration(config)
    patients = read_patients(config, folder=RUN)
    if workflow.is_main_process:
        for excluded, reason in patients.exclusions.items():
            logger.warning(f"patient {excluded} is excluded: {reason}.")
    if settings.has_patients:
        patients.check_any_left()
        settings.check_counts(patients=patients.to_divide)
    if workflow.is_main_process:
        patients.check_heads()
        patients.check_readers_and_split()
    gpus = workflow.global_resources.get("gpu")
    plan = make_plan(config, folder=RUN, has_gpus=bool(gpus and gpus.value))
except StrokeclockError as error:
    raise WorkflowError(str(error)) from None


# ITK and ANTs repeat their results only with both of theirs set before a process starts.
os.environ.update(
    ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS="1", ANTS_RANDOM_SEED="1", OMP_NUM_THREADS="1"
)


# A container sees this checkout, whose code jobs run.
if settings.container:
    bound = os.getenv("APPTAINER_BIND") or os.getenv("SINGULARITY_BIND") or ""
    bound = ",".join(dict.fromkeys(filter(None, [*bound.split(","), str(BASE)])))
    os.environ.update(APPTAINER_BIND=bound, SINGULARITY_BIND=bound)
elif (
    workflow.is_main_process
    and DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method
):
    logger.warning(
        "--sdm apptainer is given, and the configuration key container names no image: jobs run "
        "without a container (docs/how-to/container.md)."
    )


wildcard_constraints:
    patient=r"[A-Za-z0-9][A-Za-z0-9._+-]*",
    batch=r"b[01]*",
    net="|".join(networks()),
    start=r"random|genesis|imagenet|medical|phase\d+",
    seed=r"\d+",
    repeat=r"\d+",


def refuse(sentence):
    """Stop with a sentence, where a target is asked for that the configuration does not allow."""
    raise WorkflowError(sentence)


def growing(amount):
    """As a resource: this much, or what it returns for wildcards; twice as much in the second attempt, and so on.

    A job that ran out of memory or time would do so again with the same amount.
    """

    def of_attempt(wildcards, attempt):
        return attempt * (amount(wildcards) if callable(amount) else amount)

    return of_attempt


def reading_environment(toolchain):
    """The environment of jobs that read patients with a bundle of this toolchain."""
    return f"../../envs/{'reading_fsl' if toolchain == FSL else 'reading'}.yaml"


def each(chosen, path):
    """The file of each of these patients, in their order: ``path`` holds {patient} and lies in the run."""
    return [f"{RUN}/{path}".replace("{patient}", patient) for patient in chosen]


def patients_of(wildcards):
    """The patients of a batch."""
    return patients.of_batch(wildcards.batch)


def files_of(paths):
    """As a rule's param: patient -> name -> file; ``paths``: name -> path in the run, with {patient}."""
    return lambda wildcards: {
        patient: {name: each([patient], path)[0] for name, path in paths.items()}
        for patient in patients_of(wildcards)
    }


def row_of(key):
    """As a rule's param: a column of the cohort sheet for the patients of a batch; "" for phantoms."""
    return lambda wildcards: {
        patient: patients.cell(patient, key) for patient in patients_of(wildcards)
    }


def shipped_adcs_of(wildcards):
    """As a rule's param: patient -> the ADC map beside a T2w, of a batch's patients who have one."""
    found = {
        patient: patients.shipped_adc(patient) for patient in patients_of(wildcards)
    }
    return {patient: path for patient, path in found.items() if path}


def preprocessed_table(wildcards):
    """The table that holds a batch's preprocessed files, as a list."""
    return [patients.preprocessed_table(wildcards.batch)]


def tissue_maps_of(wildcards):
    """The tissue maps of a batch's patients that there are; the job names the missing ones."""
    folder = config["evaluation"]["radiomics"]["tissue_maps"]
    return [
        path
        for patient in (patients_of(wildcards) if folder else ())
        for path in find_maps(folder, patient).values()
        if path
    ]


# A file whose content stays the same makes no training and no table stale: when a checkpoint is done, Snakemake decides
# again, by checksums, which jobs after it to run. There is one checkpoint, the manifest of hemispheres; all rules after
# it take their files through it. Two in a row would fail: where the first makes the second unnecessary, the jobs after
# both are not run.
is_graph_read = False  # True: the checkpoint counts as done (`rule_graph`)


def settled(path):
    """As a rule's input: a file, or a list of files, final once the manifest of hemispheres is written."""

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


def of_repeat(item, makers):
    """As an input where rules are repeated: what ``item``, an input of the first split's rule, is for another split.

    A file that one of the repeated rules, the ``makers``, makes is the other split's own; all else is shared.
    """

    def place(value, wildcards):
        if callable(value):
            return place(value(wildcards), wildcards)
        if not isinstance(value, (str, Path)):
            return [place(one, wildcards) for one in value]
        file = apply_wildcards(str(value), wildcards)
        is_own = any(maker.is_producer(file) for maker in makers)
        return plan.repeats.in_repeat(file, wildcards.repeat) if is_own else file

    return lambda wildcards: place(item, wildcards)


def into_repeat(item):
    """As an output or log where rules are repeated: the same file of another split."""
    if isinstance(item, (str, Path)):
        return plan.repeats.in_repeat(str(item), "{repeat}")
    return [into_repeat(one) for one in item]


def repeat_rules(names, *, changed):
    """Define rules once more, as repeat_<name>, for further splits, whose seed is the wildcard {repeat}.

    ``changed``: name -> params that differ. This is how Snakemake itself writes `use rule … as … with`, which
    takes no variable in place of a name.
    """
    makers = [getattr(rules, name).rule for name in names]
    for name, maker in zip(names, makers):
        given = maker.ruleinfo
        # Where a loop made the rule, its name stands here and would become the other one's.
        given.name = None
        # The checkpoint waits for what is settled of all splits, and the others' manifests do not.
        unnamed = [item for item in given.input.paths if item != plan.repeats.settled]
        named = given.input.kwpaths.items()

        @workflow.userule(rules=[name], name_modifier=f"repeat_{name}")
        @workflow.input(
            *(of_repeat(item, makers) for item in unnamed),
            **{key: of_repeat(item, makers) for key, item in named},
        )
        @workflow.output(
            **{key: into_repeat(item) for key, item in given.output.kwpaths.items()}
        )
        @workflow.log(*map(into_repeat, given.log.paths))
        @workflow.params(**changed.get(name, {}))
        @workflow.run
        def repeated():
            pass

        # A profile gives the first split's rules their resources.
        getattr(rules, f"repeat_{name}").rule.resources = maker.resources


def check_whole(one):
    """Stop before the first job where a rule with a script is not complete (`strokeclock.rules`)."""
    reports = [get_flag_value(file, "report") for file in one.output]
    try:
        check_rule(
            one.name,
            script=(Path(one.snakefile).parent / one.script).resolve(),
            has_log=bool(one.log),
            has_conda=one.conda_env is not None,
            params=dict(one.params.items()),
            captions=[Path(report.caption).resolve() for report in reports if report],
        )
    except StrokeclockError as error:
        raise WorkflowError(str(error)) from None


def code_of(script, wildcards):
    """As a rule's param: the digest of its script and of all code that the script imports."""
    return digest_code(script)


def remove_false_tables():
    """Remove the tables whose files are missing or changed, so that their batches are made again."""
    keeps_volumes = config["preprocessing"]["keep_volumes"]
    dropped = set() if keeps_volumes else read_dropped(plan.dropped)
    tables = {*patients.all_tables, *patients.tables_of("radiomics")}
    for table in tables.union(
        plan.repeats.hemispheres(patients.tables_of("hemispheres"))
    ):
        if Path(table).is_file() and (damage := find_damage(table, dropped=dropped)):
            logger.warning(f"{damage}; its batch is made again.")
            Path(table).unlink()


def rule_graph():
    """Return rule -> its file, and the rules whose outputs it takes, of all rules of the whole run.

    Batches, patients, folds and seeds are not distinguished. Of several splits the first is shown.
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
            if key not in ("batch", "patient", "fold", "seed")
        )
        if case in seen:
            continue
        seen.add(case)
        for file in taker.expand_input(Wildcards(fromdict=wildcards))[0]:
            if file.startswith(f"{RUN}/repeats/"):
                continue
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
