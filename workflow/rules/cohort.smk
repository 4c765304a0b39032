# Who the patients are.

SHEET = config["cohort"]["sheet"] or f"{RUN}/phantom/cohort.tsv"
READERS = config["cohort"]["readers"] or (
    f"{RUN}/phantom/readers.tsv" if IS_PHANTOM else []
)


rule cohort:
    input:
        sheet=SHEET,
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
