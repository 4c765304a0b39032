"""The paper's figures, training curves and examples."""

from shipped_plan import drawn

FIGURES = ["fig1", "fig2", "fig3", "fig4", "fig5", "fig6", "fig7", "fig8", "fig9"]
CURVES = [
    "training/2d-phase1_stroke-random",
    "training/2d-phase2_tss3h-phase1",
    "training/2d-phase2_tss3h-random",
    "training/2d-phase3_tss4h5-phase2",
    "training/2d-phase3_tss4h5-random",
    "training/2d-phase4_attention-phase3",
    "training/3d-phase0_genesis-random",
    "training/3d-phase1_stroke-genesis",
    "training/3d-phase2_tss3h-phase1",
    "training/3d-phase2_tss3h-random",
    "training/3d-phase3_tss4h5-phase2",
    "training/3d-phase3_tss4h5-random",
    "training/3d-phase4_attention-phase3",
]


def test_the_figures_of_the_shipped_configuration(planned):
    plan = planned()
    assert plan.figures.files == [
        *drawn(
            *FIGURES, *CURVES, "training/3d-phase0_segmentation-random", "genesis_examples", "segmentations"
        ),
        "results/r/figures/phantom.png",
    ]
    assert plan.figures.roc == {
        "fig6": {"phases": ["phase2_tss3h"], "readers": False},
        "fig7": {"phases": ["phase3_tss4h5"], "readers": False},
        "fig8": {"phases": ["phase3_tss4h5", "phase4_attention"], "readers": True},
    }


def test_without_segmentation_no_figure_shows_one(planned):
    plan = planned({"training": {"phase0_segmentation": None, "seeds": [0]}})
    figures = drawn(*FIGURES, *CURVES, "genesis_examples")
    assert plan.figures.files == [*figures, "results/r/figures/phantom.png"]


def test_without_genesis_no_figure_shows_it(planned):
    plan = planned({"training": {"phase0_genesis": None, "starts": ["chain"], "networks": ["3d"]}})
    assert not [figure for figure in plan.figures.files if "genesis" in figure]


def test_patients_have_no_phantom_figure_and_no_ceiling(planned, tmp_path):
    (tmp_path / "cohort.tsv").touch()
    plan = planned({"cohort": {"sheet": str(tmp_path / "cohort.tsv")}, "phantom": {"patients": 0}})
    assert plan.figures.files[-2:] == drawn("segmentations")
    assert plan.ceilings == []


def test_registered_phantoms_have_no_figure_of_scans(planned):
    plan = planned({"phantom": {"space": "template"}})
    assert plan.figures.files[-2:] == drawn("segmentations")
    assert plan.ceilings == ["results/r/phantom/ceiling.json"]
