"""Block Krylov spaces of ``A^* A``, orthogonal on the side of the columns alone."""

from __future__ import annotations

from ..backend.array import Array, dtype_name, namespace, to_host
from ..numerics.linalg import adjoint, frobenius_norm, orthonormal_basis, thin_svd

_NEW = 50.0  # roundoffs of a block below which directions of the next one are rounding errors


def ritz(v: Array, z: Array) -> tuple[Array, Array, Array]:
    """Return Ritz values of ``A^* A``, their vectors in a basis V, and their residuals.

    Parameters
    ----------
    v : array, shape (n, L)
        Orthonormal columns.
    z : array, shape (n, L)
        ``A^* A V``.

    Returns
    -------
    values : array, shape (L,)
        Not negative, descending.
    vectors : array, shape (L, L)
        S, of which ``V S`` are the Ritz vectors.
    residuals : array, shape (L,)
        ``rho_i = ||Z s_i - theta_i V s_i||``: an eigenvalue lies within rho_i of theta_i.

    Notes
    -----
    Costs ``6 n L^2`` operations and no reading.

    References
    ----------
    .. [1] N. Halko, P.-G. Martinsson, Y. Shkolnisky, M. Tygert, "An algorithm for the principal
       component analysis of large data sets", SISC 33 (2011) 2580-2594, arXiv:1007.5510.
    """
    xp = namespace(v)
    t = adjoint(v) @ z
    values, vectors = xp.linalg.eigh((t + adjoint(t)) / 2)  # ascending
    values, vectors = xp.flip(values, axis=0), xp.flip(vectors, axis=1)
    values = xp.where(values > 0, values, xp.zeros_like(values))
    apart = z @ vectors - (v @ vectors) * values[None, :]
    return values, vectors, xp.linalg.vector_norm(apart, axis=0)


def next_block(v: Array, z: Array, roundoff: float) -> Array:
    """Return orthonormal columns that z adds to a basis V, none where the space is invariant.

    Orthogonal to V to rounding: a basis of what is left of z would not be where that is singular,
    so its small directions are dropped first.

    Parameters
    ----------
    v : array, shape (n, L)
    z : array, shape (n, b)
        ``A^* A X`` for the last block X of V.
    roundoff : float
        Of the products.

    References
    ----------
    .. [1] H. Simon, H. Zha, "Low-rank matrix approximation using the Lanczos process with
       applications", SISC 21 (2000) 2257-2274.
    """
    least = _NEW * max(roundoff, 2.0**-53) * frobenius_norm(z)
    w = without(without(z, v), v)
    u, s, _ = thin_svd(w)
    new = u[:, : sum(float(x) > least for x in to_host(s))]
    if not new.shape[1]:
        return new
    return orthonormal_basis(without(orthonormal_basis(without(new, v)), v))


def without(x: Array, v: Array) -> Array:
    """Return ``X - V (V^* X)``."""
    return x - v @ (adjoint(v) @ x)


def orthonormalized(omega: Array, z: Array) -> tuple[Array, Array, Array]:
    """Return X and ``R^{-1}`` of ``Omega = X R``, and ``A^* A X`` from Z = ``A^* A Omega``."""
    xp = namespace(omega)
    x, r = xp.linalg.qr(omega, mode="reduced")
    inverse = xp.linalg.inv(r)
    assert dtype_name(inverse.dtype) == dtype_name(r.dtype)
    return x, inverse, z @ inverse
