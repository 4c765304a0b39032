# The T2w MNI-152 atlas, once a run: for registration, and on the final grid of every patient.


rule atlas:
    input:
        t2w=config["preprocessing"]["atlas"]["t2w"] or [],
        brain_mask=config["preprocessing"]["atlas"]["brain_mask"] or [],
        white_matter=config["preprocessing"]["atlas"]["white_matter"] or [],
    output:
        t2w=f"{RUN}/atlas/t2w.nii.gz",
        brain_mask=f"{RUN}/atlas/brain_mask.nii.gz",
        grid=f"{RUN}/atlas/grid.nii.gz",
        brain_mask_grid=f"{RUN}/atlas/brain_mask_grid.nii.gz",
        white_matter_grid=f"{RUN}/atlas/white_matter_grid.nii.gz",
    log:
        f"{LOG}/atlas/atlas.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        source=config["preprocessing"]["atlas"]["source"],
        grid=config["preprocessing"]["grid"],
    script:
        "../scripts/atlas.py"
