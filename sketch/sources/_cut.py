"""A block of a matrix in the place of the whole: only what lies in it is read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..backend.array import cuts
from ..errors import ArgumentError
from ._base import MatrixBlock, MatrixSource
from ._dense import DenseSource
from ._tiles import BLOCK_BYTES


class CutSource(MatrixSource):
    """Some rows and columns of a source, made dense some rows at a time.

    Parameters
    ----------
    source : MatrixSource
    rows, columns : slice
        Without steps, within the shape.

    Raises
    ------
    ArgumentError
        If the source gives its rows one after the other, as chunks come.
    """

    shape: tuple[int, int]

    def __init__(self, source: MatrixSource, rows: slice, columns: slice) -> None:
        if type(source).window is MatrixSource.window:
            raise ArgumentError(
                f"a {type(source).__name__} cannot be read at a block; give an array, a sparse "
                "matrix, a file or a Dask array"
            )
        self._source, self._rows, self._columns = source, rows, columns
        self.shape = rows.stop - rows.start, columns.stop - columns.start
        self.dtype, self.on_disk = source.dtype, source.on_disk
        self.nbytes = self.shape[0] * self.shape[1] * np.dtype(source.dtype).itemsize

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield whole rows of the block."""
        each = max(1, self.nbytes // max(1, self.shape[0]))
        for rows in cuts(self.shape[0], max(1, (limit or BLOCK_BYTES) // each)):
            here = slice(self._rows.start + rows.start, self._rows.start + rows.stop)
            window, rounding = self._source.window(here, self._columns)
            block = DenseSource(window)
            block.rounding = rounding
            yield (rows.start, 0), block
