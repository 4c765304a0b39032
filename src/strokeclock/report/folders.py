"""No page shows where a user's files lie."""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

_SUFFIXES = "nii|gz|json|bval|bvec|tsv|csv|txt|yaml|zip|pth|pt|npy|npz|html|png|svg|mha|mhd|nrrd|nhdr|mgz|dcm"
# Folders may hold spaces and any signs, so that a path goes on until a file's suffix ends it.
# A web address (https://…) is none.
_PATH = re.compile(
    rf"(?<![\w.<])(?!(?<=https:)//)(?<!https:/)/(?=\S)(?:(?:(?!\.(?:{_SUFFIXES})(?![\w./]))[^/\n<>])*[^/\s<>]/)+"
)


def hide_folders(text: str) -> str:
    """The text with absolute paths cut down to their files' names, whatever signs the folders hold.

    >>> hide_folders("column dwi names /data/Doe, Jane; ward 7/dwi.nii.gz, not t1/dwi.nii.gz")
    'column dwi names dwi.nii.gz, not t1/dwi.nii.gz'
    """
    return _PATH.sub("", text)


def hide_all_folders(value: Any) -> Any:
    """The same value, lists as tuples, with `hide_folders` done to every text in fields, items and keys."""
    if isinstance(value, str):
        return hide_folders(value)
    if isinstance(value, Mapping):
        return {hide_all_folders(key): hide_all_folders(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return tuple(map(hide_all_folders, value))
    if is_dataclass(value) and not isinstance(value, type):
        found = {field.name: hide_all_folders(getattr(value, field.name)) for field in fields(value)}
        return replace(value, **found)
    return value
