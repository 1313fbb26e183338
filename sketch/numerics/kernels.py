"""Products with few entries to multiply: compiled where numba is installed, else by libraries.

Four products make up every sketch of a sparse matrix A (m, n): A X and A^T Y with dense factors,
and the same with *hashed* ones, whose rows have few entries. A dense A meets hashed factors from
the left; the other side is its transpose. All read A once.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import math
import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..backend.array import Array, HostArray, cuts, moved, namespace, to_host
from ..running.fork import in_children
from .linalg import product, product_into

_ONE_AT_A_TIME = threading.Lock()  # each call takes all threads, which not all layers can share
_COMPILE_FROM = 50_000_000  # multiply-adds; less work is done before numba is even imported
_COMPILED_ENTRIES = 80_000  # of a sparse tensor, for the same reason
_COMPILED_SOLVES = 200_000  # entries of small matrices
_HASHED_FROM = 8  # dense products run so many multiply-adds in the time of a hashed one
_PANEL_COLUMNS = 1000  # of a matrix in single precision that are multiplied at once
_FUSED_BYTES = 64_000_000  # of rows that are multiplied from both sides at once: measured
_STRIPE_BYTES = 4096  # of a dense row that are added up at once: the sums stay in cache


def _renew_the_lock() -> None:
    """In a child: the thread that held the lock may be gone."""
    global _ONE_AT_A_TIME
    _ONE_AT_A_TIME = threading.Lock()


in_children(_renew_the_lock)


class Compressed(Protocol):
    """A sparse matrix in compressed rows."""

    data: HostArray
    indices: HostArray
    indptr: HostArray
    nnz: int
    shape: tuple[int, int]
    dtype: np.dtype[np.generic]
    T: HostArray

    def __matmul__(self, x: HostArray, /) -> HostArray: ...


class StructuredRows(Protocol):
    """Rows X of a test matrix that are worth more than a dense array."""

    @property
    def nbytes(self) -> int:
        """Bytes held."""

    def conj(self) -> Self:
        """Return the complex conjugate."""

    def astype(self, dtype: str) -> Self:
        """Return the rows in another precision."""

    def hashed(self) -> HashedRows:
        """Return the rows one by one."""

    def product_of_dense(self, a: object) -> HostArray | None:
        """Return ``X^T A`` for a dense A (m, n), or None where a plain product is as fast."""


@dataclass(frozen=True)
class HashedRows:
    """Rows of a sparse test matrix: row i has ``values[i, t]`` in column ``columns[i, t]``.

    Attributes
    ----------
    columns : ndarray of int32, shape (n, nnz)
    values : ndarray, shape (n, nnz)
        Those of one column are added up.
    width : int
        Number of columns of the test matrix.
    """

    columns: NDArray[np.int32]
    values: HostArray
    width: int

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.columns.nbytes + self.values.nbytes

    def conj(self) -> HashedRows:
        """Return the complex conjugate."""
        return HashedRows(self.columns, self.values.conj(), self.width)

    def astype(self, dtype: str) -> HashedRows:
        """Return the rows in another precision."""
        return HashedRows(self.columns, self.values.astype(dtype, copy=False), self.width)

    def product_of_dense(self, a: object) -> HostArray | None:
        """Return ``X^T A`` for a dense A (m, n), or None where a plain product is as fast.

        Its time does not depend on the width of X (m, k). Compiled for NumPy arrays in C or Fortran
        order, and of use from some eight times as many columns as a row of X has entries.
        """
        if not isinstance(a, np.ndarray) or self.width < _HASHED_FROM * self.columns.shape[1]:
            return None
        if not (a.flags.c_contiguous or a.flags.f_contiguous) or self.columns.size * a.size == 0:
            return None
        if not worth_compiling(self.columns.size * a.shape[1]):
            return None
        dtype = np.result_type(a.dtype, self.values.dtype)
        plain = np.asarray(a)  # of a memory map
        with compiled_kernels() as compiled:
            if not a.flags.c_contiguous:
                out = touched_zeros((a.shape[1], self.width), dtype)
                compiled.hashed_columns_of_dense(plain.T, self.columns, self.values, out)
                return out.T
            out = touched_zeros((self.width, a.shape[1]), dtype)
            stripe = _STRIPE_BYTES // a.itemsize
            compiled.hashed_rows_of_dense(plain, self.columns, self.values, out, stripe)
            return out

    def hashed(self) -> HashedRows:
        """Return the rows themselves."""
        return self

    def adjoint_product(self, x: HostArray) -> HostArray:
        """Return ``Omega^* X`` for a dense X (n, k)."""
        from scipy.sparse import csr_array

        starts = np.arange(len(self.columns) + 1) * self.columns.shape[1]
        entries = (self.values.conj().ravel(), self.columns.ravel(), starts)
        omega = csr_array(entries, shape=(len(self.columns), self.width))
        return np.asarray(omega.T @ np.ascontiguousarray(x))

    def toarray(self) -> HostArray:
        """Return the rows as a dense matrix."""
        return to_host(self.spread(np.empty(0)))

    def spread(self, like: Array) -> Array:
        """Return the rows as a dense matrix where `like` is; the entries alone are sent there."""
        columns, values = moved(self.columns.T.astype(np.int64), like), moved(self.values.T, like)
        xp, n = namespace(columns), len(self.columns)
        dense = xp.zeros((n, self.width), dtype=values.dtype, device=values.device)
        every = xp.arange(n, dtype=columns.dtype, device=columns.device)
        for t in range(self.columns.shape[1]):
            dense[every, columns[t, :]] += values[t, :]
        return dense


def side_by_side(matrices: Iterable[HashedRows]) -> HashedRows:
    """Return the same rows of several sparse test matrices beside each other."""
    rows = list(matrices)
    if len(rows) == 1:
        return rows[0]
    starts = np.cumsum([0, *(r.width for r in rows)], dtype=np.int32)
    return HashedRows(
        np.concatenate([r.columns + at for r, at in zip(rows, starts[:-1], strict=True)], axis=1),
        np.concatenate([r.values for r in rows], axis=1),
        int(starts[-1]),
    )


def csr_product(a: Compressed, x: HostArray | HashedRows) -> HostArray:
    """Return ``A X`` for a CSR matrix A (m, n) and X (n, k)."""
    compiled = _compiled(a, x)
    if compiled is None:
        dense = x.toarray() if isinstance(x, HashedRows) else np.ascontiguousarray(x)
        return np.asarray(a @ dense)
    if isinstance(x, HashedRows):
        out = touched_zeros((a.shape[0], x.width), np.result_type(a.dtype, x.values.dtype))
        with _ONE_AT_A_TIME:
            compiled.hashed(a.indptr, a.indices, a.data, x.columns, x.values, out)
        return out
    out = touched_zeros((a.shape[0], x.shape[1]), np.result_type(a.dtype, x.dtype))
    with _ONE_AT_A_TIME:
        compiled.dense(a.indptr, a.indices, a.data, np.ascontiguousarray(x), out)
    return out


def csr_transposed_product(a: Compressed, y: HostArray | HashedRows) -> HostArray:
    """Return ``A^T Y`` for a CSR matrix A (m, n) and Y (m, k)."""
    compiled = _compiled(a, y)
    if compiled is None:
        dense = y.toarray() if isinstance(y, HashedRows) else np.ascontiguousarray(y)
        return np.asarray(a.T @ dense)
    shares = _shares(a, compiled.threads())
    if isinstance(y, HashedRows):
        out = touched_zeros((a.shape[1], y.width), np.result_type(a.dtype, y.values.dtype))
        with _ONE_AT_A_TIME:
            compiled.transposed_hashed(
                a.indptr, a.indices, a.data, y.columns, y.values, out, shares
            )
        return out
    out = touched_zeros((a.shape[1], y.shape[1]), np.result_type(a.dtype, y.dtype))
    with _ONE_AT_A_TIME:
        compiled.transposed_dense(a.indptr, a.indices, a.data, np.ascontiguousarray(y), out, shares)
    return out


def touched_zeros(shape: tuple[int, ...], dtype: DTypeLike) -> HostArray:
    """Return zeros in memory that is there: threads that take it together take far longer."""
    return np.full(shape, 0, dtype)


def _shares(a: Compressed, threads: int) -> NDArray[np.intp]:
    """Return where to cut the columns of A so that each thread gets as many nonzeros."""
    up_to = np.cumsum(np.bincount(a.indices, minlength=a.shape[1]))
    wanted = np.arange(1, threads) * a.nnz // threads
    return np.concatenate([[0], np.searchsorted(up_to, wanted), [a.shape[1]]])


def thin_product(x: Array, a: Array) -> Array:
    """Return ``X^T A`` for arrays X (m, k) with few columns and A (m, n), of any library.

    In the form that BLAS runs fastest: in single precision, where A is a transpose in memory, a
    panel of its columns at a time.
    """
    if not isinstance(a, np.ndarray) or a.dtype.char not in "fF" or a.dtype != x.dtype:
        return product(x.T, a)
    if not a.flags.f_contiguous:
        return product(x.T, a)
    out = np.empty((a.shape[1], x.shape[1]), a.dtype)
    for columns in cuts(a.shape[1], _PANEL_COLUMNS):
        product_into(out[columns], a[:, columns].T, x)
    return out.T


def there_and_back(x: HostArray, a: HostArray, width: int) -> tuple[HostArray, HostArray]:
    """Return ``Y^T = (A X)^T`` (k, m) and ``Y_w^* A`` (w, n) of the first w columns of Y.

    A panel of rows of A (m, n) is multiplied twice while it is in cache. Sums of panels are taken
    in double precision.
    """
    y = np.empty((x.shape[1], a.shape[0]), np.result_type(a, x))
    back, wide = None, np.result_type(y, np.float64)
    for rows in cuts(a.shape[0], max(1, _FUSED_BYTES // max(1, a.shape[1] * a.itemsize))):
        y[:, rows] = thin_product(x, a[rows].T)
        more = np.asarray(thin_product(y[:width, rows].T.conj(), a[rows]), wide)
        back = more if back is None else np.add(back, more, out=back)
    assert back is not None
    return y, back


def worth_compiling(operations: int) -> bool:
    """Whether so many operations of a plain product are worth compiled loops that can be had."""
    return operations >= _COMPILE_FROM and _load_compiled() is not None


class Workspace:
    """Memory for arrays of like sizes that come and go: used again where nobody refers to it.

    Pages that a process takes anew cost more than a product over a few thousand entries.
    """

    def __init__(self) -> None:
        self._free: list[bytearray] = []

    def zeros(self, shape: tuple[int, ...], dtype: DTypeLike) -> HostArray:
        """Return an array of zeros, whose memory comes back when its last view is gone."""
        array = self.empty(shape, dtype)
        array.fill(0)
        return array

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> HostArray:
        """Return an array of whatever numbers were there, to be filled."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        memory = self._taken(size)
        # its views refer to it, not to the memory below: what it is made of is no array
        owner = np.frombuffer(memory, dtype, math.prod(shape))
        weakref.finalize(owner, self._free.append, memory).atexit = False
        return owner.reshape(shape)

    def _taken(self, size: int) -> bytearray:
        for place, memory in enumerate(self._free):
            if size <= len(memory) <= 2 * size:
                return self._free.pop(place)
        return bytearray(size)


