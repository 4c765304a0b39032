# With preprocessing.keep_volumes: false, the end of a run: nothing that would run later reads preprocessed volumes.


rule drop_volumes:
    input:
        WHOLE_RUN,
        tables=patients.preprocessed_tables,
    output:
        dropped=DROPPED,
    log:
        f"{LOG}/drop_volumes.log",
    conda:
        "../../envs/preprocessing.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
    script:
        "../scripts/drop_volumes.py"
