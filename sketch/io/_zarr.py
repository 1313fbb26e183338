"""Zarr stores of both formats: folders and zip files, nested groups, AnnData and xarray in them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import zipfile
from collections.abc import Mapping
from typing import Any

from ..backend.protocols import Stored
from . import _tree
from ._found import Dims, Found, check_claim, needed, no_such_name
from ._hdf5 import coordinates, is_anndata, read_anndata
from ._packed import packed

_ROOTS = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")
_COUNTED = 100_000  # files of a store that are looked at to learn its size


def is_zarr(path: str) -> bool:
    """Whether a folder or a zip file is a Zarr store."""
    if os.path.isdir(path):
        return any(os.path.exists(os.path.join(path, root)) for root in _ROOTS)
    with zipfile.ZipFile(path) as archive:
        return any(name in _ROOTS for name in archive.namelist())


def read_zarr(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return an array or a sparse group of a store."""
    zarr = needed("zarr", path)
    if os.path.isdir(path):
        store = folder_store(path)
    else:
        store = stack.enter_context(zarr.storage.ZipStore(path, mode="r"))
    root = zarr.open(store, mode="r")
    if hasattr(root, "shape"):
        if name:
            raise no_such_name(name, [], path)
        return _array(root, path, path)
    if is_anndata(root):
        return read_anndata(root, name, path)
    key, item = _tree.find(root, name, path)
    if not hasattr(item, "shape"):
        return _tree.found(root, key, item, path)
    found = _array(item, path, f"{path}::{key}")
    return dataclasses.replace(found, labels=coordinates(root, key, found.dims or ()))


def folder_store(path: str) -> Any:
    """Return a folder as the store that it is, whatever a path with ``::`` means elsewhere."""
    return needed("zarr.storage", path).LocalStore(path)


def _array(item: Stored, path: str, where: str) -> Found:
    check_claim(item.shape, item.dtype, lambda: _size(path), where)
    found = _tree.found(None, "", item, path)
    given, dims = _conventions(item)
    return dataclasses.replace(found, data=packed(item, given), dims=dims)


def _conventions(item: Any) -> tuple[Mapping[str, Any], Dims | None]:
    """Return the attributes and the axes of an array, as xarray writes them.

    In the second format of Zarr it puts the fill value of a variable into that of the array.
    """
    given = dict(_tree.attributes(item))
    dims = given.get("_ARRAY_DIMENSIONS")
    fill = item.fill_value
    if dims is not None and item.metadata.zarr_format == 2 and fill is not None:
        given.setdefault("_FillValue", fill)
    if dims is None:
        dims = getattr(item.metadata, "dimension_names", None)
    return given, None if dims is None else tuple(dims)


def _size(path: str) -> int:
    """Return about how many bytes a store takes."""
    if not os.path.isdir(path):
        return os.path.getsize(path)
    total = count = 0
    for folder, _, names in os.walk(path):
        for name in names:
            total += os.path.getsize(os.path.join(folder, name))
            count += 1
            if count > _COUNTED:
                return 2**62
    return total
