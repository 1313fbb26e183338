"""Results in formats of other programs, which say of themselves what `load` has to know."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..backend.array import HostArray
from ..errors import StateFileError
from ..files import archive
from ..files.paths import as_regular_file
from ..formats import label_name
from ._child import read_in_child
from ._found import check_claim, needed
from ._heaps import open_hdf5
from ._zarr import folder_store

MARK = "sketch"  # the name under which a header lies
_HDF5 = b"\x89HDF\r\n\x1a\n"
_MATLAB = b"MATLAB 5.0 MAT-file"
_OF_NETCDF = "_NCProperties"  # an attribute of every netCDF 4 file

Stored = Mapping[str, Any]  # arrays by name, as a file holds them


def described(result: Any) -> tuple[str, archive.Arrays]:
    """Return what a file shall say of a result, and the arrays that it shall hold."""
    kept = archive.Kept()
    result.save(kept)
    header = kept.header | {
        "arrays": {name: [x.dtype.str, list(x.shape)] for name, x in kept.arrays.items()},
        "digest": _digest(kept.arrays),
    }
    return json.dumps(archive.sealed(header)), kept.arrays


def is_exchange(path: str) -> bool:
    """Whether a file or a store of another format says that it holds a result of ours."""
    try:
        with contextlib.ExitStack() as stack:
            return _opened(path, stack) is not None
    except Exception:  # whatever the readers of other formats raise: `open` tells it by name
        return False


def read_exchange(path: str) -> tuple[archive.Header, archive.Arrays] | None:
    """Return the header and the arrays of a result, None if the file is of no such format.

    Raises
    ------
    StateFileError
        If it is of one and holds no result of ours, or was altered.
    """
    with contextlib.ExitStack() as stack:
        try:
            found = _opened(path, stack)
            if found is None:
                return None
            text, stored = found
            header = archive.opened_header(text, path)
            promised, digest = header.pop("arrays"), header.pop("digest")
            arrays = {
                key: _as_written(stored[key], dtype, tuple(shape), f"{path}::{key}")
                for key, (dtype, shape) in promised.items()
            }
        except StateFileError:
            raise
        except Exception as error:  # whatever the readers of other formats raise
            raise StateFileError(
                f"{path}: not a readable result ({error!r}); it was truncated or altered"
            ) from error
    if _digest(arrays) != digest:
        raise StateFileError(f"{path}: the checksum of its arrays does not match; it was altered")
    return header, arrays


def _opened(path: str, stack: contextlib.ExitStack) -> tuple[str, Stored] | None:
    """Return the header and the arrays in a file, as they are stored there."""
    if os.path.isdir(path):
        return _labelled(path, stack, "zarr") if _is_store(path) else None
    as_regular_file(path)
    with open(path, "rb") as file:
        head = file.read(len(_MATLAB))
    if head.startswith(_HDF5):
        root = stack.enter_context(open_hdf5(path))
        if _OF_NETCDF in root.attrs:
            return _labelled(path, stack, "h5netcdf") if MARK in root.attrs else None
        return (root.attrs[MARK], _Decoded(root)) if MARK in root.attrs else None
    if head == _MATLAB:
        answer, arrays = read_in_child("result", path, MARK)
        if answer["header"] is not None:
            return answer["header"], dict(zip(answer["names"], arrays, strict=True))
    return None


def _is_store(path: str) -> bool:
    """Whether a folder is a Zarr store with a header of ours."""
    if not os.path.exists(os.path.join(path, "zarr.json")):
        return False
    attributes = needed("zarr", path).open_group(folder_store(path), mode="r").attrs
    return MARK in attributes


def _labelled(path: str, stack: contextlib.ExitStack, engine: str) -> tuple[str, Stored]:
    """Return what a dataset of xarray holds, its coordinates as labels."""
    how: dict[str, Any] = {"consolidated": False} if engine == "zarr" else {}
    xarray = needed("xarray", path, extra="")
    place = folder_store(path) if engine == "zarr" else path
    data = stack.enter_context(xarray.open_dataset(place, engine=engine, cache=False, **how))
    coords = json.loads(data.attrs[MARK]).get("labels", {}).get("coords", [])
    labels = {label_name(k): data.variables[coord["name"]] for k, coord in enumerate(coords)}
    return data.attrs[MARK], {**data.variables, **labels}


class _Decoded(Mapping[str, Any]):
    """The arrays of an HDF5 file, text as text."""

    def __init__(self, root: Any) -> None:
        self._root = root

    def __getitem__(self, name: str) -> Any:
        item = self._root[name]
        return item.asstr() if item.dtype.kind == "O" else item

    def __iter__(self) -> Iterator[str]:
        return iter(self._root)

    def __len__(self) -> int:
        return len(self._root)


def _as_written(stored: HostArray, dtype: str, shape: tuple[int, ...], where: str) -> HostArray:
    """Return an array in the dtype and the shape that it had; formats change both."""
    size = math.prod(stored.shape)
    if size != math.prod(shape):
        raise StateFileError(f"{where}: holds {size} values where {shape} was written")
    check_claim(shape, dtype, lambda: 0, where)
    values, kind = np.asarray(stored[...]), np.dtype(dtype)
    if kind.kind in "Mm" and values.dtype.kind not in "Mm":
        values = values.astype(np.int64).view(kind)
    return np.asarray(values.astype(kind).reshape(shape))


def _digest(arrays: archive.Arrays) -> str:
    """Return the checksum of arrays: their names, dtypes, shapes and numbers."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        total.update(f"{name} {array.dtype.str} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()
