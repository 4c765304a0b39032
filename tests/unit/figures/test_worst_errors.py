"""The worst errors: of the row that is best in validation, by hand; and their images."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from strokeclock.batches import write_batch
from strokeclock.evaluation.worst_errors import write_worst_errors
from strokeclock.figures.style import save_figure
from strokeclock.figures.worst_errors import draw_worst_errors
from strokeclock.segmentation.lesion import DRAWN, NONE

GOOD, BAD = ("2d", "phase3_tss4h5", "phase2"), ("3d", "phase4_attention", "phase3")
OTHERS = (("2d", "phase2_tss3h", "random"), ("ml", "phase4_attention", "radiomics"))
SHAPE, SPLIT_AT = (32, 40, 8), 16
WIDE, BRIGHT = 3, 5  # slices


@pytest.fixture
def worst(made_up_run):
    """Write the table of a run whose good row has given test scores; return the call, given these."""
    cohort = made_up_run.cohort

    def make(test_scores, scorers=(GOOD, BAD, *OTHERS), without=None):
        def score(scorer, seed, rows):
            part = rows["part"].iloc[0]
            if scorer == BAD:  # perfect on the test part alone
                return rows["label"] if part == "test" else 1 - rows["label"]
            if scorer != GOOD:
                return rows["label"]  # perfect, and no candidates
            if part == "validation":
                return 0.4 + 0.2 * rows["label"]
            return rows["patient"].map(test_scores).fillna(rows["label"] * 0.8 + 0.1)

        paths = made_up_run.write(scorers, score=score)
        root = made_up_run.root
        sizes = pd.DataFrame({"patient": cohort["patient"], "volume_ml": "2.5", "source": DRAWN})
        sizes.loc[sizes["patient"] == without, ["volume_ml", "source"]] = ["", NONE]
        (root / "lesions").mkdir(exist_ok=True)
        sizes.to_csv(root / "lesions/volumes.tsv", sep="\t", index=False)
        output = root / "tables/worst_errors.csv"
        write_worst_errors(
            paths,
            output,
            thresholds=made_up_run.fit(paths)["thresholds"],
            cohort=root / "cohort/cohort.tsv",
            split=root / "cohort/split.tsv",
            volumes=root / "lesions/volumes.tsv",
        )
        return pd.read_csv(output, keep_default_na=False)

    make.run = made_up_run
    return make


def of_test(run):
    """The test patients below 4.5 h, and the others."""
    test = run.cohort[run.cohort["part"] == "test"]
    short = test["onset_to_mri_min"] < 270
    return test["patient"][short].tolist(), test["patient"][~short].tolist()


def test_the_farthest_on_the_wrong_side_come_first(worst):
    """The threshold is .6: Youden's on validation scores of .4 and .6."""
    short, long = of_test(worst.run)
    scores = dict(zip(long, (0.61, 0.99, 0.8, 0.7, 0.95, 0.59), strict=False))
    scores |= dict(zip(short, (0.59, 0.2, 0.61), strict=False))
    table = worst(scores)
    assert set(table["stage"] + table["model"] + table["start"]) == {"phase3_tss4h52dphase2"}
    early, late = table[table["error"] == "read too early"], table[table["error"] == "read too late"]
    assert early["patient"].tolist() == [long[1], long[4], long[2], long[3]]
    assert early["score"].tolist() == [0.99, 0.95, 0.8, 0.7]
    assert late["patient"].tolist() == [short[1], short[0]]
    assert table["threshold"].unique().tolist() == [0.6]
    assert table["threshold_source"].unique().tolist() == ["validation"]
    minutes = worst.run.cohort.set_index("patient")["onset_to_mri_min"]
    assert table["onset_to_mri_min"].astype(float).tolist() == minutes[table["patient"]].tolist()
    assert set(table["volume_ml"]) == {2.5}


def test_a_kind_without_errors_is_said(worst):
    _, long = of_test(worst.run)
    table = worst({long[0]: 0.7})
    assert table[["error", "patient", "note"]].to_numpy().tolist() == [
        ["read too early", long[0], ""],
        ["read too late", "", "no test patient"],
    ]


def test_without_a_row_of_4_5_h_nothing_is_chosen(worst):
    table = worst({}, scorers=OTHERS)
    assert table["note"].tolist() == ["not run: no row with the target TSS < 4.5 h"]
    figure = draw_worst_errors(
        worst.run.root / "tables/worst_errors.csv", preprocessed=[], volumes=worst.run.root / "none.tsv"
    )
    (text,) = figure.texts
    assert text.get_text() == "No error to show: not run: no row with the target TSS < 4.5 h."


