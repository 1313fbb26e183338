"""Sparse matrices in files, read in blocks, as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..backend.array import compute_dtype
from ..errors import NonFiniteError
from ..sources import (
    MatrixBlock,
    MatrixSource,
    SparseSource,
    TensorBlock,
    TensorSource,
    as_tensor_source,
)
from ._stored import Missing


class SparseBlocksSource(MatrixSource):
    """A sparse matrix in a file, read some rows or columns at a time."""

    sparse = True
    on_disk = True

    def __init__(self, stored: Any) -> None:
        self._stored = stored
        self.shape, self.dtype = stored.shape, compute_dtype(stored.dtype)
        self.nbytes = stored.nnz * (stored.dtype.itemsize + 8)

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield blocks of whole rows or columns, as they are stored."""
        for at, block in self._stored.blocks(limit):
            yield at, SparseSource(block)


class SparseBlocksTensorSource(TensorSource):
    """The same as a tensor of two modes."""

    on_disk = True

    def __init__(self, stored: Any) -> None:
        self._stored = stored
        self.shape, self.dtype = stored.shape, compute_dtype(stored.dtype)
        self.nbytes = stored.nnz * (stored.dtype.itemsize + 8)

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, ...], TensorBlock]]:
        """Yield blocks of whole rows or columns, as they are stored."""
        for (row, column), block in self._stored.blocks(limit):
            for at, part in as_tensor_source(block).blocks(limit):
                yield (row + at[0], column + at[1]), part


def known_entries(matrix: Any, missing: Missing, where: str) -> object:
    """Return a sparse matrix whose missing entries are zero, where that is wanted.

    Raises
    ------
    NonFiniteError
        If the mean is wanted, which would fill the matrix, or it is not read at once.
    """
    if missing in (None, "nan"):
        return matrix
    values = getattr(matrix, "data", None)
    if not isinstance(values, np.ndarray):
        raise NonFiniteError(
            f"{where}: missing={missing!r} needs a matrix that is read at once, and this one is "
            "too large; clean the file"
        )
    unknown = np.isnan(values) if values.dtype.kind in "fc" else np.zeros(values.shape, bool)
    if missing == "mean" and unknown.any():
        raise NonFiniteError(
            f'{where}: missing="mean" would fill a sparse matrix, {int(unknown.sum())} of whose '
            'entries are missing; give missing="zero", or clean the file'
        )
    cleaned = matrix.copy()
    cleaned.data = np.where(unknown, 0, values)
    return cleaned
