"""DICOM studies: read back by pydicom and put together by arithmetic of their own."""

from hashlib import sha256

import numpy as np
import pydicom
import pytest
from pydicom.uid import EnhancedMRImageStorage, MRImageStorage

from strokeclock.phantom.clinic import draw_patient
from strokeclock.phantom.dicom import write_study
from strokeclock.phantom.frames import cut_series
from strokeclock.phantom.scanner import flip_columns, rotation
from strokeclock.phantom.study import Habits, Stack, StudySeries, draw_habits, list_series

VENDORS = {"Siemens": ("siemens", 1), "Philips": ("philips-ge", 1), "GE": ("philips-ge", 4)}
KINDS = [("Siemens", False), ("Philips", False), ("Philips", True), ("GE", False)]
SHAPE, VOXEL = (12, 16, 5), (0.9, 1.1, 5.3)
B_TAGS = {  # group, creator, element
    "Siemens": (0x0019, "SIEMENS MR HEADER", 0x0C),
    "Philips": (0x2001, "Philips Imaging DD 001", 0x03),
    "GE": (0x0043, "GEMS_PARM_01", 0x39),
}


def make_stacks(*, flipped):
    """Oblique b0, b1000 and FLAIR; b0 is bright on the patient's left alone."""
    rng = np.random.default_rng(3)
    affine = np.eye(4)
    affine[:3, :3] = rotation(12, -5, 8) @ np.diag(VOXEL)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(SHAPE) - 1) / 2) + (1.5, -8.25, 30.125)
    b0 = rng.integers(400, 900, SHAPE).astype(np.int16)
    b0[: SHAPE[0] // 2] += 4000
    images = {
        "t2w": (b0, 0.0),
        "dwi": ((b0 * rng.uniform(0.2, 0.9, SHAPE)).astype(np.int16), 1000.0),
        "flair": (rng.integers(0, 32000, SHAPE).astype(np.int16), None),
    }
    stacks = {}
    for name, (data, b_value) in images.items():
        stored, own = flip_columns(data, affine) if flipped else (data, affine)
        stacks[name] = Stack(stored, own, b_value)
    return stacks


@pytest.fixture
def study(tmp_path, laws):
    """Write a study and read its files: series number -> data sets, in the order of the files' names.

    `brighter` is added to one voxel of the FLAIR.
    """

    def write(vendor, *, flipped=False, folder="study", number=None, seed=0, brighter=0, **habits):
        usual = {"one_dwi_series": True, "repeated": "nothing", "folder_each": False, "enhanced": False}
        site, usual_number = VENDORS[vendor]
        record = draw_patient(number or usual_number, seed=seed, settings=laws | {"site": site})
        assert record.vendor == vendor
        stacks, habits = make_stacks(flipped=flipped), Habits(**(usual | habits))
        stacks["flair"].data[0, 0, 0] += brighter
        files = write_study(tmp_path / folder, record, list_series(stacks, habits), habits, seed=seed)
        assert sorted(files.values()) == sorted(map(str, filter_files(tmp_path / folder)))
        series = {}
        for path in files.values():
            image = pydicom.dcmread(path)
            series.setdefault(image.SeriesNumber, []).append(image)
        return stacks, record, series

    return write


def filter_files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def frames_of(image):
    """(pixels, orientation, position, spacing, thickness, b-value of the standard's tag) of each frame."""
    if image.SOPClassUID == MRImageStorage:
        geometry = image.ImageOrientationPatient, image.ImagePositionPatient, image.PixelSpacing
        yield image.pixel_array, *geometry, image.SpacingBetweenSlices, image.get("DiffusionBValue")
        return
    (shared,) = image.SharedFunctionalGroupsSequence
    (measures,) = shared.PixelMeasuresSequence
    for pixels, group in zip(image.pixel_array, image.PerFrameFunctionalGroupsSequence, strict=True):
        (position,), (plane,) = group.PlanePositionSequence, group.PlaneOrientationSequence
        diffusion = group.get("MRDiffusionSequence")
        b_value = diffusion[0].DiffusionBValue if diffusion else None
        geometry = plane.ImageOrientationPatient, position.ImagePositionPatient, measures.PixelSpacing
        yield pixels, *geometry, measures.SpacingBetweenSlices, b_value


def rebuild(frames):
    """Put frames of one stack together: data (columns, rows, slices), affine index to world RAS+ mm."""
    orientation = np.array(frames[0][1], float)
    assert all(np.array_equal(frame[1], frames[0][1]) for frame in frames)
    normal = np.cross(orientation[:3], orientation[3:])
    frames = sorted(frames, key=lambda frame: float(np.dot(normal, np.array(frame[2], float))))
    positions = np.array([frame[2] for frame in frames], float)
    between_rows, between_columns = map(float, frames[0][3])
    affine = np.eye(4)
    affine[:3, 0] = orientation[:3] * between_columns
    affine[:3, 1] = orientation[3:] * between_rows
    affine[:3, 2] = (positions[-1] - positions[0]) / (len(frames) - 1)
    affine[:3, 3] = positions[0]
    affine[:2] *= -1
    np.testing.assert_allclose(np.diff(positions, axis=0) @ normal, float(frames[0][4]), atol=1e-6)
    return np.stack([frame[0].T for frame in frames], axis=-1), affine


def assert_same(stack, frames):
    """The same value at the same place of the world, to 1e-4 mm, bit by bit."""
    data, affine = rebuild(frames)
    assert data.shape == stack.data.shape
    index = np.indices(data.shape).reshape(3, -1)
    there = np.linalg.solve(stack.affine, affine @ np.vstack([index, np.ones(index.shape[1])]))[:3]
    nearest = there.round().astype(int)
    assert np.abs((there - nearest) * np.array(VOXEL)[:, None]).max() < 1e-4
    np.testing.assert_array_equal(data.ravel(), stack.data[tuple(nearest)])


def private_b_value(image, vendor):
    group, creator, element = B_TAGS[vendor]
    value = image.private_block(group, creator)[element].value
    return int(value[0]) - 10**9 if vendor == "GE" else float(value)


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("folder_each", [False, True])
@pytest.mark.parametrize(("vendor", "enhanced"), KINDS)
def test_images_and_geometry_are_those_of_the_scans(study, vendor, enhanced, flipped, folder_each):
    stacks, _, series = study(vendor, enhanced=enhanced, flipped=flipped, folder_each=folder_each)
    _, dwi, _, flair = series.values()
    frames = [frame for image in dwi for frame in frames_of(image)]
    assert len(frames) == 2 * SHAPE[2]
    for name, some in (("t2w", frames[: SHAPE[2]]), ("dwi", frames[SHAPE[2] :])):
        assert_same(stacks[name], some)
    assert_same(stacks["flair"], [frame for image in flair for frame in frames_of(image)])


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize(("vendor", "enhanced"), KINDS)
def test_the_patients_left_is_on_the_right_of_the_picture(study, vendor, enhanced, flipped):
    _, _, series = study(vendor, enhanced=enhanced, flipped=flipped)
    _, dwi, *_ = series.values()
    frames = [frame for image in dwi for frame in frames_of(image)][: SHAPE[2]]  # of b0
    for pixels, orientation, position, spacing, *_ in frames:
        rows, columns = np.indices(pixels.shape)
        directions = np.array(orientation, float)
        x = float(position[0]) + directions[0] * columns * float(spacing[1])
        x = x + directions[3] * rows * float(spacing[0])
        is_left = pixels > 3000
        assert columns[is_left].min() == pixels.shape[1] // 2 == columns[~is_left].max() + 1
        assert x[is_left].mean() > x[~is_left].mean() + 4  # LPS: left is x > 0


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("vendor", VENDORS)
def test_b_values_stand_where_the_vendor_puts_them(study, vendor, together):
    _, _, series = study(vendor, one_dwi_series=together)
    diffusion = [*series.values()][1 : 2 if together else 3]
    found = [[private_b_value(image, vendor) for image in images] for images in diffusion]
    b0, b1000 = [0] * SHAPE[2], [1000] * SHAPE[2]
    assert found == ([b0 + b1000] if together else [b0, b1000])
    weighted = {image.SOPInstanceUID for images in diffusion for image in images}
    for image in (image for images in series.values() for image in images):
        others = {tag[1] for name, tag in B_TAGS.items() if name != vendor}
        assert not others & {str(element.value) for element in image if element.tag.is_private_creator}
        has_b_value = vendor == "Philips" and image.SOPInstanceUID in weighted
        assert ("DiffusionBValue" in image) == has_b_value
    if vendor == "GE":
        assert [*diffusion[-1][-1][0x0043, 0x1039].value] == [1_000_001_000, 8, 0, 0]


def test_multi_frame_files_hold_b_values_and_dimensions(study):
    _, _, series = study("Philips", enhanced=True)
    assert all(len(images) == 1 for images in series.values())
    assert {images[0].SOPClassUID for images in series.values()} == {EnhancedMRImageStorage}
    (dwi,) = series[201]
    assert [frame[-1] for frame in frames_of(dwi)] == [0] * SHAPE[2] + [1000] * SHAPE[2]
    groups = dwi.PerFrameFunctionalGroupsSequence
    indices = [[*group.FrameContentSequence[0].DimensionIndexValues] for group in groups]
    assert indices == [[1, place, b] for b in (1, 2) for place in range(1, SHAPE[2] + 1)]
    pointers = [item.DimensionIndexPointer for item in dwi.DimensionIndexSequence]
    assert pointers == [0x00209056, 0x00209057, 0x00189087]
    (echo,) = dwi.SharedFunctionalGroupsSequence[0].MREchoSequence
    assert 68 <= echo.EffectiveEchoTime <= 92
    (modifier,) = series[301][0].SharedFunctionalGroupsSequence[0].MRModifierSequence
    assert modifier.InversionRecovery == "YES"
    assert 2500 < modifier.InversionTimes < 2900


@pytest.mark.parametrize(("vendor", "enhanced"), KINDS)
def test_adc_maps_are_in_the_vendors_steps(study, vendor, enhanced):
    stacks, _, series = study(vendor, enhanced=enhanced)
    images = [*series.values()][2]
    data, affine = rebuild([frame for image in images for frame in frames_of(image)])
    header = images[0]
    slope = 1.0
    if vendor == "Philips":
        shared = header.SharedFunctionalGroupsSequence[0] if enhanced else header
        values = shared.PixelValueTransformationSequence[0] if enhanced else header
        (mapping,) = shared.RealWorldValueMappingSequence
        assert (values.RescaleSlope, values.RescaleIntercept) == (0.9, 0)
        assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (0.9, 0)
        assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "um2/s"
        # 4095e-6 mm2/s at most; stored values count steps of 0.9
        assert (mapping.RealWorldValueFirstValueMapped, mapping.RealWorldValueLastValueMapped) == (0, 4550)
        slope = 0.9
    else:
        assert "RescaleSlope" not in header
    assert "ADC" in header.ImageType or header.SeriesDescription.startswith("Apparent Diffusion")
    b0, b1000 = (stacks[name].data.astype(float) for name in ("t2w", "dwi"))
    expected = np.log(b0 / b1000) / 1000 / 1e-6  # 1e-6 mm2/s
    index = np.indices(data.shape).reshape(3, -1)
    there = np.linalg.solve(stacks["t2w"].affine, affine @ np.vstack([index, np.ones(index.shape[1])]))
    expected = expected[tuple(there[:3].round().astype(int))]
    assert 100 < expected.min() < 1000 < expected.max() < 1700
    np.testing.assert_allclose(data.ravel() * slope, expected, atol=1.0)


@pytest.mark.parametrize("vendor", VENDORS)
def test_headers_say_how_the_scanner_scanned(study, vendor):
    _, record, series = study(vendor)
    localizer, dwi, adc, flair = ((images[0]) for images in series.values())
    for image, protocol in ((dwi, record.epi), (adc, record.epi), (flair, record.flair)):
        assert float(image.RepetitionTime) == pytest.approx(protocol.tr_ms, abs=0.001)
        assert float(image.EchoTime) == pytest.approx(protocol.te_ms, abs=0.001)
        assert [float(image.PixelSpacing[0]), float(image.PixelSpacing[1])] == pytest.approx([1.1, 0.9])
        assert float(image.SliceThickness) == float(image.SpacingBetweenSlices) == pytest.approx(5.3)
    assert float(flair.InversionTime) == pytest.approx(record.flair.ti_ms, abs=0.001)
    assert not any("InversionTime" in image for image in (localizer, dwi, adc))
    names = {"Siemens": "SIEMENS", "Philips": "Philips Medical Systems", "GE": "GE MEDICAL SYSTEMS"}
    for image in (localizer, dwi, adc, flair):
        assert (image.Manufacturer, float(image.MagneticFieldStrength)) == (names[vendor], record.field_t)
        assert image.SeriesDescription
        assert image.ProtocolName
        assert image.ImageType[1] in ("PRIMARY", "SECONDARY")


@pytest.mark.parametrize("vendor", VENDORS)
def test_series_have_numbers_and_uids_of_their_own_in_one_study(study, vendor):
    _, record, series = study(vendor, one_dwi_series=False, repeated="dwi")
    numbers = {
        "Siemens": [1, 2, 3, 4, 5, 6, 7],
        "Philips": [101, 201, 301, 401, 501, 502, 601],
        "GE": [1, 2, 3, 4, 5, 455, 6],
    }
    assert list(series) == numbers[vendor]
    images = [image for some in series.values() for image in some]
    assert len({image.SOPInstanceUID for image in images}) == len(images)
    assert len({some[0].SeriesInstanceUID for some in series.values()}) == len(series)
    for some in series.values():
        assert len({image.SeriesInstanceUID for image in some}) == 1
        assert [image.InstanceNumber for image in some] == [*range(1, len(some) + 1)]
    for name in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID"):
        assert len({image[name].value for image in images}) == 1
    for image in images:
        assert image.file_meta.MediaStorageSOPInstanceUID == image.SOPInstanceUID
        assert image.StudyInstanceUID.startswith("2.25.")
        assert image.PatientName == f"Phantom^{record.number:04d}"
        assert image.InstitutionName == "Phantom Hospital"
        age = int(image.StudyDate[:4]) - int(image.PatientBirthDate[:4])
        assert (age, image.PatientSex) == (record.age, record.sex)
    times = [some[0].AcquisitionTime for some in series.values()]
    assert times == sorted(set(times))


def uids_of(series):
    """The study's UID, the series' and the images'."""
    images = [image for some in series.values() for image in some]
    return [
        {image[name].value for image in images}
        for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    ]


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"number": 2}, {"brighter": 1}, {"flipped": True}, {"one_dwi_series": False}],
    ids=str,
)
def test_other_images_have_other_uids(study, change):
    first = uids_of(study("Siemens", folder="first")[-1])
    other = uids_of(study("Siemens", folder="other", **change)[-1])
    for mine, others in zip(first, other, strict=True):
        assert mine.isdisjoint(others)


