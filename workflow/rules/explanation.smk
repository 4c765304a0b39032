# How the networks' scores depend on the lesion: Grad-CAM on lesions, and occlusion; and the worst errors with images.


rule gradcam_overlap:
    input:
        **LEARNED_FROM,
        models=expand(
            f"{RUN}/models/{{run}}/model.pt", run=plan.explanation.gradcam_runs
        ),
        volumes=settled(f"{RUN}/lesions/volumes.tsv"),
    output:
        table=report(
            f"{RUN}/tables/gradcam_overlap.csv",
            caption="../report/gradcam_overlap.rst",
            category="Further statistics",
            labels={"what": "Grad-CAM on lesions"},
        ),
    log:
        f"{LOG}/tables/gradcam_overlap.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
        gpu=plan.gpus,
    params:
        channels=plan.networks.channels,
        layer=config["evaluation"]["gradcam_layer"],
        threads=config["training"]["threads"],
        device=config["training"]["device"],
        confidence=config["evaluation"]["confidence"],
        bootstraps=config["evaluation"]["bootstraps"],
    script:
        "../scripts/gradcam_overlap.py"


rule occlusion:
    input:
        **LEARNED_FROM,
        models=expand(
            f"{RUN}/models/{{run}}/model.pt", run=plan.explanation.occlusion_runs
        ),
        volumes=settled(f"{RUN}/lesions/volumes.tsv"),
        grid=f"{RUN}/atlas/grid.nii.gz",
    output:
        table=report(
            f"{RUN}/tables/occlusion.csv",
            caption="../report/occlusion.rst",
            category="Further statistics",
            labels={"what": "lesions painted over"},
        ),
    log:
        f"{LOG}/tables/occlusion.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
        gpu=plan.gpus,
    params:
        channels=plan.networks.channels,
        threads=config["training"]["threads"],
        device=config["training"]["device"],
        confidence=config["evaluation"]["confidence"],
        bootstraps=config["evaluation"]["bootstraps"],
    script:
        "../scripts/occlusion.py"


rule worst_errors:
    input:
        predictions=plan.predictions.all,
        thresholds=f"{RUN}/fitted/thresholds.json",
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        split=settled(f"{RUN}/cohort/split.tsv"),
        volumes=settled(f"{RUN}/lesions/volumes.tsv"),
        preprocessed=patients.preprocessed_tables,
    output:
        table=f"{RUN}/tables/worst_errors.csv",
        svg=report(
            f"{RUN}/figures/worst_errors.svg",
            caption="../report/worst_errors.rst",
            category="Further statistics",
            labels={"what": "worst errors"},
        ),
        png=f"{RUN}/figures/worst_errors.png",
    log:
        f"{LOG}/tables/worst_errors.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        tasks=plan.tasks.below_min,
    script:
        "../scripts/worst_errors.py"
