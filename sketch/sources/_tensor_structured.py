"""Tensor trains, CP and Tucker tensors: contracted through their factors, never formed."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..backend.array import (
    Array,
    beside,
    cast,
    cuts,
    dtype_name,
    namespace,
)
from ..numerics.cores import (
    Core,
    side_by_side,
)
from ..numerics.linalg import product
from ._factored import compute_dtype_of
from ._tensor_base import Contraction, TensorBlock
from ._tensor_chain import ChainContraction
from ._tensor_dense import DenseTensorBlock

_TERM_BYTES = 64_000_000


class TrainBlock(TensorBlock):
    """A tensor train with cores A_k (a, n, b)."""

    def __init__(self, cores: Sequence[Array]) -> None:
        self.dtype = compute_dtype_of(*(dtype_name(core.dtype) for core in cores))
        self.cores = [cast(core, self.dtype) for core in cores]
        self.shape = tuple(int(core.shape[1]) for core in cores)
        self.nbytes = sum(math.prod(core.shape) * 8 for core in cores)

    def like(self) -> Array:
        """Return a core."""
        return self.cores[0]

    def between(self, rights: Sequence[Core]) -> Contraction:
        """Begin a contraction; with blocks of rank q ``n (a b r + a r q)`` operations a mode."""
        return ChainContraction([TrainLink(core) for core in self.cores], self.like(), rights)

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the slice of the first core that is not finite, zero in the other modes."""
        return first_bad_slice(self.cores)


class CPBlock(TensorBlock):
    """A sum of rank-one terms with factors V_k (n, R)."""

    def __init__(self, weights: Array, factors: Sequence[Array]) -> None:
        self.dtype = compute_dtype_of(*(dtype_name(x.dtype) for x in (weights, *factors)))
        self.factors = [cast(factor, self.dtype) for factor in factors]
        self.weights = cast(weights, self.dtype)
        self.shape = tuple(int(factor.shape[0]) for factor in factors)
        self.nbytes = sum(math.prod(factor.shape) * 8 for factor in factors)

    def like(self) -> Array:
        """Return a factor."""
        return self.factors[0]

    def between(self, rights: Sequence[Core]) -> Contraction:
        """Begin a contraction; with blocks of rank q ``n R r q`` operations a mode."""
        return CPContraction(self.weights, self.factors, rights)

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the row of the first factor that is not finite, zero in the other modes."""
        return _bad_everywhere(self.weights, self.shape) or bad_row(self.factors)


class TuckerBlock(TensorBlock):
    """A core multiplied by factors U_k (n, m): the cores of the test tensor absorb the factors."""

    def __init__(self, core: Array, factors: Sequence[Array]) -> None:
        self.dtype = compute_dtype_of(*(dtype_name(x.dtype) for x in (core, *factors)))
        self.factors = [cast(factor, self.dtype) for factor in factors]
        self.core = DenseTensorBlock(cast(core, self.dtype))
        self.shape = tuple(int(factor.shape[0]) for factor in factors)
        self.nbytes = self.core.nbytes + sum(math.prod(factor.shape) * 8 for factor in factors)

    def like(self) -> Array:
        """Return the core."""
        return self.core.array

    def between(self, rights: Sequence[Core]) -> Contraction:
        """Begin a contraction of the core tensor."""
        absorbed = [AbsorbedCore(c, u) for c, u in zip(rights, self.factors, strict=True)]
        return TuckerContraction(self.core.between(absorbed), self.factors)

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the row of the first factor that is not finite, zero in the other modes."""
        return _bad_everywhere(self.core.array, self.shape) or bad_row(self.factors)