def test_multi_frame_files_share_no_uid_with_classic_ones(study):
    classic = uids_of(study("Philips", folder="classic")[-1])
    enhanced = uids_of(study("Philips", folder="enhanced", enhanced=True)[-1])
    assert classic[-1].isdisjoint(enhanced[-1])


def test_patients_of_other_seeds_and_scanners_are_others(study):
    patients = [
        ("Siemens", 1, 0),
        ("Siemens", 1, 1),
        ("Siemens", 1, 2**32 - 1),
        ("Siemens", 11, 0),
        ("Philips", 1, 0),
        ("GE", 4, 0),
    ]
    images = []
    for vendor, number, seed in patients:
        _, record, series = study(vendor, folder=f"{vendor}-{number}-{seed}", number=number, seed=seed)
        images.append(next(iter(series.values()))[0])
        assert images[-1].PatientID == f"PHANTOM-{record.site}-{seed}-{number:04d}"
    assert len({image.PatientID for image in images}) == len(images)
    assert len({image.AccessionNumber for image in images}) == len(images)
    assert all(len(image.PatientID) <= 64 and len(image.AccessionNumber) <= 16 for image in images)


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_last_of_repeated_series_is_complete(study, vendor):
    stacks, _, series = study(vendor, repeated="flair", folder="flair")
    *_, aborted, complete = series.values()
    assert aborted[0].SeriesDescription == complete[0].SeriesDescription
    assert len(aborted) == 3 < len(complete) == SHAPE[2]
    assert_same(stacks["flair"], [frame for image in complete for frame in frames_of(image)])
    positions = [[*image.ImagePositionPatient] for image in complete]
    assert all([*image.ImagePositionPatient] in positions for image in aborted)

    _, _, series = study(vendor, repeated="dwi", folder="dwi")
    _, spoilt, last, *_ = series.values()
    frames = [frame for image in last for frame in frames_of(image)]
    assert_same(stacks["dwi"], frames[SHAPE[2] :])
    assert len(spoilt) == len(last)
    assert not np.array_equal(spoilt[0].pixel_array, last[0].pixel_array)


