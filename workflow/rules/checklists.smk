# The reporting check-lists, answered from everything that the page shows.


rule checklists:
    input:
        SETTLED,
        made=[
            *(
                one
                for one in rules.results_page.input.made
                if one not in plan.checklists
            ),
            plan.protocols,
            plan.bundle.files,
        ],
        lists=[
            BASE / f"resources/checklists/{name}.yaml"
            for name in ("tripod_ai", "claim_2024", "stard_ai")
        ],
        statements=config["report"]["statements"] or [],
        template=BASE / "workflow/report/checklists.html",
        page_template=BASE / "workflow/report/page.html",
        # the container is without the documentation; its places are then not checked
        docs=(
            [
                BASE / "README.md",
                BASE / "config/README.md",
                *sorted((BASE / "docs").rglob("*.md")),
            ]
            if (BASE / "docs").is_dir()
            else []
        ),
    output:
        table=f"{RUN}/tables/checklists.csv",
        page=report(
            f"{RUN}/checklists.html",
            caption="../report/checklists.rst",
            category="Check-lists",
            labels={"what": "TRIPOD+AI, CLAIM 2024, STARD-AI"},
        ),
    log:
        f"{LOG}/checklists.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        config=config,
        # another target makes them (snakemake external)
        external=sorted(map(str, Path(f"{RUN}/external/tables").glob("*.csv"))),
    script:
        "../scripts/checklists.py"
