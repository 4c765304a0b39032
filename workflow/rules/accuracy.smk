# Diagnostic accuracy beyond Table 2: predictive values, wanted rates, interactions, readers with the model, sample size.

MEASURED = {
    "predictions": plan.predictions.all,
    "cohort": settled(f"{RUN}/cohort/cohort.tsv"),
    "split": settled(f"{RUN}/cohort/split.tsv"),
}
CALLED = {
    "exclusions": settled(f"{RUN}/cohort/exclusions.tsv"),
    "readers": patients.readers or [],
}


rule accuracy:
    input:
        **MEASURED,
        **CALLED,
        thresholds=f"{RUN}/fitted/thresholds.json",
    output:
        table=report(
            f"{RUN}/tables/accuracy.csv",
            caption="../report/accuracy.rst",
            category="Further statistics",
            labels={"what": "diagnostic accuracy"},
        ),
    log:
        f"{LOG}/tables/accuracy.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        settings=plan.evaluation.intervals,
        tasks=plan.tasks.below_min,
    script:
        "../scripts/accuracy.py"


rule fit_wanted_rates:
    input:
        **MEASURED,
    output:
        fitted=f"{RUN}/fitted/wanted_rates.json",
    log:
        f"{LOG}/fitted/wanted_rates.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        tasks=plan.tasks.below_min,
    script:
        "../scripts/fit_wanted_rates.py"


rule wanted_rates:
    input:
        **MEASURED,
        wanted_rates=rules.fit_wanted_rates.output.fitted,
    output:
        table=report(
            f"{RUN}/tables/wanted_rates.csv",
            caption="../report/wanted_rates.rst",
            category="Further statistics",
            labels={"what": "sensitivity at a wanted specificity"},
        ),
    log:
        f"{LOG}/tables/wanted_rates.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        settings=plan.evaluation.intervals,
        tasks=plan.tasks.below_min,
    script:
        "../scripts/wanted_rates.py"


rule interactions:
    input:
        **MEASURED,
        volumes=settled(f"{RUN}/lesions/volumes.tsv"),
        protocols=plan.protocols,
        thresholds=f"{RUN}/fitted/thresholds.json",
    output:
        table=report(
            f"{RUN}/tables/interactions.csv",
            caption="../report/interactions.rst",
            category="Further statistics",
            labels={"what": "differences between groups of patients"},
        ),
    log:
        f"{LOG}/tables/interactions.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        tasks=plan.tasks.below_min,
    script:
        "../scripts/interactions.py"


rule readers:
    input:
        **MEASURED,
        **CALLED,
    output:
        table=report(
            f"{RUN}/tables/readers.csv",
            caption="../report/readers.rst",
            category="Further statistics",
            labels={"what": "readers without and with the model"},
        ),
    log:
        f"{LOG}/tables/readers.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        settings=plan.evaluation.intervals,
        tasks=plan.tasks.below_min,
    script:
        "../scripts/readers.py"


rule sample_size:
    input:
        **MEASURED,
    output:
        table=report(
            f"{RUN}/tables/sample_size.csv",
            caption="../report/sample_size.rst",
            category="Further statistics",
            labels={"what": "sample size"},
        ),
    log:
        f"{LOG}/tables/sample_size.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        settings=plan.evaluation.intervals,
        tasks=plan.tasks.below_min,
    script:
        "../scripts/sample_size.py"
