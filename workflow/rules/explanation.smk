# What the networks make of the lesion.

# Of the first seed. Figure 9: all networks for TSS < 4.5 h, from scratch and at the end of the chain. Occlusion:
# phase 1 and the rest of the chain, too.
FIRST_RUNS = [
    run
    for run in sorted(RUNS)  # network beside network
    if run.seed == config["training"]["seeds"][0] and run.phase in TASKS
]
FROM_SCRATCH = ("phase3_tss4h5", "random")
GRADCAM_RUNS = [
    f"{run.net}/{run.phase}/{run.weights}/seed-{run.seed}"
    for run in FIRST_RUNS
    if run[1:3] in (FROM_SCRATCH, ("phase4_attention", "phase3"))
]
OCCLUSION_RUNS = [
    f"{run.net}/{run.phase}/{run.weights}/seed-{run.seed}"
    for run in FIRST_RUNS
    if TASKS[run.phase].both_hemispheres
    or run.weights.startswith("phase")
    or run[1:3] == FROM_SCRATCH
]


rule gradcam_overlap:
    input:
        **LEARNED_FROM,
        models=expand(f"{RUN}/models/{{run}}/model.pt", run=GRADCAM_RUNS),
        volumes=VOLUMES,
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
        "../../envs/evaluation.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=8000,
        runtime=120,
        gpu=GPUS,
    params:
        channels=CHANNELS,
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
        models=expand(f"{RUN}/models/{{run}}/model.pt", run=OCCLUSION_RUNS),
        volumes=VOLUMES,
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
        "../../envs/evaluation.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=8000,
        runtime=240,
        gpu=GPUS,
    params:
        channels=CHANNELS,
        threads=config["training"]["threads"],
        device=config["training"]["device"],
        confidence=config["evaluation"]["confidence"],
        bootstraps=config["evaluation"]["bootstraps"],
    script:
        "../scripts/occlusion.py"


LESION_TABLES = [
    rules.lesion_volumes.output.volumes,
    rules.gradcam_overlap.output.table,
    rules.occlusion.output.table,
]
