"""Stored arrays of more than two axes as matrices: the first axis against all others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..backend.array import namespace
from ..backend.protocols import Stored
from ..errors import ShapeError
from ._base import MatrixBlock, MatrixSource, Window
from ._dense import DenseSource
from ._tiles import BLOCK_BYTES, StoredArray


class UnfoldedSource(MatrixSource):
    """The matrix ``(n_1, n_2 ... n_d)`` of a stored array, read in tiles that are unfolded.

    Columns are ordered as by ``reshape(n_1, -1)``, whatever the order in which they are stored, and
    the array is never copied as a whole.
    """

    def __init__(self, stored: Stored) -> None:
        if len(stored.shape) < 3:
            raise ShapeError(f"expected an array of three axes or more, got shape {stored.shape}")
        self._stored = StoredArray(stored)
        first, *rest = self._stored.shape
        self.shape, self.dtype = (first, math.prod(rest)), self._stored.dtype
        self.nbytes, self.on_disk = self._stored.nbytes, self._stored.on_disk

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield tiles that are cut along the first two axes, which makes runs of columns."""
        return self._unfolded(limit, range(2, len(self._stored.shape)))

    def row_blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield whole rows."""
        return self._unfolded(limit, range(1, len(self._stored.shape)))

    def window(self, rows: slice, columns: slice) -> Window:
        """Return some rows and columns, from whole slices of the second axis."""
        _, second, *rest = self._stored.shape
        run = max(1, math.prod(rest))
        first, last = columns.start // run, max(columns.start, columns.stop - 1) // run + 1
        inner = (slice(0, n) for n in rest)
        tile = self._stored.window((rows, slice(first, min(last, second)), *inner))
        flat = namespace(tile).reshape(tile, (tile.shape[0], math.prod(tile.shape[1:])))
        return flat[:, columns.start - first * run : columns.stop - first * run], 0.0

    def _unfolded(
        self, limit: int | None, whole: Sequence[int]
    ) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield tiles with the given axes whole: cut too, they are single ones before the cut."""
        _, *rest = self._stored.shape
        for (row, *inner), tile in self._stored.tiles(limit or BLOCK_BYTES, whole):
            column = 0
            for start, n in zip(inner, rest, strict=True):
                column = column * n + start
            flat = namespace(tile).reshape(tile, (tile.shape[0], math.prod(tile.shape[1:])))
            yield (row, column), DenseSource(flat)
