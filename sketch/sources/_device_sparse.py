"""Sparse matrices on a GPU: multiplied there by the library that holds them, never made dense."""

from __future__ import annotations

import copy

from ..backend.array import (
    Array,
    DeviceSparse,
    accumulator_dtype,
    compute_dtype,
    dtype_name,
    namespace,
)
from ..errors import ShapeError
from ..numerics.factor_rows import FactorRows
from ..numerics.linalg import frobenius_norm, rescaled
from ._base import MatrixBlock, Window


class DeviceSparseSource(MatrixBlock):
    """A sparse matrix in any format that can be converted to compressed rows.

    Parameters
    ----------
    matrix : sparse matrix of CuPy, or any that offers the same
        With ``tocsr``, ``data``, ``T`` and products with dense arrays.
    """

    sparse = True
    off_host = True

    def __init__(self, matrix: DeviceSparse) -> None:
        if len(matrix.shape) != 2:
            raise ShapeError(f"expected a matrix, got a sparse array of shape {matrix.shape}")
        self.dtype = compute_dtype(matrix.dtype)
        self.shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        self._hold(matrix.astype(self.dtype).tocsr())

    def _hold(self, rows: DeviceSparse) -> None:
        self._rows = rows
        self._columns = rows.T.tocsr()  # so that both products run along rows
        self.nbytes = rows.data.size * int(rows.data.dtype.itemsize)

    def window(self, rows: slice, columns: slice) -> Window:
        """Return some rows and columns as a dense array."""
        return self._rows[rows, columns].toarray(), 0.0

    def right(self, omega: FactorRows) -> Array:
        """Return ``(A Omega)^T``."""
        return (self._rows @ omega.array(self._rows.data)).T

    def left(self, psi: FactorRows) -> Array:
        """Return ``Psi^* A`` by way of ``A^T conj(Psi)``."""
        factor = psi.array(self._rows.data)
        return (self._columns @ namespace(factor).conj(factor)).T

    def norm(self) -> float:
        """Return the Frobenius norm, duplicates added up first."""
        self._rows.sum_duplicates()
        return frobenius_norm(self._rows.data[None, :])

    def column_squares(self) -> Array:
        """Return the sum of the squares of each column, duplicates added up first."""
        self._columns.sum_duplicates()
        squares = self._columns.copy()
        squares.data = abs(squares.data) ** 2
        xp = namespace(squares.data)
        return squares @ xp.ones((self.shape[0],), dtype=squares.data.dtype)

    def widened(self) -> DeviceSparseSource:
        """Return the matrix in double precision."""
        return self._with_rows(self._rows.astype(accumulator_dtype(self.dtype)))

    def split(self, share: float) -> tuple[DeviceSparseSource, Array, Array]:
        """Return the matrix without its fullest columns, these as a dense array, their numbers.

        Those of which more than a share of the entries is stored.
        """
        xp = namespace(self._rows.data)
        full = xp.diff(self._columns.indptr) > share * self.shape[0]
        places = xp.nonzero(full)[0]
        if not places.shape[0]:
            return self, xp.zeros((self.shape[0], 0), dtype=self._rows.data.dtype), places
        rest = self._rows.copy()
        rest.data = xp.where(full[rest.indices], 0 * rest.data, rest.data)
        return self._with_rows(rest), self._columns[places].toarray().T, places

    def rescaled(self, exponent: int) -> DeviceSparseSource:
        """Return the matrix times ``2**exponent``."""
        return self._with_rows(rescaled(self._rows, exponent))

    def _with_rows(self, rows: DeviceSparse) -> DeviceSparseSource:
        new = copy.copy(self)
        new.dtype = dtype_name(rows.data.dtype)
        new._hold(rows)
        return new

    def find_nonfinite(self) -> tuple[int, int] | None:
        """Return the row and column of a NaN or an infinity."""
        xp = namespace(self._rows.data)
        bad = xp.logical_not(xp.isfinite(self._rows.data))
        if not bool(xp.any(bad)):
            return None
        first = int(xp.argmax(bad))
        row = int(xp.searchsorted(self._rows.indptr, xp.asarray([first]), side="right")[0]) - 1
        return row, int(self._rows.indices[first])
