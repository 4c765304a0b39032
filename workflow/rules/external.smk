# Another hospital's patients of known onset, read with a frozen bundle: snakemake external.

from strokeclock.bundle.peek import find_toolchain
from strokeclock.cohort.reading_sheet import read_patients_to_read

EXTERNAL = config["external"]
OF_OWN_RUN = not EXTERNAL["sheet"]  # the part external of this run's cohort
TESTED = EXTERNAL["bundle"] or f"{RUN}/bundle/model.zip"
TOOLCHAIN_OF_TESTED = (
    find_toolchain(EXTERNAL["bundle"])
    if EXTERNAL["bundle"]
    else config["preprocessing"]["toolchain"]
)
FAR = f"{RUN}/external"

try:
    tested = (
        patients
        if OF_OWN_RUN
        else read_patients_to_read(
            EXTERNAL["sheet"], most=config["preprocessing"]["patients_per_job"]
        )
    )
    if workflow.is_main_process and not OF_OWN_RUN:
        for excluded, reason in tested.exclusions.items():
            logger.warning(f"patient {excluded} is excluded: {reason}.")
except StrokeclockError as error:
    raise WorkflowError(str(error)) from None

# The tables that the evaluation reads.
JOINED = {
    "readings": f"{FAR}/readings.tsv",
    "operating": f"{FAR}/operating.json",
    "cohort": f"{FAR}/cohort.tsv",
    "exclusions": f"{FAR}/exclusions.tsv",
}


if OF_OWN_RUN:
    ENTERED = {
        "entered": settled(f"{RUN}/cohort/cohort.tsv"),
        "entry_exclusions": settled(f"{RUN}/cohort/exclusions.tsv"),
        "split": settled(f"{RUN}/cohort/split.tsv"),
    }
    OF_SPLIT = {"split": settled(f"{RUN}/cohort/split.tsv")}
else:
    ENTERED = {
        "entered": f"{FAR}/entered.tsv",
        "entry_exclusions": f"{FAR}/entry_exclusions.tsv",
    }
    OF_SPLIT = {}

    rule external_cohort:
        input:
            sheet=EXTERNAL["sheet"],
        output:
            table=f"{FAR}/entered.tsv",
            exclusions=f"{FAR}/entry_exclusions.tsv",
        log:
            f"{LOG}/external/cohort.log",
        conda:
            "../../envs/preprocessing.yaml"
        threads: 1
        resources:
            mem_mb=growing(500),
            runtime=growing(5),
        params:
            needed=[],
            require_onset=False,
            exclude={},
        script:
            "../scripts/cohort.py"


rule external_self_test:
    input:
        bundle=TESTED,
    output:
        passed=f"{FAR}/self_test.txt",
    log:
        f"{LOG}/external/self_test.log",
    conda:
        reading_environment(TOOLCHAIN_OF_TESTED)
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(6000),
        runtime=growing(30),
    params:
        device=config["training"]["device"],
        threads=config["training"]["threads"],
    script:
        "../scripts/self_test.py"


rule read_external:
    input:
        lambda wildcards: tested.files_of(wildcards.batch),
        **OF_SPLIT,
        cohort=ENTERED["entered"],
        bundle=TESTED,
        passed=rules.external_self_test.output.passed,
    output:
        readings=f"{FAR}/batches/{{batch}}.tsv",
        seen=f"{FAR}/batches/{{batch}}_seen.tsv",
    log:
        f"{LOG}/external/{{batch}}.log",
    conda:
        reading_environment(TOOLCHAIN_OF_TESTED)
    threads: config["training"]["threads"]
    resources:
        mem_mb=growing(6000),
        runtime=growing(120),
    params:
        studies=lambda wildcards: tested.studies(wildcards.batch),
        device=config["training"]["device"],
        threads=config["training"]["threads"],
    script:
        "../scripts/read_external.py"


rule join_external:
    input:
        **ENTERED,
        batches=expand(f"{FAR}/batches/{{batch}}.tsv", batch=tested.batches),
        refused=expand(f"{FAR}/batches/{{batch}}_seen.tsv", batch=tested.batches),
    output:
        readings=f"{FAR}/readings.tsv",
        cohort=f"{FAR}/cohort.tsv",
        exclusions=f"{FAR}/exclusions.tsv",
    log:
        f"{LOG}/external/join.log",
    conda:
        reading_environment(TOOLCHAIN_OF_TESTED)
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(5),
    params:
        external=config["split"]["external"] if OF_OWN_RUN else {},
    script:
        "../scripts/join_external.py"


