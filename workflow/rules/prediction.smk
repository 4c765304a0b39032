# Each trained network's scores of the validation and test parts.


rule predict:
    input:
        **LEARNED_FROM,
        model=f"{RUN}/models/{{net}}/{{phase}}/{{start}}/seed-{{seed}}/model.pt",
    output:
        predictions=f"{RUN}/predictions/{{net}}/{{phase}}/{{start}}/seed-{{seed}}.tsv",
    log:
        f"{LOG}/predictions/{{net}}/{{phase}}/{{start}}/seed-{{seed}}.log",
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