def compiles(entries: int) -> bool:
    """Whether so many entries of a sparse tensor are worth compiled loops that can be had."""
    return entries >= _COMPILED_ENTRIES and _load_compiled() is not None


def compiled_solves(
    p: int, size: int, packed: object, right: object, diagonal: object, out: object
) -> bool:
    """Solve p packed systems of a size into `out`, where compiled loops can be had and pay."""
    if p * size**2 < _COMPILED_SOLVES or (compiled := _load_compiled()) is None:
        return False
    with _ONE_AT_A_TIME:
        compiled.solve_packed(packed, right, diagonal, out)
    return True


@contextlib.contextmanager
def compiled_kernels() -> Iterator[ModuleType]:
    """Hold the compiled kernels, of which one runs at a time; ask `compiles` first."""
    kernels = _load_compiled()
    assert kernels is not None
    with _ONE_AT_A_TIME:
        yield kernels


def _compiled(a: Compressed, x: HostArray | HashedRows) -> ModuleType | None:
    """Return the compiled kernels where they are installed and worth a start.

    By what SciPy would multiply in their place, hashed rows made dense.
    """
    columns = x.width if isinstance(x, HashedRows) else x.shape[1]
    return _load_compiled() if a.nnz * columns >= _COMPILE_FROM else None


@functools.cache
def _load_compiled() -> ModuleType | None:
    if importlib.util.find_spec("numba") is None:
        return None
    try:
        from . import numba_kernels
    except ImportError:  # it is there, but does not fit this NumPy, or is told not to compile
        return None
    return numba_kernels
