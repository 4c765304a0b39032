# Tables 1 and 2 for print.


rule typeset_table1:
    input:
        SETTLED,
        table=rules.table1.output.table,
    output:
        html=report(
            f"{RUN}/tables/table1.html",
            caption="../report/table1.rst",
            category="Tables",
            labels={"table": "1", "what": "typeset"},
        ),
        tex=f"{RUN}/tables/table1.tex",
        png=f"{RUN}/tables/table1.png",
    log:
        f"{LOG}/tables/typeset_table1.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    script:
        "../scripts/typeset_table1.py"


rule typeset_table2:
    input:
        SETTLED,
        table=rules.table2.output.table,
    output:
        html=report(
            f"{RUN}/tables/table2.html",
            caption="../report/table2.rst",
            category="Tables",
            labels={"table": "2", "what": "typeset"},
        ),
        tex=f"{RUN}/tables/table2.tex",
        png=f"{RUN}/tables/table2.png",
    log:
        f"{LOG}/tables/typeset_table2.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        confidence=config["evaluation"]["confidence"],
    script:
        "../scripts/typeset_table2.py"
