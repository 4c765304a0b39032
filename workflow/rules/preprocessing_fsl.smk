# The paper's Fig. 2 by N4 and FSL, one rule for each box. preprocessing_open.smk does the same with PyPI packages.

from strokeclock.toolchain import pick_fsl_settings

SETTINGS = pick_fsl_settings(config["preprocessing"])
BOXES = f"{RUN}/fsl/{{patient}}"


# One job checks for FSL, where jobs run: the head node of a cluster needs none.
rule fsl:
    output:
        found=f"{RUN}/fsl/found.txt",
    log:
        f"{LOG}/fsl/found.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    script:
        "../scripts/fsl.py"


rule bias_correction:
    input:
        rules.fsl.output.found,
        lambda wildcards: patients.raw_files_of([wildcards.patient]),
        atlas_t2w=rules.atlas.output.t2w,
        atlas_brain_mask=rules.atlas.output.brain_mask,
    output:
        **{
            name: temp(f"{BOXES}/bias_correction/{name}.nii")
            for name in patients.series
        },
        findings=f"{RUN}/preprocessed/{{patient}}/findings.json",
    log:
        f"{LOG}/fsl/bias_correction/{{patient}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        **SETTINGS["bias_correction"],
        raw=lambda wildcards: patients.raw_series(wildcards.patient),
        b_value=lambda wildcards: patients.b_value(wildcards.patient),
        head=lambda wildcards: patients.head(wildcards.patient),
    script:
        "../scripts/bias_correction.py"


rule reorientation:
    input:
        **{name: f"{BOXES}/bias_correction/{name}.nii" for name in patients.series},
    output:
        **{name: temp(f"{BOXES}/reorientation/{name}.nii") for name in patients.series},
    log:
        f"{LOG}/fsl/reorientation/{{patient}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    script:
        "../scripts/reorientation.py"


rule skull_stripping:
    input:
        **{
            name: f"{BOXES}/reorientation/{name}.nii"
            for name in ("t2w", *patients.registered)
        },
        findings=rules.bias_correction.output.findings,
    output:
        **{
            name: temp(f"{BOXES}/skull_stripping/{name}.nii")
            for name in ("t2w", *patients.registered)
        },
    log:
        f"{LOG}/fsl/skull_stripping/{{patient}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=15,
    params:
        **SETTINGS["skull_stripping"],
    script:
        "../scripts/skull_stripping.py"


rule registration_to_atlas:
    input:
        t2w=f"{BOXES}/skull_stripping/t2w.nii",
        grid=f"{RUN}/atlas/grid.nii.gz",
        brain_mask_grid=f"{RUN}/atlas/brain_mask_grid.nii.gz",
    output:
        registered=temp(f"{BOXES}/registration_to_atlas/t2w.nii"),
        matrix=temp(f"{BOXES}/registration_to_atlas/t2w_to_atlas.mat"),
    log:
        f"{LOG}/fsl/registration_to_atlas/{{patient}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        **SETTINGS["registration_to_atlas"],
    script:
        "../scripts/registration_to_atlas.py"


rule second_stripping:
    input:
        t2w=f"{BOXES}/registration_to_atlas/t2w.nii",
    output:
        brain_mask=temp(f"{BOXES}/second_stripping/brain_mask.nii"),
    log:
        f"{LOG}/fsl/second_stripping/{{patient}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        **SETTINGS["second_stripping"],
    script:
        "../scripts/second_stripping.py"


rule co_registration:
    input:
        **{name: f"{BOXES}/reorientation/{name}.nii" for name in patients.series},
        **{
            f"stripped_{name}": f"{BOXES}/skull_stripping/{name}.nii"
            for name in ("t2w", *patients.registered)
        },
        t2w_to_atlas=f"{BOXES}/registration_to_atlas/t2w_to_atlas.mat",
        brain_mask=f"{BOXES}/second_stripping/brain_mask.nii",
        grid=f"{RUN}/atlas/grid.nii.gz",
    output:
        **{
            name: f"{RUN}/preprocessed/{{patient}}/{name}.nii.gz"
            for name in patients.series
        },
        **{
            f"{name}_to_t2w": f"{RUN}/preprocessed/{{patient}}/transforms/{name}_to_t2w.txt"
            for name in patients.registered
        },
        brain_mask=f"{RUN}/preprocessed/{{patient}}/brain_mask.nii.gz",
        t2w_to_atlas=f"{RUN}/preprocessed/{{patient}}/transforms/t2w_to_atlas.txt",
    log:
        f"{LOG}/fsl/co_registration/{{patient}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        **SETTINGS["co_registration"],
    script:
        "../scripts/co_registration.py"


rule preprocess:
    input:
        lambda wildcards: [
            file
            for path in patients.preprocessed.values()
            for file in each(patients_of(wildcards), path)
        ],
    output:
        table=patients.table_of("preprocess"),
    log:
        f"{LOG}/preprocess/{{batch}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        files=files_of(patients.preprocessed),
    script:
        "../scripts/preprocess_fsl.py"
