# From preprocessed volumes to hemispheres: check, leave out, split, find the histogram reference, match, halve.

from strokeclock.cohort.verdicts import read_verdicts

try:
    VERDICTS = (
        read_verdicts(config["quality"]["verdicts"], patients=PATIENTS)
        if config["quality"]["verdicts"]
        else {}
    )
except StrokeclockError as error:
    raise WorkflowError(str(error)) from None

INTENSITY = config["preprocessing"]["intensity"]


rule check:
    input:
        t2w=f"{RUN}/preprocessed/{{patient}}/t2w.nii.gz",
        dwi=f"{RUN}/preprocessed/{{patient}}/dwi.nii.gz",
        flair=f"{RUN}/preprocessed/{{patient}}/flair.nii.gz",
        adc=f"{RUN}/preprocessed/{{patient}}/adc.nii.gz",
        brain_mask=f"{RUN}/preprocessed/{{patient}}/brain_mask.nii.gz",
        transform=(
            []
            if IS_TEMPLATE_SPACE
            else f"{RUN}/preprocessed/{{patient}}/transforms/t2w_to_atlas.txt"
        ),
        atlas=f"{RUN}/atlas/grid.nii.gz",
        atlas_mask=f"{RUN}/atlas/brain_mask_grid.nii.gz",
        cohort=ancient(f"{RUN}/cohort/cohort.tsv"),  # a new patient concerns no other; params hold this one's row
    output:
        record=f"{RUN}/quality/{{patient}}.json",
    log:
        f"{LOG}/check/{{patient}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        thresholds={
            key: value for key, value in config["quality"].items() if key != "verdicts"
        },
        person=lambda wildcards: VERDICTS.get(wildcards.patient),
        row=lambda wildcards: ROWS.get(wildcards.patient),
        code=code("imaging"),
    script:
        "../scripts/check.py"


rule inclusion:
    input:
        records=expand(f"{RUN}/quality/{{patient}}.json", patient=PATIENTS),
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
        mem_mb=1000,
        runtime=5,
    params:
        code=code("imaging"),
    script:
        "../scripts/inclusion.py"


rule split:
    input:
        cohort=f"{RUN}/cohort/cohort.tsv",
        exclusions=f"{RUN}/cohort/exclusions.tsv",
        file=config["split"]["file"] or [],
    output:
        split=f"{RUN}/cohort/split.tsv",
    log:
        f"{LOG}/cohort/split.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        settings=config["split"],
        code=code("cohort"),
    script:
        "../scripts/split.py"


rule histogram_reference:
    input:
        split=f"{RUN}/cohort/split.tsv",
        exclusions=f"{RUN}/cohort/exclusions.tsv",
        t2w=expand(f"{RUN}/preprocessed/{{patient}}/t2w.nii.gz", patient=PATIENTS),
        dwi=expand(f"{RUN}/preprocessed/{{patient}}/dwi.nii.gz", patient=PATIENTS),
        flair=expand(f"{RUN}/preprocessed/{{patient}}/flair.nii.gz", patient=PATIENTS),
        brain_mask=expand(
            f"{RUN}/preprocessed/{{patient}}/brain_mask.nii.gz", patient=PATIENTS
        ),
    output:
        reference=f"{RUN}/hemispheres/reference.npz",
    log:
        f"{LOG}/hemispheres/reference.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        patients=PATIENTS,
        normalisation=INTENSITY["normalisation"],
        clip=INTENSITY["clip"],
        match_points=INTENSITY["match_points"],
        code=code("imaging"),
    script:
        "../scripts/histogram_reference.py"


rule hemispheres:
    input:
        record=f"{RUN}/quality/{{patient}}.json",
        t2w=f"{RUN}/preprocessed/{{patient}}/t2w.nii.gz",
        dwi=f"{RUN}/preprocessed/{{patient}}/dwi.nii.gz",
        flair=f"{RUN}/preprocessed/{{patient}}/flair.nii.gz",
        brain_mask=f"{RUN}/preprocessed/{{patient}}/brain_mask.nii.gz",
        reference=f"{RUN}/hemispheres/reference.npz",
    output:
        hemispheres=f"{RUN}/hemispheres/{{patient}}.npy",
    log:
        f"{LOG}/hemispheres/{{patient}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        normalisation=INTENSITY["normalisation"],
        clip=INTENSITY["clip"],
        percentiles=INTENSITY["percentiles"],
        code=code("imaging"),
    script:
        "../scripts/hemispheres.py"


rule hemisphere_manifest:
    input:
        hemispheres=expand(f"{RUN}/hemispheres/{{patient}}.npy", patient=PATIENTS),
    output:
        manifest=f"{RUN}/hemispheres/manifest.tsv",
    log:
        f"{LOG}/hemispheres/manifest.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        patients=PATIENTS,
        code=code("imaging"),
    script:
        "../scripts/hemisphere_manifest.py"


rule quality_picture:
    input:
        record=f"{RUN}/quality/{{patient}}.json",
        t2w=f"{RUN}/preprocessed/{{patient}}/t2w.nii.gz",
        dwi=f"{RUN}/preprocessed/{{patient}}/dwi.nii.gz",
        flair=f"{RUN}/preprocessed/{{patient}}/flair.nii.gz",
        brain_mask=f"{RUN}/preprocessed/{{patient}}/brain_mask.nii.gz",
        atlas_mask=f"{RUN}/atlas/brain_mask_grid.nii.gz",
        reference=f"{RUN}/hemispheres/reference.npz",
    output:
        picture=f"{RUN}/quality/{{patient}}.png",
        matching=f"{RUN}/quality/matching/{{patient}}.json",
    log:
        f"{LOG}/quality_picture/{{patient}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        normalisation=INTENSITY["normalisation"],
        clip=INTENSITY["clip"],
        code=code("imaging"),
    script:
        "../scripts/quality_picture.py"


rule quality_page:
    input:
        records=expand(f"{RUN}/quality/{{patient}}.json", patient=PATIENTS),
        pictures=expand(f"{RUN}/quality/{{patient}}.png", patient=PATIENTS),
        matching=expand(f"{RUN}/quality/matching/{{patient}}.json", patient=PATIENTS),
        table=f"{RUN}/quality/quality.tsv",
        reference=f"{RUN}/hemispheres/reference.npz",
    output:
        page=f"{RUN}/quality/index.html",
    log:
        f"{LOG}/quality_page.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("imaging"),
    script:
        "../scripts/quality_page.py"
