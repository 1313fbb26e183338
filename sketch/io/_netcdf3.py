"""netCDF 3 files by SciPy, mapped and decoded."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import numpy as np

from ..backend.array import HostArray
from ._found import Found, check_numbers, is_numeric, no_such_name, only_name
from ._netcdf5 import read_netcdf5
from ._packed import packed


def read_netcdf3(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return a variable, decoded."""
    with open(path, "rb") as file:
        if file.read(4) == b"CDF\x05":
            return read_netcdf5(path, name, stack)
    from scipy.io import netcdf_file

    root = netcdf_file(path, "r", mmap=True)
    stack.callback(_close, root)
    shapes = {k: tuple(v.shape) for k, v in root.variables.items() if is_numeric(v.data.dtype)}
    name = name or only_name(shapes, path)
    if name not in root.variables:
        raise no_such_name(name, list(shapes), path)
    variable: Any = root.variables[name]
    check_numbers(variable.data, f"{path}::{name}")
    dims = tuple(variable.dimensions)

    def labels() -> list[Any]:
        return [
            np.array(root.variables[dim].data) if dim in root.variables else None for dim in dims
        ]

    raw = packed(Mapped(variable.data), variable._attributes, netcdf=True)
    return Found(raw, dims, labels)


class Mapped:
    """Entries of a mapped file, of which what is asked for is copied: a view is read later on."""

    def __init__(self, entries: HostArray) -> None:
        self._entries = entries
        self.shape, self.strides, self.dtype = entries.shape, entries.strides, entries.dtype

    def __getitem__(self, window: Any) -> HostArray:
        return np.array(self._entries[window])


def _close(root: Any) -> None:
    """Close a mapped file; arrays that still need the map keep it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        root.close()
