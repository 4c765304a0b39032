# Synthetic patients, used when cohort.sheet is null (docs/phantom.md). The truth lies apart, in derivatives/truth.


rule phantom_patient:
    output:
        t2w=f"{RUN}/phantom/{{patient}}/t2w.nii.gz",
        dwi=f"{RUN}/phantom/{{patient}}/dwi.nii.gz",
        flair=f"{RUN}/phantom/{{patient}}/flair.nii.gz",
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
