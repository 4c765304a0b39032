# The page to read, and the text of the first page of `snakemake --report`.


report: "../report/workflow.rst"


rule results_page:
    input:
        SETTLED,
        made=[
            f"{RUN}/cohort/cohort.tsv",
            f"{RUN}/cohort/split.tsv",
            f"{RUN}/cohort/exclusions.tsv",
            f"{RUN}/quality/quality.tsv",
            (
                []
                if config["preprocessing"]["intensity"]["matching"] == "none"
                else f"{RUN}/hemispheres/reference.npz"
            ),
            rules.table1.output,
            rules.table2.output,
            plan.typeset,
            plan.figures,
            plan.lesion_tables,
            plan.baseline_tables,
            plan.statistics,
            plan.records,
            plan.predictions,
            plan.baseline_predictions,
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
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        config=config,
        not_run=list(plan.missing),
    script:
        "../scripts/results_page.py"
