# Another hospital's patients of known onset, read with a frozen bundle: snakemake external.

from strokeclock.cohort.reading_sheet import read_patients_to_read

EXTERNAL = config["external"]
OF_OWN_RUN = not EXTERNAL["sheet"]  # the part external of this run's cohort
TESTED = EXTERNAL["bundle"] or f"{RUN}/bundle/model.zip"
FAR = f"{RUN}/external"

try:
    others = (
        None
        if OF_OWN_RUN
        else read_patients_to_read(
            EXTERNAL["sheet"], most=config["preprocessing"]["patients_per_job"]
        )
    )
    if others and workflow.is_main_process:
        for excluded, reason in others.cohort.exclusions.items():
            logger.warning(f"patient {excluded} is excluded: {reason}.")
except StrokeclockError as error:
    raise WorkflowError(str(error)) from None

# The tables that the evaluation reads.
JOINED = {
    "readings": f"{FAR}/readings.tsv",
    "operating": f"{FAR}/operating.json",
    "cohort": f"{FAR}/cohort.tsv",
    "exclusions": f"{FAR}/exclusions.tsv",
}


if OF_OWN_RUN:
    EXTERNAL_BATCHES = patients.batches
    ENTERED = {
        "entered": settled(f"{RUN}/cohort/cohort.tsv"),
        "entry_exclusions": settled(f"{RUN}/cohort/exclusions.tsv"),
        "split": settled(f"{RUN}/cohort/split.tsv"),
    }
    OF_SPLIT = {"split": settled(f"{RUN}/cohort/split.tsv")}
else:
    EXTERNAL_BATCHES = others.batches
    ENTERED = {
        "entered": f"{FAR}/entered.tsv",
        "entry_exclusions": f"{FAR}/entry_exclusions.tsv",
    }
    OF_SPLIT = {}

    rule external_cohort:
        input:
            sheet=EXTERNAL["sheet"],
        output:
            table=f"{FAR}/entered.tsv",
            exclusions=f"{FAR}/entry_exclusions.tsv",
        log:
            f"{LOG}/external/cohort.log",
        conda:
            "../../envs/preprocessing.yaml"
        threads: 1
        resources:
            mem_mb=500,
            runtime=5,
        params:
            needed=[],
            require_onset=False,
            exclude={},
        script:
            "../scripts/cohort.py"


def external_files_of(wildcards):
    """The files of a batch of external patients."""
    if OF_OWN_RUN:
        return patients.raw_files_of(patients.of_batch(wildcards.batch))
    return others.files_of(wildcards.batch)


def external_studies_of(wildcards):
    """As a rule's param: patient -> raw, b_value, field_t and side, of a batch."""
    if OF_OWN_RUN:
        return patients.studies(wildcards.batch)
    return others.studies(wildcards.batch, side="sheet")


rule external_self_test:
    input:
        bundle=TESTED,
    output:
        passed=f"{FAR}/self_test.txt",
    log:
        f"{LOG}/external/self_test.log",
    conda:
        "../../envs/reading.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=6000,
        runtime=30,
    params:
        device=config["training"]["device"],
        threads=config["training"]["threads"],
    script:
        "../scripts/self_test.py"


rule read_external:
    input:
        external_files_of,
        **OF_SPLIT,
        bundle=TESTED,
        passed=rules.external_self_test.output.passed,
    output:
        readings=f"{FAR}/batches/{{batch}}.tsv",
        seen=f"{FAR}/batches/{{batch}}_seen.tsv",
    log:
        f"{LOG}/external/{{batch}}.log",
    conda:
        "../../envs/reading.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=6000,
        runtime=120,
    params:
        studies=external_studies_of,
        device=config["training"]["device"],
        threads=config["training"]["threads"],
    script:
        "../scripts/read_external.py"


rule join_external:
    input:
        **ENTERED,
        batches=expand(f"{FAR}/batches/{{batch}}.tsv", batch=EXTERNAL_BATCHES),
        refused=expand(f"{FAR}/batches/{{batch}}_seen.tsv", batch=EXTERNAL_BATCHES),
    output:
        readings=f"{FAR}/readings.tsv",
        cohort=f"{FAR}/cohort.tsv",
        exclusions=f"{FAR}/exclusions.tsv",
    log:
        f"{LOG}/external/join.log",
    conda:
        "../../envs/reading.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    script:
        "../scripts/join_external.py"


rule frozen_numbers:
    input:
        bundle=TESTED,
    output:
        operating=f"{FAR}/operating.json",
        summary=f"{FAR}/summary.json",
    log:
        f"{LOG}/external/frozen_numbers.log",
    conda:
        "../../envs/reading.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=5,
    script:
        "../scripts/frozen_numbers.py"
