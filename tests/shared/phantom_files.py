"""The files of phantoms that tests make as whole heads."""


def name_files(folder, count):
    """Phantom -> name -> file, of so many phantoms: scans, sidecars, masks, record and truth."""
    kinds = ("t2w", "dwi", "flair", "lesion", "brain_mask")
    return {
        name: {kind: str(folder / name / f"{kind}.nii.gz") for kind in kinds}
        | {f"{kind}_sidecar": str(folder / name / f"{kind}.json") for kind in kinds[:3]}
        | {kind: str(folder / name / f"{kind}.json") for kind in ("record", "truth")}
        for name in (f"phantom-{number:04d}" for number in range(1, count + 1))
    }
