# The trained networks' scores of the validation and test parts. One job for all: a network takes seconds.


rule predict:
    input:
        **LEARNED_FROM,
        models=plan.predicting_models,
    output:
        predictions=plan.predictions,
    log:
        f"{LOG}/predictions/networks.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(30 + 5 * len(plan.predictions)),
        gpu=plan.gpus,
    params:
        channels=plan.channels,
        threads=config["training"]["threads"],
        device=config["training"]["device"],
    script:
        "../scripts/predict.py"
