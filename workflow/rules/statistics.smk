# What the paper lacks: paired tests, calibration, decision curves, abstention, subgroups, the side. From predictions and checks.

JUDGED = {
    "predictions": plan.predictions.all,
    "cohort": settled(f"{RUN}/cohort/cohort.tsv"),
    "split": settled(f"{RUN}/cohort/split.tsv"),
}
READ = {
    "exclusions": settled(f"{RUN}/cohort/exclusions.tsv"),
    "readers": patients.readers or [],
}


rule comparisons:
    input:
        **JUDGED,
        **READ,
        thresholds=f"{RUN}/fitted/thresholds.json",
    output:
        table=report(
            f"{RUN}/tables/comparisons.csv",
            caption="../report/comparisons.rst",
            category="Further statistics",
            labels={"what": "paired tests"},
        ),
    log:
        f"{LOG}/tables/comparisons.log",
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
        "../scripts/comparisons.py"


rule calibration:
    input:
        **JUDGED,
        temperatures=f"{RUN}/fitted/temperatures.json",
    output:
        table=f"{RUN}/tables/calibration.csv",
        reliability=f"{RUN}/tables/reliability.csv",
        svg=report(
            f"{RUN}/figures/calibration.svg",
            caption="../report/calibration.rst",
            category="Further statistics",
            labels={"what": "calibration"},
        ),
        png=f"{RUN}/figures/calibration.png",
    log:
        f"{LOG}/tables/calibration.log",
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
        "../scripts/calibration.py"


rule decision_curve:
    input:
        **JUDGED,
        **READ,
        temperatures=f"{RUN}/fitted/temperatures.json",
    output:
        table=f"{RUN}/tables/decision_curve.csv",
        svg=report(
            f"{RUN}/figures/decision_curve.svg",
            caption="../report/decision_curve.rst",
            category="Further statistics",
            labels={"what": "decision curves"},
        ),
        png=f"{RUN}/figures/decision_curve.png",
    log:
        f"{LOG}/tables/decision_curve.log",
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
        "../scripts/decision_curve.py"


rule abstention:
    input:
        **JUDGED,
        abstention=f"{RUN}/fitted/abstention.json",
    output:
        table=f"{RUN}/tables/abstention.csv",
        svg=report(
            f"{RUN}/figures/abstention.svg",
            caption="../report/abstention.rst",
            category="Further statistics",
            labels={"what": "abstention"},
        ),
        png=f"{RUN}/figures/abstention.png",
    log:
        f"{LOG}/tables/abstention.log",
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
        "../scripts/abstention.py"


rule subgroups:
    input:
        **JUDGED,
        volumes=settled(f"{RUN}/lesions/volumes.tsv"),
        protocols=plan.protocols,
        thresholds=f"{RUN}/fitted/thresholds.json",
    output:
        table=f"{RUN}/tables/subgroups.csv",
        svg=report(
            f"{RUN}/figures/subgroups.svg",
            caption="../report/subgroups.rst",
            category="Further statistics",
            labels={"what": "groups of patients"},
        ),
        png=f"{RUN}/figures/subgroups.png",
    log:
        f"{LOG}/tables/subgroups.log",
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
        "../scripts/subgroups.py"


rule sides:
    input:
        predictions=plan.predictions.of_networks,
        fitted=f"{RUN}/fitted/side.json",
        quality=settled(f"{RUN}/quality/quality.tsv"),
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        split=settled(f"{RUN}/cohort/split.tsv"),
    output:
        table=report(
            f"{RUN}/tables/sides.csv",
            caption="../report/sides.rst",
            category="Further statistics",
            labels={"what": "the lesion's side"},
        ),
    log:
        f"{LOG}/tables/sides.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        settings=plan.evaluation.intervals,
        tasks=plan.tasks.below_min,
    script:
        "../scripts/sides.py"
