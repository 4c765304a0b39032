# The cohort sheet, checked.

from strokeclock.series import list_needed


rule cohort:
    input:
        sheet=patients.sheet,
    output:
        table=f"{RUN}/cohort/cohort.tsv",
        exclusions=f"{RUN}/cohort/entry_exclusions.tsv",
    log:
        f"{LOG}/cohort/cohort.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        needed=list_needed(config["models"]["channels"]),
        require_onset=config["cohort"]["require_onset"],
        exclude=config["cohort"]["exclude"],
    script:
        "../scripts/cohort.py"
