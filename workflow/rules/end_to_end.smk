# The test as for a new patient: the run's own networks find the lesion's side, and the hemisphere found is scored.

END_TO_END = f"{RUN}/end_to_end"
SIDED = {
    "sides": f"{END_TO_END}/sides.tsv",
    "manifest": SETTLED,
    "split": settled(f"{RUN}/cohort/split.tsv"),
}
UNDIVIDED = {
    "cohort": settled(f"{RUN}/cohort/cohort.tsv"),
    "split": settled(f"{RUN}/cohort/split.tsv"),
    "exclusions": settled(f"{RUN}/cohort/exclusions.tsv"),
    "manifest": SETTLED,
}


# Test patients, by their predictions; and the patients in no part, whom nothing has scored before.
rule find_sides:
    input:
        **UNDIVIDED,
        models=expand(
            f"{RUN}/models/{{place}}/model.pt", place=plan.end_to_end.detectors
        ),
        predictions=expand(
            f"{RUN}/predictions/{{place}}.tsv", place=plan.end_to_end.detectors
        ),
        fitted=f"{RUN}/fitted/side.json",
        quality=settled(f"{RUN}/quality/quality.tsv"),
    output:
        detected=f"{END_TO_END}/detected.tsv",
        sides=f"{END_TO_END}/sides.tsv",
    log:
        f"{LOG}/end_to_end/sides.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
        gpu=plan.gpus,
    params:
        channels=plan.networks.channels,
        threads=config["training"]["threads"],
        device=config["training"]["device"],
        tasks=plan.tasks.below_min,
    script:
        "../scripts/find_sides.py"


rule find_unlike:
    input:
        **UNDIVIDED,
        quality=settled(f"{RUN}/quality/quality.tsv"),
    output:
        unlike=f"{END_TO_END}/unlike.tsv",
    log:
        f"{LOG}/end_to_end/unlike.log",
    conda:
        reading_environment(config["preprocessing"]["toolchain"])
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        series=config["models"]["channels"],
    script:
        "../scripts/find_unlike.py"


# Few hemispheres: those that the rows' predictions do not hold. One job for all networks and seeds.
rule predict_found:
    input:
        **SIDED,
        models=expand(
            f"{RUN}/models/{{place}}/model.pt", place=plan.end_to_end.timed_by_networks
        ),
        predictions=expand(
            f"{RUN}/predictions/{{place}}.tsv", place=plan.end_to_end.timed_by_networks
        ),
    output:
        scores=expand(
            f"{END_TO_END}/{{place}}.tsv", place=plan.end_to_end.timed_by_networks
        ),
    log:
        f"{LOG}/end_to_end/networks.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
        gpu=plan.gpus,
    params:
        channels=plan.networks.channels,
        threads=config["training"]["threads"],
        device=config["training"]["device"],
    script:
        "../scripts/predict_found.py"


rule predict_ratio_found:
    input:
        **SIDED,
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        fitted=expand(f"{RUN}/fitted/{{row}}.json", row=plan.baselines.ratio_rows),
        predictions=expand(
            f"{RUN}/predictions/{{row}}/seed-0.tsv", row=plan.baselines.ratio_rows
        ),
    output:
        scores=expand(f"{END_TO_END}/{{row}}/seed-0.tsv", row=plan.baselines.ratio_rows),
    log:
        f"{LOG}/end_to_end/ratios.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        channels=config["models"]["channels"],
        tasks=plan.tasks.below_min,
    script:
        "../scripts/predict_ratio_found.py"


rule predict_segmented_found:
    input:
        **SIDED,
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        fitted=expand(
            f"{RUN}/fitted/{{place}}.json", place=plan.baselines.segmented_places
        ),
        models=[
            f"{RUN}/models/{plan.segmentation.row}/{Path(place).name}/model.pt"
            for place in plan.baselines.segmented_places
        ],
        predictions=expand(
            f"{RUN}/predictions/{{place}}.tsv", place=plan.baselines.segmented_places
        ),
    output:
        scores=expand(
            f"{END_TO_END}/{{place}}.tsv", place=plan.baselines.segmented_places
        ),
    log:
        f"{LOG}/end_to_end/segmentations.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
        gpu=plan.gpus,
    params:
        channels=config["models"]["channels"],
        tasks=plan.tasks.below_min,
        threads=config["training"]["threads"],
        device=config["training"]["device"],
    script:
        "../scripts/predict_segmented_found.py"


rule join_found:
    input:
        network=[
            f"{END_TO_END}/{parts['network']}.tsv"
            for parts in plan.end_to_end.timed_jointly.values()
        ],
        segmented=[
            f"{END_TO_END}/{parts['regression']}.tsv"
            for parts in plan.end_to_end.timed_jointly.values()
        ],
    output:
        scores=expand(
            f"{END_TO_END}/{{place}}.tsv", place=plan.end_to_end.timed_jointly
        ),
    log:
        f"{LOG}/end_to_end/joined.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(5),
    script:
        "../scripts/join_found.py"


rule end_to_end:
    input:
        predictions=expand(
            f"{RUN}/predictions/{{place}}.tsv", place=plan.end_to_end.timed
        ),
        scores=expand(f"{END_TO_END}/{{place}}.tsv", place=plan.end_to_end.timed),
        sides=f"{END_TO_END}/sides.tsv",
        unlike=f"{END_TO_END}/unlike.tsv",
        fitted=f"{RUN}/fitted/side.json",
        thresholds=f"{RUN}/fitted/thresholds.json",
        abstention=f"{RUN}/fitted/abstention.json",
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        split=settled(f"{RUN}/cohort/split.tsv"),
        exclusions=settled(f"{RUN}/cohort/exclusions.tsv"),
        file=config["split"]["file"] or [],
    output:
        table=report(
            f"{RUN}/tables/end_to_end.csv",
            caption="../report/end_to_end.rst",
            category="Further statistics",
            labels={"what": "end to end"},
        ),
        svg=report(
            f"{RUN}/figures/end_to_end.svg",
            caption="../report/end_to_end.rst",
            category="Further statistics",
            labels={"what": "end to end, drawn"},
        ),
        png=f"{RUN}/figures/end_to_end.png",
    log:
        f"{LOG}/end_to_end/end_to_end.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        external=config["split"]["external"],
        coverage=config["bundle"]["coverage"],
        settings=plan.evaluation.intervals,
        tasks=plan.tasks.below_min,
    script:
        "../scripts/end_to_end.py"
