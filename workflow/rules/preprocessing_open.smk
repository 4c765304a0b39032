# From raw series to the atlas grid with software that is free for all use: one process a lot of patients.

RAW = ("t2w", "dwi", "flair", "adc")

for lot, patients in LOTS.items():

    rule:
        name:
            f"preprocess_{lot}"
        input:
            raw=[
                path
                for patient in patients
                for name in RAW
                if (path := series(patient, name))
            ],
            atlas_t2w=rules.atlas.output.t2w,
            atlas_brain_mask=rules.atlas.output.brain_mask,
            atlas_grid=rules.atlas.output.grid,
        output:
            **{
                f"{name}_to_t2w": each(
                    patients, f"preprocessed/{{patient}}/transforms/{name}_to_t2w.txt"
                )
                for name in REGISTERED
            },
            t2w=each(patients, "preprocessed/{patient}/t2w.nii.gz"),
            dwi=each(patients, "preprocessed/{patient}/dwi.nii.gz"),
            flair=each(patients, "preprocessed/{patient}/flair.nii.gz"),
            adc=each(patients, "preprocessed/{patient}/adc.nii.gz"),
            brain_mask=each(patients, "preprocessed/{patient}/brain_mask.nii.gz"),
            t2w_to_atlas=each(
                patients, "preprocessed/{patient}/transforms/t2w_to_atlas.txt"
            ),
        log:
            f"{LOG}/preprocessed/lot_{lot}.log",
        conda:
            "../../envs/preprocessing.yaml"
        threads: 1
        resources:
            mem_mb=1500,
            runtime=30,
        params:
            patients=patients,
            raw=[
                {name: series(patient, name) or None for name in RAW}
                for patient in patients
            ],
            b_values=[b_value(patient) for patient in patients],
            register_dwi="dwi" in REGISTERED,
            t2w_dof=config["preprocessing"]["open"]["t2w_dof"],
            shrink=config["preprocessing"]["n4"]["shrink"],
            iterations=config["preprocessing"]["open"]["n4_iterations"],
            shared_dwi=config["preprocessing"]["n4"]["shared_dwi"],
            code=code("imaging"),
        script:
            "../scripts/preprocess_open.py"
