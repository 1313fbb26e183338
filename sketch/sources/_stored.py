"""Stored data (mapped, HDF5, Zarr, Dask) and all that must be converted: read in tiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

import numpy as np

from ..backend.array import Array, HostArray, is_array, is_blas_ready, is_complex, is_dask
from ..backend.protocols import Stored
from ._base import MatrixBlock, MatrixSource, Window
from ._dense import DenseSource, no_matrix
from ._tensor_base import TensorBlock, TensorSource
from ._tensor_dense import TENSOR_BLOCK_BYTES, DenseTensorBlock
from ._tiles import BLOCK_BYTES, StoredArray

_STRIP_BYTES = 4 * BLOCK_BYTES  # of chunks beside each other that are read at once


def is_ready(x: object) -> bool:
    """Whether `x` is an array that a matrix product can read in place."""
    return is_array(x) and is_blas_ready(x)


def is_plain(x: object) -> TypeGuard[HostArray]:
    """Whether `x` is such an array of NumPy's own."""
    return type(x) is np.ndarray and is_blas_ready(x)


class StoredSource(MatrixSource):
    """A matrix that is read by slicing."""

    def __init__(self, stored: Stored) -> None:
        if len(stored.shape) != 2:
            raise no_matrix(tuple(stored.shape))
        self._stored = StoredArray(stored)
        m, n = self._stored.shape
        self.shape, self.dtype, self.nbytes = (m, n), self._stored.dtype, self._stored.nbytes
        self.on_disk = self._stored.on_disk
        self.dask_array = stored if is_dask(stored) else None
        self.widens = is_dask(stored) and not is_complex(self.dtype)  # chunks as they turn out
        self.column_chunk = 0 if is_dask(stored) else self._stored.column_chunk()

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield tiles along the chunks that the data are stored in."""
        for (row, col), tile in self._stored.tiles(limit or BLOCK_BYTES):
            yield (row, col), DenseSource(tile)

    def whole_blocks(
        self, axis: int, limit: int | None = None
    ) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield tiles along the whole of an axis, as far as no chunk is cut for it."""
        most = limit or _STRIP_BYTES
        for (row, col), tile in self._stored.tiles_along(axis, limit or BLOCK_BYTES, most):
            yield (row, col), DenseSource(tile)

    def window(self, rows: slice, columns: slice) -> Window:
        """Return some rows and columns, read and converted."""
        return self._stored.window((rows, columns)), 0.0

    def row_blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield tiles of whole rows, which may cut through the chunks."""
        for (row, col), tile in self._stored.tiles(limit or BLOCK_BYTES, whole=(1,)):
            yield (row, col), DenseSource(tile)


class StoredTensorSource(TensorSource):
    """A tensor that is read by slicing."""

    def __init__(self, stored: Stored) -> None:
        self._stored = StoredArray(stored)
        self.shape, self.dtype = self._stored.shape, self._stored.dtype
        self.nbytes, self.on_disk = self._stored.nbytes, self._stored.on_disk
        self.dask_array = stored if is_dask(stored) else None

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, ...], TensorBlock]]:
        """Yield tiles along the chunks that the data are stored in."""
        for at, tile in self._stored.tiles(limit or TENSOR_BLOCK_BYTES):
            yield at, DenseTensorBlock(tile)

    @property
    def array(self) -> Array:
        """The whole tensor, read at once."""
        return self._stored.whole()
