# The paper's Fig. 5: phase 0, then the phases, each from the checkpoint of the one before.

from strokeclock.training.phases import (
    GENESIS,
    SHARED,
    phase_settings,
    segmentation_settings,
)


rule phase0_genesis:
    input:
        **LEARNED_FROM,
        box=plan.networks.brain_box,
    output:
        model=f"{RUN}/models/{plan.pretraining.rows['genesis']}/seed-{{seed}}/model.pt",
        history=f"{RUN}/models/{plan.pretraining.rows['genesis']}/seed-{{seed}}/history.tsv",
        record=f"{RUN}/models/{plan.pretraining.rows['genesis']}/seed-{{seed}}/run.json",
        cost=f"{RUN}/models/{plan.pretraining.rows['genesis']}/seed-{{seed}}/cost.json",
    log:
        f"{LOG}/models/{plan.pretraining.rows['genesis']}/seed-{{seed}}.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(24000),
        runtime=growing(2880),
        gpu=plan.gpus,
    params:
        channels=plan.networks.channels,
        average=config["models"]["average"],
        width=plan.networks.settings[plan.pretraining.restorer]["width"],
        standardise=config["models"]["standardise"],
        training=(config["training"][GENESIS] or {})
        | {key: config["training"][key] for key in SHARED},
    script:
        "../scripts/phase0_genesis.py"


# The network that is applied learns from the whole training part, where {fold} is empty. Those of /fold-1, /fold-2, …
# each leave a fold of it out.
rule phase0_segmentation:
    input:
        **LEARNED_FROM,
        box=plan.networks.brain_box,
        volumes=settled(f"{RUN}/lesions/volumes.tsv"),
    output:
        model=f"{RUN}/models/{plan.segmentation.row}/seed-{{seed}}{{fold}}/model.pt",
        history=f"{RUN}/models/{plan.segmentation.row}/seed-{{seed}}{{fold}}/history.tsv",
        record=f"{RUN}/models/{plan.segmentation.row}/seed-{{seed}}{{fold}}/run.json",
        cost=f"{RUN}/models/{plan.segmentation.row}/seed-{{seed}}{{fold}}/cost.json",
    log:
        f"{LOG}/models/{plan.segmentation.row}/seed-{{seed}}{{fold}}.log",
    wildcard_constraints:
        fold=r"(/fold-\d+)?",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(24000),
        runtime=growing(1440),
        gpu=plan.gpus,
    params:
        series=config["models"]["channels"],
        average=config["models"]["average"],
        width=plan.networks.settings[plan.segmentation.network]["width"],
        standardise=config["models"]["standardise"],
        training=segmentation_settings(config["training"]),
        fold=lambda wildcards: plan.segmentation.fold_of(wildcards.fold),
    script:
        "../scripts/phase0_segmentation.py"


for phase in plan.tasks.phases:
    folder = f"{RUN}/models/{{net}}/{phase}/{{start}}/seed-{{seed}}"

    rule:
        name:
            phase
        input:
            **LEARNED_FROM,
            box=plan.networks.brain_box,
            parent_model=lambda wildcards, phase=phase: plan.trainings.model_before(
                wildcards.net, phase, wildcards.start, wildcards.seed
            ),
            chosen=lambda wildcards, phase=phase: plan.search.chosen_settings(
                wildcards.net, phase, wildcards.start
            ),
        output:
            model=f"{folder}/model.pt",
            history=f"{folder}/history.tsv",
            record=f"{folder}/run.json",
            cost=f"{folder}/cost.json",
        log:
            f"{LOG}/models/{{net}}/{phase}/{{start}}/seed-{{seed}}.log",
        conda:
            "../../envs/training.yaml"
        threads: config["training"]["threads"]
        resources:
            mem_mb=growing(lambda wildcards: networks()[wildcards.net].memory_mb),
            runtime=growing(lambda wildcards: networks()[wildcards.net].runtime_min),
            gpu=plan.gpus,
        params:
            phase=phase,
            tasks=lambda wildcards, phase=phase: plan.trainings.questions(
                wildcards.net, phase
            ),
            models=lambda wildcards: plan.networks.settings[wildcards.net],
            training=phase_settings(phase, config["training"]),
        script:
            "../scripts/train.py"
