# Repeated splits (split.repeats): the rules from the split to Table 2 once more, with the split's seed as wildcard {repeat}, and
# their files in repeats/split-<seed>/. What does not depend on the split is shared and made once.

from strokeclock.training.phases import GENESIS, SEGMENTATION

if plan.repeats.files:
    repeat_rules(
        [
            "split",
            *(
                ("histogram_reference", "hemispheres", "hemisphere_manifest")
                if plan.repeats.have_own_hemispheres
                else ()
            ),
            *(GENESIS, SEGMENTATION, *plan.tasks.phases),
            *("search_candidate", "choose_settings", "predict", "join_predictions"),
            *("fit_ratio", "fit_segmented", "fit_clinical", "fit_ml"),
            *("predict_ratio", "predict_segmented", "predict_clinical", "predict_ml"),
            *("fit_operating_points", "table2"),
        ],
        changed={
            "split": {"seed": lambda wildcards: int(wildcards.repeat)},
            "hemispheres": {
                "hemispheres": lambda wildcards: {
                    patient: {
                        "hemispheres": plan.repeats.in_repeat(file, wildcards.repeat)
                    }
                    for patient in patients_of(wildcards)
                    for file in each([patient], "hemispheres/{patient}.npy")
                }
            },
            "table2": {
                "run": lambda wildcards: f"{config['run']}, split {wildcards.repeat}"
            },
        },
    )

    rule summarise_repeats:
        input:
            SETTLED,
            tables=plan.repeats.in_splits(f"{RUN}/tables/table2.csv"),
            splits=settled(plan.repeats.in_splits(f"{RUN}/cohort/split.tsv")),
            cohort=settled(f"{RUN}/cohort/cohort.tsv"),
        output:
            table=report(
                f"{RUN}/tables/repeats.csv",
                caption="../report/repeats.rst",
                category="Repeated splits",
                labels={"what": "rows of Table 2 over splits"},
            ),
            differences=report(
                f"{RUN}/tables/repeats_differences.csv",
                caption="../report/repeats_differences.rst",
                category="Repeated splits",
                labels={"what": "chain against random weights over splits"},
            ),
            by_split=report(
                f"{RUN}/tables/repeats_splits.csv",
                caption="../report/repeats_splits.rst",
                category="Repeated splits",
                labels={"what": "rows of Table 2 in each split"},
            ),
            svg=report(
                f"{RUN}/figures/repeats.svg",
                caption="../report/repeats.rst",
                category="Repeated splits",
                labels={"what": "AUC of each split"},
            ),
            png=f"{RUN}/figures/repeats.png",
        log:
            f"{LOG}/tables/repeats.log",
        conda:
            "../../envs/evaluation.yaml"
        threads: 1
        resources:
            mem_mb=growing(1000),
            runtime=growing(10),
        params:
            seeds=plan.repeats.split_seeds,
            confidence=config["evaluation"]["confidence"],
            tasks=plan.tasks.below_min,
        script:
            "../scripts/repeats.py"

    rule repeats:
        """Repeat everything after the split for several splits, and summarise them (key split.repeats)."""
        input:
            plan.repeats.files,

else:

    rule repeats:
        input:
            lambda wildcards: refuse(
                "snakemake repeats needs the key split.repeats: 2 or more."
            ),
