# Tables 1 and 2.


rule table1:
    input:
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        split=settled(f"{RUN}/cohort/split.tsv"),
        exclusions=settled(f"{RUN}/cohort/exclusions.tsv"),
    output:
        table=report(
            f"{RUN}/tables/table1.csv",
            caption="../report/table1.rst",
            category="Tables",
            labels={"table": "1", "what": "demographics"},
        ),
    log:
        f"{LOG}/tables/table1.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(5),
    script:
        "../scripts/table1.py"


rule fit_operating_points:
    input:
        predictions=plan.predictions.all,
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        split=settled(f"{RUN}/cohort/split.tsv"),
    output:
        thresholds=f"{RUN}/fitted/thresholds.json",
        temperatures=f"{RUN}/fitted/temperatures.json",
        abstention=f"{RUN}/fitted/abstention.json",
    log:
        f"{LOG}/fitted/operating_points.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        settings={
            key: config["evaluation"][key] for key in ("threshold", "fixed_threshold")
        },
        tasks=plan.tasks.below_min,
    script:
        "../scripts/fit_operating_points.py"


rule fit_side:
    input:
        predictions=plan.predictions.of_networks,
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        split=settled(f"{RUN}/cohort/split.tsv"),
    output:
        fitted=f"{RUN}/fitted/side.json",
    log:
        f"{LOG}/fitted/side.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        tasks=plan.tasks.below_min,
    script:
        "../scripts/fit_side.py"


rule table2:
    input:
        predictions=plan.predictions.all,
        thresholds=f"{RUN}/fitted/thresholds.json",
        paper=BASE / "resources/table2_paper.csv",
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        split=settled(f"{RUN}/cohort/split.tsv"),
        exclusions=settled(f"{RUN}/cohort/exclusions.tsv"),
        readers=patients.readers or [],
    output:
        table=report(
            f"{RUN}/tables/table2.csv",
            caption="../report/table2.rst",
            category="Tables",
            labels={"table": "2", "what": "results beside the paper's"},
        ),
        accesses=report(
            f"{RUN}/accesses.tsv",
            caption="../report/ledger.rst",
            category="Provenance",
            labels={"what": "test-set accesses"},
        ),
    log:
        f"{LOG}/tables/table2.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        settings=plan.evaluation.intervals,
        tasks=plan.tasks.below_min,
        recipe=config["recipe"],
        run=config["run"],
        # a param, because it belongs to all runs: Snakemake deletes outputs, and lets one process have them
        ledger=plan.evaluation.ledger,
        not_run=[
            [*scorer, reason] for scorer, reason in plan.predictions.not_run.items()
        ],
    script:
        "../scripts/table2.py"
