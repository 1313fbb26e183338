"""The randomized SVD of Halko, Martinsson and Tropp, and three ways to know its error."""

from __future__ import annotations

import math

from ..backend.array import Array, namespace
from ..numerics.factorizations import spectral_norm, wide_svd
from ..numerics.linalg import as_floats, frobenius_norm
from ..results import (
    Certain,
    ChiSquare,
    ErrorEstimate,
    FoundSpectrum,
    LowRank,
    Relation,
    rounding_floor,
)

_UNBLOCKED = 1_000_000  # multiplications of products that add up each entry in one go: measured
_LONGEST_SUM = 4096  # terms that any other product adds up before it begins anew
_LEAST_DIGITS = 16  # and of this many errors of its terms
_IDENTITY_DIGITS = 4096  # the identity needs a squared relative error of this many roundoffs


def hmt(
    b: Array, error: ErrorEstimate, residual: Array | None, probes: int, dof_each: int
) -> LowRank:
    """Return the SVD of ``B = Q^* A``, the approximation in its basis Q of the range.

    Parameters
    ----------
    b : array, shape (k, n)
    error : ErrorEstimate
        Of ``E = A - Q B``.
    residual : array, optional
        Products of E with Gaussian probes.
    probes, dof_each : int
        See `probe_error`.

    References
    ----------
    .. [1] N. Halko, P.-G. Martinsson, J. Tropp, "Finding structure with randomness", SIAM Rev. 53
       (2011) 217-288, arXiv:0909.4061, section 5.1.
    """
    u, s, vh = wide_svd(b)
    spectrum = None
    if error.kind == "exact":
        spectrum = FoundSpectrum(as_floats(s), "projection", certain=error.interval()[1])
    if residual is not None:
        certain = math.inf if spectrum is None else spectrum.certain
        spectrum = probed_spectrum(s, "projection", residual, probes, dof_each, certain)
    return LowRank(u, s, vh, error, spectrum=spectrum)


def probed_spectrum(
    s: Array,
    relation: Relation,
    residual: Array,
    probes: int,
    dof_each: int,
    certain: float = math.inf,
) -> FoundSpectrum:
    """Return what singular values and probes of what they miss tell of those of the data.

    Parameters
    ----------
    s : array, shape (k,)
        Of the approximation.
    relation : str
        See `FoundSpectrum`.
    residual : array
        ``E G`` or ``G^* E``, entries of G of mean square 1.
    probes, dof_each : int
        See `probe_error`.
    certain : float
        Bound of ``||E||_F``.
    """
    return FoundSpectrum(
        as_floats(s),
        relation,
        probed=spectral_norm(residual) / math.sqrt(probes),
        size=frobenius_norm(residual) / math.sqrt(probes),
        degrees=dof_each * probes,
        certain=certain,
    )


def probe_error(
    residual: Array,
    *,
    captured: float,
    columns: int,
    probes: int,
    dof_each: int,
    roundoff: float,
    summing: float = 0.0,
    orthogonal: bool = True,
) -> ErrorEstimate:
    """Estimate ``||A - Ahat||`` from its products with independent Gaussian probes.

    ``est^2 = ||(A - Ahat) G||_F^2 / p`` is unbiased for any approximation that never saw G.

    Parameters
    ----------
    residual : array
        ``(A - Ahat) G`` or ``Theta^* (A - Ahat)``, entries of G of mean square 1.
    captured : float
        Norm of the approximation, to which the error adds by Pythagoras.
    columns : int
        Columns of the sketch.
    probes : int
        Columns of G.
    dof_each : int
        1 for real, 2 for complex probes.
    roundoff : float
        Of the precision in which the products were computed.
    summing : float
        See `summing_error`.
    orthogonal : bool
        Whether the approximation is a projection.
    """
    value = frobenius_norm(residual) / math.sqrt(probes)
    norm = math.hypot(captured, value)
    return ErrorEstimate(
        residual=value,
        norm=norm,
        kind="unbiased",
        method="Gaussian probes",
        floor=rounding_floor(norm, columns, roundoff, summing),
        law=ChiSquare(dof_each * probes),
        orthogonal=orthogonal,
    )


def leave_one_out(r: Array) -> float:
    """Return the root mean square error of the ranges that leave out one column of ``Y = A Omega``.

    Parameters
    ----------
    r : array, shape (k, k)
        ``Q^* Y`` for an orthonormal basis Q of Y.

    Notes
    -----
    ``est^2 = mean_i 1 / ||e_i^T R^{-1}||^2`` with ``Y = Q R``: free, and too large by about the
    gain of the last column.

    References
    ----------
    .. [1] E. Epperly, J. Tropp, "Efficient error and variance estimation for randomized matrix
       computations", SISC 46 (2024), doi:10.1137/23M1558537, arXiv:2207.06342, section 2.
    """
    xp = namespace(r)
    if r.shape[0] < r.shape[1]:  # more columns than rows: the range is all there is
        return 0.0
    _, s, vh = xp.linalg.svd(r)
    tiny = float(xp.finfo(s.dtype).smallest_normal)
    rows = xp.sum(xp.abs(vh) ** 2 / xp.square(xp.maximum(s, tiny**0.5 + 0 * s))[:, None], axis=0)
    return math.sqrt(float(xp.mean(1 / rows)))


def leave_one_out_error(
    left_out: float, captured: float, columns: int, roundoff: float, summing: float = 0.0
) -> ErrorEstimate:
    """Return the leave-one-out estimate: an upper bound of known law, no lower one."""
    norm = math.hypot(captured, left_out)
    return ErrorEstimate(
        residual=left_out,
        norm=norm,
        kind="conservative",
        method="leave-one-out",
        floor=rounding_floor(norm, columns, roundoff, summing),
        law=ChiSquare(columns, one_sided=True),
    )


def summing_error(b: Array, rows: int, roundoff: float) -> float:
    """Return by what rounding may change the sums in ``B = Q^* A``, relative to them.

    Terms of one sign that are alike, as of constant data, round the same way at each addition: by
    half a roundoff of the partial sum at most, which makes a quarter of a roundoff a term. Sums of
    random signs do not show it.
    """
    size = max(1, int(b.shape[0]) * int(b.shape[1]))
    in_one_go = min(rows, max(_LONGEST_SUM, _UNBLOCKED // size))
    return in_one_go / 4 * roundoff


def identity_error(
    norm: float, b: Array, roundoff: float, summing: float = 0.0, blurred: float = 1.0
) -> ErrorEstimate | None:
    """Return ``sqrt(||A||^2 - ||B||^2)``, or None where the difference has lost its digits.

    Rounding errors in ``||B||^2`` are `blurred` so many times as in a product.
    """
    captured = frobenius_norm(b)
    if not 0 < norm < math.inf:
        return None
    squared = (1 - captured / norm) * (1 + captured / norm)
    blur = 16 * roundoff + 2 * summing  # squares differ by 5 roundoffs at most, as measured
    blur *= blurred
    if squared < max(_IDENTITY_DIGITS * roundoff, _LEAST_DIGITS * blur):
        return None
    return ErrorEstimate(
        residual=norm * math.sqrt(squared),
        norm=norm,
        kind="exact",
        method="norm identity",
        floor=rounding_floor(norm, int(b.shape[0]), roundoff, summing),
        law=Certain(blur=blur / squared),
    )
