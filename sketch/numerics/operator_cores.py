"""Cores of train operators as matrices, sparse ones where that pays."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..backend.array import Array, beside, cuts, dtype_name, namespace, promote, to_host
from .linalg import adjoint, product

_PANEL = 2**17  # entries that a product goes through at once, so that they stay in the cache
SPARSE_WORK = 12  # dense products run so many multiply-adds in the time of a sparse one


class OperatorCore:
    """A core A (p, m, n, q) of an operator, and the matrices that contractions multiply by.

    Parameters
    ----------
    array : array, shape (p, m, n, q)
    """

    def __init__(self, array: Array) -> None:
        self.array = array

    @functools.cached_property
    def by_inputs(self) -> Any:
        """The matrix (p m, q n), in compressed rows where it is sparse."""
        return _factor(self.array, (0, 1, 3, 2))

    @functools.cached_property
    def by_outputs(self) -> Any:
        """The matrix (m q, p n), in compressed rows where it is sparse."""
        return _factor(self.array, (1, 3, 0, 2))

    @functools.cached_property
    def to_inputs(self) -> Any:
        """The adjoint of `by_inputs`, likewise."""
        conjugate = adjoint(self.by_inputs)
        return conjugate.tocsr() if hasattr(conjugate, "nnz") else conjugate


class AppliedCore:
    """The core (p c, m, q d) of an operator's core A (p, m, n, q) times a train's X (c, n, d).

    It is never formed: a contraction goes through one after the other.
    """

    ndim = 3

    def __init__(self, a: OperatorCore, x: Array) -> None:
        self.a, self.x = a, x
        self.dtype = promote(dtype_name(a.array.dtype), dtype_name(x.dtype))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the core that it stands for."""
        (p, m, _, q), (c, _, d) = self.a.array.shape, self.x.shape
        return p * c, m, q * d

    def reversed(self) -> AppliedCore:
        """Return the core with its bonds exchanged."""
        a = namespace(self.a.array).permute_dims(self.a.array, (3, 1, 2, 0))
        return AppliedCore(OperatorCore(a), namespace(self.x).permute_dims(self.x, (2, 1, 0)))

    def from_left(self, left: Array) -> Array:
        """Return ``L A X`` for all slices: (l, m, q d) from an interface (l, p c)."""
        (p, m, n, q), (_, _, d) = self.a.array.shape, self.x.shape
        out = _empty(left, self.dtype, (left.shape[0], m, q * d))
        for rows in cuts(left.shape[0], max(1, _PANEL // (d * max(p * n, m * q)))):
            out[rows, ...] = self._rows_from_left(left[rows, :])
        return out

    def _rows_from_left(self, left: Array) -> Array:
        xp = namespace(self.x)
        (p, m, n, q), (c, _, d) = self.a.array.shape, self.x.shape
        moved = product(xp.reshape(left, (-1, c)), xp.reshape(self.x, (c, n * d)))
        moved = xp.permute_dims(xp.reshape(moved, (-1, p, n, d)), (1, 2, 0, 3))
        moved = times(self.a.by_outputs, xp.reshape(moved, (p * n, -1)))
        moved = xp.permute_dims(xp.reshape(moved, (m, q, -1, d)), (2, 0, 1, 3))
        return xp.reshape(moved, (-1, m, q * d))

    def from_right(self, right: Array) -> Array:
        """Return ``A X R`` for all slices: (p c, m, r) from an interface (q d, r)."""
        (p, m, n, q), (c, _, _) = self.a.array.shape, self.x.shape
        out = _empty(right, self.dtype, (p * c, m, right.shape[1]))
        for columns in cuts(right.shape[1], max(1, _PANEL // (c * max(p * m, n * q)))):
            out[:, :, columns] = self._columns_from_right(right[:, columns])
        return out

    def _columns_from_right(self, right: Array) -> Array:
        xp = namespace(self.x)
        (p, m, n, q), (c, _, d) = self.a.array.shape, self.x.shape
        rows = xp.permute_dims(xp.reshape(right, (q, d, -1)), (1, 0, 2))
        rows = product(xp.reshape(self.x, (c * n, d)), xp.reshape(rows, (d, -1)))
        rows = xp.permute_dims(xp.reshape(rows, (c, n, q, -1)), (2, 1, 0, 3))
        rows = times(self.a.by_inputs, xp.reshape(rows, (q * n, -1)))
        rows = xp.permute_dims(xp.reshape(rows, (p, m, c, -1)), (0, 2, 1, 3))
        return xp.reshape(rows, (p * c, m, -1))

    def closed(self, moved: Array) -> Array:
        """Return the adjoint of the core, as a matrix (p c m, q d), times one (p c, m, t)."""
        (p, m, n, q), (c, _, d) = self.a.array.shape, self.x.shape
        out = _empty(moved, self.dtype, (q * d, moved.shape[2]))
        for columns in cuts(moved.shape[2], max(1, _PANEL // (c * max(p * m, n * q)))):
            out[:, columns] = self._columns_closed(moved[:, :, columns])
        return out

    def _columns_closed(self, moved: Array) -> Array:
        xp = namespace(self.x)
        (p, m, n, q), (c, _, d) = self.a.array.shape, self.x.shape
        rows = xp.permute_dims(xp.reshape(moved, (p, c, m, -1)), (0, 2, 1, 3))
        rows = times(self.a.to_inputs, xp.reshape(rows, (p * m, -1)))
        rows = xp.permute_dims(xp.reshape(rows, (q, n, c, -1)), (2, 1, 0, 3))
        rows = product(adjoint(xp.reshape(self.x, (c * n, d))), xp.reshape(rows, (c * n, -1)))
        rows = xp.permute_dims(xp.reshape(rows, (d, q, -1)), (1, 0, 2))
        return xp.reshape(rows, (q * d, -1))


def _empty(like: Array, dtype: str, shape: tuple[int, ...]) -> Array:
    """Return an array to be filled, in the joint dtype of two."""
    dtype = promote(dtype_name(like.dtype), dtype)
    return namespace(like).empty(shape, **beside(like, dtype))


def times(factor: Any, x: Array) -> Array:
    """Return one of the two matrices times a dense one."""
    return np.asarray(factor @ x) if hasattr(factor, "nnz") else product(factor, x)


def _factor(a: Array, axes: tuple[int, int, int, int]) -> Any:
    """Return a core as a matrix, the first two of the axes against the others.

    In compressed rows where NumPy holds it and so few entries are not zero that this is faster.
    """
    xp = namespace(a)
    moved = xp.permute_dims(a, axes)
    matrix = xp.reshape(moved, (moved.shape[0] * moved.shape[1], -1))
    if not isinstance(a, np.ndarray) or SPARSE_WORK * np.count_nonzero(a) > a.size:
        return matrix
    from scipy.sparse import csr_array

    return csr_array(to_host(matrix))
