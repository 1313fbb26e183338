"""Sweeps over the cores of a tensor train: orthogonalisation and norms."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..backend.array import (
    Array,
    beside,
    dtype_name,
    namespace,
    promote,
    qr_triangle,
    quiet,
    silent,
    widened,
)
from ..numerics.linalg import adjoint, frobenius_norm, rescaled
from ._train_algebra import summed


def left_orthogonalized(cores: Sequence[Array], mode: int) -> list[Array]:
    """Make all cores before a mode left-orthogonal; the mode takes the rest."""
    xp = namespace(cores[0])
    done = list(cores)
    for k in range(mode):
        a, n, b = done[k].shape
        q, r = xp.linalg.qr(xp.reshape(done[k], (a * n, b)), mode="reduced")
        done[k] = xp.reshape(q, (a, n, q.shape[1]))
        _, n, c = done[k + 1].shape
        done[k + 1] = xp.reshape(r @ xp.reshape(done[k + 1], (b, n * c)), (r.shape[0], n, c))
    return done


@silent
def right_orthogonalized(cores: Sequence[Array], mode: int) -> list[Array]:
    """Make all cores behind a mode right-orthogonal; the mode takes the rest."""
    xp = namespace(cores[0])
    done = list(cores)
    for k in range(len(done) - 1, mode, -1):
        a, n, b = done[k].shape
        q, r = xp.linalg.qr(adjoint(xp.reshape(done[k], (a, n * b))), mode="reduced")
        done[k] = xp.reshape(adjoint(q), (q.shape[1], n, b))
        c, n, _ = done[k - 1].shape
        moved = xp.reshape(done[k - 1], (c * n, a)) @ adjoint(r)
        done[k - 1] = xp.reshape(moved, (c, n, r.shape[0]))
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
            carried = qr_triangle(xp.reshape(moved, (moved.shape[0] * n, b)))
            step = top_exponent(carried)
            carried, exponent = rescaled(carried, -step), exponent + step
    return frobenius_norm(carried), exponent


def distance(cores: Sequence[Array], others: Sequence[Array]) -> float:
    """Return the Frobenius norm of the difference of two trains, to double precision."""
    minus = [-widened(others[0]), *map(widened, others[1:])]
    parts = [[widened(core) for core in cores], minus]
    dtype = promote(*(dtype_name(part[0].dtype) for part in parts))
    return float(rescaled(*train_norm(summed(parts, dtype))))


def top_exponent(x: Array) -> int:
    """Return the exponent of the largest entry, 0 for zeros."""
    top = frobenius_norm(x)
    return math.frexp(top)[1] if 0 < top < math.inf else 0
