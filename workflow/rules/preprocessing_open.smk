# From raw series to the atlas grid with software that is free for all use: one process a batch of patients.

from strokeclock.toolchain import pick_open_settings


rule preprocess:
    input:
        lambda wildcards: patients.raw_files_of(patients_of(wildcards)),
        atlas_t2w=rules.atlas.output.t2w,
        atlas_brain_mask=rules.atlas.output.brain_mask,
        atlas_grid=rules.atlas.output.grid,
    output:
        table=patients.table_of("preprocess"),
    log:
        f"{LOG}/preprocess/{{batch}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        **pick_open_settings(config["preprocessing"]),
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
        "../scripts/preprocess_open.py"
