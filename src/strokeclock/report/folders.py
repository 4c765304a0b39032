"""No page shows where a user's files lie."""

import re

_SUFFIXES = "nii|gz|json|bval|bvec|tsv|csv|txt|yaml|zip|pth|pt|npy|npz|html|png|svg|mha|mhd|nrrd|nhdr|mgz|dcm"
# Folders may hold spaces and any signs, so that a path goes on until a file's suffix ends it.
_PATH = re.compile(rf"(?<![\w.<])/(?=\S)(?:(?:(?!\.(?:{_SUFFIXES})(?![\w./]))[^/\n<>])*[^/\s<>]/)+")


def hide_folders(text: str) -> str:
    """The text with absolute paths cut down to their files' names, whatever signs the folders hold.

    >>> hide_folders("column dwi names /data/Doe, Jane; ward 7/dwi.nii.gz, not t1/dwi.nii.gz")
    'column dwi names dwi.nii.gz, not t1/dwi.nii.gz'
    """
    return _PATH.sub("", text)
