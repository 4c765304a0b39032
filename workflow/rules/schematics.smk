# The figures that show the software itself: 2 its rules, 4 its networks, 5 its phases; and 1, what it is for.


rule pipeline:
    output:
        svg=report(
            f"{RUN}/figures/fig2.svg",
            caption="../report/fig2.rst",
            category="Figures",
            labels={"figure": "fig2", "what": "the pipeline"},
        ),
        png=f"{RUN}/figures/fig2.png",
    log:
        f"{LOG}/figures/fig2.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        rules=lambda wildcards: rule_graph(),
        code=code("figures"),
    script:
        "../scripts/pipeline.py"
