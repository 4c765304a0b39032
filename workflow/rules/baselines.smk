# Baselines: simple scores of the same patients, in the format of the networks' predictions.


rule predict_ratio:
    input:
        **LEARNED_FROM,
        fitted=expand(f"{RUN}/fitted/{{row}}.json", row=plan.baselines.ratio_rows),
    output:
        predictions=expand(
            f"{RUN}/predictions/{{row}}/seed-0.tsv", row=plan.baselines.ratio_rows
        ),
    log:
        f"{LOG}/predictions/ratios.log",
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
        "../scripts/predict_ratio.py"


rule predict_segmented:
    input:
        **LEARNED_FROM,
        fitted=expand(
            f"{RUN}/fitted/segmentation/{{phase}}/ratios/seed-{{seed}}.json",
            phase=plan.tasks.time_phases,
            allow_missing=True,
        ),
        model=f"{RUN}/models/{plan.segmentation.row}/seed-{{seed}}/model.pt",
    output:
        predictions=expand(
            f"{RUN}/predictions/segmentation/{{phase}}/ratios/seed-{{seed}}.tsv",
            phase=plan.tasks.time_phases,
            allow_missing=True,
        ),
    log:
        f"{LOG}/predictions/segmentation/seed-{{seed}}.log",
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
        "../scripts/predict_segmented.py"


rule join_predictions:
    input:
        SETTLED,
        network=lambda wildcards: expand(
            f"{RUN}/predictions/{wildcards.net}/{wildcards.phase}/{{start}}/seed-{{seed}}.tsv",
            start=plan.trainings.chained[wildcards.net, wildcards.phase],
            seed=plan.trainings.seeds,
        ),
        segmented=expand(
            f"{RUN}/predictions/segmentation/{{phase}}/ratios/seed-{{seed}}.tsv",
            seed=plan.trainings.seeds,
            allow_missing=True,
        ),
    output:
        predictions=expand(
            f"{RUN}/predictions/segmentation/{{phase}}/{{net}}/seed-{{seed}}.tsv",
            seed=plan.trainings.seeds,
            allow_missing=True,
        ),
    log:
        f"{LOG}/predictions/segmentation/{{phase}}/{{net}}.log",
    wildcard_constraints:
        phase="|".join(plan.tasks.time_phases),
        net="|".join(networks()),
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(5),
    script:
        "../scripts/join_predictions.py"


rule predict_clinical:
    input:
        fitted=f"{RUN}/fitted/clinical/{{phase}}/covariates.json",
        volumes=settled(f"{RUN}/lesions/volumes.tsv"),
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        split=settled(f"{RUN}/cohort/split.tsv"),
    output:
        predictions=f"{RUN}/predictions/clinical/{{phase}}/covariates/seed-0.tsv",
    log:
        f"{LOG}/predictions/clinical/{{phase}}/covariates.log",
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
        "../scripts/predict_clinical.py"


rule radiomics:
    input:
        tissue_maps_of,
        preprocessed=preprocessed_table,
        white_matter=f"{RUN}/atlas/white_matter_grid.nii.gz",
    output:
        table=patients.table_of("radiomics"),
        features=f"{RUN}/radiomics/{{batch}}.tsv",
    log:
        f"{LOG}/radiomics/{{batch}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(15),
    params:
        infarcts=files_of({"infarct": "radiomics/{patient}.nii.gz"}),
        white_matter_share=config["evaluation"]["radiomics"]["white_matter_share"],
        tissue_maps=config["evaluation"]["radiomics"]["tissue_maps"],
        adc_share=config["evaluation"]["radiomics"]["adc_share"],
        dwi_sd=config["evaluation"]["radiomics"]["dwi_sd"],
        min_infarct_ml=config["evaluation"]["radiomics"]["min_infarct_ml"],
        flair_ratio_below=config["evaluation"]["radiomics"]["flair_ratio_below"],
    script:
        "../scripts/radiomics.py"


rule predict_ml:
    input:
        fitted=f"{RUN}/fitted/ml/{{phase}}/radiomics.json",
        cross_validated=f"{RUN}/radiomics/{{phase}}_cross_validated.tsv",
        features=expand(f"{RUN}/radiomics/{{batch}}.tsv", batch=patients.batches),
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        split=settled(f"{RUN}/cohort/split.tsv"),
    output:
        predictions=f"{RUN}/predictions/ml/{{phase}}/radiomics/seed-0.tsv",
        record=f"{RUN}/radiomics/{{phase}}.json",
    log:
        f"{LOG}/predictions/ml/{{phase}}/radiomics.log",
    wildcard_constraints:
        phase="|".join(plan.tasks.phases),
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        below_min=lambda wildcards: plan.tasks.below_min[wildcards.phase],
        classifier=config["evaluation"]["radiomics"]["classifier"],
        tuning=config["evaluation"]["radiomics"]["tuning"],
    script:
        "../scripts/predict_ml.py"


rule ml_baseline:
    input:
        predictions=plan.predictions.all,
        record=next(
            (
                f"{RUN}/radiomics/{phase}.json"
                for phase in plan.baselines.radiomics_phases
            ),
            [],
        ),
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        split=settled(f"{RUN}/cohort/split.tsv"),
    output:
        table=report(
            f"{RUN}/tables/ml_baseline.csv",
            caption="../report/ml_baseline.rst",
            category="Tables",
            labels={"what": "radiomics baseline beside the networks"},
        ),
    log:
        f"{LOG}/tables/ml_baseline.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        confidence=config["evaluation"]["confidence"],
        tasks=plan.tasks.below_min,
    script:
        "../scripts/ml_baseline.py"
