"""Rounding of tensor trains: truncated SVDs of thin matrices, from the first bond to the last.

A sweep from the right finds for every bond a factor L_k with ``L_k L_k^*`` the Gram matrix of all
that lies behind it. A sweep from the left, over cores that are orthonormal by then, truncates
``A_k L_{k+1}`` at every bond: its singular values are those of the unfolding of the whole tensor.
No orthonormal factor of the right-hand side is ever formed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..backend.array import (
    Array,
    beside,
    dtype_name,
    namespace,
    unit_roundoff,
)
from ..errors import NonFiniteError
from ..numerics.factorizations import orthonormal_basis, tall_svd, triangular_factor
from ..numerics.linalg import (
    adjoint,
    as_floats,
    frobenius_norm,
    rescaled,
    rescaled_evenly,
    scale_exponent,
    tail_norms,
)

_GRAM_RANK = 48  # narrower trains are rounded by QR alone
_GRAM_MARGIN = 1e3  # by which the loss has to exceed what Gram matrices cannot see


class Rounding(NamedTuple):
    """What rounding made of a train.

    Attributes
    ----------
    cores : list of array
        All but the last orthonormal, up to a power of two, unless nothing was to be done.
    lost : float
        The loss relative to the norm.
    size : (float, int) or None
        The norm before as ``value * 2**exponent``; None where nothing was to be done.
    """

    cores: list[Array]
    lost: float
    size: tuple[float, int] | None


def rounded(cores: Sequence[Array], ranks: Sequence[int] | None, tol: float | None) -> Rounding:
    """Truncate every bond to a rank, a relative error, or both.

    The truncations are orthogonal to each other, so their squares add up to that of the loss. Each
    bond may lose an equal share of the tolerance, and what those before it left of theirs.

    Wide trains are tried with Gram matrices, which take matrix products alone [1]_. These see
    singular values down to the root of the roundoff, relative to the terms of a sum, which may
    cancel: where less than that is lost, QR factors take their place.

    References
    ----------
    .. [1] H. Al Daas, G. Ballard, L. Manning, "Parallel tensor train rounding using Gram SVD",
       IPDPS 2022, doi:10.1109/IPDPS53621.2022.00095.
    """
    if (
        tol is None
        and ranks
        and all(c.shape[0] <= r for c, r in zip(cores[1:], ranks, strict=True))
    ):
        return Rounding(list(cores), 0.0, None)
    steps = [scale_exponent(core) for core in cores]
    scaled = [rescaled(core, -step) for core, step in zip(cores, steps, strict=True)]
    if not all(math.isfinite(frobenius_norm(core)) for core in scaled):
        raise NonFiniteError("the cores of the train hold NaN or infinity")
    least = _GRAM_MARGIN * math.sqrt(unit_roundoff(dtype_name(cores[0].dtype)))
    found = None
    if max(core.shape[0] for core in cores) >= _GRAM_RANK:
        found = _truncated(scaled, _gram_factor, _gram_svd, ranks, tol)
    if found is None or not found.lost > least * found.cancelled:
        found = _truncated(scaled, triangular_factor, tall_svd, ranks, tol)
    value, exponent = found.size
    size = value, exponent + sum(steps)
    return Rounding(rescaled_evenly(found.cores, found.exponent + sum(steps)), found.lost, size)


class _Truncated(NamedTuple):
    """Truncated cores, and a power of two to multiply with; loss and norm as in `Rounding`.

    `cancelled` is by how much the terms that cancel at a bond are larger than what is left of them.
    """

    cores: list[Array]
    exponent: int
    lost: float
    size: tuple[float, int]
    cancelled: float


def _truncated(
    cores: list[Array],
    factor: Callable[[Array], Array],
    svd: Callable[[Array], tuple[Array, Array]],
    ranks: Sequence[int] | None,
    tol: float | None,
) -> _Truncated:
    rights, behind = _right_factors(cores, factor)
    bonds = len(cores) - 1
    share = 0.0 if tol is None else tol / math.sqrt(max(1, bonds))
    done, lost, left, exponent = [], 0.0, 1.0, 0  # left of the norm
    cancelled, size = 1.0, (frobenius_norm(cores[0]), 0)
    core = cores[0]
    xp = namespace(core)
    for bond in range(bonds):
        a, n, b = core.shape
        tall = xp.reshape(core, (a * n, b))
        both = tall @ rights[bond]
        terms = frobenius_norm(tall * _row_norms(rights[bond]))
        if 0 < frobenius_norm(both) < math.inf:
            cancelled = max(cancelled, terms / frobenius_norm(both))
        u, s = svd(both)
        values = as_floats(s)[: u.shape[1]]
        unused = max(0.0, (tol or 0.0) ** 2 - lost**2) / (bonds - bond)
        allowed = max(share, math.sqrt(unused) / left if left else 0.0)
        keep = _kept_rank(values, ranks[bond] if ranks else None, tol, allowed)
        tails = tail_norms(values)
        size = (tails[0], behind) if bond == 0 else size
        here = tails[keep] / tails[0] if tails[0] else 0.0
        lost, left = math.hypot(lost, left * here), left * math.sqrt((1 - here) * (1 + here))
        u = u[:, :keep]
        done.append(xp.reshape(u, (a, n, -1)))
        b, n, c = cores[bond + 1].shape
        moved = (adjoint(u) @ tall) @ xp.reshape(cores[bond + 1], (b, n * c))
        step = scale_exponent(moved)
        exponent += step
        core = xp.reshape(rescaled(moved, -step), (-1, n, c))
    return _Truncated([*done, core], exponent, lost, size, cancelled)


def _right_factors(cores: list[Array], factor: Callable[[Array], Array]) -> tuple[list[Array], int]:
    """Return L (b, r) for every bond, each up to a power of two, and that of the first one."""
    xp = namespace(cores[0])
    right = xp.ones((1, 1), **beside(cores[0]))
    rights, exponent = [], 0
    for core in cores[:0:-1]:
        a, n, b = core.shape
        moved = xp.reshape(core, (a * n, b)) @ right
        right = factor(xp.reshape(moved, (a, -1)))
        step = scale_exponent(right)
        right, exponent = rescaled(right, -step), exponent + step
        rights.append(right)
    return rights[::-1], exponent


def _gram_factor(wide: Array) -> Array:
    """Return L with ``L L^* = W W^*`` from the eigenvalues of the Gram matrix.

    Of rows that are scaled to norm 1: those of the terms of a sum can be of any size, as what is
    before them makes up for it.
    """
    xp = namespace(wide)
    sizes = _row_norms(wide)
    sizes = xp.where(sizes > 0, sizes, xp.ones_like(sizes))
    even = wide / sizes[:, None]
    values, vectors = xp.linalg.eigh(even @ adjoint(even))
    roots = xp.sqrt(xp.where(values > 0, values, xp.zeros_like(values)))
    return sizes[:, None] * vectors * roots


def _row_norms(x: Array) -> Array:
    """Return the norms of the rows of a matrix."""
    return namespace(x).linalg.vector_norm(x, axis=1)


def _gram_svd(tall: Array) -> tuple[Array, Array]:
    """Return U and s of a tall matrix from the eigenvalues of its Gram matrix."""
    xp = namespace(tall)
    values, vectors = xp.linalg.eigh(adjoint(tall) @ tall)
    values, vectors = xp.flip(values), xp.flip(vectors, axis=1)
    s = xp.sqrt(xp.where(values > 0, values, xp.zeros_like(values)))
    seen = s > s[0] * unit_roundoff(dtype_name(tall.dtype)) ** 0.5
    count = max(1, int(xp.sum(xp.astype(seen, xp.int64))))
    return orthonormal_basis(tall @ vectors[:, :count]), s


def _kept_rank(s: Sequence[float], rank: int | None, tol: float | None, allowed: float) -> int:
    limit = len(s) if rank is None else min(rank, len(s))
    if tol is None:
        return max(1, limit)
    tails = tail_norms(s)
    meets = (k for k in range(1, limit + 1) if tails[k] <= allowed * tails[0])
    return max(1, next(meets, limit))
