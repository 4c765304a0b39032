# Lesion masks and lesions found on DWI, and the cohort with the sides of masks.


rule lesions:
    input:
        lambda wildcards: patients.drawn_files_of(patients_of(wildcards)),
        preprocessed=preprocessed_table,
    output:
        table=patients.table_of("lesions"),
    log:
        f"{LOG}/lesions/{{batch}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        lesions=files_of({"lesion": "lesions/{patient}.nii.gz"}),
        drawn=lambda wildcards: {
            patient: patients.lesion_mask(patient)
            for patient in patients_of(wildcards)
        },
        scans=lambda wildcards: {
            patient: patients.drawn_on(patient) for patient in patients_of(wildcards)
        },
        sides=row_of("lesion_side"),
    script:
        "../scripts/lesions.py"


rule lesion_sides:
    input:
        entered=rules.cohort.output.table,
        lesions=patients.side_tables,
    output:
        cohort=f"{RUN}/cohort/cohort.tsv",
    log:
        f"{LOG}/cohort/lesion_sides.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
    params:
        measured=patients.sided_by_mask,
    script:
        "../scripts/lesion_sides.py"


rule lesion_volumes:
    input:
        lesions=patients.tables_of("lesions"),
        preprocessed=patients.preprocessed_tables,
    output:
        volumes=f"{RUN}/lesions/volumes.tsv",
    log:
        f"{LOG}/lesions/volumes.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
    params:
        drawn=[patient for patient in patients.ids if patients.lesion_mask(patient)],
    script:
        "../scripts/lesion_volumes.py"
