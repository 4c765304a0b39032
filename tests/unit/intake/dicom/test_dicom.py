"""Exports that the phantoms write, and altered ones: what is found and what is brought."""

import json
import shutil

import numpy as np
import pytest

from strokeclock.errors import PatientError

KINDS = [("Siemens", False), ("Philips", False), ("Philips", True), ("GE", False)]
SCALES = {"Siemens": 1.0, "Philips": 1 / 0.0125, "GE": 1.0}  # Philips': by its scale slope


@pytest.mark.parametrize("one_dwi_series", [True, False])
@pytest.mark.parametrize(("vendor", "enhanced"), KINDS)
def test_a_study_is_brought_bit_by_bit(export, tools, vendor, enhanced, one_dwi_series):
    stacks = export.write(vendor, enhanced=enhanced, one_dwi_series=one_dwi_series)
    found = export.find()
    assert [one.gives for one in found] == [
        (),
        *([("t2w", "dwi")] if one_dwi_series else [("t2w",), ("dwi",)]),
        ("adc",),
        ("flair",),
    ]
    assert not any(one.faults for one in found)
    assert len({one.name for one in found}) == len(found)
    assert {(one.session, one.study) for one in found} == {("1", found[0].study)}
    assert [one.b_value for one in found if "dwi" in one.gives] == [1000.0]
    images = {}
    for one in found:
        if one.gives:
            images |= export.bring(one)
            assert export.notes == []
    for column in ("t2w", "dwi", "flair"):
        tools.assert_same(images[column], stacks[column], scale=SCALES[vendor])
    adc = np.log(stacks["t2w"].data / stacks["dwi"].data.astype(float)) / 1000 / 1e-6
    assert sorted(np.asarray(images["adc"].dataobj).ravel()) == pytest.approx(sorted(adc.ravel()), abs=1.0)
    for column, b_value in (("t2w", 0), ("dwi", 1000), ("adc", None)):
        sidecar = json.loads((export.root / f"out/{column}.json").read_text())
        assert (sidecar["Manufacturer"], sidecar.get("DiffusionBValue")) == (vendor, b_value)
        assert 0.05 < sidecar.get("EchoTime", 0.08) < 0.2
    sidecar = json.loads((export.root / "out/flair.json").read_text())
    assert 2.0 < sidecar["InversionTime"] < 3.0 < sidecar["RepetitionTime"]


def test_series_have_the_time_of_their_scan(export):
    export.write()
    times = [one.acquired for one in export.find()]
    assert times == sorted(times)
    assert len({*times}) == 4
    assert times[0].startswith("2020-01-02T08:")


@pytest.mark.parametrize("repeated", ["dwi", "flair"])
@pytest.mark.parametrize(("vendor", "enhanced"), KINDS)
def test_of_repeats_the_last_whole_one_is_preferred(export, tools, vendor, enhanced, repeated):
    stacks = export.write(vendor, enhanced=enhanced, repeated=repeated)
    found = export.find()
    images = export.bring(tools.choose(found, "DWI")) | export.bring(tools.choose(found, "FLAIR"))
    for column in ("t2w", "dwi", "flair"):
        tools.assert_same(images[column], stacks[column], scale=SCALES[vendor])
    if repeated == "flair":
        (aborted,) = (one for one in tools.by_kind(found, "FLAIR") if one.faults)
        assert "it is incomplete: 5 slices" in aborted.faults[0]


def test_an_aborted_last_repeat_is_not_taken(export, tools):
    stacks = export.write("GE", repeated="dwi")
    places = {image.SliceLocation for image in export.images(only="1000b")}
    export.change(
        lambda image: not (image.SeriesNumber == 3 and image.SliceLocation > sorted(places)[5]), only="1000b"
    )
    good = tools.choose(export.find(), "DWI")
    assert good.name == "series 2 DWI"
    assert export.bring(good)["dwi"].shape == stacks["dwi"].data.shape


@pytest.mark.parametrize(("vendor", "enhanced"), KINDS)
def test_a_missing_slice_is_refused(export, tools, vendor, enhanced):
    export.write(vendor, enhanced=enhanced)
    fourth = []

    def drop(image):
        if not enhanced:
            own = [one for one in fourth if one == image.SeriesInstanceUID]
            fourth.append(image.SeriesInstanceUID)
            return len(own) != 4
        groups = list(image.PerFrameFunctionalGroupsSequence)
        size = len(image.PixelData) // len(groups)
        image.PixelData = image.PixelData[: 4 * size] + image.PixelData[5 * size :]
        image.PerFrameFunctionalGroupsSequence = groups[:4] + groups[5:]
        image.NumberOfFrames = len(groups) - 1
        return True

    export.change(drop)
    found = export.find()
    (dwi,), (adc,), (flair,) = (tools.by_kind(found, kind) for kind in ("DWI", "ADC", "FLAIR"))
    assert dwi.faults[0] == (
        "it lacks images: 1 of its 8 slice positions has fewer than the others; "
        "send it again from the archive"
    )
    for one in (adc, flair):
        assert one.faults[0] == (
            "it lacks 1 slice: its 7 slices lie 6.50 mm apart, but not everywhere; "
            "send it again from the archive"
        )
    for one in (dwi, adc, flair):
        with pytest.raises(PatientError, match="cannot be used"):
            export.bring(one)


