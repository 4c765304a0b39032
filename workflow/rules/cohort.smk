# The cohort sheet, checked, and how its series were acquired.

from strokeclock.series import list_needed


rule cohort:
    input:
        sheet=patients.sheet,
    output:
        table=f"{RUN}/cohort/entered.tsv",
        exclusions=f"{RUN}/cohort/entry_exclusions.tsv",
    log:
        f"{LOG}/cohort/cohort.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(5),
    params:
        needed=list_needed(config["models"]["channels"]),
        require_onset=config["cohort"]["require_onset"],
        exclude=config["cohort"]["exclude"],
    script:
        "../scripts/cohort.py"


rule protocol:
    input:
        patients.scanned_files,
        cohort=rules.cohort.output.table,
    output:
        table=f"{RUN}/cohort/protocol.tsv",
    log:
        f"{LOG}/cohort/protocol.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
    params:
        series={patient: patients.scans(patient) for patient in patients.ids},
        b_values={patient: patients.b_value(patient) for patient in patients.ids},
    script:
        "../scripts/protocol.py"
