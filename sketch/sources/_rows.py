"""Whole rows, each of them once: what methods that square the data need."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import DtypeError
from ._base import MatrixBlock, MatrixSource


class RowsSource(MatrixSource):
    """A source whose blocks span all columns and do not overlap.

    Raises
    ------
    DtypeError
        If the source cannot be had in whole rows: lazy sums, and entries in no order.
    """

    def __init__(self, source: MatrixSource) -> None:
        self._source = source
        self.shape, self.dtype, self.nbytes = source.shape, source.dtype, source.nbytes
        self.single_use, self.on_disk = source.single_use, source.on_disk
        if source.dask_array is not None:
            self.dask_array = source.dask_array.rechunk({1: -1})

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield blocks of whole rows."""
        for at, block in self._source.row_blocks(limit):
            if block.shape[1] != self.shape[1] or block.norm() is None:
                raise DtypeError(
                    "this method adds up squares and needs whole rows, each of them once; a lazy "
                    "sum or a file of entries in no order cannot give them. Add the terms up or "
                    "convert the file first"
                )
            yield at, block
