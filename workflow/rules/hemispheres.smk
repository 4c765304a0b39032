# From preprocessed volumes to hemispheres: check, exclude, split, find the histogram reference, match, halve.

from strokeclock.cohort.split_file import name_some
from strokeclock.cohort.verdicts import read_verdicts

try:
    verdicts = (
        read_verdicts(
            config["quality"]["verdicts"],
            patients={*patients.ids, *patients.exclusions},
        )
        if config["quality"]["verdicts"]
        else {}
    )
except StrokeclockError as error:
    raise WorkflowError(str(error)) from None

failed = {patient for patient, (verdict, _) in verdicts.items() if verdict == "fail"}
if workflow.is_main_process and (lacking := patients.without_part - failed):
    logger.warning(
        f"{config['split']['file']} gives no part to {name_some(lacking)}: unless the checks exclude them, "
        "the run stops where the split is made."
    )

INTENSITY = config["preprocessing"]["intensity"]
# Where nothing is matched there is no histogram reference, and no patient's hemispheres depend on another patient.
REFERENCE = (
    [] if INTENSITY["matching"] == "none" else f"{RUN}/hemispheres/reference.npz"
)

THRESHOLDS = {
    key: value for key, value in config["quality"].items() if key != "verdicts"
}


rule check:
    input:
        lambda wildcards: list(shipped_adcs_of(wildcards).values()),
        preprocessed=preprocessed_table,
        atlas=f"{RUN}/atlas/grid.nii.gz",
        atlas_mask=f"{RUN}/atlas/brain_mask_grid.nii.gz",
        cohort=ancient(f"{RUN}/cohort/entered.tsv"),  # a new patient makes no other stale; params hold the sides
        lesions=lambda wildcards: patients.drawn_tables(wildcards.batch),
    output:
        table=patients.table_of("check"),
    log:
        f"{LOG}/check/{{batch}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        records=files_of({"record": "quality/{patient}.json"}),
        thresholds=THRESHOLDS,
        persons=lambda wildcards: {
            patient: verdicts[patient]
            for patient in patients_of(wildcards)
            if patient in verdicts
        },
        sides=None if patients.are_phantoms else row_of("lesion_side"),
        drawn=lambda wildcards: patients.drawn_in(wildcards.batch),
        shipped_adcs=shipped_adcs_of,
        is_in_atlas_space=patients.in_template_space,
    script:
        "../scripts/check.py"


rule inclusion:
    input:
        checks=patients.tables_of("check"),
        preprocessed=patients.preprocessed_tables,
        entry_exclusions=f"{RUN}/cohort/entry_exclusions.tsv",
    output:
        quality=f"{RUN}/quality/quality.tsv",
        exclusions=f"{RUN}/cohort/exclusions.tsv",
    log:
        f"{LOG}/inclusion.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    script:
        "../scripts/inclusion.py"


rule split:
    input:
        cohort=f"{RUN}/cohort/cohort.tsv",
        exclusions=f"{RUN}/cohort/exclusions.tsv",
        file=config["split"]["file"] or [],
    output:
        split=update(f"{RUN}/cohort/split.tsv"),  # is compared with the new one
    log:
        f"{LOG}/cohort/split.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        counts=config["split"]["counts"],
        fractions=config["split"]["fractions"],
        seed=config["split"]["seed"],
        external=config["split"]["external"],
        unknown_onset=config["training"]["unknown_onset"],
    script:
        "../scripts/split.py"


if REFERENCE and INTENSITY["reference"]:

    rule given_reference:
        input:
            given=INTENSITY["reference"],
        output:
            reference=REFERENCE,
        log:
            f"{LOG}/hemispheres/reference.log",
        conda:
            "../../envs/preprocessing.yaml"
        threads: 1
        resources:
            mem_mb=growing(500),
            runtime=growing(5),
        params:
            channels=config["models"]["channels"],
            normalisation=INTENSITY["normalisation"],
            clip=INTENSITY["clip"],
            matching=INTENSITY["matching"],
            match_points=INTENSITY["match_points"],
        script:
            "../scripts/given_reference.py"

