# Each trained network's scores of the validation and test parts. One job for all seeds of a row: it takes seconds.


rule predict:
    input:
        **LEARNED_FROM,
        models=expand(
            f"{RUN}/models/{{net}}/{{phase}}/{{start}}/seed-{{seed}}/model.pt",
            seed=plan.seeds,
            allow_missing=True,
        ),
    output:
        predictions=expand(
            f"{RUN}/predictions/{{net}}/{{phase}}/{{start}}/seed-{{seed}}.tsv",
            seed=plan.seeds,
            allow_missing=True,
        ),
    log:
        f"{LOG}/predictions/{{net}}/{{phase}}/{{start}}.log",
    wildcard_constraints:
        phase="|".join(plan.tasks),
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
        gpu=plan.gpus,
    params:
        channels=plan.channels,
        threads=config["training"]["threads"],
        device=config["training"]["device"],
    script:
        "../scripts/predict.py"
