"""CP and Tucker tensors: frozen containers, inputs of every tensor method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend.array import (
    Array,
    beside,
    cast,
    compute_dtype,
    cuts,
    dtype_name,
    is_array,
    namespace,
    promote,
    qr_triangle,
)
from ..backend.plain import plain
from ..errors import ShapeError
from ..numerics.index_keys import Points
from ..numerics.linalg import frobenius_norm, multiple
from ._elements import rows_at
from ._frozen import FrozenList
from ._interchange import tensorly_cp, tensorly_tucker
from ._norms import chain_cores, norm
from ._sum import Summable
from ._tensor_train import TensorTrain

_BLOCK_ENTRIES = 2_000_000  # of the arrays that entries are computed from at once


class CPTensor(Summable):
    """A CP tensor: a weighted sum of rank-one tensors.

    ``sum_j w_j v_j^(1) o ... o v_j^(d)``.

    Parameters
    ----------
    weights : array, shape (R,), or None
        None stands for ones.
    factors : sequence of array, shapes (n_k, R)
        Weights and factors are kept in their joint floating dtype.

    Raises
    ------
    ShapeError
        If the factors do not share R columns.
    DtypeError, NonFiniteError
        If they are not numbers, or masked.

    Notes
    -----
    ``R (1 + sum_k n_k)`` numbers. As a train it has rank R, but is contracted in its own form: for
    sizes l and r of a sketch and test trains of rank q, ``n R (q (l + r) + l r)`` operations a mode
    instead of ``n R (R + q) (l + r)``. An entry costs ``O(d R)``, an inner product ``O(d n R^2)``.

    References
    ----------
    .. [1] T. Kolda, B. Bader, "Tensor decompositions and applications", SIAM Rev. 51 (2009)
       455-500, doi:10.1137/07070111X.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> t = sketch.CPTensor(None, [np.ones((3, 2)), np.ones((4, 2)), np.ones((5, 2))])
    >>> t.shape, float(t.to_array()[0, 0, 0])
    ((3, 4, 5), 2.0)
    """

    def __init__(self, weights: Array | None, factors: Sequence[Array]) -> None:
        kept = [_array(f) for f in factors]
        if not kept or any(f.ndim != 2 for f in kept):
            shapes = [tuple(f.shape) for f in kept]
            raise ShapeError(f"a CP tensor needs one factor (n_k, R) for each mode, got {shapes}")
        terms = int(kept[0].shape[1])
        if weights is None:
            weights = namespace(*kept).ones(
                (terms,), **beside(kept[0], compute_dtype(kept[0].dtype))
            )
        weights = _array(weights)
        if weights.ndim != 1 or {terms} != {
            int(n) for n in (*weights.shape, *(f.shape[1] for f in kept))
        }:
            raise ShapeError(
                f"weights (R,) and factors (n_k, R) must share one number of terms, got weights of "
                f"shape {tuple(weights.shape)} and factors {[tuple(f.shape) for f in kept]}"
            )
        self.weights: Array
        self.factors: list[Array]
        self.weights, *kept = _jointly_cast([weights, *kept])
        self.factors = FrozenList(kept)

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the modes."""
        return tuple(int(f.shape[0]) for f in self.factors)

    @property
    def ndim(self) -> int:
        """Number of modes."""
        return len(self.factors)

    @property
    def dtype(self) -> Any:
        """The dtype of weights and factors."""
        return self.factors[0].dtype

    def __repr__(self) -> str:
        return f"CPTensor(shape={self.shape}, terms={self.weights.shape[0]})"

    def matrix_factors(self) -> tuple[Array, Array]:
        """Return the two factors of a CP tensor of order 2, so that matrix methods take it.

        Returns
        -------
        left, right : array, shapes (m, R) and (R, n)

        Raises
        ------
        ShapeError
            If the order is not 2.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> cp = sketch.CPTensor([2.0, 1.0], [np.eye(3, 2), np.ones((4, 2))])
        >>> left, right = cp.matrix_factors()
        >>> bool(np.allclose(left @ right, cp.to_array()))
        True
        """
        if self.ndim != 2:
            raise ShapeError(f"expected a matrix, got a CP tensor of shape {self.shape}")
        return self.factors[0] * self.weights, self.factors[1].T

    def to_tensor_train(self) -> TensorTrain:
        """Return the exact train of rank R, with diagonal inner cores.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> cp = sketch.CPTensor([2.0, 1.0], [np.eye(3, 2), np.ones((4, 2)), np.eye(5, 2)])
        >>> cp.to_tensor_train().ranks
        (2, 2)
        """
        (chain,) = self._chains()
        return TensorTrain(chain_cores(chain))

    def to_tensorly(self) -> Any:
        """Return a ``CPTensor`` of TensorLy, of the same arrays.

        Returns
        -------
        tensorly.cp_tensor.CPTensor

        Raises
        ------
        SketchError
            If TensorLy is not installed.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> cp = sketch.CPTensor([2.0, 1.0], [np.eye(3, 2), np.ones((4, 2))])
        >>> cp.to_tensorly().shape  # doctest: +SKIP
        (3, 4)
        """
        return tensorly_cp(self.weights, self.factors)

    @property
    def T(self) -> CPTensor:
        """The transpose: the modes in the opposite order."""
        return CPTensor(self.weights, self.factors[::-1])

    def _at_points(self, points: Points) -> Array:
        step = max(1, _BLOCK_ENTRIES // max(1, self.weights.shape[0]))
        blocks = [self._entries(points[block]) for block in cuts(len(points), step)]
        return namespace(self.weights).concat(blocks)

    def _entries(self, points: Points) -> Array:
        terms = self.weights[None, :]  # (points, R)
        for factor, places in zip(self.factors, points.T, strict=True):
            terms = terms * rows_at(factor, places)
        return namespace(terms).sum(terms, axis=1)

    def norm(self) -> float:
        """Return the Frobenius norm, see `TensorSum.norm`.

        By triangular factors of the factors, of R rows at most: ``O(d n R^2 + d R^4)`` operations,
        without the last term beyond 100 terms.
        """
        triangles = [qr_triangle(f) if f.shape[0] > f.shape[1] else f for f in self.factors]
        return norm(CPTensor(self.weights, triangles))

    def _chains(self) -> list[Sequence[Array]]:
        return [[self.factors[0] * self.weights, *self.factors[1:]]]

    def _constant(self, number: complex) -> CPTensor:
        return constant_like(self, self.factors[0], number)

    def to_array(self) -> Array:
        """Return the dense tensor; refused beyond 2 GB like that of a `TensorTrain`.

        Returns
        -------
        array, shape (n_1, ..., n_d)

        Raises
        ------
        ShapeError
            If it would be larger than that.
        """
        return self.to_tensor_train().to_array()


class TuckerTensor(Summable):
    """A core tensor multiplied by a factor in each mode.

    Parameters
    ----------
    core : array, shape (m_1, ..., m_d)
    factors : sequence of array, shapes (n_k, m_k)
        Core and factors are kept in their joint floating dtype.

    Raises
    ------
    ShapeError
        If a factor does not fit the core.
    DtypeError, NonFiniteError
        If they are not numbers, or masked.

    Notes
    -----
    ``prod_k m_k + sum_k n_k m_k`` numbers. An entry costs as many operations as the core has
    numbers, the norm as many times the largest m_k, and the train is found by QR decompositions of
    the core; its ranks may be as large as products of the m_k.

    References
    ----------
    .. [1] T. Kolda, B. Bader, "Tensor decompositions and applications", SIAM Rev. 51 (2009)
       455-500, doi:10.1137/07070111X.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> t = sketch.TuckerTensor(np.ones((1, 2)), [np.ones((3, 1)), np.ones((4, 2))])
    >>> t.shape, float(t.to_array()[0, 0])
    ((3, 4), 2.0)
    """

    def __init__(self, core: Array, factors: Sequence[Array]) -> None:
        core, kept = _array(core), [_array(f) for f in factors]
        columns = tuple(int(f.shape[1]) if f.ndim == 2 else -1 for f in kept)
        if columns != tuple(core.shape) or not kept:
            raise ShapeError(
                f"factors (n_k, m_k) must match the core of shape {tuple(core.shape)}, got columns "
                f"{columns}"
            )
        self.core: Array
        self.factors: list[Array]
        self.core, *kept = _jointly_cast([core, *kept])
        self.factors = FrozenList(kept)

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the modes."""
        return tuple(int(f.shape[0]) for f in self.factors)

    @property
    def ndim(self) -> int:
        """Number of modes."""
        return len(self.factors)

    @property
    def dtype(self) -> Any:
        """The dtype of core and factors."""
        return self.core.dtype

    def __repr__(self) -> str:
        return f"TuckerTensor(shape={self.shape}, core={tuple(self.core.shape)})"

    def matrix_factors(self) -> tuple[Array, Array]:
        """Return two factors of a Tucker tensor of order 2, so that matrix methods take it.

        Returns
        -------
        left, right : array, shapes (m, r_2) and (r_2, n)

        Raises
        ------
        ShapeError
            If the order is not 2.
        """
        if self.ndim != 2:
            raise ShapeError(f"expected a matrix, got a Tucker tensor of shape {self.shape}")
        return self.factors[0] @ self.core, self.factors[1].T

    def to_tensor_train(self) -> TensorTrain:
        """Return the exact train, by QR decompositions of the core and no truncation."""
        xp = namespace(self.core)
        rest = self.core
        cores: list[Array] = []
        for mode, factor in enumerate(self.factors):
            m = factor.shape[1]
            before = 1 if mode == 0 else cores[-1].shape[2]
            core = xp.reshape(rest, (before * m, -1))
            if mode < self.ndim - 1:
                core, rest = xp.linalg.qr(core, mode="reduced")
            moved = xp.tensordot(xp.reshape(core, (before, m, -1)), factor, axes=((1,), (1,)))
            cores.append(xp.permute_dims(moved, (0, 2, 1)))
        return TensorTrain(cores)

    def to_tensorly(self) -> Any:
        """Return a ``TuckerTensor`` of TensorLy, of the same arrays.

        Returns
        -------
        tensorly.tucker_tensor.TuckerTensor

        Raises
        ------
        SketchError
            If TensorLy is not installed.
        """
        return tensorly_tucker(self.core, self.factors)

    @property
    def T(self) -> TuckerTensor:
        """The transpose: the modes in the opposite order."""
        xp = namespace(self.core)
        core = xp.permute_dims(self.core, tuple(reversed(range(self.ndim))))
        return TuckerTensor(core, self.factors[::-1])

    def _at_points(self, points: Points) -> Array:
        step = max(1, _BLOCK_ENTRIES // max(1, math.prod(self.core.shape[1:])))
        blocks = [self._entries(points[block]) for block in cuts(len(points), step)]
        return namespace(self.core).concat(blocks)

    def _entries(self, points: Points) -> Array:
        xp = namespace(self.core)
        rest = self.core[None, ...]  # (points, this mode, later modes)
        for mode, (factor, places) in enumerate(zip(self.factors, points.T, strict=True)):
            later = math.prod(self.core.shape[mode + 1 :])
            rest = xp.reshape(rest, (rest.shape[0], factor.shape[1], later))
            rest = (rows_at(factor, places)[:, None, :] @ rest)[:, 0, :]
        return rest[:, 0]

    def norm(self) -> float:
        """Return the Frobenius norm: that of the core times triangular factors of the factors."""
        triangles = [qr_triangle(f) if f.shape[0] > f.shape[1] else f for f in self.factors]
        return frobenius_norm(TuckerTensor(self.core, triangles).to_array())

    def _constant(self, number: complex) -> CPTensor:
        return constant_like(self, self.core, number)

    def to_array(self) -> Array:
        """Return the dense tensor.

        Returns
        -------
        array, shape (n_1, ..., n_d)
        """
        xp = namespace(self.core)
        dense = self.core
        for factor in self.factors:  # the first axis goes to the end, multiplied
            dense = xp.tensordot(dense, factor, axes=((0,), (1,)))
        return dense


def constant_like(x: Any, like: Array, number: complex) -> CPTensor:
    """Return a constant of the shape of x, in the library of `like`."""
    xp, home = namespace(like), beside(like, dtype_name(like.dtype))
    return CPTensor(
        multiple(xp.ones((1,), **home), number), [xp.ones((n, 1), **home) for n in x.shape]
    )


def _array(x: object) -> Array:
    """Return weights, a core or a factor as an array of numbers."""
    x = plain(x)
    return x if is_array(x) else np.asarray(x)


def _jointly_cast(arrays: list[Array]) -> list[Array]:
    """Return arrays in the floating dtype that holds them all."""
    dtype = promote(*(compute_dtype(dtype_name(x.dtype)) for x in arrays))
    return [cast(x, dtype) for x in arrays]
