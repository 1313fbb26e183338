"""Schatten norms by stochastic Lanczos quadrature beside a head of exact singular values."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable

import numpy as np

from .._checks import as_number, checked_size
from ..backend.array import is_complex, silent
from ..errors import ArgumentError, NonFiniteError, PassError
from ..maps import STREAMS, Gaussian
from ..numerics.linalg import adjoint
from ..results import NormEstimate
from ..sketches import independent_seed
from ..sources import MatrixSource, as_matrix_source
from ._golub_kahan import Bidiagonal, Matrix, Products, bidiagonalized

_LEAST_PRODUCTS = 100
_TAIL = 0.36  # of the products, for the probes
_PROBES = 10  # at first
_MOST_STEPS = 25  # of the quadrature: more products make more probes
_LEAST_STEPS = 4
_SETTLED = 0.2  # of the spread of so few probes, between both rules of the quadrature
_BLOCK = 20  # of the head
_CONVERGED = 1e-2  # residual over the singular value, whose error is about the square of that
_EXACT_ENTRIES = 100_000_000  # of a dense product with the identity
_ROUNDING = 10.0  # roundoffs of the largest singular value, for each of the others


@silent
def schatten_norm(
    a: object, p: float = 1.0, *, products: int = 500, seed: int | None = 0
) -> NormEstimate:
    """Return ``||A||_p = (sum_i sigma_i^p)^{1/p}``, by default the nuclear norm, with an interval.

    The leading singular values come from a block Krylov space; the sum over all others is the
    trace of a function of A, estimated by random probes.

    Parameters
    ----------
    a : array, sparse matrix, LinearOperator, stored dataset, result of sketch, or sum of these
        Of shape (m, n), in any accepted format that can be read again.
    p : float
        Positive. 1 gives the nuclear norm (trace norm), 2 the Frobenius norm.
    products : int
        Products of A or of its adjoint with a vector to take at most, at least 100. Errors of the
        estimated part fall with the root of it.
    seed : int or None
        Fixes the probes, see `svd`.

    Returns
    -------
    NormEstimate
        With `value` and `interval()`. Exact, with kind ``"exact"``, where `products` are enough to
        know all singular values.

    Raises
    ------
    ArgumentError
        If p is not positive and finite, or `products` too few.
    ShapeError, DtypeError, NonFiniteError
        If the data cannot be multiplied.
    PassError
        If the data can be read once only.

    Notes
    -----
    ``||A||_p^p = tr (A^* A)^{p/2}``. With V the right singular vectors that have converged, a probe
    z orthogonal to V of squared norm n - k has ``E z^* (A^* A)^{p/2} z = sum_{i>k} sigma_i^p``; all
    probes go through one block Golub-Kahan process, whose quadrature is at least as accurate as
    that of each alone [1]_. Deflation takes the variance of the large singular values away [2]_,
    the common norm of the probes that of flat spectra. Rules of Gauss and of Gauss and Radau
    enclose each term. The interval is Student's for the mean over the probes, widened by half of
    the distance of both rules and by rounding.

    Costs about `products` products, read in `products / 20` readings or fewer, and ``O((m + n)
    products^2 / 4)`` operations.

    References
    ----------
    .. [1] S. Ubaru, J. Chen, Y. Saad, "Fast estimation of tr(f(A)) via stochastic Lanczos
       quadrature", SIAM J. Matrix Anal. Appl. 38 (2017) 1075-1099, doi:10.1137/16M1104974.
    .. [2] R. Meyer, C. Musco, C. Musco, D. Woodruff, "Hutch++: optimal stochastic trace
       estimation", SOSA 2021, arXiv:2010.09649.
    .. [3] E. Epperly, J. Tropp, R. Webber, "XTrace: making the most of every sample in stochastic
       trace estimation", SIAM J. Matrix Anal. Appl. 45 (2024), doi:10.1137/23M1548323.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> a = np.random.default_rng(0).standard_normal((2000, 600))
    >>> found = sketch.schatten_norm(a)
    >>> low, high = found.interval()
    >>> bool(low <= np.linalg.norm(a, "nuc") <= high < 1.05 * low)
    True
    """
    if not 0 < as_number(p) < math.inf:
        raise ArgumentError(
            f"p must be positive and finite, got {p}; the largest singular value (p = inf) is "
            "spectral_norm(a)"
        )
    budget = checked_size(products, "products")
    if budget < _LEAST_PRODUCTS:
        raise ArgumentError(f"products must be at least {_LEAST_PRODUCTS}, got {budget}")
    own = independent_seed(seed, a)
    source = read_again(a)
    by, size = Products.shorter(source)
    m, n = source.shape
    other = n if size == m else m
    if 2 * size <= budget and (other is None or size * other <= _EXACT_ENTRIES):
        return _exact(by, size, float(p))
    field = "complex" if is_complex(source.dtype) else "real"
    draw = functools.partial(Gaussian().draw, own, start=0, stop=size, field=field)
    return _estimated(by, draw, size, float(p), budget)


def read_again(a: object) -> MatrixSource:
    """Return the adapter of a matrix that several readings are possible of.

    Raises
    ------
    PassError
        If it can be read once only.
    """
    source = as_matrix_source(a)
    if source.single_use:
        raise PassError("a norm needs several readings; give data that can be read again")
    return source


def _exact(by: Products, size: int, p: float) -> NormEstimate:
    """Return the norm from all singular values, those of the product with the identity."""
    s = np.linalg.svd(by.times(np.eye(size)), compute_uv=False)
    scale = float(s[0]) if s.size else 0.0
    total = float(np.sum((s / scale) ** p)) if scale else 0.0
    floor = _rounding(by, size, p) / total if total else 0.0
    value = _root(scale, total, p, by.exponent)
    return NormEstimate(value, p, "exact", 0.0, 0, floor, by.count)


def _estimated(
    by: Products, draw: Callable[..., Matrix], size: int, p: float, budget: int
) -> NormEstimate:
    """Return the norm from converged singular values, and probes of all that is orthogonal.

    A first few probes tell how many steps their quadrature needs; more probes take what is left.
    """
    most = min(_MOST_STEPS, max(_LEAST_STEPS, round(_TAIL * budget / (2 * _PROBES))))
    head = (budget // 2 - max(_PROBES * most, round(_TAIL * budget / 2))) // _BLOCK
    s, v = _converged(by, draw(STREAMS["range"], width=_BLOCK), max(0, head))
    x, r = _orthogonal_probes(draw(STREAMS["error"], width=_PROBES), v)
    top = float(s[0]) if s.size else float(np.linalg.norm(by.times(x[:, :1])))
    if not top:
        return NormEstimate(0.0, p, "exact", 0.0, 0, 0.0, by.count)

    def is_settled(found: Bidiagonal) -> bool:
        gauss, radau = found.quadratic_forms(r, p, top)
        spread = np.std(gauss + radau) / math.sqrt(_PROBES)
        return bool(abs(np.mean(gauss - radau)) <= _SETTLED * spread)

    process = bidiagonalized(by, x, most, v, is_settled)
    gauss, radau = process.quadratic_forms(r, p, top)
    more = min(size - v.shape[1], (budget - by.count) // (2 * process.steps))
    if more > 0 and np.std(gauss) > _rounding(by, 1, p) * np.mean(gauss):
        x, r = _orthogonal_probes(draw(STREAMS["norm"], width=more), v)
        others = bidiagonalized(by, x, process.steps, v).quadratic_forms(r, p, top)
        gauss, radau = np.hstack([gauss, others[0]]), np.hstack([radau, others[1]])
    sums = (gauss + radau) / 2
    total = float(np.sum((s / top) ** p) + np.mean(sums))
    unsettled = abs(float(np.mean(gauss - radau))) / 2
    return NormEstimate(
        value=_root(top, total, p, by.exponent),
        p=p,
        kind="heuristic",
        spread=float(np.std(sums, ddof=1)) / math.sqrt(len(sums)) / total,
        freedom=len(sums) - 1,
        floor=(unsettled + _rounding(by, size, p)) / total,
        n_products=by.count,
    )


def _root(top: float, total: float, p: float, exponent: int) -> float:
    """Return ``top * total**(1/p) * 2**exponent``."""
    log2 = math.log2(total) / p + math.log2(top) if total else -math.inf
    if log2 + exponent >= sys.float_info.max_exp:
        raise NonFiniteError(
            f"the norm is 2**{log2 + exponent:.0f}, beyond the range of doubles; take a larger p"
        )
    return math.ldexp(top * total ** (1 / p), exponent)


def _orthogonal_probes(g: Matrix, v: Matrix) -> tuple[Matrix, Matrix]:
    """Return X and R of probes ``X R`` orthogonal to V, of squared norms n - k."""
    size, known = v.shape
    for _ in range(2):
        g = g - v @ (adjoint(v) @ g)
    x, r = np.linalg.qr(g * (math.sqrt(size - known) / np.linalg.norm(g, axis=0)))
    return x, r


def _converged(by: Products, omega: Matrix, steps: int) -> tuple[Matrix, Matrix]:
    """Return leading singular values and right vectors, as many as have converged."""
    if not steps:
        return np.empty(0), omega[:, :0]
    process = bidiagonalized(by, np.linalg.qr(omega)[0], steps)
    s, v, residuals = process.singular_triples()
    open_ = np.flatnonzero(~(residuals <= _CONVERGED * s) | (s <= by.roundoff * s[:1]))
    count = int(open_[0]) if open_.size else len(s)
    return s[:count], v[:, :count]


def _rounding(by: Products, size: int, p: float) -> float:
    """Return what rounding may change in the sum, in units of its largest term."""
    return float(size * (_ROUNDING * by.roundoff) ** min(p, 1.0))
