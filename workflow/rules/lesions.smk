# Where the lesion is, as drawn or as found, and what the networks make of it.

for lot, patients in LOTS.items():

    rule:
        name:
            f"lesions_{lot}"
        input:
            dwi=each(patients, "preprocessed/{patient}/dwi.nii.gz"),
            transform=each(
                patients, "preprocessed/{patient}/transforms/t2w_to_atlas.txt"
            ),
            drawn=[*filter(None, map(lesion_mask, patients))],
            scans=[*filter(None, map(drawn_on, patients))],
        output:
            lesion=each(patients, "lesions/{patient}.nii.gz"),
        log:
            f"{LOG}/lesions/lot_{lot}.log",
        conda:
            "../../envs/preprocessing.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=5,
        params:
            patients=patients,
            drawn=[lesion_mask(patient) for patient in patients],
            scans=[drawn_on(patient) for patient in patients],
            sides=[ROWS[patient]["lesion_side"] if ROWS else "" for patient in patients],
            code=code("imaging"),
        script:
            "../scripts/lesions.py"


rule lesion_volumes:
    input:
        lesions=each(PATIENTS, "lesions/{patient}.nii.gz"),
        transforms=each(PATIENTS, "preprocessed/{patient}/transforms/t2w_to_atlas.txt"),
    output:
        volumes=f"{RUN}/lesions/volumes.tsv",
    log:
        f"{LOG}/lesions/volumes.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        patients=PATIENTS,
        drawn=[bool(lesion_mask(patient)) for patient in PATIENTS],
        code=code("imaging"),
    script:
        "../scripts/lesion_volumes.py"


# Of the first seed. Figure 9: both networks for TSS < 4.5 h, from scratch and at the end of the chain. Occlusion:
# phase 1 and the rest of the chain, too.
FIRST_RUNS = [
    run
    for run in sorted(RUNS)  # by network: 2D beside 2D
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
        volumes=f"{RUN}/lesions/volumes.tsv",
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
        code=code("evaluation", "imaging", "models", "training"),
    script:
        "../scripts/gradcam_overlap.py"


rule occlusion:
    input:
        **LEARNED_FROM,
        models=expand(f"{RUN}/models/{{run}}/model.pt", run=OCCLUSION_RUNS),
        volumes=f"{RUN}/lesions/volumes.tsv",
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
        code=code("evaluation", "imaging", "models", "training"),
    script:
        "../scripts/occlusion.py"


LESION_TABLES = [
    rules.lesion_volumes.output.volumes,
    rules.gradcam_overlap.output.table,
    rules.occlusion.output.table,
]
