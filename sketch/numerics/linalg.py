"""Small dense linear algebra on any backend: norms, bases, stable solves, truncation."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np

from ..backend.array import (
    Array,
    DeviceSparse,
    HostArray,
    brought,
    by_rows,
    cast,
    cuts,
    dtype_name,
    is_complex,
    namespace,
    promote,
    qr_triangle,
    quiet,
    to_host,
    unit_roundoff,
)
from ..errors import NonFiniteError

_PANEL_ROWS = 2048  # of a tall matrix that are multiplied at once
_GRAM_DIGITS = 1e4  # eigenvalues of a Gram matrix above so many roundoffs have right vectors
_FEW_OF_MANY = 4  # from so many times as many columns, a few eigenvectors come from products
_ITERATIONS = 3
_NORM_COLUMNS = 8192  # whose squares are added in the precision of the array
_SAFE_EXPONENT = {4: 40, 8: 200}  # by bytes of a real: squares within 2**-e and 2**e are safe


def product(x: Array, y: Array) -> Array:
    """Return ``x @ y``, the real factor raised to complex where the other one is."""
    names = dtype_name(x.dtype), dtype_name(y.dtype)
    if names[0] != names[1]:
        joint = promote(*names)
        x, y = cast(x, joint), cast(y, joint)
    return x @ y


def product_into(out: Array, x: Array, y: Array) -> None:
    """Write ``x @ y`` into an array of its dtype, by NumPy without a temporary."""
    if isinstance(out, np.ndarray):
        np.matmul(to_host(x), to_host(y), out=out)
    else:
        out[...] = x @ y


def multiple(x: Array, number: object) -> Array:
    """Return an array times a number, complex where either is."""
    plain = plain_number(number)
    if isinstance(plain, complex):
        x = cast(x, promote(dtype_name(x.dtype), "complex64"))
    return x * plain


def plain_number(number: Any) -> complex | float:
    """Return a Python number, real where the imaginary part is zero."""
    plain = complex(number)
    return plain if plain.imag else plain.real


def finite_factor(number: object) -> complex | float:
    """Return a Python number to multiply with.

    Raises
    ------
    NonFiniteError
        If it is NaN or infinite.
    """
    plain = plain_number(number)
    if not cmath.isfinite(plain):
        raise NonFiniteError(f"nothing can be scaled by {number}; give a finite number")
    return plain


@overload
def adjoint(x: HostArray) -> HostArray: ...
@overload
def adjoint(x: Array) -> Array: ...
def adjoint(x: Array) -> Array:
    """Return the conjugate transpose of a matrix."""
    return namespace(x).conj(x.T) if _is_complex(x) else x.T


def frobenius_norm(x: Array) -> float:
    """Return the Frobenius norm, safe from overflow and underflow."""
    xp = namespace(x)
    if math.prod(x.shape) == 0:
        return 0.0
    with quiet():
        norm = _plain_norm(xp, x)
    lost = math.isnan(norm) and not _is_complex(x)  # which squares of large complex numbers are too
    if lost or (0 < norm < math.inf and abs(math.log2(norm)) < _safe_exponent(x)):
        return norm
    exponent = scale_exponent(x)
    return _ldexp(_plain_norm(xp, rescaled(x, -exponent)), exponent)


def column_norms(x: Array) -> list[float]:
    """Return the norm of each column; 0 for those whose squares vanish beside the largest entry."""
    exponent = scale_exponent(x)
    norms = namespace(x).linalg.vector_norm(rescaled(x, -exponent), axis=0)
    return [_ldexp(float(norm), exponent) for norm in to_host(norms)]


def _plain_norm(xp: Any, x: Array) -> float:
    """Square root of the sum of squares: exact products of rows, summed in double precision."""
    rows = xp.reshape(x, (-1, x.shape[-1])) if x.ndim != 2 else by_rows(x)
    total = 0.0
    for part in cuts(int(rows.shape[1]), _NORM_COLUMNS):
        squares = xp.vecdot(rows[:, part], rows[:, part])
        squares = xp.real(squares) if _is_complex(x) else squares
        total += float(xp.sum(xp.astype(squares, xp.float64)))
    return math.sqrt(total)


def _is_complex(x: Array) -> bool:
    return is_complex(dtype_name(x.dtype))


def _ldexp(value: float, exponent: int) -> float:
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.inf


def scale_exponent(*arrays: Array) -> int:
    """Return the exponent e for which the largest entry is in [2**(e-1), 2**e).

    0 where squares and products of the entries are safe without scaling.
    """
    arrays = tuple(x for x in arrays if math.prod(x.shape))
    top = max(map(_largest, arrays), default=0.0)
    exponent = math.frexp(top)[1]
    if not math.isfinite(top) or abs(exponent) < min(map(_safe_exponent, arrays), default=0) // 2:
        return 0
    return exponent


def has_safe_squares(x: Array) -> bool:
    """Whether products of two entries that matter neither overflow nor vanish."""
    top = _largest(x) if math.prod(x.shape) else 0.0
    return math.isfinite(top) and abs(math.frexp(top)[1]) <= _safe_exponent(x)


def safe_exponent(dtype: str) -> int:
    """Return up to which power of two, and down to which, squares in a dtype are safe."""
    return _SAFE_EXPONENT[8 if dtype in ("float64", "complex128") else 4]


def _safe_exponent(x: Array) -> int:
    return safe_exponent(dtype_name(x.dtype))


def _largest(x: Array) -> float:
    xp = namespace(x)
    if not _is_complex(x):
        return max(float(xp.max(x)), -float(xp.min(x)))  # without a copy for the absolute value
    return max(_largest(xp.real(x)), _largest(xp.imag(x)))


@overload
def rescaled(x: HostArray, exponent: int) -> HostArray: ...
@overload
def rescaled(x: Array, exponent: int) -> Array: ...
@overload
def rescaled(x: DeviceSparse, exponent: int) -> DeviceSparse: ...
@overload
def rescaled(x: float, exponent: int) -> float: ...
@overload
def rescaled(x: complex, exponent: int) -> complex: ...
def rescaled(x: Array | DeviceSparse | complex, exponent: int) -> Array | DeviceSparse | complex:
    """Return an array or a number times ``2**exponent``, exactly.

    In two steps or more, since the power itself may overflow.
    """
    steps = max(2, math.ceil(abs(exponent) / 1000)) if exponent else 0
    for step in range(steps):
        x = x * math.ldexp(1.0, (exponent + step) // steps)
    return x


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
    return cuts(int(y.shape[0]), _PANEL_ROWS)


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


def _preconditioned(xp: Any, y: Array) -> Array:
    """Return a panel of the same columns and a condition that Cholesky QR can take."""
    m, k = y.shape
    gram, identity = adjoint(y) @ y, xp.eye(y.shape[1], dtype=y.dtype, device=y.device)
    size = float(xp.max(xp.sum(xp.abs(gram), axis=0)))  # bounds the largest eigenvalue
    shift = 11 * (m * k + k * (k + 1)) * unit_roundoff(dtype_name(y.dtype)) * size
    inverse = inverse_cholesky(gram + shift * identity, identity)
    return y if inverse is None else y @ inverse


def _cholesky_orthonormalize(xp: Any, y: Array) -> Array | None:
    """Cholesky QR twice, or None where the panel is too ill-conditioned for it.

    The second multiplication goes in place, a block of rows at a time.
    """
    identity = xp.eye(y.shape[1], dtype=y.dtype, device=y.device)
    inverse = inverse_cholesky(adjoint(y) @ y, identity)
    if inverse is None:
        return None
    q = y @ inverse
    gram = adjoint(q) @ q
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
    xp = namespace(y)
    gram = adjoint(y) @ y
    diagonal = xp.real(gram) if _is_complex(y) else gram
    squares = [float(diagonal[j, j]) for j in range(y.shape[1])]
    if all(0 < x < math.inf for x in squares):
        sizes = xp.asarray([math.sqrt(x) for x in squares], dtype=xp.float64, device=y.device)
        r = _cholesky(gram / sizes[:, None] / sizes[None, :])
        if r is not None:
            least = min((float(xp.abs(r[j, j])) for j in range(y.shape[1])), default=1.0)
            if least**2 > _GRAM_DIGITS * unit_roundoff(dtype_name(y.dtype)):
                return r * sizes[None, :]
    return qr_triangle(y)


def _cholesky(gram: Array) -> Array | None:
    """Return the upper Cholesky factor, or None where there is none."""
    try:
        upper: Array = namespace(gram).linalg.cholesky(gram, upper=True)
    except Exception as error:  # every library has an error class of its own
        if not _is_decomposition_failure(error):
            raise
        return None
    return upper


def inverse_cholesky(gram: Array, identity: Array) -> Array | None:
    """Return the inverse of the upper Cholesky factor, or None where there is none."""
    xp = namespace(gram)
    try:
        return xp.linalg.solve(xp.linalg.cholesky(gram, upper=True), identity)
    except Exception as error:  # every library has an error class of its own
        if not _is_decomposition_failure(error):
            raise
        return None


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
    """Return the largest singular value, by a QR of the longer side first."""
    if not min(x.shape):
        return 0.0
    r = qr_triangle(x if x.shape[0] >= x.shape[1] else adjoint(x))
    return float(namespace(r).linalg.svdvals(r)[0])


def thin_svd(x: Array) -> tuple[Array, Array, Array]:
    """Return the thin SVD ``U, s, Vh``."""
    try:
        u, s, vh = namespace(x).linalg.svd(x, full_matrices=False)
    except Exception as error:
        if _is_decomposition_failure(error) and not math.isfinite(frobenius_norm(x)):
            raise NonFiniteError("the data hold NaN or infinity, or products overflow") from error
        raise
    return u, s, vh


def as_floats(s: Array) -> tuple[float, ...]:
    """Return the entries of a real vector as numbers."""
    return tuple(float(x) for x in to_host(s))


def tail_norms(s: Sequence[float]) -> list[float]:
    """Return ``[sqrt(sum(s[k:]**2)) for k in 0..len(s)]``: the cost of truncating at every rank."""
    tails = [0.0]
    for value in reversed(s):
        tails.append(math.hypot(tails[-1], value))
    return tails[::-1]


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
