"""HMT from products of one reading: B = Q^* A without multiplying by Q."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..backend.array import Array, device_of, namespace, to_host
from ..numerics.factorizations import orthonormal_basis, thin_svd, wide_svd
from ..numerics.linalg import adjoint, column_norms

_LEAST_SIGNAL = 8.0  # over noise, of a direction that is kept
_BLURS = 8.0  # in a norm, of those in its rows, over their sizes: six, as measured


@dataclass(frozen=True)
class FusedRange:
    """What ``Y = A X = Q R`` and ``Z = A^* Y`` of one reading tell of ``Q^* A``.

    Attributes
    ----------
    b : array, shape (k, n)
        ``Q^* A``, zero in directions that rounding hides.
    kept : int
        Directions that are known.
    hidden : int
        Directions that are not, though Y holds them: a further reading would tell.
    floor : float
        Frobenius norm of what rounding made of b.
    blur : float
        How many times as large as in a product with Q rounding errors in the norm of b may be.
    """

    b: Array
    kept: int
    hidden: int
    floor: float
    blur: float


def fused_range(
    inside: Array,
    back: Array,
    size: float,
    roundoff: float,
    norms: Sequence[float] | None = None,
) -> FusedRange:
    """Return ``B = R^{-*} Z^*`` in the directions where it is more than rounding errors.

    Parameters
    ----------
    inside : array, shape (k, l)
        ``R = Q^* Y`` for a basis Q of the columns of Y.
    back : array, shape (l, n)
        ``Z^* = Y^* A``.
    size : float
        Norm of A.
    roundoff : float
        Of the products.
    norms : sequence of float, optional
        Of the columns that rounding errors come from, by default those of Y; larger where columns
        of Y and Z are combinations of others.

    Notes
    -----
    Column c of Z is off by some ``u ||A|| ||y_c||``. With the columns of Y and Z over the norms of
    those of Y, and so R, and ``R = P S T^*``, row j of ``P^* B`` is ``(Z t_j)^* / s_j``, off by
    ``u ||A|| / s_j``: it is kept where it is more than eight times that. Columns that fall as
    singular values do keep them down to ``u ||A||``, those of a random X to the root of u. Costs
    ``2 l^2 n`` operations.

    References
    ----------
    .. [1] W. Yu, Y. Gu, J. Li, S. Liu, Y. Li, "Single-pass PCA of large high-dimensional data",
       IJCAI 2017, 3350-3356, doi:10.24963/ijcai.2017/468.
    """
    found = _directions(inside, back, size, roundoff, norms)
    off = [size * roundoff / found.s[j] for j in found.kept]
    parts = (found.lengths[j] / found.s[j] / found.s[j] for j in found.kept)
    blur = max(1.0, _BLURS * math.hypot(*parts) / size) if size else 1.0
    turn = _rows(found.p.T, found.kept) / _column([found.s[j] for j in found.kept], inside)
    b = turn.T @ _rows(found.turned, found.kept)
    return FusedRange(b, len(found.kept), len(found.hidden), math.hypot(*off), blur)


def fused_basis(inside: Array, back: Array, size: float, roundoff: float) -> Array:
    """Return an orthonormal basis of ``B^*``, for the next power step; see `fused_range`.

    Right singular vectors of B come first, from the largest value to the least: in this order the
    columns of ``A X`` fall as the singular values do, and so do the rounding errors of their
    squares; any other basis mixes those of large columns into small ones. Directions that rounding
    hides follow, which the next reading sees by themselves.

    Returns
    -------
    array, shape (n, min(k, l))
    """
    found = _directions(inside, back, size, roundoff)
    others = sorted(set(range(len(found.s))) - set(found.kept))
    _, _, known = wide_svd(found.rows(found.kept))
    if not others:
        return adjoint(known)
    rest = _unit_rows(found.turned, others)
    return orthonormal_basis(adjoint(namespace(back).concat([known, rest], axis=0)))


@dataclass(frozen=True)
class _Directions:
    """Directions of the range of Y, over its column norms.

    Attributes
    ----------
    p : array, shape (k, r)
    s : list of float
    turned : array, shape (r, n)
        Rows ``(Z t_j)^*``.
    lengths : list of float
        Their norms.
    kept, hidden : list of int
        Which are more than rounding errors, and which of the others the range does hold.
    """

    p: Array
    s: list[float]
    turned: Array
    lengths: list[float]
    kept: list[int]
    hidden: list[int]

    def rows(self, which: list[int]) -> Array:
        """Return rows of ``P^* B``."""
        return _rows(self.turned, which) / _column([self.s[j] for j in which], self.turned)


def _directions(
    inside: Array,
    back: Array,
    size: float,
    roundoff: float,
    norms: Sequence[float] | None = None,
) -> _Directions:
    own = column_norms(inside)
    columns = [max(x, y) or 1.0 for x, y in zip(own, norms or own, strict=True)]
    p, values, th = thin_svd(inside / _column(columns, inside).T)
    turned = (th / _column(columns, th).T) @ back
    s = [float(x) for x in to_host(values)]
    least = (len(columns) + 16) * roundoff * max(s, default=0.0)
    told = [j for j, x in enumerate(s) if x > least]
    lengths = column_norms(turned.T)
    kept = [j for j in told if lengths[j] > _LEAST_SIGNAL * size * roundoff]
    return _Directions(p, s, turned, lengths, kept, sorted(set(told) - set(kept)))


def _unit_rows(x: Array, which: list[int]) -> Array:
    """Return some rows over their norms."""
    rows = _rows(x, which)
    return rows / _column([length or 1.0 for length in column_norms(rows.T)], x)


def _rows(x: Array, which: list[int]) -> Array:
    if which == list(range(x.shape[0])):
        return x
    xp = namespace(x)
    return xp.take(x, xp.asarray(which, dtype=xp.int64, device=device_of(x)), axis=0)


def _column(values: list[float], like: Array) -> Array:
    """Return numbers as a column, real, where `like` is."""
    xp = namespace(like)
    return xp.asarray(values, dtype=xp.float64, device=device_of(like))[:, None]
