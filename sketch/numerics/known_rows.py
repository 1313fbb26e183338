"""Rows of which some entries are known, and their products: all that completion asks of data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend.array import HostArray
from .kernels import csr_product, csr_transposed_product

Reals = NDArray[np.float64]
Places = NDArray[np.intp]

_DENSE_FROM = 0.15  # of the entries known, from where BLAS is faster than loops over them


@dataclass(frozen=True, eq=False)
class KnownRows:
    """Rows in double precision, with the pattern of what is known of them.

    Attributes
    ----------
    values : ndarray or csr_array, shape (m, n)
        Zero where nothing is known.
    known : ndarray or csr_array, shape (m, n)
        One where an entry is known, in the same form.
    """

    values: Any
    known: Any

    @classmethod
    def of_dense(cls, values: HostArray) -> KnownRows:
        """Return the rows of an array in which NaN stands for what is not known."""
        wide = values.astype(np.float64)
        missing = np.isnan(wide)
        wide[missing] = 0
        return cls(wide, (~missing).astype(np.float64))

    @classmethod
    def of_sparse(cls, csr: Any) -> KnownRows:
        """Return the rows whose stored entries are known, zeros too; NaN is not.

        Duplicates add up. Rows that are nearly full become dense.
        """
        if not csr.has_canonical_format:
            csr = csr.copy()
            csr.sum_duplicates()
        values = csr.astype(np.float64)
        missing = np.isnan(values.data)
        if missing.any():
            values = _picked(values, ~missing)
        if values.nnz <= _DENSE_FROM * values.shape[0] * values.shape[1]:
            return cls(values, _like(values, np.ones(values.nnz)))
        known = np.zeros(values.shape)
        rows = np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))
        known[rows, values.indices] = 1
        return cls(values.toarray(), known)

    @property
    def shape(self) -> tuple[int, int]:
        """``(m, n)``."""
        return int(self.values.shape[0]), int(self.values.shape[1])

    @property
    def is_sparse(self) -> bool:
        """Whether known entries are multiplied one by one."""
        return not isinstance(self.values, np.ndarray)

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many entries of each row are known, shape (m,)."""
        if self.is_sparse:
            return np.asarray(np.diff(self.values.indptr), np.int64)
        return np.asarray(self.known.sum(axis=1), np.int64)

    @property
    def n_known(self) -> int:
        """How many entries are known."""
        return int(self.values.nnz if self.is_sparse else self.known.sum())

    def __getitem__(self, rows: slice | Places) -> KnownRows:
        return KnownRows(self.values[rows], self.known[rows])

    def places(self) -> tuple[Places, Places]:
        """Return the rows and columns of what is known, row after row."""
        if self.is_sparse:
            rows = np.repeat(np.arange(self.shape[0]), np.diff(self.values.indptr))
            return rows, self.values.indices.astype(np.intp)
        rows, columns = np.nonzero(self.known)
        return rows, columns

    def at_places(self) -> Reals:
        """Return the values of what is known, in the order of `places`."""
        return self.values.data if self.is_sparse else self.values[self.known > 0]  # type: ignore[no-any-return]

    def restricted(self, kept: NDArray[np.bool_]) -> KnownRows:
        """Return the rows with a part of what is known, chosen in the order of `places`."""
        if self.is_sparse:
            values = _picked(self.values, kept)
            return KnownRows(values, _like(values, np.ones(values.nnz)))
        known = self.known.copy()
        known[self.known > 0] = kept
        return KnownRows(self.values * known, known)

    def as_csr(self) -> Any:
        """Return the known entries as a sparse matrix."""
        if self.is_sparse:
            return self.values
        import scipy.sparse

        columns = self.places()[1].astype(np.int32)
        starts = np.concatenate([[0], np.cumsum(self.counts)])
        return scipy.sparse.csr_array((self.at_places(), columns, starts), shape=self.shape)

    def right(self, x: Reals, y: Reals) -> tuple[Reals, Reals]:
        """Return ``known X`` and ``values Y``, for X and Y of n rows."""
        if self.is_sparse:
            return csr_product(self.known, x), csr_product(self.values, y)
        return self.known @ x, self.values @ y

    def left(self, x: Reals, y: Reals) -> tuple[Reals, Reals]:
        """Return ``known^T X`` and ``values^T Y``, for X and Y of m rows."""
        if self.is_sparse:
            return csr_transposed_product(self.known, x), csr_transposed_product(self.values, y)
        return self.known.T @ x, self.values.T @ y


def _like(csr: Any, data: Reals) -> Any:
    """Return a sparse matrix of the same pattern."""
    return type(csr)((data, csr.indices, csr.indptr), shape=csr.shape)


def _picked(csr: Any, kept: NDArray[np.bool_]) -> Any:
    """Return a sparse matrix with a part of its entries."""
    starts = np.concatenate([[0], np.cumsum(kept)])[csr.indptr]
    return type(csr)((csr.data[kept], csr.indices[kept], starts), shape=csr.shape)
