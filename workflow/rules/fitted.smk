# The fitted small models, as files of numbers.


rule fit_ratio:
    input:
        **LEARNED_FROM,
    output:
        fitted=expand(f"{RUN}/fitted/{{row}}.json", row=plan.baselines.ratio_rows),
    log:
        f"{LOG}/fitted/ratios.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        channels=config["models"]["channels"],
        tasks=plan.tasks.below_min,
    script:
        "../scripts/fit_ratio.py"


rule fit_segmented:
    input:
        **LEARNED_FROM,
        fold_models=lambda wildcards: plan.segmentation.fold_models(wildcards.seed),
        model=f"{RUN}/models/{plan.segmentation.row}/seed-{{seed}}/model.pt",
    output:
        fitted=expand(
            f"{RUN}/fitted/segmentation/{{phase}}/ratios/seed-{{seed}}.json",
            phase=plan.tasks.time_phases,
            allow_missing=True,
        ),
    log:
        f"{LOG}/fitted/segmentation/seed-{{seed}}.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
        gpu=plan.gpus,
    params:
        channels=config["models"]["channels"],
        tasks=plan.tasks.below_min,
        threads=config["training"]["threads"],
        device=config["training"]["device"],
    script:
        "../scripts/fit_segmented.py"


rule fit_clinical:
    input:
        volumes=settled(f"{RUN}/lesions/volumes.tsv"),
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        split=settled(f"{RUN}/cohort/split.tsv"),
    output:
        fitted=f"{RUN}/fitted/clinical/{{phase}}/covariates.json",
    log:
        f"{LOG}/fitted/clinical/{{phase}}/covariates.log",
    wildcard_constraints:
        phase="|".join(plan.tasks.time_phases),
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        below_min=lambda wildcards: plan.tasks.below_min[wildcards.phase],
    script:
        "../scripts/fit_clinical.py"


rule fit_ml:
    input:
        features=expand(f"{RUN}/radiomics/{{batch}}.tsv", batch=patients.batches),
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        split=settled(f"{RUN}/cohort/split.tsv"),
    output:
        fitted=f"{RUN}/fitted/ml/{{phase}}/radiomics.json",
        cross_validated=f"{RUN}/radiomics/{{phase}}_cross_validated.tsv",  # names patients, so not in fitted/
    log:
        f"{LOG}/fitted/ml/{{phase}}/radiomics.log",
    wildcard_constraints:
        phase="|".join(plan.tasks.phases),
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        below_min=lambda wildcards: plan.tasks.below_min[wildcards.phase],
        classifier=config["evaluation"]["radiomics"]["classifier"],
        tuning=config["evaluation"]["radiomics"]["tuning"],
    script:
        "../scripts/fit_ml.py"
