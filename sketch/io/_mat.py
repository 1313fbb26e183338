"""MATLAB files: version 4 to 7 by SciPy in a process of its own, version 7.3 as HDF5."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import StateFileError
from . import _tree
from ._child import read_in_child
from ._found import Found, no_such_name, only_name
from ._heaps import open_hdf5
from ._stored_sparse import StoredSparse


def read_mat(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return a variable, or a field of a structure as ``a.b``.

    Damaged files can end SciPy's reader and its process: it has its own.
    """
    answer, arrays = read_in_child("mat", path, name)
    shapes = answer["arrays"]
    if not arrays:
        if not name:
            name = only_name({key: tuple(shape) for key, shape in shapes.items()}, path)
            return read_mat(path, name, stack)
        if answer.get("other"):
            raise StateFileError(f"{path}::{name}: holds {answer['other']}, not numbers")
        raise no_such_name(name, list(shapes), path)
    if answer["kind"] == "dense":
        return Found(arrays[0])
    import scipy.sparse

    matrix = scipy.sparse.csc_array(tuple(arrays), shape=tuple(answer["shape"]))
    matrix.check_format(full_check=True)
    return Found(matrix)


def read_mat73(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return an array of MATLAB 7.3: axes are stored in reverse order."""
    root = stack.enter_context(open_hdf5(path))
    name, item = _tree.find(_Visible(root), name.replace(".", "/"), path)
    if hasattr(item, "shape"):
        kind = item.attrs.get("MATLAB_class", b"double")
        if kind in (b"char", b"cell", b"function_handle"):
            raise StateFileError(f"{path}::{name}: holds a {kind.decode()} array, not numbers")
        if item.attrs.get("MATLAB_empty", 0):
            return Found(np.zeros(tuple(int(n) for n in np.ravel(item[...]))))
    data = _tree.found(root, name, item, path).data
    return Found(data if isinstance(data, StoredSparse) else Reversed(data))


class _Visible:
    """The variables of a file, without what MATLAB keeps for itself (``#refs#``)."""

    def __init__(self, root: Mapping[str, object]) -> None:
        self._root = root

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._root if not key.startswith("#"))

    def __getitem__(self, name: str) -> object:
        return self._root[name]


class Reversed:
    """A stored array with its axes in reverse order: the first one is read fastest."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.shape, self.dtype = tuple(raw.shape)[::-1], np.dtype(raw.dtype)
        self.chunks = None if raw.chunks is None else tuple(raw.chunks)[::-1]
        sizes = [int(n) for n in np.cumprod((self.dtype.itemsize, *self.shape[:-1]))]
        self.strides = tuple(sizes)

    def __getitem__(self, window: Any) -> object:
        return np.asarray(self._raw[tuple(window)[::-1]]).T
