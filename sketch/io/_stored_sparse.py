"""Sparse matrices that are stored as groups of arrays, read some rows or columns at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..backend.array import HostArray
from ..backend.protocols import Stored
from ..errors import StateFileError
from ..files.extent import Extent, watched
from ._found import check_numbers

_BLOCK_BYTES = 64_000_000
_LONGEST_AXIS = 2**40
_SETS = ({"data", "indices", "indptr"}, {"data", "ir", "jc"})


def is_sparse_group(item: Any) -> bool:
    """Whether a group holds the arrays of a compressed sparse matrix."""
    if hasattr(item, "shape") or not hasattr(item, "keys"):
        return False
    return _is_matlab(item) or any(all(name in item for name in names) for names in _SETS)


def stored_sparse(group: Any, where: str) -> StoredSparse:
    """Return the sparse matrix of a group, as AnnData, 10x, MATLAB and others write it."""
    if "jc" in group:  # MATLAB: columns; the number of rows is an attribute
        rows = int(group.attrs.get("MATLAB_sparse", 0))
        shape, major = (rows, len(group["jc"]) - 1), 1
        none = np.empty(0), np.empty(0, np.int64)  # which MATLAB leaves out
        data, indices = (
            group.get(name, part) for name, part in zip(("data", "ir"), none, strict=True)
        )
        return StoredSparse(data, indices, group["jc"], shape, major, where)
    shape = _shape(group, where)
    arrays = (group["data"], group["indices"], group["indptr"])
    return StoredSparse(*arrays, shape, _major(group, shape, where), where)


def _is_matlab(group: Any) -> bool:
    return "jc" in group and "MATLAB_sparse" in group.attrs


class StoredSparse:
    """A sparse matrix in compressed rows (``major`` 0) or columns (1) in a file.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    nnz : int
    """

    ndim = 2
    extent: Extent | None = None  # of the file

    def __init__(
        self,
        data: Stored,
        indices: Stored,
        indptr: Stored,
        shape: tuple[int, int],
        major: int,
        where: str,
    ) -> None:
        for part, name in ((data, "data"), (indices, "indices"), (indptr, "indptr")):
            check_numbers(part, f"{where}/{name}")
            if len(part.shape) != 1:
                raise StateFileError(f"{where}/{name}: has shape {part.shape}, one axis is needed")
        self.shape, self.major, self.where = shape, major, where
        self.dtype = np.dtype(data.dtype)
        self.nnz = int(data.shape[0])
        self._data, self._indices = data, indices
        if int(indptr.shape[0]) != shape[major] + 1 or indices.shape != data.shape:
            raise StateFileError(
                f"{where}: {indptr.shape[0]} starts, {indices.shape[0]} indices and {self.nnz} "
                f"values do not make a matrix of shape {shape}"
            )
        self._starts = np.asarray(self._read(indptr, slice(None))).astype(np.int64)
        if max(shape) > _LONGEST_AXIS:
            raise StateFileError(f"{where}: claims shape {shape}, which no computer could hold")
        ends = self._starts[[0, -1]].tolist()
        if ends != [0, self.nnz] or bool((np.diff(self._starts) < 0).any()):
            raise StateFileError(f"{where}/indptr: must rise from 0 to {self.nnz}, the values")

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], Any]]:
        """Yield ``((row, column), block)``: whole rows or columns of about `limit` bytes."""
        import scipy.sparse

        entries = max(1, (limit or _BLOCK_BYTES) // (self.dtype.itemsize + 8))
        kind = scipy.sparse.csc_array if self.major else scipy.sparse.csr_array
        for cut in self._cuts(entries):
            first, last = int(self._starts[cut.start]), int(self._starts[cut.stop])
            values = self._read(self._data, slice(first, last))
            indices = self._indices_of(first, last)
            size, other = cut.stop - cut.start, self.shape[1 - self.major]
            shape = (other, size) if self.major else (size, other)
            starts = self._starts[cut.start : cut.stop + 1] - first
            starts = starts.astype(indices.dtype, copy=False) if len(values) < 2**31 else starts
            at = (0, cut.start) if self.major else (cut.start, 0)
            yield at, kind((values, indices, starts), shape=shape)

    def whole(self) -> Any:
        """Return the matrix in memory."""
        ((_, matrix),) = self.blocks(2**62)
        return matrix

    def _cuts(self, entries: int) -> Iterator[slice]:
        """Yield runs of rows or columns that hold about so many entries."""
        start, end = 0, self.shape[self.major]
        while start < end or start == end == 0:
            most = self._starts[start] + entries
            stop = int(np.searchsorted(self._starts, most, side="right")) - 1
            stop = min(end, max(start + 1, stop))
            yield slice(start, stop)
            if end == 0:
                return
            start = stop

    def _indices_of(self, first: int, last: int) -> HostArray:
        indices = np.asarray(self._read(self._indices, slice(first, last)))
        size = self.shape[1 - self.major]
        if indices.size and _largest(indices) >= size:
            raise StateFileError(f"{self.where}/indices: must lie between 0 and {size - 1}")
        return indices.astype(np.int32 if size < 2**31 else np.int64, copy=False)

    def _read(self, part: Stored, window: slice) -> Any:
        try:
            with watched(self.extent):
                return part[window]
        except StateFileError:
            raise
        except Exception as error:  # whatever a reader raises on a damaged file
            raise StateFileError(f"{self.where}: cannot be read ({error})") from error


def _largest(indices: HostArray) -> int:
    """Return the largest of some indices, where negative ones count as the largest of all."""
    if indices.dtype.kind == "i" and indices.dtype.isnative:
        return int(indices.view(indices.dtype.str.replace("i", "u")).max())  # in one reading
    return int(indices.max()) if indices.min() >= 0 else sys.maxsize


def _shape(group: Any, where: str) -> tuple[int, int]:
    for name in ("shape", "h5sparse_shape"):
        given = group.attrs.get(name)
        if given is None and name in group:
            given = group[name][...]
        if given is not None:
            sizes = [int(n) for n in np.ravel(given)]
            if len(sizes) == 2 and min(sizes) >= 0:
                return sizes[0], sizes[1]
    raise StateFileError(
        f"{where}: a sparse matrix without its shape; give the group the attribute 'shape'"
    )


def _major(group: Any, shape: tuple[int, int], where: str) -> int:
    """Return 0 where rows are compressed, 1 where columns are."""
    for name in ("encoding-type", "h5sparse_format", "format"):
        given = group.attrs.get(name)
        text = given.decode() if isinstance(given, bytes) else str(given)
        if text[:3] in ("csr", "csc"):
            return int(text.startswith("csc"))
    fits = [axis for axis in (0, 1) if int(group["indptr"].shape[0]) == shape[axis] + 1]
    if "barcodes" in group or len(fits) == 2:
        fits = [1] if "barcodes" in group else []
    if len(fits) != 1:
        raise StateFileError(
            f"{where}: a sparse matrix of shape {shape} that does not say whether its rows or its "
            "columns are compressed; store 'csr_matrix' or 'csc_matrix' as the attribute "
            "'encoding-type' of the group"
        )
    return fits[0]
