"""What the shipped configuration is to make, written out, for the tests of the plan."""

RUN = "results/r"
# The configuration names no initial weights. Each of these is trained with each seed.
TRAINED = [
    "2d/phase2_tss3h/random",
    "2d/phase3_tss4h5/random",
    "3d/phase2_tss3h/random",
    "3d/phase3_tss4h5/random",
    "2d/phase1_stroke/random",
    "2d/phase2_tss3h/phase1",
    "2d/phase3_tss4h5/phase2",
    "2d/phase4_attention/phase3",
    "3d/phase0_genesis/random",
    "3d/phase1_stroke/genesis",
    "3d/phase2_tss3h/phase1",
    "3d/phase3_tss4h5/phase2",
    "3d/phase4_attention/phase3",
]
GENESIS = "3d/phase0_genesis/random"
SEGMENTATION = "3d/phase0_segmentation/random"
SEEDS = range(5)
SIX_HOURS = {"below_min": 360, "after": "phase3_tss4h5"}


def rows_of(plan):
    """The trainings without their seeds, in their order."""
    return list(dict.fromkeys("/".join(run[:3]) for run in plan.trainings.runs))


def of_seeds(kind, trained, ending, seeds=SEEDS):
    return [f"{RUN}/{kind}/{row}/seed-{seed}{ending}" for row in trained for seed in seeds]


def drawn(*names):
    return [f"{RUN}/figures/{name}.{suffix}" for name in names for suffix in ("svg", "png")]
