# Synthetic patients, used when cohort.sheet is null (docs/phantom.md). The truth lies apart, in derivatives/truth.


rule phantom_patient:
    output:
        t2w=f"{RUN}/phantom/{{patient}}/t2w.nii.gz",
        dwi=f"{RUN}/phantom/{{patient}}/dwi.nii.gz",
        flair=f"{RUN}/phantom/{{patient}}/flair.nii.gz",
        record=f"{RUN}/phantom/{{patient}}/record.json",
        lesion=f"{RUN}/derivatives/truth/{{patient}}/lesion.nii.gz",
        brain_mask=f"{RUN}/derivatives/truth/{{patient}}/brain_mask.nii.gz",
        truth=f"{RUN}/derivatives/truth/{{patient}}/truth.json",
    log:
        f"{LOG}/phantom/{{patient}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=5,
    params:
        settings=config["phantom"],
        code=code("phantom"),
    script:
        "../scripts/phantom_patient.py"


# What decides on a patient; how many there are does not.
PHANTOM_LAWS = {
    key: config["phantom"][key]
    for key in config["phantom"]
    if key not in ("patients", "space")
}


if IS_PHANTOM:

    rule phantom_cohort:
        input:
            records=expand(f"{RUN}/phantom/{{patient}}/record.json", patient=PATIENTS),
            truths=expand(
                f"{RUN}/derivatives/truth/{{patient}}/truth.json", patient=PATIENTS
            ),
        output:
            cohort=f"{RUN}/phantom/cohort.tsv",
            readers=f"{RUN}/phantom/readers.tsv",
            truth=f"{RUN}/derivatives/truth.tsv",
        log:
            f"{LOG}/phantom_cohort.log",
        conda:
            "../../envs/preprocessing.yaml"
        threads: 1
        resources:
            mem_mb=500,
            runtime=5,
        params:
            code=code("phantom"),
        script:
            "../scripts/phantom_cohort.py"

    rule phantom_ceiling:
        output:
            ceiling=f"{RUN}/phantom/ceiling.json",
        log:
            f"{LOG}/phantom_ceiling.log",
        conda:
            "../../envs/preprocessing.yaml"
        threads: 1
        resources:
            mem_mb=1500,
            runtime=10,
        params:
            settings=PHANTOM_LAWS,
            code=code("phantom"),
        script:
            "../scripts/phantom_ceiling.py"
