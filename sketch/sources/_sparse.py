"""SciPy sparse matrices and arrays; never densified."""

from __future__ import annotations

import copy
import sys
from typing import Any

import numpy as np

from ..backend.array import Array, accumulator_dtype, compute_dtype
from ..errors import ShapeError
from ..numerics.factor_rows import FactorRows
from ..numerics.kernels import csr_product, csr_transposed_product
from ..numerics.linalg import frobenius_norm, rescaled
from ._base import MatrixBlock, Window


def is_sparse(x: object) -> bool:
    """Whether `x` is a SciPy sparse matrix or array."""
    scipy_sparse = sys.modules.get("scipy.sparse")
    return scipy_sparse is not None and bool(scipy_sparse.issparse(x))


class SparseSource(MatrixBlock):
    """A sparse matrix in compressed rows; compressed columns are the rows of the transpose.

    Other formats are converted once for each update, at the cost of a copy of the nonzeros.
    Explicit zeros and duplicates are allowed: duplicates add up as numbers of the computing dtype.
    """

    sparse = True

    def __init__(self, matrix: Any) -> None:
        if matrix.ndim != 2:
            raise ShapeError(
                f"expected a matrix, got a sparse array with {matrix.ndim} axes and shape "
                f"{matrix.shape}"
            )
        self.dtype = compute_dtype(matrix.dtype)
        self.shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        self._transposed = matrix.format == "csc"
        numbers = matrix.astype(self.dtype, copy=False)  # first: duplicates of bytes would wrap
        self.csr = numbers.T if self._transposed else numbers.tocsr()
        self.csr.check_format(full_check=True)  # compiled kernels trust the indices
        self.nbytes = int(self.csr.data.nbytes + self.csr.indices.nbytes)

    def window(self, rows: slice, columns: slice) -> Window:
        """Return some rows and columns as a dense array."""
        if self._transposed:
            return self.csr[columns, rows].toarray().T, 0.0
        return self.csr[rows, columns].toarray(), 0.0

    def by_rows(self) -> Any:
        """Return the matrix itself in compressed rows, converted where it lies in columns."""
        return self.csr.T.tocsr() if self._transposed else self.csr

    def right(self, omega: FactorRows) -> Array:
        """Return ``(A Omega)^T``."""
        factor = self._factor(omega)
        product = csr_transposed_product if self._transposed else csr_product
        return product(self.csr, factor).T

    def left(self, psi: FactorRows) -> Array:
        """Return ``Psi^* A`` by way of ``A^T conj(Psi)``."""
        factor = self._factor(psi).conj()
        product = csr_product if self._transposed else csr_transposed_product
        return product(self.csr, factor).T

    def _factor(self, rows: FactorRows) -> Any:
        hashed = rows.hashed(self.dtype)
        return rows.array(self.csr.data) if hashed is None else hashed

    def norm(self) -> float:
        """Return the Frobenius norm, duplicates added up first."""
        csr = self.csr
        if not csr.has_canonical_format:
            csr = csr.copy()
            csr.sum_duplicates()
        return frobenius_norm(csr.data.reshape(1, -1))

    def column_squares(self) -> Array:
        """Return the sum of the squares of each column, duplicates added up first."""
        csr = self.csr
        if not csr.has_canonical_format:
            csr = csr.copy()
            csr.sum_duplicates()
        squares = np.abs(csr.data) ** 2
        stored = np.diff(csr.indptr)
        lines = np.repeat(np.arange(len(stored)), stored) if self._transposed else csr.indices
        return np.bincount(lines, squares, self.shape[1])

    @property
    def longest_line(self) -> int:
        """The largest number of entries stored in a row or a column."""
        by_row, by_column = np.diff(self.csr.indptr), np.bincount(self.csr.indices)
        return int(max(by_row.max(initial=0), by_column.max(initial=0)))

    def widened(self) -> SparseSource:
        """Return the matrix in double precision."""
        return self._with_values(self.csr.data.astype(accumulator_dtype(self.dtype), copy=False))

    def split(self, share: float) -> tuple[SparseSource, Array, Array]:
        """Return the matrix without its fullest columns, these as a dense array, their numbers.

        Those of which more than a share of the entries is stored.
        """
        (m, n), csr = self.shape, self.csr
        stored = np.diff(csr.indptr)
        counts = stored if self._transposed else np.bincount(csr.indices, minlength=n)
        full = counts > share * m
        places = np.flatnonzero(full)
        if not places.size:
            return self, np.zeros((m, 0), self.dtype), places
        dense = csr[places].toarray().T if self._transposed else csr[:, places].toarray()
        taken = np.repeat(full, stored) if self._transposed else full[csr.indices]
        return self._with_values(np.where(taken, 0, csr.data)), dense, places

    def rescaled(self, exponent: int) -> SparseSource:
        """Return the matrix times ``2**exponent``."""
        return self._with_values(rescaled(self.csr.data, exponent))

    def _with_values(self, values: Any) -> SparseSource:
        new = copy.copy(self)
        new.dtype = values.dtype.name
        new.csr = type(self.csr)((values, self.csr.indices, self.csr.indptr), shape=self.csr.shape)
        return new

    def find_nonfinite(self) -> tuple[int, int] | None:
        """Return the row and column of a NaN or an infinity."""
        bad = np.flatnonzero(~np.isfinite(self.csr.data))
        if not bad.size:
            return None
        row = int(np.searchsorted(self.csr.indptr, bad[0], side="right")) - 1
        col = int(self.csr.indices[bad[0]])
        return (col, row) if self._transposed else (row, col)
