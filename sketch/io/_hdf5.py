"""HDF5 files and what is written in them: AnnData, 10x, netCDF 4."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _tree
from ._found import Dims, Found, Labels, check_claim
from ._heaps import open_hdf5


def read_hdf5(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return an array, a sparse group or a field of records, by any name that leads to it."""
    root = stack.enter_context(open_hdf5(path))
    if is_anndata(root):
        return read_anndata(root, name, path)
    key, item = _tree.find(root, name, path)
    found = _tree.found(root, key, item, path)
    dims = _scales(item)
    if hasattr(item, "shape"):
        check_claim(item.shape, item.dtype, lambda: os.path.getsize(path), f"{path}::{key}")
    return dataclasses.replace(found, dims=dims)


def read_netcdf4(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return a variable of a netCDF 4 file, decoded."""
    try:
        import h5netcdf
    except ImportError:
        return read_hdf5(path, name, stack)
    file = stack.enter_context(open_hdf5(path))
    quiet = type("File", (h5netcdf.File,), {"_writable": False})  # in its end, if damaged
    root = stack.enter_context(quiet(file, "r", phony_dims="access"))
    key, item = _tree.find(root, name, path, netcdf=True)
    found = _tree.found(root, key, item, path, netcdf=True)
    if not hasattr(item, "dimensions"):
        return found
    check_claim(item.shape, item.dtype, lambda: os.path.getsize(path), f"{path}::{key}")
    dims = tuple(item.dimensions)
    return dataclasses.replace(found, dims=dims, labels=coordinates(root, key, dims))


def coordinates(root: object, key: str, dims: Dims) -> Callable[[], Labels]:
    """Return a reader of the arrays that have the names of axes, beside a variable or above."""

    def labels() -> Labels:
        found: list[object] = []
        for dim in dims:
            folder, values = key.rpartition("/")[0], None
            while values is None:
                item = None if dim is None else _tree.item_of(root, f"{folder}/{dim}".strip("/"))
                if item is not None and len(getattr(item, "shape", ())) == 1:
                    values = np.asarray(item[...])
                if not folder:
                    break
                folder = folder.rpartition("/")[0]
            found.append(values)
        return found

    return labels


def is_anndata(root: Any) -> bool:
    """Whether a tree is an AnnData object."""
    kind = _tree.attributes(root).get("encoding-type")
    keys = set(root)
    return kind == "anndata" or {"X", "obs", "var"} <= keys


def read_anndata(root: object, name: str, path: str) -> Found:
    """Return ``X``, a layer by its name alone, or anything else of an AnnData object."""
    name = name or "X"
    inside = f"layers/{name}"
    if _tree.item_of(root, name) is None and _tree.item_of(root, inside) is not None:
        name = inside
    key, item = _tree.find(root, name, path)
    found = _tree.found(root, key, item, path)
    if key != "X" and not key.startswith("layers/"):
        return found
    return dataclasses.replace(
        found, dims=("obs", "var"), labels=lambda: [_index(root, side) for side in ("obs", "var")]
    )


def _index(root: object, side: str) -> Any:
    """Return the names of observations or variables."""
    table = _tree.item_of(root, side)
    if table is None:
        return None
    if not hasattr(table, "keys"):  # records, as AnnData wrote before 0.7
        values = table[...]
        return np.asarray([_text(x) for x in values[values.dtype.names[0]]])
    column = _tree.item_of(table, _text(_tree.attributes(table).get("_index", "_index")))
    return None if column is None else np.asarray([_text(x) for x in column[...]])


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _scales(item: object) -> Dims | None:
    """Return the names that a dataset gives its axes."""
    if not hasattr(item, "dims"):
        return None
    return tuple(dim.label or next((s for s in dim.keys() if s), None) for dim in item.dims)  # noqa: SIM118
