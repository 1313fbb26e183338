"""Factorizations of tall and small matrices on any backend: bases, triangles, singular values."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..backend.array import (
    Array,
    brought,
    cuts,
    dtype_name,
    is_complex,
    is_off_host,
    moved,
    namespace,
    qr_triangle,
    raising,
    to_host,
    unit_roundoff,
)
from ..backend.protocols import Namespace
from ..errors import NonFiniteError
from .linalg import (
    adjoint,
    as_floats,
    frobenius_norm,
    product,
    product_into,
    rescaled,
    scale_exponent,
)

_PANEL_ROWS = 1024  # of a tall matrix that are multiplied at once, in the host's memory,
_DEVICE_PANEL_ROWS = 65536  # and elsewhere
_FOR_THE_HOST = 300**2  # entries whose SVD is sooner done by the host, the transfer included
_GRAM_DIGITS = 1e4  # eigenvalues of a Gram matrix above so many roundoffs have right vectors
_FEW_OF_MANY = 4  # from so many times as many columns, a few eigenvectors come from products
_ITERATIONS = 3


def orthonormal_basis(y: Array) -> Array:
    """Return an orthonormal basis Q of the columns of a tall matrix.

    Cholesky QR twice [1]_, which runs at the speed of matrix products, after a shifted one where
    the panel is ill-conditioned [2]_, and Householder QR where it is singular. Columns that depend
    on others, or vanish, are replaced by arbitrary orthonormal ones, so that Q always has
    ``min(m, k)`` columns.

    Parameters
    ----------
    y : array, shape (m, k)

    Returns
    -------
    array, shape (m, min(m, k))

    References
    ----------
    .. [1] Y. Yamamoto, Y. Nakatsukasa, Y. Yanagisawa, T. Fukaya, "Roundoff error analysis of the
       CholeskyQR2 algorithm", ETNA 44 (2015) 306-326.
    .. [2] T. Fukaya, R. Kannan, Y. Nakatsukasa, Y. Yamamoto, Y. Yanagisawa, "Shifted Cholesky QR
       for computing the QR factorization of ill-conditioned matrices", SISC 42 (2020) A477-A503.
    """
    xp = namespace(y)
    y = rescaled(y, -scale_exponent(y))
    if y.shape[0] >= 4 * y.shape[1] > 0:
        q = _cholesky_orthonormalize(xp, y)
        if q is None:
            q = _cholesky_orthonormalize(xp, _preconditioned(xp, y))
        if q is not None:
            return q
    return xp.linalg.qr(y, mode="reduced")[0]


def panels(y: Array) -> Iterator[slice]:
    """Return the rows of a tall matrix in panels that stay in cache."""
    return cuts(int(y.shape[0]), _PANEL_ROWS if isinstance(y, np.ndarray) else _DEVICE_PANEL_ROWS)


def leading_basis(y: Array, rank: int) -> Array:
    """Return an orthonormal basis of the `rank` leading left singular directions of a matrix.

    By eigenvectors of the Gram matrix where these are told apart by its digits, and by those of a
    QR factor otherwise. All directions, where there are no more than `rank`.
    """
    if y.shape[1] <= rank:
        return orthonormal_basis(y)
    y = rescaled(y, -scale_exponent(y))
    values, vectors = _leading_eigenvectors(adjoint(y) @ y, rank)
    digits = _GRAM_DIGITS * unit_roundoff(dtype_name(y.dtype))
    if float(values[0]) > digits * float(values[-1]):
        return orthonormal_basis(y @ vectors)
    q = orthonormal_basis(y)
    u, _, _ = thin_svd(adjoint(q) @ y)
    return q @ u[:, : min(rank, q.shape[1])]


def _leading_eigenvectors(gram: Array, rank: int) -> tuple[Array, Array]:
    """Return the largest eigenvalues, ascending, and eigenvectors of a semidefinite matrix.

    Those of a large one by subspace iteration with a third more columns, in the place of all its
    eigenvectors: what this misses is little beside what a random sketch does. The start is sums of
    columns, in which each of the sketch takes part.
    """
    xp, size = namespace(gram), int(gram.shape[0])
    width = rank + rank // 3 + 10
    if size < _FEW_OF_MANY * width:
        values, vectors = xp.linalg.eigh(gram)
        return values[-rank:], vectors[:, -rank:]
    tiles = [xp.eye(width, dtype=gram.dtype, device=gram.device)] * -(-size // width)
    x = xp.concat(tiles, axis=0)[:size, :]
    for _ in range(_ITERATIONS):
        x = orthonormal_basis(gram @ x)
    values, turn = xp.linalg.eigh(adjoint(x) @ (gram @ x))
    return values[-rank:], x @ turn[:, -rank:]


def _preconditioned(xp: Namespace, y: Array) -> Array:
    """Return a panel of the same columns and a condition that Cholesky QR can take."""
    m, k = y.shape
    gram, identity = adjoint(y) @ y, xp.eye(y.shape[1], dtype=y.dtype, device=y.device)
    size = float(xp.max(xp.sum(xp.abs(gram), axis=0)))  # bounds the largest eigenvalue
    shift = 11 * (m * k + k * (k + 1)) * unit_roundoff(dtype_name(y.dtype)) * size
    inverse = inverse_cholesky(gram + shift * identity, identity)
    return y if inverse is None else y @ inverse


def _cholesky_orthonormalize(xp: Namespace, y: Array) -> Array | None:
    """Cholesky QR twice, or None where the panel is too ill-conditioned for it.

    A few rows at a time, so that what is written is read again while it is in cache; the second
    multiplication goes in place.
    """
    identity = xp.eye(y.shape[1], dtype=y.dtype, device=y.device)
    inverse = inverse_cholesky(adjoint(y) @ y, identity)
    if inverse is None:
        return None
    q, gram = xp.empty(y.shape, dtype=y.dtype, device=y.device), xp.zeros_like(identity)
    for panel in panels(q):
        product_into(q[panel, :], y[panel, :], inverse)
        gram += adjoint(q[panel, :]) @ q[panel, :]
    if not float(xp.max(xp.abs(gram - identity))) < 0.1:  # cond(y)**2 * u was too large
        return None
    inverse = inverse_cholesky(gram, identity)
    if inverse is None:
        return None
    for panel in panels(q):
        q[panel, :] = q[panel, :] @ inverse
    return q


def triangle(y: Array) -> Array:
    """Return R (r, k) with ``R^* R = Y^* Y`` for a tall matrix Y (m, k), column by column accurate.

    By Cholesky of the Gram matrix over its diagonal where that is well-conditioned, at half the
    operations of a QR or less; by a QR otherwise.
    """
    r = _triangle_of_gram(adjoint(y) @ y)
    return _scaled_triangle(y) if r is None else r


def triangle_outside(basis: Array, y: Array, inside: Array) -> Array:
    """Return R with ``R^* R = Z^* Z`` for ``Z = Y - Q X``, which is not formed if R is well."""
    gram = None
    for panel in panels(y):
        z = y[panel, :] - product(basis[panel, :], inside)
        more = adjoint(z) @ z
        gram = more if gram is None else gram + more
    r = None if gram is None else _triangle_of_gram(gram)
    return _scaled_triangle(y - product(basis, inside)) if r is None else r


def _triangle_of_gram(gram: Array) -> Array | None:
    """Return R with ``R^* R`` a Gram matrix, None where its digits do not tell each column."""
    xp = namespace(gram)
    diagonal = xp.real(gram) if is_complex(dtype_name(gram.dtype)) else gram
    squares = as_floats(xp.linalg.diagonal(diagonal))
    if not all(0 < x < math.inf for x in squares):
        return None
    sizes = xp.asarray([math.sqrt(x) for x in squares], dtype=xp.float64, device=gram.device)
    r = _cholesky(gram / sizes[:, None] / sizes[None, :])
    if r is None:
        return None
    least = min(as_floats(xp.abs(xp.linalg.diagonal(r))), default=1.0)
    good = least**2 > _GRAM_DIGITS * unit_roundoff(dtype_name(gram.dtype))
    return r * sizes[None, :] if good else None


def _scaled_triangle(y: Array) -> Array:
    exponent = scale_exponent(y)
    return rescaled(qr_triangle(rescaled(y, -exponent)), exponent)


def _cholesky(gram: Array) -> Array | None:
    """Return the upper Cholesky factor, or None where there is none."""
    try:
        with raising(gram):
            lower: Array = namespace(gram).linalg.cholesky(gram)
    except Exception as error:  # every library has an error class of its own
        if not _is_decomposition_failure(error):
            raise
        return None
    return adjoint(lower)


def inverse_cholesky(gram: Array, identity: Array) -> Array | None:
    """Return the inverse of the upper Cholesky factor, or None where there is none."""
    upper = _cholesky(gram)
    return None if upper is None else namespace(gram).linalg.solve(upper, identity)


def _is_decomposition_failure(error: Exception) -> bool:
    return any(cls.__name__.endswith("LinAlgError") for cls in type(error).__mro__)


def wide_svd(x: Array, left: Array | None = None) -> tuple[Array, Array, Array]:
    """Return the thin SVD of a wide matrix X (r, n), or of ``left @ X``, which is not formed.

    By a basis of the rows and a small SVD.
    """
    if x.shape[1] < 2 * x.shape[0]:
        return thin_svd(x if left is None else left @ x)
    q = orthonormal_basis(adjoint(x))
    core = x @ q
    u, s, vh = thin_svd(core if left is None else left @ core)
    return u, s, vh @ adjoint(q)


def tall_svd(x: Array) -> tuple[Array, Array]:
    """Return U and s of the thin SVD of a matrix, a tall one by a basis and a small SVD."""
    if x.shape[0] < 2 * x.shape[1]:
        return thin_svd(x)[:2]
    q = orthonormal_basis(x)
    u, s, _ = thin_svd(adjoint(q) @ x)
    return q @ u, s


def triangular_factor(wide: Array) -> Array:
    """Return L (r, min(r, n)) with ``L L^* = W W^*`` for a wide matrix W (r, n), by a QR."""
    return adjoint(qr_triangle(adjoint(wide)))


def spectral_norm(x: Array) -> float:
    """Return the largest singular value, from the Gram matrix, whose squares keep its digits."""
    if not min(x.shape):
        return 0.0
    exponent = scale_exponent(x)
    x = rescaled(x, -exponent)
    gram = adjoint(x) @ x if x.shape[0] >= x.shape[1] else x @ adjoint(x)
    square = float(namespace(gram).linalg.eigvalsh(gram)[-1])
    return rescaled(math.sqrt(max(0.0, square)), exponent)


def singular_values(x: Array) -> tuple[float, ...]:
    """Return the singular values, largest first."""
    x = to_host(x) if _is_for_the_host(x) else x
    return as_floats(namespace(x).linalg.svdvals(x))


def _is_for_the_host(x: Array) -> bool:
    """Whether a matrix on a GPU is so small that the host has its SVD sooner."""
    return math.prod(x.shape) <= _FOR_THE_HOST and is_off_host(x)


def thin_svd(x: Array) -> tuple[Array, Array, Array]:
    """Return the thin SVD ``U, s, Vh``."""
    if _is_for_the_host(x):
        u, s, vh = thin_svd(to_host(x))
        return moved(u, x), moved(s, x), moved(vh, x)
    try:
        with raising(x):
            u, s, vh = namespace(x).linalg.svd(x, full_matrices=False)
    except Exception as error:
        if _is_decomposition_failure(error) and not math.isfinite(frobenius_norm(x)):
            raise NonFiniteError("the data hold NaN or infinity, or products overflow") from error
        raise
    return u, s, vh


def pivoted_qr(x: Array, roundoff: float) -> tuple[Array, Array, list[int]]:
    """Return the rank-revealing QR of a small matrix, cut to its numerical rank.

    Parameters
    ----------
    x : array, shape (m, k)
    roundoff : float
        Unit roundoff of the sums in x; columns below ``2 max(m, k)`` of it are cut.

    Returns
    -------
    q : array, shape (m, rank)
    r : array, shape (rank, rank)
        Upper triangular, of the columns that were kept.
    columns : list of int
        Which columns of x they are.
    """
    from scipy.linalg import qr

    q, r, columns = qr(to_host(x), mode="economic", pivoting=True)
    diagonal = abs(r.diagonal())
    cut = 2 * max(x.shape) * roundoff * (diagonal[0] if diagonal.size else 0.0)
    rank = int((diagonal > cut).sum())
    kept = brought(q[:, :rank], x), brought(r[:rank, :rank], x)
    return *kept, [int(c) for c in columns[:rank]]
