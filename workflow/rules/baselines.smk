# What the networks have to beat: simple scores of the same patients, in the networks' own format.

TIME_PHASES = [
    task.phase for task in TASKS.values() if task.below_min and not task.attention
]
RATIOS = (
    ["flair", "series"] if {"dwi", "flair"} <= set(config["models"]["channels"]) else []
)
BASELINE_PREDICTIONS = expand(
    f"{RUN}/predictions/ratio/{{phase}}/{{row}}/seed-0.tsv",
    phase=TIME_PHASES,
    row=RATIOS,
)
BASELINE_TABLES = []


rule predict_ratio:
    input:
        **LEARNED_FROM,
    output:
        predictions=f"{RUN}/predictions/ratio/{{phase}}/{{row}}/seed-0.tsv",
    log:
        f"{LOG}/predictions/ratio/{{phase}}/{{row}}.log",
    wildcard_constraints:
        phase="|".join(TIME_PHASES),
        row="flair|series",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        channels=config["models"]["channels"],
        below_min=lambda wildcards: TASKS[wildcards.phase].below_min,
        code=code("evaluation", "training"),
    script:
        "../scripts/predict_ratio.py"
