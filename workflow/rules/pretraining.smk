# Where the arms imagenet and medical start from; the chain's own beginning, phase 0, stands in training.smk.

from strokeclock.models.registry import network_taught_by
from strokeclock.training.phases import network_settings

STARTING_WEIGHTS = config["starting_weights"]
# The data sets of medical images: the user's folders, or a few small files of phantom tumours.
DATA_SETS = {
    name: {
        "folder": STARTING_WEIGHTS[name]["folder"],
        "phantom": f"{RUN}/phantom/tumours/{files}",
    }.get(STARTING_WEIGHTS[name]["source"])
    for name, files in (("medical_2d", "cheng"), ("medical_3d", "kaggle_3m"))
}
# What is not there of starting_weights -> the key that names it.
ABSENT = {name: f"{name}.source" for name, found in DATA_SETS.items() if not found}
if not STARTING_WEIGHTS["imagenet"]["file"]:
    ABSENT["imagenet"] = "imagenet.file"
# (network, arm) -> why it has no starting weights
MISSING = {
    (net, start): f"set starting_weights.{ABSENT[source]}"
    for net, spec in networks().items()
    for start, source in spec.starts.items()
    if source in ABSENT
}
# What is learned from -> the network whose trunk learns it.
PRETRAINED = {name: network_taught_by(name) for name in ("imagenet", *DATA_SETS)}
NETWORK_SETTINGS = {net: network_settings(net, config["models"]) for net in networks()}
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
        model=f"{RUN}/models/{PRETRAINED['imagenet']}/phase0_imagenet/torchvision/seed-{{seed}}/model.pt",
        record=f"{RUN}/models/{PRETRAINED['imagenet']}/phase0_imagenet/torchvision/seed-{{seed}}/run.json",
    log:
        f"{LOG}/models/{PRETRAINED['imagenet']}/phase0_imagenet/torchvision/seed-{{seed}}.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=5,
    params:
        sha256=STARTING_WEIGHTS["imagenet"]["sha256"],
        width=NETWORK_SETTINGS[PRETRAINED["imagenet"]]["width"],
    script:
        "../scripts/imagenet.py"


rule medical_2d:
    input:
        folder=DATA_SETS["medical_2d"] or [],
    output:
        model=f"{RUN}/models/{PRETRAINED['medical_2d']}/phase0_medical/random/seed-{{seed}}/model.pt",
        history=f"{RUN}/models/{PRETRAINED['medical_2d']}/phase0_medical/random/seed-{{seed}}/history.tsv",
        record=f"{RUN}/models/{PRETRAINED['medical_2d']}/phase0_medical/random/seed-{{seed}}/run.json",
    log:
        f"{LOG}/models/{PRETRAINED['medical_2d']}/phase0_medical/random/seed-{{seed}}.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=8000,
        runtime=720,
        gpu=GPUS,
    params:
        channels=config["models"]["channels"],
        width=NETWORK_SETTINGS[PRETRAINED["medical_2d"]]["width"],
        standardise=config["models"]["standardise"],
        grid=[X // 2, Y, Z],
        training=MEDICAL_SETTINGS,
    script:
        "../scripts/medical_2d.py"


rule medical_3d:
    input:
        folder=DATA_SETS["medical_3d"] or [],
    output:
        model=f"{RUN}/models/{PRETRAINED['medical_3d']}/phase0_medical/random/seed-{{seed}}/model.pt",
        history=f"{RUN}/models/{PRETRAINED['medical_3d']}/phase0_medical/random/seed-{{seed}}/history.tsv",
        record=f"{RUN}/models/{PRETRAINED['medical_3d']}/phase0_medical/random/seed-{{seed}}/run.json",
    log:
        f"{LOG}/models/{PRETRAINED['medical_3d']}/phase0_medical/random/seed-{{seed}}.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=32000,
        runtime=2880,
        gpu=GPUS,
    params:
        width=NETWORK_SETTINGS[PRETRAINED["medical_3d"]]["width"],
        standardise=config["models"]["standardise"],
        grid=[X // 2, Y, Z],
        training=MEDICAL_SETTINGS,
    script:
        "../scripts/medical_3d.py"
