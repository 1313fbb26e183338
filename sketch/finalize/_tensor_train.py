"""Tensor trains from one-pass sketches: a generalized Nyström approximation at every bond."""

from __future__ import annotations

from collections.abc import Sequence

from ..backend.array import (
    Array,
    beside,
    namespace,
)
from ..numerics.factorizations import pivoted_qr
from ..numerics.linalg import adjoint


def assemble_train(psis: Sequence[Array], omegas: Sequence[Array], roundoff: float) -> list[Array]:
    """Return the cores of ``Psi_1 Omega_1^+ Psi_2 ... Omega_{d-1}^+ Psi_d``.

    Each ``Omega_k`` (l, r), ``l <= r``, is split by a rank-revealing QR of its adjoint,
    ``Omega_k^* Pi = Q R``: its pseudo-inverse never appears, columns beyond the numerical rank are
    dropped, and with them the rows of the next Psi.

    Parameters
    ----------
    psis : sequence of array, shapes (l_{k-1}, n_k, r_k)
    omegas : sequence of array, shapes (l_k, r_k)
    roundoff : float
        Unit roundoff of the accumulated sums, which sets the numerical rank.

    Returns
    -------
    list of array
        Cores (rank, n_k, rank), one for each mode.

    References
    ----------
    .. [1] D. Kressner, B. Vandereycken, R. Voorhaar, "Streaming tensor train approximation", 2022,
       arXiv:2208.02600.
    """
    xp = namespace(*psis)
    cores = []
    rows: list[int] | None = None  # of this Psi that were kept at the bond before it
    for psi, omega in zip(psis, [*omegas, None], strict=True):
        if rows is not None:
            psi = xp.take(psi, xp.asarray(rows, **beside(psi, "int64")), axis=0)
        if omega is None:
            cores.append(psi)
            break
        q, r, rows = pivoted_qr(adjoint(omega), roundoff)
        if not rows:  # nothing was seen: a bond of rank one through zero cores
            q, rows = xp.zeros((omega.shape[1], 1), **beside(psi)), [0]
            r = xp.ones((1, 1), **beside(psi))
        before, n, behind = psi.shape
        seen = xp.reshape(psi, (before * n, behind)) @ q  # Psi Q
        if len(rows) == omega.shape[0]:  # all were kept: undo the permutation in the small factor
            back = sorted(range(len(rows)), key=rows.__getitem__)
            r, rows = xp.take(r, xp.asarray(back, **beside(psi, "int64")), axis=1), None
        core = adjoint(xp.linalg.solve(r, adjoint(seen)))  # Psi Q R^{-*}
        cores.append(xp.reshape(core, (before, n, core.shape[1])))
    return cores
