# From raw series to the atlas grid with software that is free for all use: one process a patient.


rule preprocess:
    input:
        t2w=lambda w: series(w.patient, "t2w"),
        dwi=lambda w: series(w.patient, "dwi"),
        flair=lambda w: series(w.patient, "flair"),
        adc=lambda w: series(w.patient, "adc"),
        atlas_t2w=rules.atlas.output.t2w,
        atlas_brain_mask=rules.atlas.output.brain_mask,
        atlas_grid=rules.atlas.output.grid,
    output:
        t2w=f"{RUN}/preprocessed/{{patient}}/t2w.nii.gz",
        dwi=f"{RUN}/preprocessed/{{patient}}/dwi.nii.gz",
        flair=f"{RUN}/preprocessed/{{patient}}/flair.nii.gz",
        adc=f"{RUN}/preprocessed/{{patient}}/adc.nii.gz",
        brain_mask=f"{RUN}/preprocessed/{{patient}}/brain_mask.nii.gz",
        t2w_to_atlas=f"{RUN}/preprocessed/{{patient}}/transforms/t2w_to_atlas.txt",
        flair_to_t2w=f"{RUN}/preprocessed/{{patient}}/transforms/flair_to_t2w.txt",
    log:
        f"{LOG}/preprocessed/{{patient}}.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        b_value=lambda w: b_value(w.patient),
        t2w_dof=config["preprocessing"]["open"]["t2w_dof"],
        shrink=config["preprocessing"]["n4"]["shrink"],
        iterations=config["preprocessing"]["open"]["n4_iterations"],
        shared_dwi=config["preprocessing"]["n4"]["shared_dwi"],
        code=code("imaging"),
    script:
        "../scripts/preprocess_open.py"
