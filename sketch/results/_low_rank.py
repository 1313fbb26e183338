"""A low-rank matrix in the form of its singular value decomposition, with its error."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from .._checks import checked_size, checked_tol, require_rank_or_tol
from ..backend.array import (
    Array,
    HostArray,
    brought,
    cast,
    dtype_name,
    gathered,
    is_array,
    moved,
    namespace,
    quiet,
    silent,
    to_host,
    unit_roundoff,
)
from ..backend.dtypes import target_dtype
from ..backend.plain import plain
from ..backend.protocols import DType
from ..errors import DtypeError, NonFiniteError, ShapeError
from ..files import archive
from ..formats import (
    CPTensor,
    Seeded,
    Summable,
    TensorTrain,
    carrying_seeds,
    checked_points,
    constant_like,
    with_axes,
)
from ..numerics.factor_rows import GivenRows
from ..numerics.linalg import adjoint, as_floats, frobenius_norm, product, tail_norms
from ..sources import SparseSource, is_sparse
from ._error import ErrorEstimate
from ._found_spectrum import FoundSpectrum
from ._low_rank_entries import as_indices, entries_of
from ._low_rank_forms import LowRankForms
from ._warnings import rank_to_meet, warn_unmet_at

if TYPE_CHECKING:
    pass


@carrying_seeds("T", "H", "truncate", "astype")
@dataclass(frozen=True, eq=False)
class LowRank(LowRankForms, Summable, Seeded):
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
    residuals : array, shape (k,), optional
        Of an iteration, ``||A^* u - s v||`` of each vector where it ended: a singular value of the
        data lies within it.
    spectrum : FoundSpectrum, optional
        What the sketch told of the singular values of the data, for `singular_value_interval`,
        `spectral_error_interval`, `angle_bounds` and `scree`.

    Raises
    ------
    ShapeError, DtypeError
        Of a product with an array of another length, or with what is none.

    Notes
    -----
    ``k (m + n + 1)`` numbers. A product with a vector costs ``2 k (m + n)`` operations, an entry
    ``2 k``, the norm k, and a truncation nothing: it keeps views. Only `to_array` forms the m n
    entries.

    References
    ----------
    .. [1] C. Eckart, G. Young, "The approximation of one matrix by another of lower rank",
       Psychometrika 1 (1936) 211-218, doi:10.1007/BF02288367: what a truncation costs.

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
    residuals: Array | None = None
    spectrum: FoundSpectrum | None = None

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
    def dtype(self) -> DType:
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
        return self._transposed(dataclasses.replace(self, U=self.Vh.T, Vh=self.U.T))

    @property
    def H(self) -> LowRank:
        """The conjugate transpose."""
        return self._transposed(dataclasses.replace(self, U=adjoint(self.Vh), Vh=adjoint(self.U)))

    def _transposed(self, result: LowRank) -> LowRank:
        return with_axes(result, None if self._axes is None else self._axes.swapped)

    @silent
    def __matmul__(self, x: Any) -> Array:
        """Return the product with a vector or matrix, in O((m + n) k) operations a column."""
        x, sparse = self._factor(x), is_sparse(x)
        if x.ndim not in (1, 2) or x.shape[0] != self.shape[1]:
            raise ShapeError(f"cannot multiply {self.shape} by an array of shape {tuple(x.shape)}")
        inner = _times_sparse(self.Vh, x) if sparse else product(self.Vh, x)
        return product(self.U, self.s * inner if x.ndim == 1 else self.s[:, None] * inner)

    def __rmatmul__(self, x: Any) -> Array:
        """Return ``x @ self``, of the same cost."""
        transposed: Array = (self.T @ self._factor(x).T).T
        return transposed

    def _factor(self, x: object) -> Any:
        """Return what the matrix is multiplied by: an array or a sparse matrix of numbers."""
        x = plain(x)
        if is_sparse(x):
            return x
        return moved(x, self.s) if is_array(x) else brought(_as_numbers(x), self.s)

    @silent
    def to_array(self) -> Array:
        """Return the dense matrix, shape (m, n).

        Returns
        -------
        array, shape (m, n)
        """
        return (self.U * self.s) @ self.Vh

    @silent
    def entries(self, rows: object, cols: object = None) -> Array:
        """Return single entries, O(k) operations each.

        Parameters
        ----------
        rows, cols : array_like of int, shape (p,)
            Negative indices count from the end. Without `cols`, `rows` are pairs of both, of shape
            (p, 2), as for tensors.

        Returns
        -------
        array, shape (p,)

        Raises
        ------
        ShapeError
            If indices are no integers, out of bounds, or not as many rows as columns.
        """
        if cols is None:
            rows, cols = checked_points(rows, self.shape).T
        rows = as_indices(rows, self.shape[0], "row")
        cols = as_indices(cols, self.shape[1], "column")
        if rows.shape != cols.shape:
            raise ShapeError(f"rows and cols must match, got shapes {rows.shape}, {cols.shape}")
        return entries_of(self.U, self.s, self.Vh, rows, cols)

    @overload
    def truncate(self, rank: int | None, tol: float | None = None) -> LowRank: ...
    @overload
    def truncate(self, *, tol: float | None) -> LowRank: ...
    def truncate(self, rank: int | None = None, tol: float | None = None) -> LowRank:
        """Return the best approximation of smaller rank; its error follows by Pythagoras.

        Parameters
        ----------
        rank : int, optional
            At most this rank.
        tol : float, optional
            The smallest rank whose relative error is at most `tol`, but for one case in 20.

        Raises
        ------
        RankError
            If `rank` is negative or no integer, or neither is given.
        ToleranceError
            If `tol` is negative or no number.

        Warns
        -----
        ToleranceWarning
            If no rank meets `tol`.
        """
        require_rank_or_tol(rank, tol)
        limit = self.rank if rank is None else min(checked_size(rank, "rank"), self.rank)
        tol = checked_tol(tol)
        by_rank = self.errors_by_rank()
        keep = rank_to_meet(tol, limit, by_rank)
        residuals = None if self.residuals is None else self.residuals[:keep]
        short = dataclasses.replace(
            self,
            U=self.U[:, :keep],
            s=self.s[:keep],
            Vh=self.Vh[:keep, :],
            error=by_rank(keep),
            residuals=residuals,
        )
        warn_unmet_at(keep, min(self.shape), tol, by_rank)
        return short

    def errors_by_rank(self) -> Callable[[int], ErrorEstimate]:
        """Return the estimate of the error after a truncation, as a function of the rank.

        Returns
        -------
        callable
            From ranks 0 ... k to `ErrorEstimate`.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> result = sketch.svd(np.diag([4.0, 3.0, 0.0]), rank=2)
        >>> round(result.errors_by_rank()(1).value, 6)
        3.0
        """
        tails = tail_norms(as_floats(self.s))
        return lambda rank: self.error.truncated(tails[rank], rank)

    def _at_points(self, points: object) -> Array:
        return self.entries(points)

    def _chains(self) -> list[Sequence[Array]]:
        left, right = self.matrix_factors()
        return [TensorTrain([gathered(left)[None, :, :], right[:, :, None]]).cores]

    def _constant(self, number: complex) -> CPTensor:
        return constant_like(self, self.s, number)

    @silent
    def norm(self) -> float:
        """Return the Frobenius norm of the approximation."""
        return frobenius_norm(self.s[None, :]) if self.rank else 0.0

    @silent
    def matrix_factors(self) -> tuple[Array, Array]:
        """Return ``(U * s, Vh)``, the form in which results are sketched again.

        Returns
        -------
        left, right : array, shapes (m, k) and (k, n)

        Examples
        --------
        >>> import numpy as np, sketch
        >>> left, right = sketch.svd(np.ones((5, 3)), rank=1).matrix_factors()
        >>> left.shape, right.shape
        ((5, 1), (1, 3))
        """
        return self.U * self.s, self.Vh

    def _archived(self) -> tuple[archive.Header, archive.Arrays]:
        header: archive.Header = {"error": self.error.to_header()}
        if self.spectrum is not None:
            header["spectrum"] = self.spectrum.to_header()
        names = ["U", "s", "Vh"] if self.residuals is None else ["U", "s", "Vh", "residuals"]
        arrays = {name: to_host(getattr(self, name)) for name in names}
        return header, arrays

    @classmethod
    def from_archive(cls, header: archive.Header, arrays: archive.Arrays) -> LowRank:
        """Rebuild a result from what `save` wrote."""
        error = ErrorEstimate.from_header(header["error"])
        known = header.get("spectrum") and FoundSpectrum.from_header(header["spectrum"])
        factors = arrays["U"], arrays["s"], arrays["Vh"]
        return cls(*factors, error, arrays.get("residuals"), known)

    @silent
    def astype(self, dtype: object) -> LowRank:
        """Return the result in another precision; its error follows.

        Parameters
        ----------
        dtype : str or dtype
            ``"float32"``, ``"float64"``, ``"complex64"`` or ``"complex128"``.

        Raises
        ------
        DtypeError
            If it is no floating dtype of single or double precision, or would lose imaginary parts.
        NonFiniteError
            If singular values are beyond its range.
        """
        dtype = target_dtype(dtype, self.U.dtype)
        real = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
        with quiet():
            s = cast(self.s, real)
            residuals = None if self.residuals is None else cast(self.residuals, real)
            factors = cast(self.U, dtype), s, cast(self.Vh, dtype)
        error = self._cast_error(s)
        return LowRank(*factors, error, residuals, self.spectrum)

    def _cast_error(self, s: Array) -> ErrorEstimate:
        """Return the error with what rounding of all three factors makes of it."""
        before, after = dtype_name(self.s.dtype), dtype_name(s.dtype)
        if unit_roundoff(after) <= unit_roundoff(before):
            return self.error
        kept = cast(s, before)
        if not bool(namespace(kept).all(namespace(kept).isfinite(kept))):
            raise NonFiniteError(
                f"the singular values go up to {float(self.s[0]):.3g}, beyond the range of {after}"
            )
        size = frobenius_norm(self.s[None, :])
        lost = frobenius_norm((kept - self.s)[None, :])
        return self.error.rounded(2 * unit_roundoff(after) * size + lost)


def _as_numbers(x: object) -> HostArray:
    """Return what a list or another sequence of numbers holds."""
    try:
        values = np.asarray(x)
    except ValueError:  # ragged
        values = np.asarray(None)
    if values.dtype.kind not in "biufc":
        raise DtypeError(
            f"cannot multiply by an object of type {type(x).__name__}; give an array, a sparse "
            "matrix or a list of numbers"
        )
    return values


def _times_sparse(a: Array, x: object) -> Array:
    """Return ``A X`` for a sparse X."""
    return SparseSource(x).left(GivenRows(adjoint(a)))
