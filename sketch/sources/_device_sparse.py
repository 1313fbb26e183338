"""Sparse matrices on a GPU: multiplied there by the library that holds them, never made dense."""

from __future__ import annotations

from typing import Any

from .._array import Array, compute_dtype, namespace
from .._linalg import frobenius_norm
from ..errors import ShapeError
from ._base import DrawnRows, MatrixBlock


class DeviceSparseSource(MatrixBlock):
    """A sparse matrix in any format that can be converted to compressed rows.

    Parameters
    ----------
    matrix : sparse matrix of CuPy, or any that offers the same
        With ``tocsr``, ``data``, ``T`` and products with dense arrays.
    """

    sparse = True

    def __init__(self, matrix: Any) -> None:
        if len(matrix.shape) != 2:
            raise ShapeError(f"expected a matrix, got a sparse array of shape {matrix.shape}")
        self.dtype = compute_dtype(matrix.dtype)
        self.shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        self._rows = matrix.tocsr().astype(self.dtype)
        self._columns = self._rows.T.tocsr()  # so that both products run along rows
        self.nbytes = int(self._rows.data.nbytes)

    def right(self, omega: DrawnRows) -> Array:
        """Return ``(A Omega)^T``."""
        return (self._rows @ omega.array(self._rows.data)).T

    def left(self, psi: DrawnRows) -> Array:
        """Return ``Psi^* A`` by way of ``A^T conj(Psi)``."""
        factor = psi.array(self._rows.data)
        return (self._columns @ factor.conj()).T

    def norm(self) -> float:
        """Return the Frobenius norm, duplicates added up first."""
        self._rows.sum_duplicates()
        return frobenius_norm(self._rows.data.reshape(1, -1))

    def find_nonfinite(self) -> tuple[int, int] | None:
        """Return the row and column of a NaN or an infinity."""
        xp = namespace(self._rows.data)
        bad = ~xp.isfinite(self._rows.data)
        if not bool(xp.any(bad)):
            return None
        first = int(xp.argmax(bad))
        row = int(xp.searchsorted(self._rows.indptr, xp.asarray([first]), side="right")[0]) - 1
        return row, int(self._rows.indices[first])
