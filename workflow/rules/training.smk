# The paper's Fig. 5: one rule a phase, chained by checkpoints.

from strokeclock.models.channels import channel_names
from strokeclock.models.registry import network_taught_by, segmenting_network
from strokeclock.training.phases import (
    GENESIS,
    OUTLINE,
    QUESTION,
    SHARED,
    arms_table,
    lineage,
    list_not_run,
    parent,
    phase_settings,
    read_tasks,
)

try:
    TASKS = read_tasks(config["training"])
    RUNS = arms_table(
        config["training"]["networks"],
        config["training"]["arms"],
        config["training"]["seeds"],
        tasks=TASKS,
        missing=MISSING,
    )
except StrokeclockError as error:
    raise WorkflowError(str(error)) from None
NOT_RUN = list_not_run(RUNS, tasks=TASKS, missing=MISSING)


WITHOUT_GENESIS = {} if config["training"][GENESIS] else {GENESIS: None}
CHANNELS = list(  # what networks see of a patient
    channel_names(
        config["models"]["channels"],
        other_hemisphere=config["models"]["other_hemisphere"],
    )
)
# The networks whose trunks restore hemispheres, and find the lesion's voxels.
RESTORER, OUTLINER = network_taught_by(GENESIS), segmenting_network()
# The box that networks see, [] where it is the whole hemisphere. Checkpoints record it.
BRAIN_BOX = (
    [f"{RUN}/hemispheres/brain_box.json"]
    if config["models"]["field"] == "brain"
    else []
)


rule phase0_genesis:
    input:
        **LEARNED_FROM,
        box=BRAIN_BOX,
    output:
        model=f"{RUN}/models/{RESTORER}/phase0_genesis/random/seed-{{seed}}/model.pt",
        history=f"{RUN}/models/{RESTORER}/phase0_genesis/random/seed-{{seed}}/history.tsv",
        record=f"{RUN}/models/{RESTORER}/phase0_genesis/random/seed-{{seed}}/run.json",
    log:
        f"{LOG}/models/{RESTORER}/phase0_genesis/random/seed-{{seed}}.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=24000,
        runtime=2880,
        gpu=GPUS,
    params:
        channels=CHANNELS,
        average=config["models"]["average"],
        width=NETWORK_SETTINGS[RESTORER]["width"],
        standardise=config["models"]["standardise"],
        training=(config["training"][GENESIS] or {})
        | {key: config["training"][key] for key in SHARED},
    script:
        "../scripts/phase0_genesis.py"


rule phase0_outline:
    input:
        **LEARNED_FROM,
        box=BRAIN_BOX,
        volumes=VOLUMES,
    output:
        model=f"{RUN}/models/{OUTLINER}/{OUTLINE}/random/seed-{{seed}}/model.pt",
        history=f"{RUN}/models/{OUTLINER}/{OUTLINE}/random/seed-{{seed}}/history.tsv",
        record=f"{RUN}/models/{OUTLINER}/{OUTLINE}/random/seed-{{seed}}/run.json",
    log:
        f"{LOG}/models/{OUTLINER}/{OUTLINE}/random/seed-{{seed}}.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=24000,
        runtime=1440,
        gpu=GPUS,
    params:
        series=config["models"]["channels"],
        average=config["models"]["average"],
        width=NETWORK_SETTINGS[OUTLINER]["width"],
        standardise=config["models"]["standardise"],
        training=(config["training"][OUTLINE] or {})
        | {key: config["training"][key] for key in (*SHARED, "augmentation")},
    script:
        "../scripts/phase0_outline.py"


for phase in TASKS:
    folder = f"{RUN}/models/{{net}}/{phase}/{{weights}}/seed-{{seed}}"

    rule:
        name:
            phase
        input:
            **LEARNED_FROM,
            box=BRAIN_BOX,
            parent=lambda wildcards, phase=phase: [
                f"{RUN}/models/{wildcards.net}/{'/'.join(before)}/seed-{wildcards.seed}/model.pt"
                for before in [parent(wildcards.net, phase, wildcards.weights, TASKS)]
                if before
            ],
        output:
            model=f"{folder}/model.pt",
            history=f"{folder}/history.tsv",
            record=f"{folder}/run.json",
        log:
            f"{LOG}/models/{{net}}/{phase}/{{weights}}/seed-{{seed}}.log",
        conda:
            "../../envs/training.yaml"
        threads: config["training"]["threads"]
        resources:
            mem_mb=lambda wildcards: networks()[wildcards.net].memory_mb,
            runtime=lambda wildcards: networks()[wildcards.net].runtime_min,
            gpu=GPUS,
        params:
            phase=phase,
            tasks=lambda wildcards, phase=phase: {
                task.phase: {
                    key: config["training"][task.phase][key] for key in QUESTION
                }
                for task in lineage(phase, TASKS)
            }
            | (WITHOUT_GENESIS if wildcards.net == RESTORER else {}),
            models=lambda wildcards: NETWORK_SETTINGS[wildcards.net],
            training=phase_settings(phase, config["training"]),
        script:
            "../scripts/train.py"
