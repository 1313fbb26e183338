"""Files of entries in no order, read in pieces that add up."""

from __future__ import annotations

import functools
import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..backend.array import accumulator_dtype, compute_dtype
from ..errors import ShapeError
from ._base import MatrixBlock, MatrixSource, Window
from ._entry_rows import whole_rows
from ._sparse import SparseSource
from ._sum import ScaledBlock
from ._tensor_base import TensorBlock, TensorSource
from ._tensor_sparse import SparseTensorSource


class Entries(ABC):
    """What a file of entries offers."""

    shape: tuple[int, ...]
    dtype: Any
    nnz: int

    @abstractmethod
    def pieces(self, limit: int | None = None) -> Iterator[Any]:
        """Yield sparse arrays of the whole shape that sum up to the data."""


def is_entries(x: object) -> bool:
    """Whether `x` comes in sparse pieces."""
    return isinstance(x, Entries)


class EntriesSource(MatrixSource):
    """A sparse matrix in pieces, each of which may touch every row and column."""

    shape: tuple[int, int]
    sparse = True
    on_disk = True

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        m, n = entries.shape
        self.shape, self.dtype = (m, n), compute_dtype(entries.dtype)
        self.nbytes = 16 * entries.nnz

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield the pieces, as terms of a sum."""
        for piece in self._entries.pieces(limit):
            yield (0, 0), ScaledBlock(1.0, SparseSource(piece))

    def row_blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield whole rows, each of them once; what exceeds the limit is sorted on disk."""
        pieces = self._entries.pieces(limit)
        for start, rows in whole_rows(pieces, self.shape, self.nbytes, limit):
            yield (start, 0), SparseSource(rows)

    def window(self, rows: slice, columns: slice) -> Window:
        """Return some rows and columns as a dense array, at a reading of the file."""
        pieces = (piece.tocsr()[rows, columns] for piece in self._entries.pieces(None))
        return functools.reduce(operator.add, pieces).toarray(), 0.0


class EntriesTensorSource(TensorSource):
    """A sparse tensor in pieces."""

    on_disk = True

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        self.shape, self.dtype = entries.shape, compute_dtype(entries.dtype)
        self.nbytes = 8 * (len(entries.shape) + 1) * entries.nnz

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, ...], TensorBlock]]:
        """Yield runs of the entries of each piece."""
        for piece in self._entries.pieces(limit):
            yield from SparseTensorSource(piece).blocks(limit)

    def without_duplicates(self) -> SummedEntries:
        """Return the tensor with one entry for each place, duplicates added in double precision."""
        return SummedEntries(self._entries)


class SummedEntries(EntriesTensorSource):
    """A sparse tensor in runs of whole slices of the first mode, each place in one of them once.

    What exceeds the limit is sorted on disk.
    """

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, ...], TensorBlock]]:
        """Yield some slices after others."""
        import scipy.sparse

        first, *others = self.shape
        pieces = map(self._unfolded, self._entries.pieces(limit))
        unfolded = first, math.prod(others)
        for start, rows in whole_rows(pieces, unfolded, self.nbytes, limit):
            found: Any = rows
            found = found.tocoo()
            behind = np.unravel_index(found.col, others) if others else ()
            coords = found.row + start, *behind
            slices = scipy.sparse.coo_array((found.data, coords), shape=self.shape)
            yield from SparseTensorSource(slices).blocks(limit)

    def _unfolded(self, piece: Any) -> Any:
        """Return a piece as a matrix in double precision."""
        import scipy.sparse

        row, *others = (np.asarray(index, np.int64) for index in piece.coords)
        if math.prod(self.shape[1:]) >= _MOST_COLUMNS:
            raise ShapeError(
                f"repeated entries of a tensor of shape {self.shape} are not told apart in pieces; "
                "open the file in memory"
            )
        column = np.ravel_multi_index(others, self.shape[1:]) if others else 0 * row
        shape = self.shape[0], math.prod(self.shape[1:])
        values = np.asarray(piece.data).astype(accumulator_dtype(self.dtype))
        return scipy.sparse.coo_array((values, (row, column)), shape=shape)


_MOST_COLUMNS = 2**63
