# What a person reads: one page, and the words on the first of `snakemake --report`.


report: "../report/workflow.rst"


RECORDS = [
    f"{RUN}/models/{run.net}/{run.phase}/{run.weights}/seed-{run.seed}/run.json"
    for run in RUNS
] + [
    f"{RUN}/models/{OUTLINER}/{OUTLINE}/random/seed-{seed}/run.json"
    for seed in config["training"]["seeds"]
    if HAS_OUTLINER
]


rule results_page:
    input:
        settled=SETTLED,
        made=[
            f"{RUN}/cohort/cohort.tsv",
            f"{RUN}/cohort/split.tsv",
            f"{RUN}/cohort/exclusions.tsv",
            f"{RUN}/quality/quality.tsv",
            f"{RUN}/hemispheres/reference.npz",
            rules.table1.output,
            rules.table2.output,
            TYPESET,
            FIGURES,
            LESION_TABLES,
            BASELINE_TABLES,
            STATISTICS,
            RECORDS,
            PREDICTIONS,
            BASELINE_PREDICTIONS,
        ],
        template=BASE / "workflow/report/page.html",
        captions=sorted((BASE / "workflow/report").glob("*.rst")),
    output:
        page=f"{RUN}/index.html",
    log:
        f"{LOG}/results_page.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        settings=config,
        not_run=list(MISSING),
    script:
        "../scripts/results_page.py"


PAGE = [rules.results_page.output.page]