def _bad_everywhere(shared: Array, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the first entry where what all entries share is not finite."""
    xp = namespace(shared)
    return None if bool(xp.all(xp.isfinite(shared))) else (0,) * len(shape)


def bad_row(factors: Sequence[Array]) -> tuple[int, ...] | None:
    """Return the row of the first factor that is not finite, zero in the other modes."""
    return _first_bad([namespace(v).isfinite(v) for v in factors], axis=1)


def first_bad_slice(cores: Sequence[Array]) -> tuple[int, ...] | None:
    """Return the slice of the first core of a train that is not finite, zero in other modes."""
    return _first_bad([namespace(core).isfinite(core) for core in cores], axis=(0, 2))


def _first_bad(finite: list[Array], axis: int | tuple[int, int]) -> tuple[int, ...] | None:
    """Return the index of the first factor's slice that holds a value that is not finite."""
    for mode, good in enumerate(finite):
        xp = namespace(good)
        slices = xp.all(good, axis=axis)
        if not bool(xp.all(slices)):
            index = int(xp.argmin(xp.astype(slices, xp.int8)))
            return tuple(index if k == mode else 0 for k in range(len(finite)))
    return None


class TrainLink:
    """The core A (a, n, b) of a train."""

    def __init__(self, core: Array) -> None:
        self.core = core

    def from_right(self, right: Array) -> Array:
        """Return ``A(i) R`` for all slices: (B, a, n, r) from the interface (B, b, r)."""
        xp = namespace(self.core)
        a, n, b = self.core.shape
        blocks, _, r = right.shape
        moved = product(xp.reshape(self.core, (a * n, b)), side_by_side(right))
        return xp.permute_dims(xp.reshape(moved, (a, n, blocks, r)), (2, 0, 1, 3))

    def from_left(self, left: Array) -> Array:
        """Return ``L A(i)`` for all slices: (B, l, n, b) from the interface (B, l, a)."""
        xp = namespace(self.core)
        a, n, b = self.core.shape
        moved = product(xp.reshape(left, (-1, a)), xp.reshape(self.core, (a, n * b)))
        return xp.reshape(moved, (*left.shape[:2], n, b))


class CPContraction(Contraction):
    """Interfaces are (B, R, r) on both sides: a row for each term."""

    def __init__(self, weights: Array, factors: Sequence[Array], rights: Sequence[Core]) -> None:
        xp = namespace(weights)
        self._factors, self._mode = factors, 0
        right = xp.ones((1, weights.shape[0], 1), **beside(weights))
        self._rights = [right]
        for factor, core in zip(factors[:0:-1], rights[:0:-1], strict=True):
            right = _absorb_terms(factor, right, core.array())
            self._rights.append(right)
        self._rights.reverse()
        self._left = weights[None, :, None]

    def seen(self) -> Array:
        """Return ``sum_j L[j, :] V[:, j] R[j, :]``: the two smaller ones are multiplied first."""
        xp = namespace(self._left)
        left, right = side_by_side(self._left), side_by_side(self._rights[self._mode])
        factor = xp.matrix_transpose(self._factors[self._mode])  # (R, n)
        if right.shape[1] < factor.shape[1]:
            seen = _sum_of_terms(left, right, factor)  # (l, r, n)
            return xp.permute_dims(seen, (0, 2, 1))
        return _sum_of_terms(left, factor, right)

    def advance(self, core: Core) -> None:
        """Contract the factor of the mode with its core."""
        self._left = _absorb_terms(self._factors[self._mode], self._left, core.array())
        self._mode += 1


class TuckerContraction(Contraction):
    """The contraction of the core tensor, whose test tensors absorb the factors."""

    def __init__(self, core: Contraction, factors: Sequence[Array]) -> None:
        self._core, self._factors, self._mode = core, factors, 0

    def seen(self) -> Array:
        """Return what the core's mode sees, multiplied by the factor."""
        xp = namespace(self._factors[0])
        moved = xp.tensordot(self._core.seen(), self._factors[self._mode], axes=((1,), (1,)))
        return xp.permute_dims(moved, (0, 2, 1))

    def advance(self, core: Core) -> None:
        """Go on with the core tensor."""
        self._core.advance(AbsorbedCore(core, self._factors[self._mode]))
        self._mode += 1

    def fork(self) -> TuckerContraction:
        """Return a contraction that goes on from here."""
        forked = copy.copy(self)
        forked._core = self._core.fork()
        return forked


class AbsorbedCore:
    """The core of a test tensor for the factor U (n, m) of a Tucker tensor: n becomes m."""

    def __init__(self, core: Core, factor: Array) -> None:
        self._core, self._factor = core, factor

    @property
    def outer_size(self) -> int:
        """Columns of the interface behind the core."""
        return self._core.outer_size

    def array(self) -> Array:
        """Return ``sum_i U[i, j] C[:, :, i, :]``, shape (B, inner, m, outer)."""
        xp = namespace(self._factor)
        return product(xp.matrix_transpose(self._factor), self._core.array())

    def slices(self, indices: NDArray[np.intp]) -> Array:
        """Return some of the slices."""
        core = self.array()
        xp = namespace(core)
        return xp.take(core, xp.asarray(indices, **beside(core, "int64")), axis=2)


def _sum_of_terms(x: Array, y: Array, z: Array) -> Array:
    """Return ``sum_j X[j, :] o Y[j, :] o Z[j, :]``, a few terms at a time."""
    xp = namespace(x)
    terms, a = x.shape
    b, c = y.shape[1], z.shape[1]
    step = max(1, _TERM_BYTES // (8 * max(1, a * b)))
    total = xp.zeros((a * b, c), **beside(x[:0, :1] * y[:0, :1] * z[:0, :1]))
    for some in cuts(terms, step):
        pairs = xp.reshape(x[some, :, None] * y[some, None, :], (-1, a * b))
        total = total + product(xp.matrix_transpose(pairs), z[some, :])
    return xp.reshape(total, (a, b, c))


def _absorb_terms(factor: Array, interface: Array, core: Array) -> Array:
    """Return ``sum_{i, u} V[i, j] X[j, u] C[u, i, t]`` of shape (B, R, t), some terms at a time."""
    xp = namespace(factor)
    blocks, inner, n, outer = core.shape
    flat = xp.reshape(xp.permute_dims(core, (2, 0, 1, 3)), (n, blocks * inner * outer))
    step = max(1, _TERM_BYTES // (8 * blocks * inner * outer))
    parts = []
    for terms in cuts(factor.shape[1], step):
        mixed = product(xp.matrix_transpose(factor[:, terms]), flat)
        mixed = xp.reshape(mixed, (-1, blocks, inner, outer))
        rows = xp.permute_dims(interface[:, terms, :], (1, 0, 2))[:, :, None, :]
        parts.append(xp.permute_dims(product(rows, mixed)[:, :, 0, :], (1, 0, 2)))
    return xp.concat(parts, axis=1)