elif REFERENCE:

    rule histogram_reference:
        input:
            split=f"{RUN}/cohort/split.tsv",
            exclusions=f"{RUN}/cohort/exclusions.tsv",
            preprocessed=patients.preprocessed_tables,
        output:
            reference=REFERENCE,
        log:
            f"{LOG}/hemispheres/reference.log",
        conda:
            "../../envs/preprocessing.yaml"
        threads: 1
        resources:
            mem_mb=growing(1000),
            runtime=growing(5),
        params:
            normalisation=INTENSITY["normalisation"],
            clip=INTENSITY["clip"],
            matching=INTENSITY["matching"],
            match_points=INTENSITY["match_points"],
        script:
            "../scripts/histogram_reference.py"


rule hemispheres:
    input:
        preprocessed=preprocessed_table,
        exclusions=f"{RUN}/cohort/exclusions.tsv",
        reference=REFERENCE,
    output:
        table=patients.table_of("hemispheres"),
    log:
        f"{LOG}/hemispheres/{{batch}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        hemispheres=files_of({"hemispheres": "hemispheres/{patient}.npy"}),
        channels=config["models"]["channels"],
        matching=INTENSITY["matching"],
        normalisation=INTENSITY["normalisation"],
        clip=INTENSITY["clip"],
        percentiles=INTENSITY["percentiles"],
    script:
        "../scripts/hemispheres.py"


rule brain_box:
    input:
        atlas_mask=f"{RUN}/atlas/brain_mask_grid.nii.gz",
    output:
        box=f"{RUN}/hemispheres/brain_box.json",
    log:
        f"{LOG}/hemispheres/brain_box.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(5),
    script:
        "../scripts/brain_box.py"


# The only checkpoint: after it the patients' files that networks and tables read are final.
checkpoint hemisphere_manifest:
    input:
        f"{RUN}/cohort/cohort.tsv",
        f"{RUN}/cohort/split.tsv",
        f"{RUN}/cohort/exclusions.tsv",
        f"{RUN}/lesions/volumes.tsv",
        plan.repeats.settled,
        hemispheres=patients.tables_of("hemispheres"),
    output:
        manifest=f"{RUN}/hemispheres/manifest.tsv",
    log:
        f"{LOG}/hemispheres/manifest.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
    script:
        "../scripts/hemisphere_manifest.py"


rule quality_picture:
    input:
        preprocessed=preprocessed_table,
        checks=patients.table_of("check"),
        quality=f"{RUN}/quality/quality.tsv",
        lesions=patients.table_of("lesions"),
        atlas_mask=f"{RUN}/atlas/brain_mask_grid.nii.gz",
        reference=REFERENCE,
    output:
        table=patients.table_of("quality_picture"),
    log:
        f"{LOG}/quality_picture/{{batch}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        pictures=files_of(
            {
                "picture": "quality/{patient}.png",
                "matching": "quality/matching/{patient}.json",
            }
        ),
        drawn=lambda wildcards: [
            patient
            for patient in patients_of(wildcards)
            if patients.lesion_mask(patient)
        ],
        normalisation=INTENSITY["normalisation"],
        clip=INTENSITY["clip"],
    script:
        "../scripts/quality_picture.py"


rule quality_page:
    input:
        quality=f"{RUN}/quality/quality.tsv",
        exclusions=f"{RUN}/cohort/exclusions.tsv",
        lesions=f"{RUN}/lesions/volumes.tsv",
        preprocessed=patients.preprocessed_tables,
        checks=patients.tables_of("check"),
        pictures=patients.tables_of("quality_picture"),
        reference=REFERENCE,
    output:
        page=f"{RUN}/quality/index.html",
    log:
        f"{LOG}/quality_page.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        run=config["run"],
        synthetic=patients.are_phantoms,
        thresholds=THRESHOLDS,
    script:
        "../scripts/quality_page.py"
