# Synthetic patients, used when cohort.sheet is null (docs/methods/phantoms.md). Their truth lies in derivatives/truth.

# The settings that determine a patient; the number of patients and how they are stored do not.
PHANTOM_LAWS = {
    key: config["phantom"][key]
    for key in config["phantom"]
    if key not in ("patients", "space", "dicom")
}
PHANTOM_SERIES = ("t2w", "dwi", "flair")
PHANTOM_FILES = {
    "record": "phantom/{patient}/record.json",
    "lesion": "derivatives/truth/{patient}/lesion.nii.gz",
    "truth": "derivatives/truth/{patient}/truth.json",
}


if patients.in_template_space:

    rule phantom_registered:
        output:
            table=patients.table_of("phantom_registered"),
        log:
            f"{LOG}/phantom/{{batch}}.log",
        conda:
            "../../envs/preprocessing.yaml"
        threads: 1
        resources:
            mem_mb=growing(4000),
            runtime=growing(30),
        params:
            files=files_of(
                patients.preprocessed
                | PHANTOM_FILES
                | {
                    f"{name}_sidecar": f"preprocessed/{{patient}}/{name}.json"
                    for name in PHANTOM_SERIES
                }
            ),
            grid=config["preprocessing"]["grid"],
            settings=PHANTOM_LAWS,
        script:
            "../scripts/phantom_registered.py"

elif patients.are_phantoms:

    rule phantom:
        output:
            table=patients.table_of("phantom"),
        log:
            f"{LOG}/phantom/{{batch}}.log",
        conda:
            "../../envs/preprocessing.yaml"
        threads: 1
        resources:
            mem_mb=growing(2000),
            runtime=growing(30),
        params:
            files=files_of(
                {
                    **{
                        name: f"phantom/{{patient}}/{name}.nii.gz"
                        for name in PHANTOM_SERIES
                    },
                    **{
                        f"{name}_sidecar": f"phantom/{{patient}}/{name}.json"
                        for name in PHANTOM_SERIES
                    },
                    **PHANTOM_FILES,
                    "brain_mask": "derivatives/truth/{patient}/brain_mask.nii.gz",
                }
            ),
            settings=PHANTOM_LAWS,
        script:
            "../scripts/phantom.py"

    rule phantom_dicom:
        input:
            phantoms=patients.table_of("phantom"),
        output:
            table=patients.table_of("phantom_dicom"),
        log:
            f"{LOG}/phantom_dicom/{{batch}}.log",
        conda:
            "../../envs/preprocessing.yaml"
        threads: 1
        resources:
            mem_mb=growing(1000),
            runtime=growing(30),
        params:
            folders=lambda wildcards: {
                patient: f"{RUN}/phantom/{patient}/dicom"
                for patient in patients_of(wildcards)
            },
            settings=PHANTOM_LAWS,
        script:
            "../scripts/phantom_dicom.py"


if patients.are_phantoms:

    rule phantom_cohort:
        input:
            phantoms=patients.phantom_tables,
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
            mem_mb=growing(500),
            runtime=growing(5),
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
            mem_mb=growing(1500),
            runtime=growing(10),
        params:
            patients=4000,
            settings=PHANTOM_LAWS,
        script:
            "../scripts/phantom_ceiling.py"
