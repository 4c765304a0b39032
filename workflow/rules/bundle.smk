# Everything fitted as one file that travels: results/<run>/bundle/model.zip.

from strokeclock.settings.patients import Phantom


rule make_bundle:
    input:
        models=plan.bundle.models,
        regressions=plan.bundle.regressions,
        thresholds=f"{RUN}/fitted/thresholds.json",
        temperatures=f"{RUN}/fitted/temperatures.json",
        abstention=f"{RUN}/fitted/abstention.json",
        side=f"{RUN}/fitted/side.json",
        predictions=plan.predictions.all,
        table2=f"{RUN}/tables/table2.csv",
        calibration=f"{RUN}/tables/calibration.csv",
        cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        split=settled(f"{RUN}/cohort/split.tsv"),
        exclusions=settled(f"{RUN}/cohort/exclusions.tsv"),
        protocol=plan.protocols,
        quality=settled(f"{RUN}/quality/quality.tsv"),
        volumes=settled(f"{RUN}/lesions/volumes.tsv"),
        manifest=SETTLED,
        preprocessed=patients.preprocessed_tables,
        atlas=expand(
            f"{RUN}/atlas/{{name}}.nii.gz",
            name=("t2w", "brain_mask", "grid", "brain_mask_grid"),
        ),
        reference=(
            []
            if config["preprocessing"]["intensity"]["matching"] == "none"
            else f"{RUN}/hemispheres/reference.npz"
        ),
    output:
        bundle=f"{RUN}/bundle/model.zip",
    log:
        f"{LOG}/bundle.log",
    conda:
        reading_environment(config["preprocessing"]["toolchain"])
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        settings=config["bundle"],
        # what authors write later makes no bundle anew
        config={key: value for key, value in config.items() if key != "report"},
        parts=plan.bundle.rows,
        channels=plan.networks.channels,
        tasks=plan.tasks.below_min,
        phantom=Phantom().model_dump(),
        threads=config["training"]["threads"],
        device="cpu",  # of the self-test, which reads one patient
    script:
        "../scripts/bundle.py"


rule bundle:
    """Make the bundle, and what it is made from: trainings, predictions and fitted numbers."""
    input:
        plan.bundle.files,
