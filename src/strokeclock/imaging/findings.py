"""What preprocessing finds out about a patient's raw series, kept as JSON beside the preprocessed volumes."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from strokeclock.cohort.sidecars import beside
from strokeclock.files import write_whole
from strokeclock.imaging.mask import is_stripped
from strokeclock.imaging.volume import Volume, read_volume
from strokeclock.series import SERIES

NAME = "findings"  # of the file, among a patient's preprocessed files
AUTO, WHOLE, STRIPPED = "auto", "whole", "stripped"  # what the series show: to be found out, or told

_REPEATED = 4  # voxels a value, at least: then the values' order alone is compared
_CONVERTER = re.compile(r"[A-Za-z][A-Za-z0-9]{1,19}")


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What was found out.

    Attributes
    ----------
    derived : the T2w was derived from DWI and ADC.
    stripped : series -> whether it showed the brain alone.
    told : whole or stripped, where the configuration said so (preprocessing.head); "": it was found out.
    converted : series -> the program that made its file from another format, as its sidecar says.
    scans : series, of the raw files -> `digest_scan`.
    """

    derived: bool
    stripped: Mapping[str, bool]
    told: str = ""
    converted: Mapping[str, str] = field(default_factory=dict)
    scans: Mapping[str, str] = field(default_factory=dict)


def write_findings(path: str | Path, findings: Findings) -> None:
    """Write as JSON, whole or not at all."""
    write_whole(path, json.dumps(asdict(findings), indent=1) + "\n")


def read_findings(path: str | Path) -> Findings:
    """Read what `write_findings` wrote."""
    return Findings(**json.loads(Path(path).read_bytes()))


def find_stripped(
    series: Mapping[str, Volume], atlas_mask: Volume, transforms: Mapping[str, np.ndarray], *, head: str
) -> dict[str, bool]:
    """Series -> whether it shows the brain alone, as told by ``head`` or as seen (`mask.is_stripped`).

    ``transforms``: series -> its world to the atlas's, (4, 4), of the series to look at.
    """
    if head != AUTO:
        return dict.fromkeys(transforms, head == STRIPPED)
    return {name: is_stripped(series[name], atlas_mask, matrix) for name, matrix in transforms.items()}


def digest_scans(
    series: Mapping[str, Volume], raw: Mapping[str, str | Path | None], *, patient: str
) -> dict[str, str]:
    """Digest every raw file of a patient (`digest_scan`).

    Parameters
    ----------
    series : as `read_series` gives them.
    raw : series -> file, None where there is none.

    Raises
    ------
    PatientError
        The ADC from which the T2w was derived cannot be read.
    """
    given = {name: path for name, path in raw.items() if path}
    volumes = {name: series[name] for name in given if name in series and name != "adc"}
    if "adc" in given and "t2w" not in given:  # used, and `series` holds the one that is computed
        volumes["adc"] = read_volume(given["adc"], patient=patient, series="adc")
    return {name: digest for name, volume in volumes.items() if (digest := digest_scan(volume.data))}


def digest_scan(data: np.ndarray) -> str:
    """Digest the voxels of a scan so that its copies have the same digest.

    Counted is how many voxels hold each value, from the second lowest on; where values repeat, as a scanner's
    whole numbers do, the values themselves do not matter. So these copies are found: compressed or converted
    anew, with another header, mirrored or turned by right angles, with another scale or offset, with more or
    less empty border. These are not: resampled, cropped into the head, smoothed, or changed in some voxels.

    Returns
    -------
    str
        sha256; "" where fewer than 16 values are left, which is no scan.
    """
    values, counts = np.unique(data, return_counts=True)
    values, counts = values[1:], counts[1:]
    if len(values) < 16:
        return ""
    digest = hashlib.sha256(counts.astype("<i8").tobytes())
    if counts.mean() < _REPEATED:
        digest.update(values.astype("<f4").tobytes())
    return digest.hexdigest()


def find_converters(raw: Mapping[str, str | Path | None]) -> dict[str, str]:
    """Series -> the program that converted it, from ``ConversionSoftware`` in the sidecar beside it.

    A value that is not one word of letters and digits is left out: sidecars may hold anything.
    """
    found = {}
    for name, path in raw.items():
        if not path:
            continue
        try:
            software = json.loads(Path(beside(path, ".json")).read_bytes())["ConversionSoftware"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
        if isinstance(software, str) and _CONVERTER.fullmatch(software):
            found[name] = software
    return found


def describe(findings: Findings) -> list[str]:
    """What a reader of the quality page must know of the raw series, in a few words each.

    >>> describe(Findings(derived=True, stripped={"t2w": True, "dwi": True, "flair": False}))
    ['T2w derived from DWI and ADC', 'brain alone in T2w, DWI, whole head in FLAIR']
    """
    notes = ["T2w derived from DWI and ADC"] if findings.derived else []
    seen = {
        words: [SERIES[name].label for name, is_stripped in findings.stripped.items() if is_stripped == kind]
        for words, kind in (("brain alone", True), ("whole head", False))
    }
    told = " (preprocessing.head)" if findings.told else ""
    if all(seen.values()):
        notes.append(", ".join(f"{words} in {', '.join(labels)}" for words, labels in seen.items()) + told)
    else:
        notes += [f"{words}{told}" for words, labels in seen.items() if labels]
    for program in sorted({*findings.converted.values()}):
        labels = [SERIES[name].label for name, by in findings.converted.items() if by == program]
        notes.append(f"converted by {program}: {', '.join(labels)}")
    return notes


def find_shared_scans(findings: Mapping[str, Findings]) -> dict[str, str]:
    """Patient -> one sentence, for each patient who has a scan that another patient has too.

    >>> one = Findings(derived=False, stripped={}, scans={"t2w": "5f", "dwi": "a0"})
    >>> two = Findings(derived=False, stripped={}, scans={"t2w": "77", "dwi": "a0"})
    >>> find_shared_scans({"p1": one, "p2": two})["p1"].partition(";")[0]
    'its DWI is the same scan as the DWI of patient p2'
    """
    owners: dict[str, list[tuple[str, str]]] = {}
    for patient, found in findings.items():
        for name, digest in found.scans.items():
            owners.setdefault(digest, []).append((patient, name))
    reasons: dict[str, str] = {}
    for patient, found in findings.items():
        for name, digest in found.scans.items():
            others = [(who, what) for who, what in owners[digest] if who != patient]
            if others and patient not in reasons:
                reasons[patient] = _say_shared(name, others)
    return reasons


def _say_shared(name: str, others: list[tuple[str, str]]) -> str:
    (who, what), *more = others
    further = f" and {len(more)} more" if more else ""
    return (
        f"its {SERIES[name].label} is the same scan as the {SERIES[what].label} of patient {who}{further}; "
        f"correct column {name} of the cohort sheet, or exclude the wrong patient (cohort.exclude)"
    )
