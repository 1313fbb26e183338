"""Sweeps over the cores of a tensor train: orthogonalisation, rounding, norms."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .._array import Array, namespace
from .._linalg import (
    adjoint,
    frobenius_norm,
    rescaled,
    tail_norms,
    thin_svd,
)


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


def rounded(cores: Sequence[Array], ranks: Sequence[int] | None, tol: float | None) -> list[Array]:
    """Truncate every bond by a thin SVD, from the last to the first, after a sweep of QRs."""
    xp = namespace(cores[0])
    done, exponent = _normalized(cores)
    done = left_orthogonalized(done, len(done) - 1)
    allowed = 0.0
    if tol is not None:
        allowed = tol * frobenius_norm(done[-1]) / math.sqrt(max(1, len(done) - 1))
    for k in range(len(done) - 1, 0, -1):
        a, n, b = done[k].shape
        u, s, vh = thin_svd(xp.reshape(done[k], (a, n * b)))
        keep = _kept_rank([float(x) for x in s], ranks[k - 1] if ranks else None, tol, allowed)
        done[k] = xp.reshape(vh[:keep, :], (keep, n, b))
        c, n, _ = done[k - 1].shape
        moved = xp.reshape(done[k - 1], (c * n, a)) @ (u[:, :keep] * s[:keep])
        done[k - 1] = xp.reshape(moved, (c, n, keep))
    return _spread(done, exponent)


def _kept_rank(s: list[float], rank: int | None, tol: float | None, allowed: float) -> int:
    limit = len(s) if rank is None else min(rank, len(s))
    if tol is None:
        return max(1, limit)
    tails = tail_norms(s)
    meets = (k for k in range(1, limit + 1) if tails[k] <= allowed)
    return max(1, next(meets, limit))


def train_norm(cores: Sequence[Array]) -> tuple[float, int]:
    """Return the norm as ``value * 2**exponent``, by a sweep of QRs."""
    xp = namespace(cores[0])
    carried, exponent = xp.ones((1, 1), dtype=cores[0].dtype), 0
    for core in cores:
        a, n, b = core.shape
        moved = carried @ xp.reshape(core, (a, n * b))
        carried = xp.linalg.qr(xp.reshape(moved, (-1, b)), mode="reduced")[1]
        step = _exponent(carried)
        carried, exponent = rescaled(carried, -step), exponent + step
    return frobenius_norm(carried), exponent


def gram_product(x: Sequence[Array], y: Sequence[Array]) -> tuple[complex, int]:
    """Return ``sum conj(X) Y`` as ``value * 2**exponent``."""
    xp = namespace(x[0], y[0])
    gram, exponent = xp.ones((1, 1), dtype=y[0].dtype), 0
    for a, b in zip(x, y, strict=True):
        moved = xp.reshape(gram @ xp.reshape(b, (b.shape[0], -1)), (-1, b.shape[2]))
        gram = adjoint(xp.reshape(a, (-1, a.shape[2]))) @ moved
        step = _exponent(gram)
        gram, exponent = rescaled(gram, -step), exponent + step
    value = complex(gram[0, 0])
    return (value if value.imag else value.real), exponent


def _normalized(cores: Sequence[Array]) -> tuple[list[Array], int]:
    """Scale every core to entries near one; return the exponent that was taken out."""
    steps = [_exponent(core) for core in cores]
    return [rescaled(core, -e) for core, e in zip(cores, steps, strict=True)], sum(steps)


def _spread(cores: list[Array], exponent: int) -> list[Array]:
    """Put a power of two back, in equal parts, so that no core overflows."""
    each, rest = divmod(exponent, len(cores))
    return [rescaled(core, each + (k < rest)) for k, core in enumerate(cores)]


def _exponent(x: Array) -> int:
    """Return the exponent of the largest entry, 0 for zeros."""
    top = frobenius_norm(x)
    return math.frexp(top)[1] if 0 < top < math.inf else 0
