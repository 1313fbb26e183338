"""The fifth version of netCDF's classic format, by netCDF4, behind a check of its header.

The library takes memory for whatever a damaged header counts.

References
----------
PnetCDF, The CDF-5 file format specification, parallel-netcdf.github.io.
"""

from __future__ import annotations

import contextlib
import os
from typing import IO

import numpy as np

from ..errors import StateFileError
from ._found import Found, Labels, is_numeric, needed, no_such_name, only_name
from ._packed import packed

_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}  # of each type


def read_netcdf5(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return a variable, decoded."""
    with open(path, "rb") as file:
        _Header(file, path).check()
    netcdf4 = needed("netCDF4", path, extra="")
    root = stack.enter_context(netcdf4.Dataset(path))
    root.set_auto_maskandscale(False)
    shapes = {k: tuple(v.shape) for k, v in root.variables.items() if is_numeric(v.dtype)}
    name = name or only_name(shapes, path)
    if name not in root.variables:
        raise no_such_name(name, list(shapes), path)
    variable = root.variables[name]
    given = {key: variable.getncattr(key) for key in variable.ncattrs()}
    dims = tuple(variable.dimensions)

    def labels() -> Labels:
        known = (root.variables.get(dim) for dim in dims)
        return [None if x is None or x.ndim != 1 else np.asarray(x[...]) for x in known]

    return Found(packed(variable, given, netcdf=True), dims, labels)


class _Header:
    """The lists at the head of a file, whose counts must lie within it."""

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._file, self._path = file, path
        self._size = os.path.getsize(path)

    def check(self) -> None:
        """Go through the lists of dimensions, attributes and variables."""
        self._skip(12)
        for _ in self._list():
            self._name()
            self._skip(8)
        self._attributes()
        for _ in self._list():
            self._name()
            self._skip(8 * self._count())
            self._attributes()
            self._skip(20)

    def _attributes(self) -> None:
        for _ in self._list():
            self._name()
            kind = int.from_bytes(self._file.read(4), "big")
            if kind not in _BYTES:
                raise self._damaged()
            self._skip(_BYTES[kind] * self._count())

    def _list(self) -> range:
        self._skip(4)
        return range(self._count())

    def _name(self) -> None:
        self._skip(self._count())

    def _count(self) -> int:
        count = int.from_bytes(self._file.read(8), "big")
        if count > self._size:
            raise self._damaged()
        return count

    def _skip(self, size: int) -> None:
        place = self._file.seek(-(-size // 4) * 4, os.SEEK_CUR)
        if place > self._size:
            raise self._damaged()

    def _damaged(self) -> StateFileError:
        return StateFileError(
            f"{self._path}: cannot be read: its header goes beyond the file from byte "
            f"{self._file.tell()} on; the file is damaged"
        )
