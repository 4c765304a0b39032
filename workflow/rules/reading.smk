# Patients of unknown onset, read with a bundle: snakemake read. It touches no training run.

from strokeclock.bundle.peek import find_toolchain
from strokeclock.cohort.reading_sheet import read_patients_to_read

READING = config["reading"]

try:
    to_read = read_patients_to_read(
        READING["sheet"], most=config["preprocessing"]["patients_per_job"]
    )
    if workflow.is_main_process:
        for excluded, reason in to_read.cohort.exclusions.items():
            logger.warning(f"patient {excluded} is not read: {reason}.")
except StrokeclockError as error:
    raise WorkflowError(str(error)) from None


rule self_test:
    input:
        bundle=READING["bundle"],
    output:
        passed=f"{RUN}/reading/self_test.txt",
    log:
        f"{LOG}/reading/self_test.log",
    conda:
        reading_environment(find_toolchain(READING["bundle"]))
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(6000),
        runtime=growing(30),
    params:
        device=config["training"]["device"],
        threads=config["training"]["threads"],
    script:
        "../scripts/self_test.py"


rule read_batch:
    input:
        lambda wildcards: to_read.files_of(wildcards.batch),
        bundle=READING["bundle"],
        passed=rules.self_test.output.passed,
    output:
        table=f"{RUN}/batches/reading/{{batch}}.tsv",
    log:
        f"{LOG}/reading/{{batch}}.log",
    conda:
        reading_environment(find_toolchain(READING["bundle"]))
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(6000),
        runtime=growing(120),
    params:
        studies=lambda wildcards: to_read.studies(wildcards.batch, side=READING["side"]),
        readings=lambda wildcards: {
            patient: {
                "reading": f"{RUN}/reading/{patient}/reading.json",
                "page": f"{RUN}/reading/{patient}/index.html",
            }
            for patient in to_read.of_batch(wildcards.batch)
        },
        device=config["training"]["device"],
        threads=config["training"]["threads"],
    script:
        "../scripts/read_batch.py"


rule list_readings:
    input:
        tables=expand(f"{RUN}/batches/reading/{{batch}}.tsv", batch=to_read.batches),
    output:
        listing=f"{RUN}/reading/patients.tsv",
    log:
        f"{LOG}/reading/list.log",
    conda:
        reading_environment(find_toolchain(READING["bundle"]))
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(5),
    script:
        "../scripts/list_readings.py"


rule read:
    """Read the patients of a sheet with a bundle (keys reading.bundle and reading.sheet)."""
    input:
        rules.list_readings.output,
