"""The Nyström approximation of a positive semidefinite matrix, stabilised by a shift."""

from __future__ import annotations

from typing import Any

from .._array import Array, dtype_name, namespace, unit_roundoff
from .._linalg import adjoint, frobenius_norm, inverse_cholesky, tall_svd

_ATTEMPTS = 5


def gram_nystrom(y: Array, omega: Array) -> tuple[Array, Array]:
    """Return the eigenvectors and eigenvalues of ``Y (Omega^* Y)^+ Y^*`` for ``Y = G Omega``.

    Parameters
    ----------
    y : array, shape (n, k)
    omega : array, shape (n, k)
        Of full column rank; it is orthonormalised first, and Y with it.

    Returns
    -------
    vectors : array, shape (n, k)
        Orthonormal columns.
    values : array, shape (k,)
        Descending, not negative; none of them larger than the eigenvalue of G of the same number.

    Notes
    -----
    ``O(n k^2)``. Works on ``G + shift I`` with a shift of a rounding error of G, and takes the
    shift away again; where larger errors made G indefinite, by its positive eigenvalues. Square
    roots of eigenvalues below ``1e-8`` of the largest are rounding errors.

    References
    ----------
    .. [1] J. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Fixed-rank approximation of a positive
       semidefinite matrix from streaming data", NIPS 2017, arXiv:1706.05736, algorithm 3.
    """
    xp = namespace(y)
    q, r = xp.linalg.qr(omega, mode="reduced")
    y = adjoint(xp.linalg.solve(adjoint(r), adjoint(y)))  # G Q = Y R^{-1}
    shift = unit_roundoff(dtype_name(y.dtype)) * 2 * frobenius_norm(y)
    for _ in range(_ATTEMPTS):
        factor = _shifted_factor(xp, y + shift * q, q)
        if factor is not None:
            u, s = tall_svd(factor)
            return u, xp.maximum(s**2 - shift, 0 * s)
        shift *= 10
    u, s = tall_svd(_definite_factor(xp, y, q))
    return u, s**2


def _definite_factor(xp: Any, y: Array, q: Array) -> Array:
    """Return F with ``F F^* = Y (Q^* Y)^+ Y^*``, without what rounding made indefinite."""
    core = adjoint(q) @ y
    values, vectors = xp.linalg.eigh((core + adjoint(core)) / 2)
    noise = max(0.0, -2 * float(values[0]), 1e-12 * float(values[-1]))
    kept = values > noise
    scale = xp.where(kept, 1 / xp.sqrt(xp.where(kept, values, xp.ones_like(values))), 0 * values)
    return y @ (vectors * scale)


def _shifted_factor(xp: Any, y: Array, q: Array) -> Array | None:
    """Return F with ``F F^* = Y (Q^* Y)^{-1} Y^*``, None where ``Q^* Y`` is not definite."""
    core = adjoint(q) @ y
    identity = xp.eye(core.shape[0], dtype=core.dtype, device=core.device)
    inverse = inverse_cholesky((core + adjoint(core)) / 2, identity)
    return None if inverse is None else y @ inverse
