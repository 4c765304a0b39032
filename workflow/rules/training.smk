# The paper's Fig. 5: one rule a phase, chained by checkpoints.

from strokeclock.training.phases import arms_table, parent

try:
    RUNS = arms_table(
        config["training"]["networks"],
        config["training"]["arms"],
        config["training"]["seeds"],
    )
except StrokeclockError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    net="2d|3d",
    weights="random|genesis|phase1|phase2|phase3",
    seed=r"\d+",


def parent_model(phase):
    """The checkpoint that a run of this phase starts from; none for random weights."""

    def of(wildcards):
        before = parent(wildcards.net, phase, wildcards.weights)
        return (
            f"{RUN}/models/{wildcards.net}/{'/'.join(before)}/seed-{wildcards.seed}/model.pt"
            if before
            else []
        )

    return of


def network_settings(wildcards):
    """The settings of one network: its own, and those that both share."""
    shared = {key: config["models"][key] for key in ("attention_norm", "standardise")}
    return config["models"][wildcards.net] | shared


def phase_settings(phase, *shared):
    """A phase's own settings, and those of `training` that it shares with others."""
    return config["training"][phase] | {
        key: config["training"][key] for key in ("threads", "device", *shared)
    }


SCHEMA_KEYS = ("freeze_2d", "attention_enter", "phase4_trainable", "selection")
LEARNED_FROM = {
    "hemispheres": expand(f"{RUN}/hemispheres/{{patient}}.npy", patient=PATIENTS),
    "cohort": f"{RUN}/cohort/cohort.tsv",
    "split": f"{RUN}/cohort/split.tsv",
}
GPUS = 1 if config["training"]["device"] == "cuda" else 0


rule phase0_genesis:
    input:
        **LEARNED_FROM,
    output:
        model=f"{RUN}/models/3d/phase0_genesis/random/seed-{{seed}}/model.pt",
        history=f"{RUN}/models/3d/phase0_genesis/random/seed-{{seed}}/history.tsv",
        record=f"{RUN}/models/3d/phase0_genesis/random/seed-{{seed}}/run.json",
    log:
        f"{LOG}/models/3d/phase0_genesis/random/seed-{{seed}}.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=24000,
        runtime=2880,
        gpu=GPUS,
    params:
        width=config["models"]["3d"]["width"],
        standardise=config["models"]["standardise"],
        training=phase_settings("phase0_genesis"),
        code=code("models", "training", "pretraining"),
    script:
        "../scripts/phase0_genesis.py"


rule phase1_stroke:
    input:
        **LEARNED_FROM,
        parent=parent_model("phase1_stroke"),
    output:
        model=f"{RUN}/models/{{net}}/phase1_stroke/{{weights}}/seed-{{seed}}/model.pt",
        history=f"{RUN}/models/{{net}}/phase1_stroke/{{weights}}/seed-{{seed}}/history.tsv",
        record=f"{RUN}/models/{{net}}/phase1_stroke/{{weights}}/seed-{{seed}}/run.json",
    log:
        f"{LOG}/models/{{net}}/phase1_stroke/{{weights}}/seed-{{seed}}.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=16000,
        runtime=1440,
        gpu=GPUS,
    params:
        phase="phase1_stroke",
        models=network_settings,
        training=phase_settings("phase1_stroke", *SCHEMA_KEYS),
        code=code("models", "training"),
    script:
        "../scripts/train.py"


use rule phase1_stroke as phase2_tss3h with:
    input:
        **LEARNED_FROM,
        parent=parent_model("phase2_tss3h"),
    output:
        model=f"{RUN}/models/{{net}}/phase2_tss3h/{{weights}}/seed-{{seed}}/model.pt",
        history=f"{RUN}/models/{{net}}/phase2_tss3h/{{weights}}/seed-{{seed}}/history.tsv",
        record=f"{RUN}/models/{{net}}/phase2_tss3h/{{weights}}/seed-{{seed}}/run.json",
    log:
        f"{LOG}/models/{{net}}/phase2_tss3h/{{weights}}/seed-{{seed}}.log",
    params:
        phase="phase2_tss3h",
        models=network_settings,
        training=phase_settings("phase2_tss3h", *SCHEMA_KEYS),
        code=code("models", "training"),


use rule phase1_stroke as phase3_tss4h5 with:
    input:
        **LEARNED_FROM,
        parent=parent_model("phase3_tss4h5"),
    output:
        model=f"{RUN}/models/{{net}}/phase3_tss4h5/{{weights}}/seed-{{seed}}/model.pt",
        history=f"{RUN}/models/{{net}}/phase3_tss4h5/{{weights}}/seed-{{seed}}/history.tsv",
        record=f"{RUN}/models/{{net}}/phase3_tss4h5/{{weights}}/seed-{{seed}}/run.json",
    log:
        f"{LOG}/models/{{net}}/phase3_tss4h5/{{weights}}/seed-{{seed}}.log",
    params:
        phase="phase3_tss4h5",
        models=network_settings,
        training=phase_settings("phase3_tss4h5", *SCHEMA_KEYS),
        code=code("models", "training"),


use rule phase1_stroke as phase4_attention with:
    input:
        **LEARNED_FROM,
        parent=parent_model("phase4_attention"),
    output:
        model=f"{RUN}/models/{{net}}/phase4_attention/{{weights}}/seed-{{seed}}/model.pt",
        history=f"{RUN}/models/{{net}}/phase4_attention/{{weights}}/seed-{{seed}}/history.tsv",
        record=f"{RUN}/models/{{net}}/phase4_attention/{{weights}}/seed-{{seed}}/run.json",
    log:
        f"{LOG}/models/{{net}}/phase4_attention/{{weights}}/seed-{{seed}}.log",
    params:
        phase="phase4_attention",
        models=network_settings,
        training=phase_settings("phase4_attention", *SCHEMA_KEYS),
        code=code("models", "training"),
