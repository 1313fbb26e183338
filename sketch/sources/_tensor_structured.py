"""Tensor trains, CP and Tucker tensors: contracted through their factors, never formed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .._array import Array, cast, dtype_name, namespace
from ._dense import _product
from ._factored import compute_dtype_of
from ._tensor_base import TensorBlock
from ._tensor_dense import DenseTensorBlock

_TERM_BYTES = 64_000_000


class TrainBlock(TensorBlock):
    """A tensor train with cores A_k (a, n, b); interfaces are (l, a) and (b, r) matrices."""

    def __init__(self, cores: Sequence[Array]) -> None:
        self.dtype = compute_dtype_of(*(dtype_name(core.dtype) for core in cores))
        self.cores = [cast(core, self.dtype) for core in cores]
        self.shape = tuple(int(core.shape[1]) for core in cores)
        self.nbytes = sum(math.prod(core.shape) * 8 for core in cores)

    def like(self) -> Array:
        """Return a core."""
        return self.cores[0]

    def right_interfaces(self, cores: Sequence[Array]) -> list[Array]:
        """Return the (b, r) interfaces; ``n (a b r + a r^2)`` operations each."""
        xp = namespace(self.cores[0])
        right = xp.ones((1, 1), dtype=self.cores[0].dtype)
        interfaces = [right]
        for mine, core in zip(self.cores[:0:-1], cores[:0:-1], strict=True):
            a, n, b = mine.shape
            before, _, behind = core.shape
            moved = _product(xp.reshape(mine, (a * n, b)), right)  # (a n, r)
            flat = xp.reshape(core, (before, n * behind))
            right = _product(xp.reshape(moved, (a, n * behind)), flat.T)
            interfaces.append(right)
        return interfaces[::-1]

    def left_start(self) -> Array:
        """Return the 1 x 1 matrix 1."""
        return namespace(self.cores[0]).ones((1, 1), dtype=self.cores[0].dtype)

    def extend_left(self, left: Array, mode: int, core: Array) -> Array:
        """Return the (l, a) interface behind the mode."""
        xp = namespace(self.cores[0])
        before, n, behind = core.shape
        moved = xp.reshape(self._moved(mode, left), (before * n, -1))
        return _product(xp.reshape(core, (before * n, behind)).T, moved)

    def psi(self, mode: int, left: Array, right: Array) -> Array:
        """Return ``L A_k R``."""
        xp = namespace(self.cores[0])
        n, b = self.cores[mode].shape[1:]
        seen = _product(xp.reshape(self._moved(mode, left), (-1, b)), right)
        return xp.reshape(seen, (left.shape[0], n, right.shape[1]))

    def _moved(self, mode: int, left: Array) -> Array:
        xp = namespace(self.cores[0])
        a, n, b = self.cores[mode].shape
        return _product(left, xp.reshape(self.cores[mode], (a, n * b)))

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the slice of the first core that is not finite, zero in the other modes."""
        return _first_bad([namespace(c).isfinite(c) for c in self.cores], axis=(0, 2))


