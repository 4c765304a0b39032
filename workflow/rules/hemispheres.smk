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


for lot, patients in LOTS.items():

    rule:
        name:
            f"check_{lot}"
        input:
            t2w=each(patients, "preprocessed/{patient}/t2w.nii.gz"),
            dwi=each(patients, "preprocessed/{patient}/dwi.nii.gz"),
            flair=each(patients, "preprocessed/{patient}/flair.nii.gz"),
            adc=each(patients, "preprocessed/{patient}/adc.nii.gz"),
            brain_mask=each(patients, "preprocessed/{patient}/brain_mask.nii.gz"),
            transform=(
                []
                if IS_TEMPLATE_SPACE
                else each(
                    patients, "preprocessed/{patient}/transforms/t2w_to_atlas.txt"
                )
            ),
            atlas=f"{RUN}/atlas/grid.nii.gz",
            atlas_mask=f"{RUN}/atlas/brain_mask_grid.nii.gz",
            cohort=ancient(f"{RUN}/cohort/cohort.tsv"),  # a new patient concerns no other; params hold its rows
        output:
            record=each(patients, "quality/{patient}.json"),
        log:
            f"{LOG}/check/lot_{lot}.log",
        conda:
            "../../envs/preprocessing.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=5,
        params:
            patients=patients,
            thresholds={
                key: value
                for key, value in config["quality"].items()
                if key != "verdicts"
            },
            persons=[VERDICTS.get(patient) for patient in patients],
            rows=[ROWS.get(patient) for patient in patients],
            code=code("imaging"),
        script:
            "../scripts/check.py"


rule inclusion:
    input:
        records=each(PATIENTS, "quality/{patient}.json"),
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
        t2w=each(PATIENTS, "preprocessed/{patient}/t2w.nii.gz"),
        dwi=each(PATIENTS, "preprocessed/{patient}/dwi.nii.gz"),
        flair=each(PATIENTS, "preprocessed/{patient}/flair.nii.gz"),
        brain_mask=each(PATIENTS, "preprocessed/{patient}/brain_mask.nii.gz"),
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


for lot, patients in LOTS.items():

    rule:
        name:
            f"hemispheres_{lot}"
        input:
            **{
                name: each(patients, f"preprocessed/{{patient}}/{name}.nii.gz")
                for name in (*config["models"]["channels"], "brain_mask")
            },
            record=each(patients, "quality/{patient}.json"),
            reference=f"{RUN}/hemispheres/reference.npz",
        output:
            hemispheres=each(patients, "hemispheres/{patient}.npy"),
        log:
            f"{LOG}/hemispheres/lot_{lot}.log",
        conda:
            "../../envs/preprocessing.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=5,
        params:
            patients=patients,
            channels=config["models"]["channels"],
            normalisation=INTENSITY["normalisation"],
            clip=INTENSITY["clip"],
            percentiles=INTENSITY["percentiles"],
            code=code("imaging"),
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
        mem_mb=500,
        runtime=5,
    params:
        code=code("imaging"),
    script:
        "../scripts/brain_box.py"


rule hemisphere_manifest:
    input:
        hemispheres=each(PATIENTS, "hemispheres/{patient}.npy"),
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


for lot, patients in LOTS.items():

    rule:
        name:
            f"quality_picture_{lot}"
        input:
            record=each(patients, "quality/{patient}.json"),
            t2w=each(patients, "preprocessed/{patient}/t2w.nii.gz"),
            dwi=each(patients, "preprocessed/{patient}/dwi.nii.gz"),
            flair=each(patients, "preprocessed/{patient}/flair.nii.gz"),
            brain_mask=each(patients, "preprocessed/{patient}/brain_mask.nii.gz"),
            atlas_mask=f"{RUN}/atlas/brain_mask_grid.nii.gz",
            reference=f"{RUN}/hemispheres/reference.npz",
        output:
            picture=each(patients, "quality/{patient}.png"),
            matching=each(patients, "quality/matching/{patient}.json"),
        log:
            f"{LOG}/quality_picture/lot_{lot}.log",
        conda:
            "../../envs/preprocessing.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=5,
        params:
            patients=patients,
            normalisation=INTENSITY["normalisation"],
            clip=INTENSITY["clip"],
            code=code("imaging"),
        script:
            "../scripts/quality_picture.py"


rule quality_page:
    input:
        records=each(PATIENTS, "quality/{patient}.json"),
        pictures=each(PATIENTS, "quality/{patient}.png"),
        matching=each(PATIENTS, "quality/matching/{patient}.json"),
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
