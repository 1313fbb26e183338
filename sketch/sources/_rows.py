"""Whole rows, each of them once: what methods that square the data need."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..backend.array import accumulator_dtype, block_bytes, cuts
from ..errors import DtypeError
from ._base import MatrixBlock, MatrixSource
from ._dense import DenseSource

_PANEL_BYTES = 64_000_000  # of rows that are copied and shifted at once, in double precision,
_PANEL_ROWS = 1024, 16384  # but not fewer, and so few that few rounding errors add up


class RowsSource(MatrixSource):
    """A source whose blocks span all columns and do not overlap.

    Raises
    ------
    DtypeError
        If the source cannot be had in whole rows.
    """

    def __init__(self, source: MatrixSource) -> None:
        self._source = source
        self.shape, self.dtype, self.nbytes = source.shape, source.dtype, source.nbytes
        self.single_use, self.on_disk = source.single_use, source.on_disk
        self.off_host = source.off_host
        self.axes = source.axes
        if source.dask_array is not None:
            self.dask_array = source.dask_array.rechunk({1: -1})

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield blocks of whole rows."""
        if limit is not None:  # of what they become in double precision
            limit = max(
                1, limit * _bytes_each(self.dtype) // _bytes_each(accumulator_dtype(self.dtype))
            )
        for (row, col), block in self._source.row_blocks(limit):
            if block.shape[1] != self.shape[1]:
                raise DtypeError(
                    "this method adds up squares and needs whole rows; a "
                    f"{type(self._source).__name__} cannot give them. Convert the data first"
                )
            for start, panel in _panels(block, limit):
                yield (row + start, col), panel


def _panels(block: MatrixBlock, limit: int | None) -> Iterator[tuple[int, MatrixBlock]]:
    """Yield a block, a dense one in panels of rows with the number of their first."""
    m, n = block.shape
    if not isinstance(block, DenseSource) or not n:
        yield 0, block
        return
    least, most = _PANEL_ROWS
    size = limit or block_bytes(block.array, _PANEL_BYTES // 2)
    fitting = size // _bytes_each(block.dtype) // n
    for rows in cuts(m, min(most, max(least if limit is None else 1, fitting))):
        panel = block if rows.stop - rows.start == m else DenseSource(block.array[rows, :])
        panel.rounding = block.rounding
        yield rows.start, panel


def _bytes_each(dtype: str) -> int:
    return np.dtype(dtype).itemsize
