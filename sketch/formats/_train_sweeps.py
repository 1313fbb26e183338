"""Sweeps over the cores of a tensor train: orthogonalisation and norms."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..backend.array import (
    Array,
    beside,
    namespace,
    qr_triangle,
    quiet,
)
from ..numerics.linalg import adjoint, frobenius_norm, rescaled


def left_orthogonalized(cores: Sequence[Array], mode: int) -> list[Array]:
    """Make all cores before a mode left-orthogonal; the mode takes the rest."""
    xp = namespace(cores[0])
    done = list(cores)
    for k in range(mode):
        a, n, b = done[k].shape
        q, r = xp.linalg.qr(xp.reshape(done[k], (a * n, b)), mode="reduced")
        done[k] = xp.reshape(q, (a, n, -1))
        _, n, c = done[k + 1].shape
        done[k + 1] = xp.reshape(r @ xp.reshape(done[k + 1], (b, n * c)), (-1, n, c))
    return done


def right_orthogonalized(cores: Sequence[Array], mode: int) -> list[Array]:
    """Make all cores behind a mode right-orthogonal; the mode takes the rest."""
    xp = namespace(cores[0])
    done = list(cores)
    for k in range(len(done) - 1, mode, -1):
        a, n, b = done[k].shape
        q, r = xp.linalg.qr(adjoint(xp.reshape(done[k], (a, n * b))), mode="reduced")
        done[k] = xp.reshape(adjoint(q), (-1, n, b))
        c, n, _ = done[k - 1].shape
        done[k - 1] = xp.reshape(xp.reshape(done[k - 1], (c * n, a)) @ adjoint(r), (c, n, -1))
    return done


def orthogonalized(cores: Sequence[Array], mode: int) -> list[Array]:
    """Make the cores on both sides of a mode orthogonal."""
    return right_orthogonalized(left_orthogonalized(cores, mode), mode)


def train_norm(cores: Sequence[Array]) -> tuple[float, int]:
    """Return the norm as ``value * 2**exponent``, by a sweep of QRs."""
    xp = namespace(cores[0])
    carried, exponent = xp.ones((1, 1), **beside(cores[0])), 0
    with quiet():
        for core in cores:
            a, n, b = core.shape
            moved = carried @ xp.reshape(core, (a, n * b))
            carried = qr_triangle(xp.reshape(moved, (-1, b)))
            step = top_exponent(carried)
            carried, exponent = rescaled(carried, -step), exponent + step
    return frobenius_norm(carried), exponent


def replacement_loss(cores: Sequence[Array], others: Sequence[Array]) -> float:
    """Return a bound of the distance of two trains whose cores nearly agree, to first order.

    The sum over the modes of what the replacement of one core changes, by the Gram matrices of all
    that lies before and behind it.
    """
    xp = namespace(cores[0])
    behind = [xp.ones((1, 1), **beside(cores[0]))]
    for core in cores[:0:-1]:
        a, _, b = core.shape
        rows = xp.reshape(xp.reshape(core, (-1, b)) @ behind[-1], (a, -1))
        behind.append(rows @ adjoint(xp.reshape(core, (a, -1))))
    before, total = xp.ones((1, 1), **beside(cores[0])), 0.0
    for core, other, right in zip(cores, others, behind[::-1], strict=True):
        a, _, b = core.shape
        change = core - other
        moved = xp.reshape(before @ xp.reshape(change, (a, -1)), (-1, b)) @ right
        square = complex(xp.sum(moved * adjoint(xp.reshape(change, (-1, b))).T)).real
        total += math.sqrt(max(0.0, square))
        rows = xp.reshape(before @ xp.reshape(core, (a, -1)), (-1, b))
        before = adjoint(xp.reshape(core, (-1, b))) @ rows
    return total


def top_exponent(x: Array) -> int:
    """Return the exponent of the largest entry, 0 for zeros."""
    top = frobenius_norm(x)
    return math.frexp(top)[1] if 0 < top < math.inf else 0
