"""The spectral norm of a matrix of any format, from its products with random vectors."""

from __future__ import annotations

import numpy as np

from .._checks import checked_size
from ..backend.array import is_complex, silent
from ..errors import ArgumentError
from ..maps import STREAMS, Gaussian
from ..numerics.linalg import rescaled
from ..results import SpectralEstimate
from ..sketches import independent_seed
from ._golub_kahan import Bidiagonal, Matrix, Products, bidiagonalized
from ._schatten import read_again

_BLOCK = 20  # probes
_ROUNDING = 50.0  # roundoffs of the value


@silent
def spectral_norm(a: object, *, products: int = 200, seed: int | None = 0) -> SpectralEstimate:
    """Return ``||A||_2``, the largest singular value, with an interval that has a proof.

    Of the difference of data and a result, it tells how wrong products with a vector are.

    Parameters
    ----------
    a : array, sparse matrix, LinearOperator, stored dataset, result of sketch, or sum of these
        Of shape (m, n), in any accepted format that can be read again. Differences are lazy:
        ``data - result``.
    products : int
        Products of A or of its adjoint with a vector to take at most, at least 40. Each 20 are one
        reading of stored data.
    seed : int or None
        Fixes the probes, see `svd`.

    Returns
    -------
    SpectralEstimate
        With `value` and `interval()`.

    Raises
    ------
    ArgumentError
        If `products` are too few.
    ShapeError, DtypeError, NonFiniteError
        If the data cannot be multiplied.
    PassError
        If the data can be read once only.

    Notes
    -----
    The largest Ritz value of a block Krylov space of 20 Gaussian columns G [1]_, a lower bound.
    The upper one is that of the power method with a Chebyshev polynomial in the place of a power
    [2]_: no polynomial of A can be small on G where it is large at the norm, unless the singular
    vector is nearly orthogonal to all of G, which has a known probability. Flat spectra of n
    directions are enclosed within a factor of about ``cosh(log(n) / (products / 10))``.

    References
    ----------
    .. [1] C. Musco, C. Musco, "Randomized block Krylov methods for stronger and faster approximate
       singular value decomposition", NIPS 2015, arXiv:1504.05477.
    .. [2] J. Kuczynski, H. Wozniakowski, "Estimating the largest eigenvalue by the power and
       Lanczos algorithms with a random start", SIAM J. Matrix Anal. Appl. 13 (1992) 1094-1122,
       doi:10.1137/0613066.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> a = np.random.default_rng(0).standard_normal((300, 200))
    >>> res = sketch.svd(a, rank=20)
    >>> low, high = sketch.spectral_norm(a - res).interval()
    >>> bool(low <= np.linalg.norm(a - res.to_array(), 2) <= high < 1.1 * low)
    True
    """
    budget = checked_size(products, "products")
    if budget < 2 * _BLOCK:
        raise ArgumentError(f"products must be at least {2 * _BLOCK}, got {budget}")
    own = independent_seed(seed, a)
    source = read_again(a)
    by, size = Products.shorter(source)
    floor = _ROUNDING * by.roundoff
    if size <= _BLOCK:
        s = np.linalg.svd(by.times(np.eye(size)), compute_uv=False)
        top = float(s[0]) if s.size else 0.0
        return SpectralEstimate(rescaled(top, by.exponent), 1.0, 1, 0, floor, by.count)
    field = "complex" if is_complex(source.dtype) else "real"
    g = Gaussian().draw(own, STREAMS["range"], 0, size, _BLOCK, field=field)
    x, r = np.linalg.qr(g)
    found = bidiagonalized(by, x, budget // (2 * _BLOCK))
    s = np.linalg.svd(found.c, compute_uv=False)
    top = float(s[0]) if s.size else 0.0
    degree = 2 * found.steps - 1
    is_all = not found.behind.shape[0]  # the space is invariant
    return SpectralEstimate(
        value=rescaled(top, by.exponent),
        ratio=_chebyshev_norm(found, r, top, degree) / _BLOCK**0.5,
        degree=degree,
        freedom=0 if is_all else _BLOCK * (2 if field == "complex" else 1),
        floor=floor,
        n_products=by.count,
    )


def _chebyshev_norm(found: Bidiagonal, r: Matrix, top: float, degree: int) -> float:
    """Return ``||T(A / top) X R||_2`` for the first block X of a space that holds it."""
    _, s, qh = np.linalg.svd(found.c, full_matrices=False)
    values = np.cos(degree * np.arccos(np.clip(s / (top or 1.0), 0.0, 1.0)))
    return float(np.linalg.norm(values[:, None] * (qh[:, : found.first] @ r), 2))
