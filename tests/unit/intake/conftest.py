"""Files of each format, written field by field, with a direction, a name and voxels of one's choice."""

import gzip
import zlib
from dataclasses import dataclass, field
from math import cos, sin
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

META_TYPES = {
    "uint8": "MET_UCHAR",
    "int16": "MET_SHORT",
    "uint16": "MET_USHORT",
    "int32": "MET_INT",
    "float32": "MET_FLOAT",
    "float64": "MET_DOUBLE",
}
NRRD_TYPES = {"uint8": "uchar", "int16": "short", "uint16": "uint16", "int32": "int", "float32": "float"} | {
    "float64": "double"
}


def oblique() -> np.ndarray:
    """Voxel to world RAS+ of a scan turned about two axes, voxels 0.9 × 1.1 × 5.5 mm."""
    first = np.array([[cos(0.3), -sin(0.3), 0], [sin(0.3), cos(0.3), 0], [0, 0, 1]])
    second = np.array([[1, 0, 0], [0, cos(0.2), -sin(0.2)], [0, sin(0.2), cos(0.2)]])
    return nib.affines.from_matvec(first @ second @ np.diag([0.9, 1.1, 5.5]), [-80.5, -101.25, -30.125])


@dataclass(frozen=True)
class Scan:
    """Voxels (X, Y, Z) or (X, Y, Z, volumes), and their world, RAS+."""

    data: np.ndarray
    affine: np.ndarray = field(default_factory=oblique)

    def write_mha(self, path: Path, *, compressed=False, big=False, data_file="LOCAL", **changes) -> Path:
        """Write a MetaImage; a change of None leaves a field out."""
        axes = self.data.ndim
        steps = np.diag([-1.0, -1, 1]) @ self.affine[:3, :3]  # LPS
        spacing = np.linalg.norm(steps, axis=0)
        directions = np.eye(axes)
        directions[:3, :3] = (steps / spacing).T
        offset = [*(np.diag([-1.0, -1, 1]) @ self.affine[:3, 3]), *[0] * (axes - 3)]
        letters = "".join(
            {"R": "L", "L": "R", "A": "P", "P": "A", "S": "I", "I": "S"}[code]
            for code in nib.aff2axcodes(self.affine)
        )
        fields = {
            "ObjectType": "Image",
            "NDims": axes,
            "BinaryData": "True",
            "BinaryDataByteOrderMSB": str(big),
            "CompressedData": str(compressed),
            "TransformMatrix": " ".join(map(repr, directions.ravel().tolist())),
            "Offset": " ".join(map(repr, map(float, offset))),
            "AnatomicalOrientation": letters,
            "ElementSpacing": " ".join(map(repr, [*spacing.tolist(), *[1.0] * (axes - 3)])),
            "DimSize": " ".join(map(str, self.data.shape)),
            "ElementType": META_TYPES[self.data.dtype.name],
        } | changes
        voxels = self._bytes(big=big)
        if compressed:
            voxels = zlib.compress(voxels)
            fields["CompressedDataSize"] = len(voxels)
        header = "".join(f"{name} = {value}\n" for name, value in fields.items() if value is not None)
        return self._write(path, f"{header}ElementDataFile = {data_file}\n", voxels, data_file, "LOCAL")

    def write_nrrd(
        self,
        path: Path,
        *,
        space="left-posterior-superior",
        encoding="raw",
        big=False,
        data_file="",
        **changes,
    ) -> Path:
        """Write an NRRD; names of fields with _ for spaces; a change of None leaves a field out."""
        sides = (space or "").partition("-")
        signs = -1 if sides[0] == "left" else 1, -1 if sides[2].startswith("p") else 1, 1
        steps = (np.diag(signs) @ self.affine[:3, :3]).T
        vectors = [_vector(step) for step in steps] + ["none"] * (self.data.ndim - 3)
        fields = {
            "type": NRRD_TYPES[self.data.dtype.name],
            "dimension": self.data.ndim,
            "space": space,
            "sizes": " ".join(map(str, self.data.shape)),
            "space directions": " ".join(vectors),
            "kinds": " ".join(["domain"] * 3 + ["list"] * (self.data.ndim - 3)),
            "endian": "big" if big else "little",
            "encoding": encoding,
            "space origin": _vector(np.array(signs) * self.affine[:3, 3]),
        } | {name.replace("_", " "): value for name, value in changes.items()}
        lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
        lines += [f"data file: {data_file}"] * bool(data_file)
        header = "\n".join(["NRRD0004", "# made for a test", *lines, "note:=space: none", "", ""])
        voxels = self._bytes(big=big)
        voxels = gzip.compress(voxels) if encoding == "gzip" else voxels
        return self._write(path, header, voxels, data_file, "")

    def write_nifti(self, path: Path, *, big=False, image_type=nib.Nifti1Image) -> Path:
        """Write NIfTI: an sform and a qform, both coded."""
        header = image_type.header_class(endianness=">" if big else "<")
        header.set_data_dtype(self.data.dtype.newbyteorder(header.endianness))
        image = image_type(self.data, self.affine, header)
        image.set_sform(self.affine, code=1)
        image.set_qform(self.affine, code=1)
        content = image.to_bytes()
        path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
        return path

    def write_mgh(self, path: Path) -> Path:
        """Write FreeSurfer's .mgh or .mgz."""
        content = nib.MGHImage(self.data, self.affine).to_bytes()
        path.write_bytes(gzip.compress(content) if path.suffix == ".mgz" else content)
        return path

    def _bytes(self, *, big: bool) -> bytes:
        return self.data.astype(self.data.dtype.newbyteorder(">" if big else "<")).tobytes(order="F")

    @staticmethod
    def _write(path: Path, header: str, voxels: bytes, data_file: str, local: str) -> Path:
        if data_file == local:
            path.write_bytes(header.encode() + voxels)
        else:
            path.write_bytes(header.encode())
            if (path.parent / data_file).parent == path.parent:
                (path.parent / data_file).write_bytes(voxels)
        return path


def _vector(values: np.ndarray) -> str:
    return "(" + ",".join(map(repr, np.asarray(values, dtype=float).tolist())) + ")"


@pytest.fixture
def make_scan():
    """Make a scan of random voxels: shape, type, affine."""

    def make(shape=(5, 4, 3), dtype="int16", affine=None):
        generator = np.random.default_rng(0)
        kind = np.dtype(dtype)
        if kind.kind == "f":
            data = generator.normal(0, 1e3, shape).astype(kind)
        else:
            data = generator.integers(np.iinfo(kind).min, np.iinfo(kind).max, shape, kind, endpoint=True)
        return Scan(data, oblique() if affine is None else affine)

    return make
