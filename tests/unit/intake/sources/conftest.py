"""Small sources on disk: images of a few voxels under the names that real sets have."""

import csv
import gzip
import json

import nibabel as nib
import numpy as np
import pytest

from strokeclock.cli import main

SHAPE = (4, 5, 3)


def make_image(*, volumes=1, value=1, spacing=2.0, shift=0.0, shape=SHAPE):
    """The bytes of a .nii.gz file."""
    shape = shape if volumes == 1 else (*shape, volumes)
    data = np.arange(np.prod(shape), dtype=np.int16).reshape(shape) + value
    affine = np.diag([-spacing, spacing, 5.0, 1.0])
    affine[0, 3] = shift
    return gzip.compress(nib.Nifti1Image(data, affine).to_bytes(), mtime=0)


class Tree:
    """A source folder and the import of it."""

    make = staticmethod(make_image)

    def __init__(self, folder):
        self.source = folder / "source"
        self.source.mkdir()
        self.out = folder / "out"
        self.value = 0

    def write(self, name, content):
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def image(self, name, facts=None, **kind):
        """Write an image, each with other voxels, and its sidecar where facts are given."""
        self.value += 1
        path = self.write(name, make_image(value=self.value, **kind))
        if facts is not None:
            self.write(name.replace(".nii.gz", ".json"), json.dumps(facts))
        return path

    def run(self, *arguments):
        """Import; return the exit status."""
        return main(["import", str(self.source), "--out", str(self.out), *map(str, arguments)])

    def table(self, name):
        """Rows of a table that was written."""
        with open(self.out / name, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file, delimiter="\t"))

    @property
    def sheet(self):
        return {row["patient"]: row for row in self.table("cohort.tsv")}

    @property
    def selection(self):
        """(patient, session, series) -> row."""
        return {(row["patient"], row["session"], row["series"]): row for row in self.table("selection.tsv")}

    def chosen(self, patient):
        """Series -> (column, chosen) of a patient."""
        return {
            series: (row["column"], row["chosen"])
            for (one, _, series), row in self.selection.items()
            if one == patient
        }

    def choose(self, **chosen):
        """Write a selection with other answers, series (with _ for every other sign) -> chosen; return it."""
        rows = self.table("selection.tsv")
        path = self.out.parent / "mine.tsv"
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0], delimiter="\t")
            writer.writeheader()
            for row in rows:
                name = "".join(sign if sign.isalnum() else "_" for sign in row["series"])
                writer.writerow(row | ({"chosen": chosen[name]} if name in chosen else {}))
        return path

    def same_voxels(self, patient, column, path):
        written = nib.load(self.out / "images" / patient / f"{column}.nii.gz")
        return np.array_equal(np.asanyarray(written.dataobj), np.asanyarray(nib.load(path).dataobj))


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)
