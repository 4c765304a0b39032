# Where the lesion is, as drawn or as found.


rule lesions:
    input:
        preprocessed=preprocessed_table,
        drawn=lambda wildcards: drawn_files_of(patients_of(wildcards)),
    output:
        table=table_of("lesions"),
    log:
        f"{LOG}/lesions/{{batch}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        lesions=files_of({"lesion": "lesions/{patient}.nii.gz"}),
        drawn=lambda wildcards: {
            patient: lesion_mask(patient) for patient in patients_of(wildcards)
        },
        scans=lambda wildcards: {
            patient: drawn_on(patient) for patient in patients_of(wildcards)
        },
        sides=row_of("lesion_side"),
    script:
        "../scripts/lesions.py"


rule lesion_volumes:
    input:
        lesions=tables_of("lesions"),
        preprocessed=PREPROCESSED_TABLES,
    output:
        volumes=f"{RUN}/lesions/volumes.tsv",
    log:
        f"{LOG}/lesions/volumes.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        drawn=[patient for patient in PATIENTS if lesion_mask(patient)],
    script:
        "../scripts/lesion_volumes.py"