@pytest.mark.parametrize(("vendor", "enhanced"), KINDS)
def test_the_localizer_has_three_planes(study, vendor, enhanced):
    _, _, series = study(vendor, enhanced=enhanced)
    frames = [frame for image in next(iter(series.values())) for frame in frames_of(image)]
    assert len(frames) == 9
    planes = {tuple(np.array(frame[1], float).round(6)) for frame in frames}
    assert planes == {(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (1, 0, 0, 0, 0, -1)}
    assert all(frames[place][0].max() > 1000 for place in (1, 4, 7))  # the middle slices show the head


@pytest.mark.parametrize(("vendor", "enhanced"), KINDS)
def test_slices_of_the_localizer_alone_have_gaps(study, vendor, enhanced):
    _, _, series = study(vendor, enhanced=enhanced)
    measures = [
        some[0].SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0] if enhanced else some[0]
        for some in series.values()
    ]
    found = [(float(one.SliceThickness), float(one.SpacingBetweenSlices)) for one in measures]
    assert found == [(8, 20), (5.3, 5.3), (5.3, 5.3), (5.3, 5.3)]


def test_spacing_is_free_of_the_noise_of_single_precision():
    affine = np.eye(4)
    affine[:3, :3] = rotation(12, -5, 8) @ np.diag((0.922, 0.922, 5.0))
    affine[:3, 3] = 87.3, -101.7, 45.1
    affine = affine.astype(np.float32).astype(float)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    assert lengths[0] != lengths[1]  # as scans are stored
    data = np.zeros((250, 250, 32), np.int16)
    frames = cut_series(StudySeries("flair", (Stack(data, affine),)))
    assert {frame.spacing_mm for frame in frames} == {(0.922, 0.922, 5.0)}
    for frame in (frames[0], frames[-1]):
        columns, rows = frame.orientation * 0.922
        corners = [frame.position + i * columns + j * rows for i in (0, 249) for j in (0, 249)]
        there = np.array(corners) * (-1, -1, 1)  # RAS+
        index = (there - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
        assert sorted(map(tuple, index.round().astype(int))) == [
            (i, j, frame.place - 1) for i in (0, 249) for j in (0, 249)
        ]
        assert np.abs((index - index.round()) * (0.922, 0.922, 5.0)).max() < 1e-4


@pytest.mark.parametrize(("vendor", "enhanced"), KINDS)
def test_a_study_has_the_same_bytes_at_every_call(study, tmp_path, vendor, enhanced):
    digests = []
    for folder in ("once", "again"):
        study(vendor, enhanced=enhanced, folder=folder)
        digests.append(
            {
                str(path.relative_to(tmp_path / folder)): sha256(path.read_bytes()).hexdigest()
                for path in filter_files(tmp_path / folder)
            }
        )
    assert digests[0] == digests[1]
    names = sorted(digests[0])
    assert names == [f"IM{number:04d}" for number in range(1, len(names) + 1)]


def test_series_may_have_folders(study, tmp_path):
    study("Siemens", folder_each=True)
    names = sorted(str(path.relative_to(tmp_path / "study")) for path in filter_files(tmp_path / "study"))
    assert names[:10] == [*(f"SE0001/IM{number:04d}" for number in range(1, 10)), "SE0002/IM0001"]
    assert {name[:6] for name in names} == {"SE0001", "SE0002", "SE0003", "SE0004"}


def test_what_a_study_was_before_is_replaced(study, tmp_path):
    study("Siemens", folder_each=True)
    study("Siemens")
    assert {path.parent for path in filter_files(tmp_path / "study")} == {tmp_path / "study"}


def test_habits_differ_between_patients():
    habits = [draw_habits(number, seed=0) for number in range(1, 401)]
    assert draw_habits(5, seed=0) == habits[4]
    for name, share in (("one_dwi_series", 0.5), ("folder_each", 0.5), ("enhanced", 0.5)):
        assert np.mean([getattr(one, name) for one in habits]) == pytest.approx(share, abs=0.08)
    for name, share in (("nothing", 0.6), ("dwi", 0.2), ("flair", 0.2)):
        assert np.mean([one.repeated == name for one in habits]) == pytest.approx(share, abs=0.08)
