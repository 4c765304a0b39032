# Where the lesion is, as drawn or as found.

for lot, patients in LOTS.items():

    rule:
        name:
            f"lesions_{lot}"
        input:
            dwi=each(patients, "preprocessed/{patient}/dwi.nii.gz"),
            transform=each(
                patients, "preprocessed/{patient}/transforms/t2w_to_atlas.txt"
            ),
            drawn=[*filter(None, map(lesion_mask, patients))],
            scans=[*filter(None, map(drawn_on, patients))],
        output:
            lesion=each(patients, "lesions/{patient}.nii.gz"),
        log:
            f"{LOG}/lesions/lot_{lot}.log",
        conda:
            "../../envs/preprocessing.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=5,
        params:
            patients=patients,
            drawn=[lesion_mask(patient) for patient in patients],
            scans=[drawn_on(patient) for patient in patients],
            sides=[ROWS[patient]["lesion_side"] if ROWS else "" for patient in patients],
            code=code("imaging"),
        script:
            "../scripts/lesions.py"


rule lesion_volumes:
    input:
        lesions=each(PATIENTS, "lesions/{patient}.nii.gz"),
        transforms=each(PATIENTS, "preprocessed/{patient}/transforms/t2w_to_atlas.txt"),
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
        patients=PATIENTS,
        drawn=[bool(lesion_mask(patient)) for patient in PATIENTS],
        code=code("imaging"),
    script:
        "../scripts/lesion_volumes.py"
