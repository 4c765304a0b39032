# Synthetic patients, used when cohort.sheet is null (docs/phantom.md). The truth lies apart, in derivatives/truth.

# What decides on a patient; how many there are does not.
PHANTOM_LAWS = {
    key: config["phantom"][key]
    for key in config["phantom"]
    if key not in ("patients", "space")
}
# A registered patient takes 2 s on the full grid: one job makes many.
PHANTOM_BATCH = 100


if IS_TEMPLATE_SPACE:
    for first in range(0, len(PATIENTS), PHANTOM_BATCH):
        batch = PATIENTS[first : first + PHANTOM_BATCH]

        rule:
            name:
                f"phantom_registered_{first // PHANTOM_BATCH + 1}"
            output:
                t2w=expand(f"{RUN}/preprocessed/{{patient}}/t2w.nii.gz", patient=batch),
                dwi=expand(f"{RUN}/preprocessed/{{patient}}/dwi.nii.gz", patient=batch),
                flair=expand(
                    f"{RUN}/preprocessed/{{patient}}/flair.nii.gz", patient=batch
                ),
                adc=expand(f"{RUN}/preprocessed/{{patient}}/adc.nii.gz", patient=batch),
                brain_mask=expand(
                    f"{RUN}/preprocessed/{{patient}}/brain_mask.nii.gz", patient=batch
                ),
                t2w_to_atlas=expand(
                    f"{RUN}/preprocessed/{{patient}}/transforms/t2w_to_atlas.txt",
                    patient=batch,
                ),
                flair_to_t2w=expand(
                    f"{RUN}/preprocessed/{{patient}}/transforms/flair_to_t2w.txt",
                    patient=batch,
                ),
                record=expand(f"{RUN}/phantom/{{patient}}/record.json", patient=batch),
                lesion=expand(
                    f"{RUN}/derivatives/truth/{{patient}}/lesion.nii.gz", patient=batch
                ),
                truth=expand(
                    f"{RUN}/derivatives/truth/{{patient}}/truth.json", patient=batch
                ),
            log:
                f"{LOG}/phantom/registered_{first // PHANTOM_BATCH + 1}.log",
            conda:
                "../../envs/preprocessing.yaml"
            threads: 1
            resources:
                mem_mb=4000,
                runtime=30,
            params:
                patients=batch,
                grid=config["preprocessing"]["grid"],
                settings=PHANTOM_LAWS,
                code=code("phantom"),
            script:
                "../scripts/phantom_registered.py"

elif IS_PHANTOM:

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
            settings=PHANTOM_LAWS,
            code=code("phantom"),
        script:
            "../scripts/phantom_patient.py"


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
