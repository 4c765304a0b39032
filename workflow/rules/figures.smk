# The figures: 3 from registered volumes, 6, 7 and 8 from predictions, 9 from networks and hemispheres;
# training curves, examples of Models Genesis and of lesion segmentations. The others are in schematics.smk.

from strokeclock.training.phases import GENESIS, SEGMENTATION


rule preprocessed:
    input:
        preprocessed=patients.preprocessed_tables,
        split=settled(f"{RUN}/cohort/split.tsv"),
        exclusions=settled(f"{RUN}/cohort/exclusions.tsv"),
    output:
        svg=report(
            f"{RUN}/figures/fig3.svg",
            caption="../report/preprocessed.rst",
            category="Figures",
            labels={"figure": "fig3", "what": "registered series"},
        ),
        png=f"{RUN}/figures/fig3.png",
    log:
        f"{LOG}/figures/fig3.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    script:
        "../scripts/preprocessed.py"


rule roc:
    input:
        SETTLED,
        predictions=plan.predictions.of_networks + plan.predictions.joined,
        table2=f"{RUN}/tables/table2.csv",
    output:
        svg=report(
            f"{RUN}/figures/{{figure}}.svg",
            caption="../report/roc.rst",
            category="Figures",
            labels={"figure": "{figure}", "what": "ROC curves"},
        ),
        png=f"{RUN}/figures/{{figure}}.png",
    log:
        f"{LOG}/figures/{{figure}}.log",
    wildcard_constraints:
        figure="|".join(plan.figures.roc),
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        phases=lambda wildcards: plan.figures.roc[wildcards.figure]["phases"],
        readers=lambda wildcards: plan.figures.roc[wildcards.figure]["readers"],
        tasks=plan.tasks.below_min,
    script:
        "../scripts/roc.py"


rule gradcam:
    input:
        models=expand(
            f"{RUN}/models/{{run}}/model.pt", run=plan.explanation.gradcam_runs
        ),
        predictions=expand(
            f"{RUN}/predictions/{{run}}.tsv", run=plan.explanation.gradcam_runs
        ),
        manifest=SETTLED,
        volumes=settled(f"{RUN}/lesions/volumes.tsv"),
        grid=f"{RUN}/atlas/grid.nii.gz",
    output:
        svg=report(
            f"{RUN}/figures/fig9.svg",
            caption="../report/gradcam.rst",
            category="Figures",
            labels={"figure": "fig9", "what": "Grad-CAM"},
        ),
        png=f"{RUN}/figures/fig9.png",
    log:
        f"{LOG}/figures/fig9.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(20),
    params:
        channels=plan.networks.channels,
        layer=config["evaluation"]["gradcam_layer"],
        patients=config["evaluation"]["gradcam_patients"],
    script:
        "../scripts/gradcam.py"


# One job for all: it takes as long to start as to draw several.
rule training_curves:
    input:
        SETTLED,
        histories=plan.figures.of_curves("history.tsv"),
        records=plan.figures.of_curves("run.json"),
    output:
        svg=[
            report(
                f"{RUN}/figures/training/{net}-{phase}-{start}.svg",
                caption="../report/training_curves.rst",
                category="Training",
                labels={"network": net, "phase": phase, "from": start},
            )
            for net, phase, start in plan.figures.curves
        ],
        png=[
            f"{RUN}/figures/training/{'-'.join(row)}.png"
            for row in plan.figures.curves
        ],
    log:
        f"{LOG}/figures/training_curves.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    script:
        "../scripts/training_curves.py"


rule genesis_examples:
    input:
        model=f"{RUN}/models/{plan.pretraining.rows['genesis']}/seed-{plan.trainings.seeds[0]}/model.pt",
        manifest=SETTLED,
        grid=f"{RUN}/atlas/grid.nii.gz",
    output:
        svg=report(
            f"{RUN}/figures/genesis_examples.svg",
            caption="../report/genesis_examples.rst",
            category="Training",
            labels={
                "network": plan.pretraining.restorer,
                "phase": GENESIS,
                "from": "random",
            },
        ),
        png=f"{RUN}/figures/genesis_examples.png",
    log:
        f"{LOG}/figures/genesis_examples.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(10),
    script:
        "../scripts/genesis_examples.py"


rule segmentations:
    input:
        **LEARNED_FROM,
        model=f"{RUN}/models/{plan.segmentation.row}/seed-{plan.trainings.seeds[0]}/model.pt",
        volumes=settled(f"{RUN}/lesions/volumes.tsv"),
        grid=f"{RUN}/atlas/grid.nii.gz",
    output:
        svg=report(
            f"{RUN}/figures/segmentations.svg",
            caption="../report/segmentations.rst",
            category="Training",
            labels={
                "network": plan.segmentation.network,
                "phase": SEGMENTATION,
                "from": "random",
            },
        ),
        png=f"{RUN}/figures/segmentations.png",
    log:
        f"{LOG}/figures/segmentations.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(30),
    params:
        channels=config["models"]["channels"],
    script:
        "../scripts/segmentations.py"


if patients.are_phantoms and not patients.in_template_space:

    rule phantom_sheet:
        input:
            phantoms=patients.phantom_tables,
        output:
            png=report(
                f"{RUN}/figures/phantom.png",
                caption="../report/phantom.rst",
                category="Figures",
                labels={"figure": "phantom", "what": "the synthetic patients"},
            ),
        log:
            f"{LOG}/figures/phantom.log",
        conda:
            "../../envs/evaluation.yaml"
        threads: 1
        resources:
            mem_mb=growing(1000),
            runtime=growing(5),
        params:
            patients=8,
        script:
            "../scripts/phantom_sheet.py"
