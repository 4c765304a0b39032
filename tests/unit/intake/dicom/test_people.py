"""Whose series they are, where identifiers are missing, shared or made up; and that no name leaves."""

import gzip
import re
import warnings

import pytest
from pydicom.datadict import dictionary_VR

from strokeclock.errors import PatientError

SECRET = "Geheim"


def relabel(export, folder, **values):
    def alter(image):
        for name, value in values.items():
            setattr(image, name, value)

    export.change(alter, folder=folder)


def write_two(export, first, second):
    """Two studies of one folder, with these values."""
    for name, seed, values in (("export/a", 0, first), ("export/b", 5, second)):
        export.write(folder=name, seed=seed)
        relabel(export, name, **values)


@pytest.mark.parametrize("placeholder", ["", "Anonymous", "ANON", "000000", "n/a", "XXXX"])
def test_without_an_identifier_name_and_birth_tell_people_apart(export, placeholder):
    write_two(
        export,
        {"PatientID": placeholder, "PatientName": "A^B", "PatientBirthDate": "19500101"},
        {"PatientID": placeholder, "PatientName": "C^D", "PatientBirthDate": "19500101"},
    )
    found = export.find()
    assert len({one.person for one in found}) == 2
    assert {one.session for one in found} == {"1"}
    assert not any(one.faults for one in found)


def test_without_any_identity_each_study_is_a_person(export):
    nobody = {"PatientID": "anonymous", "PatientName": "Anonymized", "PatientBirthDate": ""}
    write_two(export, nobody, nobody)
    assert len({one.person for one in export.find()}) == 2


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        (("A^B", "19500101"), ("A^B", "19610101"), "dates of birth"),
        (("A^B", ""), ("C^D", ""), "names"),
        (("Müller^Hans", "19500101"), ("MUELLER^HANS", "19500101"), None),
        (("A^B", "19500101"), ("C^B", "19500101"), None),  # a married name
        (("Müller^Hans", ""), ("Muller^H", ""), None),
        (("A^B", ""), ("", ""), None),
    ],
)
def test_an_identifier_that_two_people_share_is_refused(export, first, second, what):
    first, second = (
        {"PatientID": "17", "PatientName": name, "PatientBirthDate": birth} for name, birth in (first, second)
    )
    write_two(export, first, second)
    found = export.find()
    assert {one.person for one in found} == {"17"}
    assert {one.session for one in found} == {"1", "2"}
    faults = {fault for one in found for fault in one.faults}
    if what:
        assert len(faults) == 1
        assert f"PatientID is shared by people of different {what}" in faults.pop()
        assert all(one.faults for one in found if one.gives)
    else:
        assert not faults


def plant(item):
    """Put a word into every text of a header; what says how the images are read stays."""
    kept = {"Modality", "PatientPosition", "MRAcquisitionType", "PhotometricInterpretation", "ImageType"}
    kept |= {"Manufacturer", "SpecificCharacterSet", "DiffusionDirectionality", "StackID", "FrameType"}
    for element in item:
        if element.VR == "SQ":
            for one in element.value:
                plant(one)
        elif element.tag.is_private or element.keyword in kept:
            continue
        elif element.VR in ("LO", "SH", "PN", "LT", "ST", "UT", "CS", "UC"):
            words = [str(element.value)] if element.keyword in ("SeriesDescription", "ProtocolName") else []
            element.value = " ".join([*words, SECRET])[-60:]
    for name in ("PatientComments", "ImageComments", "StationName", "OperatorsName", "InstitutionName"):
        assert dictionary_VR(name)
        setattr(item, name, SECRET)
    item.SequenceName = 5 * SECRET  # too long: pydicom warns of it


@pytest.mark.parametrize(("vendor", "enhanced"), [("Siemens", False), ("Philips", True), ("GE", False)])
def test_no_text_of_a_header_and_no_folder_leaves(export, caplog, recwarn, vendor, enhanced):
    folder = f"export/{SECRET}, Hans; 1950"
    export.write(vendor, folder=folder, enhanced=enhanced)
    for number, path in enumerate(export.files()):
        path.rename(path.with_name(f"{SECRET} {number}"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export.change(plant)
    caplog.clear()
    found = export.find()
    assert {column for one in found for column in one.gives if not one.faults} == {
        "t2w",
        "dwi",
        "adc",
        "flair",
    }
    for one in found:
        shown = repr(
            (one.name, one.gives, one.why, one.rank, one.session, one.b_value, one.facts, one.faults)
        )
        assert SECRET.lower() not in shown.lower()
        if one.gives:
            export.bring(one)
            assert SECRET.lower() not in repr(export.notes).lower()
    assert not recwarn.list
    assert not caplog.records
    written = sorted((export.root / "out").iterdir())
    assert len(written) == 8
    for path in written:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        assert SECRET.lower().encode() not in content.lower()
        assert not re.search(rb"20200\d|Phantom|IM0|dcm2niix", content)


def test_errors_name_no_file(export, tools):
    folder = f"export/{SECRET}"
    export.write(folder=folder)
    flair = tools.choose(export.find(), "FLAIR")
    for path in export.files():
        path.rename(path.with_name(f"{SECRET} {path.name}"))
    with pytest.raises(PatientError) as caught:
        export.bring(flair)
    assert caught.value.reason == "it can no longer be read: import again from an unchanged source"
    assert not list(export.root.glob("out/*"))


def test_pixels_that_changed_since_are_refused(export, tools):
    export.write()
    flair = tools.choose(export.find(), "FLAIR")
    for path in export.files():
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(PatientError, match="it has a damaged file"):
        export.bring(flair)
