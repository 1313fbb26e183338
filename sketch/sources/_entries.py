"""Files of entries in no order, read in pieces that add up."""

from __future__ import annotations

import functools
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from ..backend.array import compute_dtype
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
