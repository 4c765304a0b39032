# Where the arms imagenet and medical start from; the chain's own beginning, phase 0, stands in training.smk.

STARTING_WEIGHTS = config["starting_weights"]
# The data sets of medical images: the user's folders, or a few small files of phantom tumours.
DATA_SETS = {
    name: {
        "folder": STARTING_WEIGHTS[name]["folder"],
        "phantom": f"{RUN}/phantom/tumours/{files}",
    }.get(STARTING_WEIGHTS[name]["source"])
    for name, files in (("medical_2d", "cheng"), ("medical_3d", "kaggle_3m"))
}
# (network, arm) -> why it has no starting weights
MISSING = {
    place: f"set starting_weights.{key}"
    for place, key, found in (
        (("2d", "imagenet"), "imagenet.file", STARTING_WEIGHTS["imagenet"]["file"]),
        (("2d", "medical"), "medical_2d.source", DATA_SETS["medical_2d"]),
        (("3d", "medical"), "medical_3d.source", DATA_SETS["medical_3d"]),
    )
    if not found
}
X, Y, Z = config["preprocessing"]["grid"]
MEDICAL_SETTINGS = config["training"]["phase0_medical"] | {
    key: config["training"][key] for key in ("precision", "threads", "device")
}


rule phantom_tumours_2d:
    output:
        folder=directory(f"{RUN}/phantom/tumours/cheng"),
    log:
        f"{LOG}/phantom/tumours_2d.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=5,
    params:
        patients=10,
        slices=2,
        seed=config["phantom"]["seed"],
    script:
        "../scripts/phantom_tumours_2d.py"


rule phantom_tumours_3d:
    output:
        folder=directory(f"{RUN}/phantom/tumours/kaggle_3m"),
    log:
        f"{LOG}/phantom/tumours_3d.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=5,
    params:
        patients=5,
        slices=16,
        seed=config["phantom"]["seed"],
    script:
        "../scripts/phantom_tumours_3d.py"


rule imagenet:
    input:
        file=STARTING_WEIGHTS["imagenet"]["file"] or [],
    output:
        model=f"{RUN}/models/2d/phase0_imagenet/torchvision/seed-{{seed}}/model.pt",
        record=f"{RUN}/models/2d/phase0_imagenet/torchvision/seed-{{seed}}/run.json",
    log:
        f"{LOG}/models/2d/phase0_imagenet/torchvision/seed-{{seed}}.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=5,
    params:
        sha256=STARTING_WEIGHTS["imagenet"]["sha256"],
        width=config["models"]["2d"]["width"],
    script:
        "../scripts/imagenet.py"


rule medical_2d:
    input:
        folder=DATA_SETS["medical_2d"] or [],
    output:
        model=f"{RUN}/models/2d/phase0_medical/random/seed-{{seed}}/model.pt",
        history=f"{RUN}/models/2d/phase0_medical/random/seed-{{seed}}/history.tsv",
        record=f"{RUN}/models/2d/phase0_medical/random/seed-{{seed}}/run.json",
    log:
        f"{LOG}/models/2d/phase0_medical/random/seed-{{seed}}.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=8000,
        runtime=720,
        gpu=GPUS,
    params:
        channels=config["models"]["channels"],
        width=config["models"]["2d"]["width"],
        standardise=config["models"]["standardise"],
        grid=[X // 2, Y, Z],
        training=MEDICAL_SETTINGS,
    script:
        "../scripts/medical_2d.py"


rule medical_3d:
    input:
        folder=DATA_SETS["medical_3d"] or [],
    output:
        model=f"{RUN}/models/3d/phase0_medical/random/seed-{{seed}}/model.pt",
        history=f"{RUN}/models/3d/phase0_medical/random/seed-{{seed}}/history.tsv",
        record=f"{RUN}/models/3d/phase0_medical/random/seed-{{seed}}/run.json",
    log:
        f"{LOG}/models/3d/phase0_medical/random/seed-{{seed}}.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=32000,
        runtime=2880,
        gpu=GPUS,
    params:
        width=config["models"]["3d"]["width"],
        standardise=config["models"]["standardise"],
        grid=[X // 2, Y, Z],
        training=MEDICAL_SETTINGS,
    script:
        "../scripts/medical_3d.py"