def test_a_missing_last_slice_is_refused(export, tools):
    """It leaves no gap, but a number."""
    export.write()
    export.change(lambda image: image.InstanceNumber != 1)
    found = export.find()
    for kind in ("DWI", "ADC", "FLAIR"):
        (one,) = tools.by_kind(found, kind)
        fault = "it lacks 1 of the images that are numbered in it: send it again from the archive"
        assert fault in one.faults


def test_a_slice_that_two_images_show_is_refused(export, tools):
    export.write()

    def move(image):
        if image.InstanceNumber == 4:
            image.ImagePositionPatient = places[image.SeriesInstanceUID]
        places[image.SeriesInstanceUID] = image.ImagePositionPatient

    places = {}
    export.change(move)
    found = export.find()
    for kind in ("DWI", "ADC", "FLAIR"):
        (one,) = tools.by_kind(found, kind)
        assert one.faults[0].startswith("it lacks images: ")


def test_frames_in_another_order_are_sorted_by_their_place(export, tools):
    """Dimension indices that put slices before b-values confuse converters; places do not."""
    stacks = export.write("Philips", enhanced=True)

    def shuffle(image):
        count = int(image.NumberOfFrames)
        order = np.random.default_rng(0).permutation(count)
        size = len(image.PixelData) // count
        image.PixelData = b"".join(image.PixelData[one * size : (one + 1) * size] for one in order)
        groups = [image.PerFrameFunctionalGroupsSequence[int(one)] for one in order]
        for number, group in enumerate(groups, start=1):
            group.FrameContentSequence[0].DimensionIndexValues = [number, 1, 1]
        image.PerFrameFunctionalGroupsSequence = groups

    export.change(shuffle)
    found = export.find()
    images = export.bring(tools.choose(found, "DWI")) | export.bring(tools.choose(found, "FLAIR"))
    for column in ("t2w", "dwi", "flair"):
        tools.assert_same(images[column], stacks[column], scale=80.0)


def test_patients_and_studies_in_one_folder_are_told_apart(export, tools):
    """The second study of a person comes first by name, and is the second session by date."""
    folders = {"a": ("Siemens", 0), "b": ("GE", 0), "c": ("Siemens", 5)}
    scans = {name: export.write(vendor, folder=name, seed=seed) for name, (vendor, seed) in folders.items()}
    first = export.images(folder="a")[0]

    def come_back(image):
        for name in ("PatientID", "PatientName", "PatientBirthDate"):
            setattr(image, name, first[name].value)
        image.StudyDate = image.SeriesDate = image.AcquisitionDate = "20250101"

    export.change(come_back, folder="c")
    export.folder.mkdir()
    paths = [path for name in ("c", "b", "a") for path in export.files(name)]
    for number, path in enumerate(paths):
        shutil.copy(path, export.folder / f"x{number:03d}")
    found = export.find()
    assert not any(one.faults for one in found)
    assert len({one.person for one in found}) == 2
    for name, person, session in (
        ("a", first.PatientID, "1"),
        ("c", first.PatientID, "2"),
        ("b", export.images(folder="b")[0].PatientID, "1"),
    ):
        own = [one for one in found if (one.person, one.session) == (person, session)]
        assert len(own) == 4
        assert len({one.study for one in own}) == 1
        tools.assert_same(export.bring(tools.choose(own, "DWI"))["dwi"], scans[name]["dwi"])


@pytest.mark.parametrize(
    ("vendor", "enhanced", "plane"),
    [("Siemens", False, "sagittal"), ("GE", False, "coronal"), ("Philips", True, "sagittal")],
)
def test_slices_of_any_plane_keep_their_place(export, tools, vendor, enhanced, plane):
    stacks = export.write(vendor, enhanced=enhanced, plane=plane)
    export.change(lambda image: "FLAIR" in image.SeriesDescription or "fluid" in image.SeriesDescription)
    (flair,) = tools.by_kind(export.find(), "FLAIR")
    tools.assert_same(export.bring(flair)["flair"], stacks["flair"], scale=SCALES[vendor])