rule frozen_numbers:
    input:
        bundle=TESTED,
    output:
        operating=f"{FAR}/operating.json",
        summary=f"{FAR}/summary.json",
    log:
        f"{LOG}/external/frozen_numbers.log",
    conda:
        reading_environment(TOOLCHAIN_OF_TESTED)
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(5),
    script:
        "../scripts/frozen_numbers.py"


rule external_performance:
    input:
        **JOINED,
        readers=EXTERNAL["readers"] or [],
        bundle=TESTED,
    output:
        table=report(
            f"{FAR}/tables/external.csv",
            caption="../report/external.rst",
            category="External test",
            labels={"what": "performance"},
        ),
        reliability=f"{FAR}/tables/external_reliability.csv",
        accesses=report(
            f"{FAR}/accesses.tsv",
            caption="../report/external_ledger.rst",
            category="External test",
            labels={"what": "accesses"},
        ),
        svg=report(
            f"{FAR}/figures/external_calibration.svg",
            caption="../report/external_calibration.rst",
            category="External test",
            labels={"what": "calibration"},
        ),
        png=f"{FAR}/figures/external_calibration.png",
    log:
        f"{LOG}/external/performance.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        settings=plan.evaluation.intervals,
        run=config["run"],
        ledger=plan.evaluation.ledger,
    script:
        "../scripts/external_performance.py"


rule external_subgroups:
    input:
        **JOINED,
    output:
        table=report(
            f"{FAR}/tables/external_subgroups.csv",
            caption="../report/external_subgroups.rst",
            category="External test",
            labels={"what": "subgroups"},
        ),
        svg=report(
            f"{FAR}/figures/external_forest.svg",
            caption="../report/external_forest.rst",
            category="External test",
            labels={"what": "forest plot"},
        ),
        png=f"{FAR}/figures/external_forest.png",
    log:
        f"{LOG}/external/subgroups.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        settings=plan.evaluation.intervals,
    script:
        "../scripts/external_subgroups.py"


rule external_decision:
    input:
        **JOINED,
        readers=EXTERNAL["readers"] or [],
    output:
        table=report(
            f"{FAR}/tables/external_decision.csv",
            caption="../report/external_decision.rst",
            category="External test",
            labels={"what": "net benefit"},
        ),
        svg=report(
            f"{FAR}/figures/external_decision_curve.svg",
            caption="../report/external_decision_curve.rst",
            category="External test",
            labels={"what": "decision curve"},
        ),
        png=f"{FAR}/figures/external_decision_curve.png",
    log:
        f"{LOG}/external/decision.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        settings=plan.evaluation.intervals,
    script:
        "../scripts/external_decision.py"


rule external_flow:
    input:
        **JOINED,
    output:
        table=report(
            f"{FAR}/tables/external_flow.csv",
            caption="../report/external_flow.rst",
            category="External test",
            labels={"what": "flow of patients"},
        ),
        svg=report(
            f"{FAR}/figures/external_flow.svg",
            caption="../report/external_flow.rst",
            category="External test",
            labels={"what": "flow diagram"},
        ),
        png=f"{FAR}/figures/external_flow.png",
    log:
        f"{LOG}/external/flow.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    script:
        "../scripts/external_flow.py"


rule external_case_mix:
    input:
        **JOINED,
        summary=f"{FAR}/summary.json",
    output:
        table=report(
            f"{FAR}/tables/external_case_mix.csv",
            caption="../report/external_case_mix.rst",
            category="External test",
            labels={"what": "case mix"},
        ),
        svg=report(
            f"{FAR}/figures/external_case_mix.svg",
            caption="../report/external_case_mix.rst",
            category="External test",
            labels={"what": "case mix, drawn"},
        ),
        png=f"{FAR}/figures/external_case_mix.png",
    log:
        f"{LOG}/external/case_mix.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    script:
        "../scripts/external_case_mix.py"


rule external_roc:
    input:
        **JOINED,
        table=f"{FAR}/tables/external.csv",
        predictions=plan.predictions.all if OF_OWN_RUN else [],
    output:
        svg=report(
            f"{FAR}/figures/external_roc.svg",
            caption="../report/external_roc.rst",
            category="External test",
            labels={"what": "ROC curves"},
        ),
        png=f"{FAR}/figures/external_roc.png",
    log:
        f"{LOG}/external/roc.log",
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        tasks=plan.tasks.below_min,
    script:
        "../scripts/external_roc.py"


rule external:
    """Test a bundle on patients of another hospital (keys external, or a part external of the split)."""
    input:
        rules.external_performance.output,
        rules.external_subgroups.output,
        rules.external_decision.output,
        rules.external_flow.output,
        rules.external_case_mix.output,
        rules.external_roc.output,