@pytest.fixture
def images(tmp_path):
    """Write the images of patients (side of the lesion or None); return a table of the batches' files."""

    def write(sides, lesions, series=("dwi", "flair", "adc")):
        affine = np.diag([2.0, 2.0, 2.0, 1.0])
        affine[0, 3] = -31  # x = 0 in the middle of 32 columns
        files = {}
        for number, (patient, side) in enumerate(sides.items(), start=1):
            lesion = np.zeros(SHAPE, np.uint8)
            place = slice(4, 9) if side == "left" else slice(23, 28)
            if side:
                lesion[place, 10:20, WIDE] = lesion[place, 10:12, 1] = 1
                nib.save(nib.Nifti1Image(lesion, affine), lesions / f"{patient}.nii.gz")
            files[patient] = {}
            for name in series:
                volume = np.zeros(SHAPE, np.float32)
                volume[2:30, 4:36] = {"dwi": 100 * number, "flair": 50, "adc": 1e-3}[name]
                volume[lesion > 0] *= {"dwi": 3, "flair": 2, "adc": 0.5}[name]
                if name == "dwi" and not side:
                    volume[5:8, 8:12, BRIGHT] *= 4
                files[patient][name] = str(tmp_path / f"{patient}_{name}.nii.gz")
                nib.save(nib.Nifti1Image(volume, affine), files[patient][name])
        write_batch(tmp_path / "batch.tsv", files)
        return [tmp_path / "batch.tsv"]

    return write


def shown(figure):
    """The figure's pictures of each patient: words -> [(x, y), …]."""
    found, words = {}, ""
    for part in figure.subfigs:
        for axis in part.axes:
            words = next((text.get_text() for text in axis.texts), words)
            found.setdefault(words, []).extend(np.asarray(image.get_array()).T for image in axis.images)
    return found


def test_the_lesions_hemisphere_stands_before_the_contralateral_one(worst, images, tmp_path):
    short, long = of_test(worst.run)
    worst({long[0]: 0.9, short[0]: 0.1}, without=short[0])
    root = worst.run.root
    tables = images({long[0]: "right", short[0]: None}, root / "lesions")
    figure = draw_worst_errors(
        root / "tables/worst_errors.csv", preprocessed=tables, volumes=root / "lesions/volumes.tsv"
    )
    minutes = worst.run.cohort.set_index("patient")["onset_to_mri_min"]
    early, late = shown(figure).items()
    assert early[0] == f"{long[0]}: TSS {minutes[long[0]] / 60:.1f} h, score 0.90, lesion 2.5 mL"
    assert late[0] == f"{short[0]}: TSS {minutes[short[0]] / 60:.1f} h, score 0.10, no lesion known"
    own, contralateral = early[1][0], early[1][1]
    # cropped to the brain from column 2 and row 4 on; the right hemisphere is mirrored: 27 becomes 4
    assert np.unique(own[2:7, 6:16]).tolist() == [3.0]  # of the brain's median
    assert own.max() == 3.0
    assert np.unique(contralateral).tolist() == [1.0]
    assert early[1][4][2:7, 6:16].max() == pytest.approx(0.25)  # ADC: half of half of what is white
    assert len(early[1]) == len(late[1]) == 6
    assert late[1][0].max() == 4.0  # the slice with the brightest DWI
    assert [part.get_suptitle() for part in figure.subfigs] == [
        "Read too early: 4.5 h or more, called below",
        "Read too late: below 4.5 h, called 4.5 h or more",
    ]
    assert figure.get_suptitle() == (
        "Best row in the validation part: 2D from TSS < 3 h; called TSS < 4.5 h from a score of 0.60 on"
    )
    save_figure(figure, tmp_path / "errors.png")


def test_series_that_are_not_there_have_no_column(worst, images):
    _, long = of_test(worst.run)
    worst({long[0]: 0.9})
    root = worst.run.root
    tables = images({long[0]: "left"}, root / "lesions", series=("dwi", "adc"))
    figure = draw_worst_errors(
        root / "tables/worst_errors.csv", preprocessed=tables, volumes=root / "lesions/volumes.tsv"
    )
    ((_, pictures),) = shown(figure).items()
    assert len(pictures) == 4
