# From raw series to the atlas grid by the chosen toolchain: one process a batch of patients.

from strokeclock.toolchain import FSL, choose, pick_settings

TOOLCHAIN = config["preprocessing"]["toolchain"]

if TOOLCHAIN == FSL:

    # One job checks for FSL, where jobs run: the head node of a cluster needs none.
    rule fsl:
        output:
            found=f"{RUN}/fsl/found.txt",
        log:
            f"{LOG}/fsl/found.log",
        conda:
            "../../envs/fsl.yaml"
        threads: 1
        resources:
            mem_mb=growing(500),
            runtime=growing(5),
        script:
            "../scripts/fsl.py"


rule preprocess:
    input:
        lambda wildcards: patients.raw_files_of(patients_of(wildcards)),
        rules.fsl.output.found if TOOLCHAIN == FSL else [],
        atlas_t2w=rules.atlas.output.t2w,
        atlas_brain_mask=rules.atlas.output.brain_mask,
        atlas_grid=rules.atlas.output.grid,
        atlas_brain_mask_grid=rules.atlas.output.brain_mask_grid,
    output:
        table=patients.table_of("preprocess"),
    log:
        f"{LOG}/preprocess/{{batch}}.log",
    conda:
        "../../envs/fsl.yaml" if TOOLCHAIN == FSL else "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(
            10
            + choose(config["preprocessing"]).minutes
            * config["preprocessing"]["patients_per_job"]
        ),
    params:
        toolchain=TOOLCHAIN,
        settings=pick_settings(config["preprocessing"]),
        preprocessed=files_of(patients.preprocessed),
        raw=lambda wildcards: {
            patient: patients.raw_series(patient) for patient in patients_of(wildcards)
        },
        b_values=lambda wildcards: {
            patient: patients.b_value(patient) for patient in patients_of(wildcards)
        },
        heads=lambda wildcards: {
            patient: patients.head(patient) for patient in patients_of(wildcards)
        },
    script:
        "../scripts/preprocess.py"
