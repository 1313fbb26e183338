"""Stored matrices (h5py, Zarr, Dask): read in tiles along their own chunks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .._array import compute_dtype
from ..errors import ShapeError
from ._base import MatrixBlock, MatrixSource
from ._dense import BLOCK_BYTES, DenseSource, _converted


def is_stored(x: object) -> bool:
    """Whether `x` can be sliced into arrays: it has a shape, a dtype and items."""
    return all(hasattr(x, name) for name in ("shape", "dtype", "ndim", "__getitem__"))


class StoredSource(MatrixSource):
    """A matrix that is read by slicing, in tiles of whole storage chunks."""

    shape: tuple[int, int]

    def __init__(self, stored: Any) -> None:
        if len(stored.shape) != 2:
            raise ShapeError(f"expected a matrix, got stored data of shape {tuple(stored.shape)}")
        if any(size != size for size in stored.shape):  # NaN: chunks of unknown size
            raise ShapeError(
                f"the shape {stored.shape} is unknown; call compute_chunk_sizes() first"
            )
        self.stored = stored
        self.shape = (int(stored.shape[0]), int(stored.shape[1]))
        self.dtype = compute_dtype(np.dtype(stored.dtype))
        self.nbytes = math.prod(self.shape) * np.dtype(stored.dtype).itemsize

    def blocks(self) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield tiles in row order."""
        rows, cols = self._tile()
        for row in range(0, self.shape[0], rows):
            for col in range(0, self.shape[1], cols):
                tile = np.asarray(self.stored[row : row + rows, col : col + cols])
                yield (row, col), DenseSource(_converted(tile, self.dtype))

    def _tile(self) -> tuple[int, int]:
        """Return a tile of whole chunks that is near `BLOCK_BYTES`, full rows where they fit."""
        n = self.shape[1]
        chunk = getattr(self.stored, "chunksize", None) or getattr(self.stored, "chunks", None)
        chunk = chunk or (1, n)
        item = np.dtype(self.dtype).itemsize
        if chunk[0] * n * item <= BLOCK_BYTES:
            chunk_rows_in_tile = BLOCK_BYTES // (chunk[0] * max(1, n) * item)
            return max(1, chunk[0] * chunk_rows_in_tile), max(1, n)
        chunk_cols_in_tile = max(1, BLOCK_BYTES // (chunk[0] * chunk[1] * item))
        return chunk[0], chunk[1] * chunk_cols_in_tile
