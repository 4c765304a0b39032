# Who the patients are and how they were scanned, and what the trainings took in time and memory.

WHO = {
    "cohort": settled(f"{RUN}/cohort/cohort.tsv"),
    "split": settled(f"{RUN}/cohort/split.tsv"),
}


rule flow:
    input:
        **WHO,
        exclusions=settled(f"{RUN}/cohort/exclusions.tsv"),
        quality=settled(f"{RUN}/quality/quality.tsv"),
        volumes=settled(f"{RUN}/lesions/volumes.tsv"),
        table2=f"{RUN}/tables/table2.csv",
        end_to_end=f"{RUN}/tables/end_to_end.csv",
    output:
        table=f"{RUN}/tables/flow.csv",
        svg=report(
            f"{RUN}/figures/flow.svg",
            caption="../report/flow.rst",
            category="Patients",
            labels={"what": "flow diagram"},
        ),
        png=f"{RUN}/figures/flow.png",
    log:
        f"{LOG}/tables/flow.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        left_out=list(config["cohort"]["exclude"]),
        tasks=plan.tasks.below_min,
    script:
        "../scripts/flow.py"


rule case_mix:
    input:
        **WHO,
        volumes=settled(f"{RUN}/lesions/volumes.tsv"),
        protocol=plan.protocols,
    output:
        table=f"{RUN}/tables/case_mix.csv",
        svg=report(
            f"{RUN}/figures/case_mix.svg",
            caption="../report/case_mix.rst",
            category="Patients",
            labels={"what": "case mix of the parts"},
        ),
        png=f"{RUN}/figures/case_mix.png",
    log:
        f"{LOG}/tables/case_mix.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        tasks=plan.tasks.below_min,
    script:
        "../scripts/case_mix.py"


rule onset:
    input:
        **WHO,
    output:
        svg=report(
            f"{RUN}/figures/onset.svg",
            caption="../report/onset.rst",
            category="Patients",
            labels={"what": "time from onset to MRI"},
        ),
        png=f"{RUN}/figures/onset.png",
    log:
        f"{LOG}/figures/onset.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        tasks=plan.tasks.below_min,
    script:
        "../scripts/onset.py"


rule protocol_table:
    input:
        **WHO,
        protocol=plan.protocols,
    output:
        table=report(
            f"{RUN}/tables/protocol.csv",
            caption="../report/protocol.rst",
            category="Patients",
            labels={"what": "protocols"},
        ),
    log:
        f"{LOG}/tables/protocol.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    script:
        "../scripts/protocol_table.py"


rule missing:
    input:
        **WHO,
        volumes=settled(f"{RUN}/lesions/volumes.tsv"),
        protocol=plan.protocols,
    output:
        table=report(
            f"{RUN}/tables/missing.csv",
            caption="../report/missing.rst",
            category="Patients",
            labels={"what": "missing data"},
        ),
    log:
        f"{LOG}/tables/missing.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    script:
        "../scripts/missing.py"


rule training_costs:
    input:
        SETTLED,
        records=plan.trainings.records,
        costs=plan.trainings.costs,
    output:
        table=report(
            f"{RUN}/tables/training.tsv",
            caption="../report/training.rst",
            category="Training",
            labels={"what": "time and memory"},
        ),
    log:
        f"{LOG}/tables/training.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    script:
        "../scripts/training_costs.py"
