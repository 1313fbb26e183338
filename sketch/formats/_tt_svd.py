"""TT-SVD: the deterministic reference, one thin SVD for each mode."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..backend.array import Array, beside, namespace
from ..errors import ShapeError
from ..numerics.factorizations import thin_svd
from ..numerics.linalg import as_floats, frobenius_norm, rescaled, scale_exponent, tail_norms


def tt_svd_cores(
    t: Array, ranks: Sequence[int] | None, tol: float | None
) -> tuple[list[Array], float]:
    """Return the cores and the exact error of truncated SVDs of the unfoldings.

    The truncations are orthogonal to each other, so their squares add up to that of the error.

    References
    ----------
    .. [1] I. Oseledets, "Tensor-train decomposition", SIAM J. Sci. Comput. 33 (2011) 2295-2317,
       doi:10.1137/090752286, algorithm 1.
    """
    xp = namespace(t)
    if not t.ndim:
        raise ShapeError("a single number has no modes; give an array of one axis at least")
    if 0 in t.shape:
        return [xp.zeros((1, n, 1), **beside(t)) for n in t.shape], 0.0
    exponent = scale_exponent(t)
    rest = rescaled(t, -exponent)
    shape, before, lost = t.shape, 1, 0.0
    allowed = 0.0 if tol is None else tol * frobenius_norm(rest) / math.sqrt(max(1, t.ndim - 1))
    cores = []
    for mode in range(t.ndim - 1):
        u, s, vh = thin_svd(xp.reshape(rest, (before * shape[mode], -1)))
        tails = tail_norms(as_floats(s))
        keep = len(tails) - 1 if ranks is None else min(ranks[mode], len(tails) - 1)
        if tol is not None:
            keep = next((k for k in range(1, keep + 1) if tails[k] <= allowed), keep)
        keep = max(1, keep)
        lost = math.hypot(lost, tails[keep])
        cores.append(xp.reshape(u[:, :keep], (before, shape[mode], keep)))
        rest, before = s[:keep, None] * vh[:keep, :], keep
    last = xp.reshape(rescaled(rest, exponent), (before, shape[-1], 1))
    return [*cores, last], rescaled(lost, exponent)
