"""Products of sparse matrices with test matrices: compiled where numba is installed, else SciPy.

Four products make up every sketch of a sparse matrix A (m, n): A X and A^T Y with dense factors,
and the same with *hashed* ones, whose rows have few entries. All read A once.
"""

from __future__ import annotations

import functools
import importlib.util
import threading
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ONE_AT_A_TIME = threading.Lock()  # each call takes all threads, which not all layers can share
_COMPILE_FROM = 50_000_000  # multiply-adds; less work is done before numba is even imported


@dataclass(frozen=True)
class HashedRows:
    """Rows of a sparse test matrix: row i has ``values[i, t]`` in column ``columns[i, t]``.

    Attributes
    ----------
    columns : ndarray of int32, shape (n, nnz)
        Sorted along each row, without repetition; column t stays within group t of the columns.
    values : ndarray, shape (n, nnz)
    width : int
        Number of columns of the test matrix.
    """

    columns: NDArray[np.int32]
    values: NDArray[Any]
    width: int

    def conj(self) -> HashedRows:
        """Return the complex conjugate."""
        return HashedRows(self.columns, self.values.conj(), self.width)

    def toarray(self) -> NDArray[Any]:
        """Return the rows as a dense matrix."""
        dense = np.zeros((len(self.columns), self.width), self.values.dtype)
        np.put_along_axis(dense, self.columns.astype(np.intp), self.values, axis=1)
        return dense


def csr_product(a: Any, x: NDArray[Any] | HashedRows) -> NDArray[Any]:
    """Return ``A X`` for a CSR matrix A (m, n) and X (n, k)."""
    compiled = _compiled(a, x)
    if compiled is None:
        dense = x.toarray() if isinstance(x, HashedRows) else np.ascontiguousarray(x)
        return np.asarray(a @ dense)
    if isinstance(x, HashedRows):
        out = np.zeros((a.shape[0], x.width), np.result_type(a.dtype, x.values.dtype))
        with _ONE_AT_A_TIME:
            compiled.hashed(a.indptr, a.indices, a.data, x.columns, x.values, out)
        return out
    out = np.zeros((a.shape[0], x.shape[1]), np.result_type(a.dtype, x.dtype))
    with _ONE_AT_A_TIME:
        compiled.dense(a.indptr, a.indices, a.data, np.ascontiguousarray(x), out)
    return out


def csr_transposed_product(a: Any, y: NDArray[Any] | HashedRows) -> NDArray[Any]:
    """Return ``A^T Y`` for a CSR matrix A (m, n) and Y (m, k)."""
    compiled = _compiled(a, y)
    if compiled is None:
        dense = y.toarray() if isinstance(y, HashedRows) else np.ascontiguousarray(y)
        return np.asarray(a.T @ dense)
    if isinstance(y, HashedRows):
        partial = _partial_sums(a, y.width, y.values.dtype)
        with _ONE_AT_A_TIME:
            compiled.transposed_hashed(a.indptr, a.indices, a.data, y.columns, y.values, partial)
        return _total(partial)
    partial = _partial_sums(a, y.shape[1], y.dtype)
    with _ONE_AT_A_TIME:
        compiled.transposed_dense(a.indptr, a.indices, a.data, np.ascontiguousarray(y), partial)
    return _total(partial)


def _partial_sums(a: Any, width: int, dtype: Any) -> NDArray[Any]:
    """Return zeros for each thread's sum, as few as keep them smaller than A itself."""
    import numba

    each = max(1, a.shape[1] * width)
    threads = max(1, min(numba.get_num_threads(), 2 * a.nnz // each))
    return np.zeros((threads, a.shape[1], width), np.result_type(a.dtype, dtype))


def _total(partial: NDArray[Any]) -> NDArray[Any]:
    for part in partial[1:]:
        partial[0] += part
    return np.asarray(partial[0])


def _compiled(a: Any, x: NDArray[Any] | HashedRows) -> ModuleType | None:
    """Return the compiled kernels where they are installed and the product is worth a start."""
    per_entry = x.columns.shape[1] if isinstance(x, HashedRows) else x.shape[1]
    return _load_compiled() if a.nnz * per_entry >= _COMPILE_FROM else None


@functools.cache
def _load_compiled() -> ModuleType | None:
    if importlib.util.find_spec("numba") is None:
        return None
    from . import _numba_kernels

    return _numba_kernels
