"""Block Krylov spaces of ``A^* A``, orthogonal on the side of the columns alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

from ..backend.array import (
    Array,
    device_of,
    dtype_name,
    is_complex,
    namespace,
    to_host,
    unit_roundoff,
)
from ..numerics.factorizations import orthonormal_basis, pivoted_qr, tall_svd
from ..numerics.linalg import adjoint, frobenius_norm
from ..results import ErrorEstimate

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


def next_block(
    v: Array, z: Array, roundoff: float, drawn: Callable[[Array], Array] | None = None
) -> Array:
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
    drawn : callable, optional
        Which returns the columns that z adds with random ones beside them.

    References
    ----------
    .. [1] H. Simon, H. Zha, "Low-rank matrix approximation using the Lanczos process with
       applications", SISC 21 (2000) 2257-2274.
    """
    least = _NEW * max(roundoff, 2.0**-53) * frobenius_norm(z)
    u, s = tall_svd(without(z, v))
    new = u[:, : sum(float(x) > least for x in to_host(s))]
    if drawn is not None:
        new = drawn(new)
    if not new.shape[1]:
        return new
    return orthonormal_basis(without(orthonormal_basis(without(new, v)), v))


def without(x: Array, v: Array) -> Array:
    """Return ``X - V (V^* X)``."""
    return x - v @ (adjoint(v) @ x)


def product_norms(x: Array, z: Array) -> Array:
    """Return the norms of the columns of ``A X``, from X and Z = ``A^* A X``."""
    xp = namespace(x)
    squares = (
        xp.real(xp.sum(xp.conj(x) * z, axis=0))
        if is_complex(dtype_name(x.dtype))
        else xp.sum(x * z, axis=0)
    )
    return xp.sqrt(xp.where(squares > 0, squares, xp.zeros_like(squares)))


def combined_norms(norms: Array, turn: Array) -> Array:
    """Return by which norms rounding errors go in combinations of columns, each with its own.

    Those of large columns come into small ones that are combined of them.
    """
    xp = namespace(turn)
    return xp.sqrt(norms**2 @ xp.abs(turn) ** 2)


def orthonormalized(omega: Array, z: Array) -> tuple[Array, Array, Array]:
    """Return X and T of ``Omega T = X``, and ``A^* A X`` from Z = ``A^* A Omega``.

    X is orthonormal, with a column for each one of Omega that does not depend on others: random
    signs repeat themselves where they are nearly as many columns as rows.
    """
    xp = namespace(omega)
    x, r = xp.linalg.qr(omega, mode="reduced")
    q, r, columns = pivoted_qr(r, unit_roundoff(dtype_name(r.dtype)))
    unit = xp.eye(omega.shape[1], dtype=r.dtype, device=device_of(r))
    chosen = xp.take(unit, xp.asarray(columns, dtype=xp.int64, device=device_of(r)), axis=1)
    turn = chosen @ xp.linalg.inv(r)
    return x @ q, turn, z @ turn


def further_rows(b: Array | None, x: Array, z: Array, roundoff: float) -> Array:
    """Return what a block adds to the rows of ``B = Q^* A``, Q a basis of all products so far.

    Parameters
    ----------
    b : array, shape (k, n), or None
        The rows so far.
    x, z : array, shape (n, l)
        A block and ``A^* A X``.
    roundoff : float
        Of the products.

    Returns
    -------
    array, shape (r, n)
        Without directions that are lost in the rounding of ``X^* Z``.

    Notes
    -----
    ``Q^* Y = B X`` for ``Y = A X``, so that nothing as tall as A takes part: with W = ``Z^* - (B
    X)^* B``, which is ``((I - Q Q^*) Y)^* A``, the Gram matrix of what Y adds is ``W X``. Costs
    ``4 k n l`` operations.

    References
    ----------
    .. [1] W. Yu, Y. Gu, Y. Li, "Efficient randomized algorithms for the fixed-precision low-rank
       matrix approximation", SIMAX 39 (2018) 1339-1359, arXiv:1606.09402.
    """
    xp, back = namespace(x), adjoint(z)
    if b is not None:
        back = back - adjoint(b @ x) @ b
    gram = back @ x
    values, vectors = xp.linalg.eigh((gram + adjoint(gram)) / 2)
    least = _NEW * max(roundoff, 2.0**-53) * frobenius_norm(adjoint(x) @ z)
    told = sum(float(value) > least for value in to_host(values))
    first = len(values) - told  # they ascend
    rows = adjoint(vectors[:, first:]) @ back
    return rows / xp.sqrt(values[first:])[:, None]


def rank_within(b: Array, error: ErrorEstimate, tol: float) -> int:
    """Return the least rank of truncations of ``B = Q^* A`` that meet a tolerance.

    From the squares of its singular values, at ``k^2 n`` operations.
    """
    values = namespace(b).linalg.eigvalsh(b @ adjoint(b))  # ascending
    squares = [max(0.0, float(x)) for x in to_host(values)]
    tails = [0.0, *itertools.accumulate(squares)]
    meets = (error.truncated(math.sqrt(t), len(b) - k).meets(tol) for k, t in enumerate(tails))
    return len(squares) + 1 - sum(itertools.takewhile(bool, meets))