class CPBlock(TensorBlock):
    """A sum of rank-one terms with factors V_k (n, R); interfaces are (l, R) and (R, r)."""

    def __init__(self, weights: Array | None, factors: Sequence[Array]) -> None:
        self.dtype = compute_dtype_of(*(dtype_name(factor.dtype) for factor in factors))
        self.factors = [cast(factor, self.dtype) for factor in factors]
        xp = namespace(self.factors[0])
        terms = self.factors[0].shape[1]
        ones = xp.ones((terms,), dtype=self.factors[0].dtype)
        self.weights = ones if weights is None else cast(weights, self.dtype)
        self.shape = tuple(int(factor.shape[0]) for factor in factors)
        self.nbytes = sum(math.prod(factor.shape) * 8 for factor in factors)

    def like(self) -> Array:
        """Return a factor."""
        return self.factors[0]

    def right_interfaces(self, cores: Sequence[Array]) -> list[Array]:
        """Return the (R, r) interfaces; ``n R r^2`` operations each."""
        xp = namespace(self.factors[0])
        right = xp.ones((self.weights.shape[0], 1), dtype=self.weights.dtype)
        interfaces = [right]
        for factor, core in zip(self.factors[:0:-1], cores[:0:-1], strict=True):
            right = _contract_terms(factor, right, xp.permute_dims(core, (1, 2, 0)))
            interfaces.append(right)
        return interfaces[::-1]

    def left_start(self) -> Array:
        """Return the weights as a 1 x R matrix."""
        return self.weights[None, :]

    def extend_left(self, left: Array, mode: int, core: Array) -> Array:
        """Return the (l, R) interface behind the mode."""
        xp = namespace(self.factors[0])
        return _contract_terms(self.factors[mode], left.T, xp.permute_dims(core, (1, 0, 2))).T

    def psi(self, mode: int, left: Array, right: Array) -> Array:
        """Return ``sum_j L[:, j] V[:, j] R[j, :]``, a few slices at a time."""
        xp = namespace(self.factors[0])
        factor = self.factors[mode]
        step = max(1, _TERM_BYTES // (8 * max(1, left.shape[0] * left.shape[1])))
        slices = []
        for start in range(0, factor.shape[0], step):
            part = factor[start : start + step, :]
            weighted = xp.reshape(left[:, None, :] * part[None, :, :], (-1, left.shape[1]))
            seen = _product(weighted, right)
            slices.append(xp.reshape(seen, (left.shape[0], -1, right.shape[1])))
        return xp.concat(slices, axis=1)

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the row of the first factor that is not finite, zero in the other modes."""
        return _first_bad([namespace(v).isfinite(v) for v in self.factors], axis=1)


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

    def right_interfaces(self, cores: Sequence[Array]) -> list[Array]:
        """Return the interfaces of the core tensor."""
        absorbed = [self._absorbed(mode, core) for mode, core in enumerate(cores)]
        return self.core.right_interfaces(absorbed)

    def left_start(self) -> list[Array]:
        """Return the trivial interface of the core tensor."""
        return self.core.left_start()

    def extend_left(self, left: list[Array], mode: int, core: Array) -> list[Array]:
        """Return the interface of the core tensor behind the mode."""
        return self.core.extend_left(left, mode, self._absorbed(mode, core))

    def psi(self, mode: int, left: list[Array], right: Array) -> Array:
        """Return what the core's mode sees, multiplied by the factor."""
        xp = namespace(self.core.array)
        seen = self.core.psi(mode, left, right)  # (l, m, r)
        moved = xp.tensordot(seen, self.factors[mode], axes=((1,), (1,)))
        return xp.permute_dims(moved, (0, 2, 1))

    def _absorbed(self, mode: int, core: Array) -> Array:
        """Return ``sum_i U[i, j] C[:, i, :]``, shape (before, m, behind)."""
        xp = namespace(self.core.array)
        moved = xp.tensordot(core, self.factors[mode], axes=((1,), (0,)))
        return xp.permute_dims(moved, (0, 2, 1))

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the row of the first factor that is not finite, zero in the other modes."""
        return _first_bad([namespace(v).isfinite(v) for v in self.factors], axis=1)


def _first_bad(finite: list[Array], axis: int | tuple[int, int]) -> tuple[int, ...] | None:
    """Return the index of the first factor's slice that holds a value that is not finite."""
    for mode, good in enumerate(finite):
        xp = namespace(good)
        slices = xp.all(good, axis=axis)
        if not bool(xp.all(slices)):
            index = int(xp.argmin(xp.astype(slices, xp.int8)))
            return tuple(index if k == mode else 0 for k in range(len(finite)))
    return None


def _contract_terms(factor: Array, interface: Array, core: Array) -> Array:
    """Return ``sum_{i, u} V[i, j] X[j, u] C[i, u, t]`` of shape (R, t), some terms at a time."""
    xp = namespace(factor)
    n, before, behind = core.shape
    flat = xp.reshape(core, (n, before * behind))
    step = max(1, _TERM_BYTES // (8 * before * behind))
    parts = []
    for start in range(0, factor.shape[1], step):
        terms = slice(start, start + step)
        mixed = xp.reshape(_product(factor[:, terms].T, flat), (-1, before, behind))
        parts.append(xp.sum(interface[terms, :, None] * mixed, axis=1))
    return xp.concat(parts, axis=0)
