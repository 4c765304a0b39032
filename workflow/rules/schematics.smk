# Figure 1, DWI-FLAIR mismatch; and the figures of the software: 2 its rules, 4 its networks, 5 its phases.

from strokeclock.training.phases import has_attention


rule mismatch:
    input:
        preprocessed=patients.preprocessed_tables,
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        split=settled(f"{RUN}/cohort/split.tsv"),
        volumes=settled(f"{RUN}/lesions/volumes.tsv"),
    output:
        svg=report(
            f"{RUN}/figures/fig1.svg",
            caption="../report/fig1.rst",
            category="Figures",
            labels={"figure": "fig1", "what": "DWI-FLAIR mismatch"},
        ),
        png=f"{RUN}/figures/fig1.png",
    log:
        f"{LOG}/figures/fig1.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    script:
        "../scripts/mismatch.py"


rule pipeline:
    output:
        svg=report(
            f"{RUN}/figures/fig2.svg",
            caption="../report/fig2.rst",
            category="Figures",
            labels={"figure": "fig2", "what": "the pipeline"},
        ),
        png=f"{RUN}/figures/fig2.png",
    log:
        f"{LOG}/figures/fig2.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        rules=lambda wildcards: rule_graph(),
    script:
        "../scripts/pipeline.py"


rule networks:
    input:
        box=plan.networks.brain_box,
    output:
        svg=report(
            f"{RUN}/figures/fig4.svg",
            caption="../report/fig4.rst",
            category="Figures",
            labels={"figure": "fig4", "what": "the networks"},
        ),
        png=f"{RUN}/figures/fig4.png",
    log:
        f"{LOG}/figures/fig4.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(5),
    params:
        models={
            net: plan.networks.settings[net] for net in config["training"]["networks"]
        },
        grid=config["preprocessing"]["grid"],
        attention=any(
            has_attention(
                phase,
                attention_enter=config["training"]["attention_enter"],
                tasks=plan.tasks.by_phase,
            )
            for phase in plan.tasks.phases
        ),
    script:
        "../scripts/networks.py"


rule phases:
    input:
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        split=settled(f"{RUN}/cohort/split.tsv"),
    output:
        svg=report(
            f"{RUN}/figures/fig5.svg",
            caption="../report/fig5.rst",
            category="Figures",
            labels={"figure": "fig5", "what": "the phases of training"},
        ),
        png=f"{RUN}/figures/fig5.png",
    log:
        f"{LOG}/figures/fig5.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        training=config["training"],
        recipe=config["recipe"],
        starts=plan.trainings.rows,
    script:
        "../scripts/phases.py"
