# The trained networks' scores of the validation and test parts. One job a seed: a network takes seconds.


rule predict:
    input:
        **LEARNED_FROM,
        models=expand(
            f"{RUN}/models/{{row}}/seed-{{seed}}/model.pt",
            row=plan.predictions.network_rows,
            allow_missing=True,
        ),
    output:
        predictions=expand(
            f"{RUN}/predictions/{{row}}/seed-{{seed}}.tsv",
            row=plan.predictions.network_rows,
            allow_missing=True,
        ),
    log:
        f"{LOG}/predictions/seed-{{seed}}.log",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(30 + 5 * len(plan.predictions.network_rows)),
        gpu=plan.gpus,
    params:
        channels=plan.networks.channels,
        threads=config["training"]["threads"],
        device=config["training"]["device"],
    script:
        "../scripts/predict.py"
