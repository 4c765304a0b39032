# The search of hyper-parameters on the validation part (training.search), before the trainings of its phases.

from strokeclock.training.phases import phase_settings


rule search_candidate:
    input:
        **LEARNED_FROM,
        box=plan.networks.brain_box,
        parent_model=lambda wildcards: plan.trainings.model_before(
            wildcards.net, wildcards.phase, wildcards.start, plan.trainings.seeds[0]
        ),
    output:
        result=f"{RUN}/search/{{net}}/{{phase}}/{{start}}/candidate-{{candidate}}/result.json",
    log:
        f"{LOG}/search/{{net}}/{{phase}}/{{start}}/candidate-{{candidate}}.log",
    wildcard_constraints:
        phase="|".join(plan.tasks.phases),
        candidate=r"\d+",
    conda:
        "../../envs/training.yaml"
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(lambda wildcards: networks()[wildcards.net].memory_mb),
        runtime=growing(lambda wildcards: networks()[wildcards.net].runtime_min),
        gpu=plan.gpus,
    params:
        point=lambda wildcards: plan.search.points[
            wildcards.net, wildcards.phase, wildcards.start
        ][int(wildcards.candidate) - 1],
        seed=plan.trainings.seeds[0],
        tasks=lambda wildcards: plan.trainings.questions(wildcards.net, wildcards.phase),
        models=lambda wildcards: plan.networks.settings[wildcards.net],
        training=lambda wildcards: phase_settings(wildcards.phase, config["training"]),
    script:
        "../scripts/search_candidate.py"


rule choose_settings:
    input:
        SETTLED,
        results=lambda wildcards: plan.search.candidates(
            wildcards.net, wildcards.phase, wildcards.start
        ),
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        split=settled(f"{RUN}/cohort/split.tsv"),
    output:
        chosen=f"{RUN}/fitted/search/{{net}}/{{phase}}/{{start}}.json",
    log:
        f"{LOG}/fitted/search/{{net}}/{{phase}}/{{start}}.log",
    wildcard_constraints:
        phase="|".join(plan.tasks.phases),
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        seed=plan.trainings.seeds[0],
        grid=lambda wildcards: config["training"]["search"][wildcards.phase],
        below_min=lambda wildcards: plan.tasks.below_min[wildcards.phase],
    script:
        "../scripts/choose_settings.py"


rule search_table:
    input:
        SETTLED,
        chosen=[plan.search.chosen_settings(*row) for row in plan.search.points],
    output:
        table=report(
            f"{RUN}/tables/search.csv",
            caption="../report/search.rst",
            category="Training",
            labels={"what": "search of hyper-parameters"},
        ),
    log:
        f"{LOG}/tables/search.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(5),
    script:
        "../scripts/search_table.py"
