"""Positive semidefinite matrices by their columns: arrays, or kernels that are never formed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .._checks import check_callable
from ..backend.array import Array, cast, cuts, device_of, is_array, namespace
from ..backend.dtypes import compute_dtype
from ..errors import NonFiniteError, ShapeError
from ..sources import DenseSource, MatrixSource, SparseSource, as_matrix_source

if TYPE_CHECKING:
    from scipy.sparse import csc_array

_ENTRIES = 4_000_000  # of a block of kernel values
_WINDOW = 256  # rows and columns of a window along a diagonal that is read
_DIAGONAL = 32  # points whose kernel with each other is evaluated for its diagonal

Kernel = Callable[[Array, Array], Array]
Indices = NDArray[np.int64]


class SemidefiniteMatrix(Protocol):
    """What a Cholesky factorisation asks of a matrix of shape (n, n)."""

    @property
    def size(self) -> int:
        """Rows and columns n."""

    def diagonal(self) -> Array:
        """Return the diagonal, shape (n,)."""

    def columns(self, which: Indices) -> Array:
        """Return columns, shape (n, b)."""

    def block(self, which: Indices) -> Array:
        """Return what some rows and the same columns share, shape (b, b)."""


def as_semidefinite(kernel: Any, points: Any, diagonal: Any) -> SemidefiniteMatrix:
    """Return a matrix by its columns: of a kernel at points, or an array itself.

    Raises
    ------
    ShapeError
        If an array is not square, or there is a kernel without points.
    """
    if points is not None:
        check_callable(kernel, "kernel", "a function of two sets of points where points are given")
        return KernelMatrix(kernel, as_points(points), diagonal)
    if callable(kernel) and not hasattr(kernel, "shape"):
        raise ShapeError(
            "a kernel needs points: pivoted_cholesky(kernel, points, rank), where kernel(x, y) "
            "returns the values of some points with others; indices np.arange(n) are points too"
        )
    source = as_matrix_source(kernel)
    if source.shape[0] != source.shape[1]:
        raise ShapeError(f"a semidefinite matrix is square, got the shape {source.shape}")
    if isinstance(source, SparseSource):
        return SparseMatrix(source.by_rows().tocsc())
    return DenseMatrix(source.array) if isinstance(source, DenseSource) else ReadMatrix(source)


def as_points(points: object) -> Array:
    """Return points as an array whose first axis counts them."""
    held = points if is_array(points) else np.asarray(points)
    if held.ndim == 0:
        raise ShapeError("points must be an array whose first axis counts them, got a number")
    return held


@dataclass(frozen=True)
class DenseMatrix:
    """A matrix in memory."""

    matrix: Array

    @property
    def size(self) -> int:
        """Rows and columns."""
        return int(self.matrix.shape[0])

    def diagonal(self) -> Array:
        """Return the diagonal."""
        return _checked(namespace(self.matrix).linalg.diagonal(self.matrix), (self.size,))

    def columns(self, which: Indices) -> Array:
        """Return columns."""
        return _checked(_taken(self.matrix, which, axis=1), (self.size, len(which)))

    def block(self, which: Indices) -> Array:
        """Return rows and columns."""
        return _checked(_taken(self.columns(which), which, axis=0), (len(which), len(which)))


@dataclass(frozen=True)
class SparseMatrix:
    """A sparse matrix in memory, by columns."""

    matrix: csc_array

    @property
    def size(self) -> int:
        """Rows and columns."""
        return int(self.matrix.shape[0])

    def diagonal(self) -> Array:
        """Return the diagonal."""
        return _checked(self.matrix.diagonal(), (self.size,))

    def columns(self, which: Indices) -> Array:
        """Return columns, dense."""
        return _checked(self.matrix[:, which].toarray(), (self.size, len(which)))

    def block(self, which: Indices) -> Array:
        """Return rows and columns, dense."""
        return _checked(self.matrix[:, which][which].toarray(), (len(which), len(which)))


@dataclass(frozen=True)
class ReadMatrix:
    """A matrix that is read, or computed, window by window: files, Dask arrays, sums, operators."""

    source: MatrixSource

    @property
    def size(self) -> int:
        """Rows and columns."""
        assert self.source.shape[0] is not None
        return self.source.shape[0]

    def diagonal(self) -> Array:
        """Return the diagonal, from windows along it."""
        along = list(cuts(self.size, _WINDOW)) or [slice(0, 0)]
        parts = [self._window(rows, rows) for rows in along]
        return namespace(*parts).concat([namespace(x).linalg.diagonal(x) for x in parts])

    def columns(self, which: Indices) -> Array:
        """Return columns, each read by itself."""
        whole = slice(0, self.size)
        parts = [self._window(whole, slice(j, j + 1)) for j in map(int, which)]
        return namespace(*parts).concat(parts, axis=1)

    def block(self, which: Indices) -> Array:
        """Return rows and columns."""
        return _taken(self.columns(which), which, axis=0)

    def _window(self, rows: slice, columns: slice) -> Array:
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        return _checked(self.source.window(rows, columns)[0], shape)


@dataclass(frozen=True)
class KernelMatrix:
    """The values of a kernel at all pairs of points.

    Attributes
    ----------
    kernel : callable
        Takes points (p, ...) and (q, ...), returns (p, q).
    points : array, shape (n, ...)
    given : callable or None
        Takes points (p, ...), returns the kernel of each with itself, (p,).
    """

    kernel: Kernel
    points: Array
    given: Callable[[Array], Array] | None = None

    @property
    def size(self) -> int:
        """Number of points."""
        return int(self.points.shape[0])

    def diagonal(self) -> Array:
        """Return the kernel of each point with itself, in small blocks where it is not given."""
        parts = [self._diagonal(rows) for rows in cuts(self.size, self._step(_DIAGONAL))]
        return namespace(*parts).concat(parts)

    def _step(self, beside: int) -> int:
        return max(1, _ENTRIES // max(1, beside)) if self.given is not None else beside

    def _diagonal(self, rows: slice) -> Array:
        here = self.points[rows, ...]
        count = rows.stop - rows.start
        if self.given is not None:
            return _checked(self.given(here), (count,))
        values = _checked(self.kernel(here, here), (count, count))
        return namespace(values).linalg.diagonal(values)

    def columns(self, which: Indices) -> Array:
        """Return the kernel of all points with some, evaluated block by block."""
        chosen = _taken(self.points, which, axis=0)
        parts = [
            _checked(
                self.kernel(self.points[rows, ...], chosen), (rows.stop - rows.start, len(which))
            )
            for rows in cuts(self.size, max(1, _ENTRIES // max(1, len(which))))
        ]
        return namespace(*parts).concat(parts)

    def block(self, which: Indices) -> Array:
        """Return the kernel of some points with each other."""
        chosen = _taken(self.points, which, axis=0)
        return _checked(self.kernel(chosen, chosen), (len(which),) * 2)


def _taken(x: Array, which: Indices, axis: int) -> Array:
    xp = namespace(x)
    return xp.take(x, xp.asarray(which, device=device_of(x)), axis=axis)


def _checked(made: object, shape: tuple[int, ...]) -> Array:
    """Return values as an array to compute with; refuse others, and other shapes.

    Raises
    ------
    ShapeError, DtypeError, NonFiniteError
    """
    values: Array = made if is_array(made) else np.asarray(made)
    if tuple(values.shape) != shape:
        raise ShapeError(
            f"the kernel returned values of shape {tuple(values.shape)} where {shape} was expected:"
            " a row for each of the first points, a column for each of the second"
        )
    xp = namespace(values)
    values = cast(values, compute_dtype(values.dtype))
    if not bool(xp.all(xp.isfinite(values))):
        raise NonFiniteError("the matrix holds NaN or infinity; clean the points, or the kernel")
    return values
