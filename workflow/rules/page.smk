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
            plan.evaluation.typeset,
            plan.figures.files,
            plan.evaluation.files,
            plan.trainings.records,
            plan.predictions.all,
            plan.checklists,
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
        not_run=list(plan.pretraining.missing),
    script:
        "../scripts/results_page.py"


# What `all` makes, before volumes are dropped.
rule whole_run:
    input:
        # nothing else asks for tables of batches once what is made from them is there: a missing one is made anew
        patients.all_tables,
        rules.quality_page.output,
        rules.table1.output,
        rules.table2.output,
        plan.protocols,
        plan.figures.files,
        plan.evaluation.files,
        plan.checklists,
        patients.tables_of("radiomics") if plan.baselines.radiomics_phases else [],
        plan.evaluation.typeset,
        plan.repeats.hemispheres(patients.tables_of("hemispheres")),
        plan.page,
        plan.ceilings,
        plan.bundle.files,


# Nothing that would run later reads preprocessed volumes.
rule drop_volumes:
    input:
        rules.whole_run.input,
        tables=patients.preprocessed_tables,
    output:
        dropped=plan.dropped,
    log:
        f"{LOG}/drop_volumes.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
    script:
        "../scripts/drop_volumes.py"
