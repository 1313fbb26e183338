"""Arrays in a tree of groups: HDF5, Zarr and netCDF 4 alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..backend.protocols import Stored
from ..errors import StateFileError
from ..files.archive import Header
from ._found import Found, check_numbers, is_numeric, listed, no_such_name, only_name
from ._packed import packed
from ._stored_sparse import is_sparse_group, stored_sparse

_DEEPEST = 12  # levels that are listed
_PARTS = ("real", "imag")  # of complex numbers, as MATLAB and others store them
_MOST = 1000  # names that are listed


def find(root: object, name: str, path: str, netcdf: bool = False) -> tuple[str, Any]:
    """Return the name that is meant and what it means: an array, a sparse group, or a field.

    The file is asked for the name, so that links of all kinds are followed; names are listed only
    where that gives nothing.
    """
    if not name:
        shapes = {key: _shape(item) for key, item in _arrays(root)}
        if netcdf:  # axes of others are not meant
            shapes = {k: s for k, s in shapes.items() if s is None or len(s) > 1} or shapes
        name = only_name(shapes, path)
    name = name.strip("/")
    item = item_of(root, name)
    if item is None and "/" in name:
        item = _field(root, *name.rsplit("/", 1))
    if item is None:
        _refuse_broken_link(root, name, path)
        raise no_such_name(name, [key for key, _ in _arrays(root)], path)
    return name, item


def found(root: object, name: str, item: Any, path: str, netcdf: bool = False) -> Found:
    """Return an item of a tree as an array that can be read."""
    where = f"{path}::{name}"
    if is_sparse_group(item):
        return Found(stored_sparse(item, where))
    if not hasattr(item, "shape"):
        inside = [f"{name}/{key}" for key, _ in _arrays(item)]
        raise StateFileError(
            f"{where}: is a group, not an array; it holds {listed(inside) or 'no array'}"
        )
    if getattr(item.dtype, "names", None) == _PARTS:
        return Found(ComplexParts(item))
    check_numbers(item, where)
    return Found(packed(item, attributes(item), netcdf))


def attributes(item: object) -> Header:
    """Return the attributes of an item, as far as they can be read."""
    given = getattr(item, "attrs", {})
    read = {}
    for name in list(given):
        try:
            read[name] = given[name]
        except Exception:  # of types that the library does not know; none that packs numbers
            continue
    return read


def _arrays(
    group: object, prefix: str = "", above: tuple[object, ...] = ()
) -> Iterator[tuple[str, Any]]:
    """Yield the names of all arrays of numbers, sparse groups, and fields of records.

    Not those of a group in itself, where links can lead.
    """
    count, above = 0, (*above, group)
    for key in _keys(group):
        item = item_of(group, key)
        name = prefix + key
        if item is None:
            continue
        if is_sparse_group(item):
            yield name, item
        elif not hasattr(item, "shape"):
            if len(above) <= _DEEPEST and item not in above:
                yield from _arrays(item, f"{name}/", above)
        elif getattr(item.dtype, "names", None) == _PARTS:
            yield name, item
        elif getattr(item.dtype, "names", None):
            fields = [field for field in item.dtype.names if is_numeric(item.dtype[field])]
            yield from ((f"{name}/{field}", item) for field in fields)
        elif item.shape and is_numeric(item.dtype):
            yield name, item
        count += 1
        if count > _MOST:
            return


def _keys(group: Any) -> list[str]:
    try:
        return sorted(group)
    except Exception:  # a damaged group has none
        return []


def item_of(group: Any, name: str) -> Any:
    """Return what a name means, None where it means nothing or a link leads nowhere."""
    try:
        return group[name]
    except Exception:  # libraries raise KeyError, OSError, RuntimeError and ValueError
        return None


def _refuse_broken_link(root: Any, name: str, path: str) -> None:
    """Say where a link of HDF5 leads, if it leads nowhere."""
    try:
        link = root.get(name, getlink=True)
    except Exception:  # trees of other formats have no links
        return
    target = getattr(link, "path", None)
    if target is not None:
        file = getattr(link, "filename", None)
        place = target if file is None else f"{target} in {file}"
        raise StateFileError(f"{path}::{name}: is a link to {place}, which cannot be read")


def _field(root: object, table: str, field: str) -> object:
    """Return a field of a table of records."""
    item = item_of(root, table)
    names = getattr(getattr(item, "dtype", None), "names", None)
    return Field(item, field) if names and field in names else None


def _shape(item: Stored) -> tuple[int, ...] | None:
    return None if is_sparse_group(item) else tuple(item.shape)


class Field:
    """One field of stored records."""

    def __init__(self, table: Stored, name: str) -> None:
        self._table, self._name = table, name
        self.shape, self.chunks = tuple(table.shape), getattr(table, "chunks", None)
        self.dtype = np.dtype(table.dtype[name])

    def __getitem__(self, window: object) -> object:
        return self._table[window][self._name]


class ComplexParts:
    """Stored records of real and imaginary parts, as complex numbers."""

    def __init__(self, item: Stored) -> None:
        self._item = item
        self.shape, self.chunks = tuple(item.shape), getattr(item, "chunks", None)
        self.dtype = np.result_type(item.dtype["real"], np.complex64)

    def __getitem__(self, window: object) -> object:
        block = self._item[window]
        return (block["real"] + 1j * block["imag"]).astype(self.dtype)
