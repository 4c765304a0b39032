# Initial weights of the starts imagenet and medical. Phase 0 of the chain is in training.smk.

INITIAL_WEIGHTS = config["initial_weights"]
X, Y, Z = config["preprocessing"]["grid"]


rule phantom_tumours_2d:
    output:
        folder=directory(f"{RUN}/phantom/tumours/cheng"),
    log:
        f"{LOG}/phantom/tumours_2d.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(5),
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
        mem_mb=growing(2000),
        runtime=growing(5),
    params:
        patients=5,
        slices=16,
        seed=config["phantom"]["seed"],
    script:
        "../scripts/phantom_tumours_3d.py"


rule imagenet:
    input:
        file=INITIAL_WEIGHTS["imagenet"]["file"] or [],
    output:
        model=f"{RUN}/models/{plan.pretraining.rows['imagenet']}/seed-{{seed}}/model.pt",
        record=f"{RUN}/models/{plan.pretraining.rows['imagenet']}/seed-{{seed}}/run.json",
    log:
        f"{LOG}/models/{plan.pretraining.rows['imagenet']}/seed-{{seed}}.log",
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(5),
    params:
        sha256=INITIAL_WEIGHTS["imagenet"]["sha256"],
        width=plan.networks.settings[plan.pretraining.networks["imagenet"]]["width"],
    script:
        "../scripts/imagenet.py"


rule medical_2d:
    input:
        folder=plan.pretraining.data_sets["medical_2d"] or [],
    output:
        model=f"{RUN}/models/{plan.pretraining.rows['medical_2d']}/seed-{{seed}}/model.pt",
        history=f"{RUN}/models/{plan.pretraining.rows['medical_2d']}/seed-{{seed}}/history.tsv",
        record=f"{RUN}/models/{plan.pretraining.rows['medical_2d']}/seed-{{seed}}/run.json",
        cost=f"{RUN}/models/{plan.pretraining.rows['medical_2d']}/seed-{{seed}}/cost.json",
    log:
        f"{LOG}/models/{plan.pretraining.rows['medical_2d']}/seed-{{seed}}.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(720),
        gpu=plan.gpus,
    params:
        channels=config["models"]["channels"],
        width=plan.networks.settings[plan.pretraining.networks["medical_2d"]]["width"],
        standardise=config["models"]["standardise"],
        grid=[X // 2, Y, Z],
        training=plan.pretraining.medical_settings,
    script:
        "../scripts/medical_2d.py"


rule medical_3d:
    input:
        folder=plan.pretraining.data_sets["medical_3d"] or [],
    output:
        model=f"{RUN}/models/{plan.pretraining.rows['medical_3d']}/seed-{{seed}}/model.pt",
        history=f"{RUN}/models/{plan.pretraining.rows['medical_3d']}/seed-{{seed}}/history.tsv",
        record=f"{RUN}/models/{plan.pretraining.rows['medical_3d']}/seed-{{seed}}/run.json",
        cost=f"{RUN}/models/{plan.pretraining.rows['medical_3d']}/seed-{{seed}}/cost.json",
    log:
        f"{LOG}/models/{plan.pretraining.rows['medical_3d']}/seed-{{seed}}.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(32000),
        runtime=growing(2880),
        gpu=plan.gpus,
    params:
        width=plan.networks.settings[plan.pretraining.networks["medical_3d"]]["width"],
        standardise=config["models"]["standardise"],
        grid=[X // 2, Y, Z],
        training=plan.pretraining.medical_settings,
    script:
        "../scripts/medical_3d.py"
