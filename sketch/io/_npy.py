"""NumPy's own files: ``.npy`` mapped in either order, ``.npz`` by name, sparse matrices in it."""

from __future__ import annotations

import contextlib
import math
import zipfile
from typing import IO, Any

import numpy as np

from ..errors import StateFileError
from ._found import Found, check_numbers, is_numeric, no_such_name, only_name

_BEST_DEFLATE = 1032  # times that a zip file can be smaller than what it holds


def read_npy(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return the array of a ``.npy`` file, mapped."""
    if name:
        raise no_such_name(name, [], path)
    with open(path, "rb") as file:
        shape, _, dtype = _header(file)
    if not is_numeric(dtype):
        check_numbers(np.empty(0, dtype), path)
    mapped = bool(math.prod(shape) * dtype.itemsize)
    return Found(np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False))


def read_npz(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return one array of a ``.npz`` file, or the sparse matrix that it is."""
    shapes = _shapes(path)
    keys = set(shapes)
    if not name and {"data", "shape", "fill_value"} <= keys:
        return Found(_pydata_sparse(path, keys))
    if not name and {"format", "shape"} <= keys and shapes["format"] == ():
        return Found(_scipy_sparse(path))
    if not name:
        name = only_name({key: s for key, s in shapes.items() if s is not None}, path)
    if name not in shapes:
        raise no_such_name(name, [key for key, s in shapes.items() if s is not None], path)
    with np.load(path, allow_pickle=False) as archive:
        if shapes[name] is None:
            raise StateFileError(f"{path}::{name}: holds objects, text or records, not numbers")
        return Found(archive[name])


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Return shape, order and dtype of an array in NumPy's format."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version in ((2, 0), (3, 0)):  # which differ in how names of fields are encoded
        return np.lib.format.read_array_header_2_0(file)
    raise ValueError(f"version {version} of the format")


def _shapes(path: str) -> dict[str, tuple[int, ...] | None]:
    """Return the shapes of all arrays of a file, None for those that are no numbers or text.

    Raises
    ------
    StateFileError
        If one claims another size than it has.
    """
    shapes: dict[str, tuple[int, ...] | None] = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            key = member.filename.removesuffix(".npy")
            if key == member.filename:
                continue
            with archive.open(member) as file:
                try:
                    shape, _, dtype = _header(file)
                except ValueError:
                    shapes[key] = None
                    continue
                claimed = math.prod(shape) * dtype.itemsize
                fits = claimed == member.file_size - file.tell()
            if not dtype.hasobject and (
                not fits or claimed > _BEST_DEFLATE * (member.compress_size + 1000)
            ):
                raise StateFileError(
                    f"{path}::{key}: claims shape {shape} of {dtype}, which is not what is stored; "
                    "the file is damaged"
                )
            text = shape == () and dtype.kind in "SU"
            shapes[key] = shape if is_numeric(dtype) or text else None
    return shapes


def _scipy_sparse(path: str) -> object:
    import scipy.sparse

    return _checked(scipy.sparse.load_npz(path), path)


def _pydata_sparse(path: str, keys: set[str]) -> object:
    """Return what the library `sparse` saved, as a SciPy array of coordinates or rows."""
    import scipy.sparse

    with np.load(path, allow_pickle=False) as archive:
        if archive["fill_value"].item() != 0:
            raise StateFileError(
                f"{path}: a sparse array whose other entries are {archive['fill_value'].item()}, "
                "not 0; subtract that and save it again"
            )
        shape = tuple(int(n) for n in archive["shape"])
        if "coords" in keys:
            coords = tuple(archive["coords"])
            return _checked(scipy.sparse.coo_array((archive["data"], coords), shape=shape), path)
        axes = archive["compressed_axes"].tolist() if "compressed_axes" in keys else None
        if len(shape) != 2 or axes not in ([0], [1]):
            raise StateFileError(f"{path}: GCXS of more than two axes; save it as COO")
        kind = scipy.sparse.csr_array if axes == [0] else scipy.sparse.csc_array
        parts = (archive["data"], archive["indices"], archive["indptr"])
        return _checked(kind(parts, shape=shape), path)


def _checked(matrix: Any, path: str) -> Any:
    """Refuse what is no number, and indices outside of a matrix, which products would follow."""
    check_numbers(matrix.data, path)
    if hasattr(matrix, "check_format"):
        matrix.check_format(full_check=True)
    elif matrix.format == "coo" and matrix.nnz:
        for axis, index in enumerate(matrix.coords):
            if index.min() < 0 or index.max() >= matrix.shape[axis]:
                raise ValueError(f"an index outside of the shape {matrix.shape}")
    return matrix
