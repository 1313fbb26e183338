"""A low-rank matrix in the form of its singular value decomposition, with its error."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import _archive
from .._array import (
    Array,
    beside,
    brought,
    cast,
    dtype_name,
    gathered,
    is_array,
    namespace,
    to_host,
)
from .._linalg import adjoint, frobenius_norm, product, tail_norms
from .._plain import plain
from ..errors import RankError, ShapeError
from ..formats import Seeded, Summable, carrying_seeds
from ..maps import FixedMatrix
from ..sources import SparseSource, is_sparse
from ._error import ErrorEstimate

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator


@carrying_seeds("T", "H", "truncate", "astype")
@dataclass(frozen=True, eq=False)
class LowRank(Summable, Seeded):
    """The matrix ``U @ diag(s) @ Vh``, with an estimate of its distance to the data.

    Unpacks like a tuple: ``U, s, Vh = result``. Sums and differences with arrays, sparse matrices
    and structured tensors are lazy (`TensorSum`).

    Attributes
    ----------
    U : array, shape (m, k)
        Orthonormal columns; a Dask array where the data were one.
    s : array, shape (k,)
        Singular values, descending and not negative.
    Vh : array, shape (k, n)
        Orthonormal rows.
    error : ErrorEstimate
        Of the Frobenius norm of (data - result).

    Examples
    --------
    >>> import numpy as np, sketch
    >>> a = np.outer(np.arange(1.0, 7), np.ones(5))
    >>> res = sketch.svd(a, rank=1)
    >>> res.shape, res.rank, bool(np.allclose(res.to_array(), a))
    ((6, 5), 1, True)
    """

    U: Array
    s: Array
    Vh: Array
    error: ErrorEstimate

    def __iter__(self) -> Iterator[Array]:
        return iter((self.U, self.s, self.Vh))

    @property
    def shape(self) -> tuple[int, int]:
        """``(m, n)``."""
        return int(self.U.shape[0]), int(self.Vh.shape[1])

    @property
    def ndim(self) -> int:
        """Number of axes: 2."""
        return 2

    @property
    def rank(self) -> int:
        """Number of singular values."""
        return int(self.s.shape[0])

    @property
    def dtype(self) -> Any:
        """The dtype of the singular vectors."""
        return self.U.dtype

    def __repr__(self) -> str:
        m, n = self.shape
        return (
            f"LowRank(shape=({m}, {n}), rank={self.rank}, dtype={dtype_name(self.dtype)}, "
            f"relative error={self.error.relative:.3g} ({self.error.kind}, {self.error.method}))"
        )

    @property
    def T(self) -> LowRank:
        """The transpose."""
        return dataclasses.replace(self, U=self.Vh.T, Vh=self.U.T)

    @property
    def H(self) -> LowRank:
        """The conjugate transpose."""
        return dataclasses.replace(self, U=adjoint(self.Vh), Vh=adjoint(self.U))

    def __matmul__(self, x: Any) -> Array:
        """Return the product with a vector or matrix, in O((m + n) k) operations a column."""
        x, sparse = plain(x), is_sparse(x)
        if not sparse and not is_array(x):
            x = brought(_host_array(x), self.U)
        if x.ndim not in (1, 2) or x.shape[0] != self.shape[1]:
            raise ShapeError(f"cannot multiply {self.shape} by an array of shape {tuple(x.shape)}")
        inner = _times_sparse(self.Vh, x) if sparse else product(self.Vh, x)
        return product(self.U, self.s * inner if x.ndim == 1 else self.s[:, None] * inner)

    def to_array(self) -> Array:
        """Return the dense matrix, shape (m, n)."""
        return (self.U * self.s) @ self.Vh

    def entries(self, rows: Any, cols: Any) -> Array:
        """Return single entries, O(k) operations each.

        Parameters
        ----------
        rows, cols : array_like of int, shape (p,)
            Negative indices count from the end.

        Returns
        -------
        array, shape (p,)
        """
        xp = namespace(self.s)
        rows = _indices(rows, self.shape[0], "row", self.s)
        cols = _indices(cols, self.shape[1], "column", self.s)
        if rows.shape != cols.shape:
            raise ShapeError(
                f"rows and cols must match, got shapes {tuple(rows.shape)}, {tuple(cols.shape)}"
            )
        left = gathered(namespace(self.U).take(self.U, rows, axis=0)) * self.s
        return xp.sum(left * xp.take(self.Vh, cols, axis=1).T, axis=1)

    def truncate(self, rank: int | None = None, tol: float | None = None) -> LowRank:
        """Return the best approximation of smaller rank; its error follows by Pythagoras.

        Parameters
        ----------
        rank : int, optional
            At most this rank.
        tol : float, optional
            The smallest rank whose estimated relative error is at most `tol`.

        Raises
        ------
        RankError
            If `rank` is negative, or neither is given.
        """
        keep = choose_rank(self, rank, tol)
        tail = tail_norms([float(x) for x in to_host(self.s)])[keep]
        return LowRank(
            self.U[:, :keep], self.s[:keep], self.Vh[:keep, :], self.error.truncated(tail, keep)
        )

    def norm(self) -> float:
        """Return the Frobenius norm of the approximation."""
        return frobenius_norm(self.s[None, :]) if self.rank else 0.0

    def matrix_factors(self) -> tuple[Array, Array]:
        """Return ``(U * s, Vh)``, the form in which results are sketched again."""
        return self.U * self.s, self.Vh

    def aslinearoperator(self) -> LinearOperator:
        """Return a SciPy `LinearOperator`, which takes and gives NumPy's arrays."""
        from scipy.sparse.linalg import LinearOperator

        flipped = self.H
        return LinearOperator(
            shape=self.shape,
            dtype=dtype_name(self.dtype),
            matvec=lambda x: self._on_host(x.reshape(-1)),
            rmatvec=lambda x: flipped._on_host(x.reshape(-1)),
            matmat=self._on_host,
            rmatmat=flipped._on_host,
        )

    def _on_host(self, x: Array) -> Array:
        """Return the product with an array of NumPy as one."""
        return to_host(self @ brought(x, self.s))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to a file for `sketch.load`; `numpy.load` reads its arrays too."""
        header = {"kind": "LowRank", "error": self.error.to_header(), "seeds": self.seeds}
        _archive.write(
            path, header, {name: to_host(getattr(self, name)) for name in ["U", "s", "Vh"]}
        )

    @classmethod
    def from_archive(cls, header: _archive.Header, arrays: _archive.Arrays) -> LowRank:
        """Rebuild a result from what `save` wrote."""
        error = ErrorEstimate.from_header(header["error"])
        return cls(arrays["U"], arrays["s"], arrays["Vh"], error)

    def astype(self, dtype: str) -> LowRank:
        """Return the result in another precision."""
        real = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
        return LowRank(cast(self.U, dtype), cast(self.s, real), cast(self.Vh, dtype), self.error)


def choose_rank(result: LowRank, rank: int | None, tol: float | None) -> int:
    """Return the rank to keep: at most `rank`, and the smallest that meets `tol`."""
    if rank is None and tol is None:
        raise RankError("give a rank, a tolerance, or both")
    if rank is not None and (rank != int(rank) or rank < 0):
        raise RankError(f"rank must be a whole number and not negative, got {rank}")
    limit = result.rank if rank is None else min(int(rank), result.rank)
    if tol is None:
        return limit
    if not tol >= 0:
        raise ValueError(f"tol must be a relative error of at least 0, got {tol}")
    tails = tail_norms([float(x) for x in to_host(result.s)])
    meets = (k for k in range(limit + 1) if result.error.truncated(tails[k], k).relative <= tol)
    return next(meets, limit)


def _times_sparse(a: Array, x: Any) -> Array:
    """Return ``A X`` for a sparse X."""
    return SparseSource(x).left(FixedMatrix(adjoint(a)).rows(0, int(a.shape[1])))


def _host_array(x: Any) -> Any:
    import numpy as np

    return np.asarray(x)


def _indices(values: Any, size: int, name: str, like: Array) -> Array:
    import numpy as np

    index = np.atleast_1d(np.asarray(values))
    if index.dtype.kind not in "iu" or index.ndim != 1:
        raise ShapeError(f"{name} indices must be a list of integers, got {values!r}")
    if index.size and not (-size <= index.min() and index.max() < size):
        raise ShapeError(f"{name} indices must be within [{-size}, {size}), got {values!r}")
    index = np.where(index < 0, index + size, index)
    return namespace(like).asarray(index, **beside(like, "int64"))
