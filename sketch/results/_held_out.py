"""The error of a result from entries that were held out, drawn at random and evenly."""

from __future__ import annotations

import math

from ..backend.array import Array, namespace, silent
from ..numerics.linalg import frobenius_norm
from ._error import ErrorEstimate
from ._laws import ChiSquare

_CAUTION = 2.0  # of the kurtosis, which samples show too small
_LEAST_FREEDOM = 20.0  # below which a few entries decide and no law is known


def held_out_error(residuals: Array, norm: float, floor: float) -> ErrorEstimate:
    """Return the error of a result from its residuals at p random entries.

    Parameters
    ----------
    residuals : array, shape (p,)
        Data less result, each over the root of the probability that its entry is drawn with: times
        ``sqrt(N)`` for an even sample of N entries.
    norm : float
        Of the data.
    floor : float
        Of rounding.

    Notes
    -----
    The mean square is unbiased for the squared error. Its relative variance is ``(kurtosis - 1) /
    p``, that of a chi-square variable of ``2 p / (kurtosis - 1)`` degrees of freedom
    (Satterthwaite), which serves as its law, with twice the kurtosis that the residuals show. Where
    these are so uneven that fewer than 20 degrees of freedom are left, or nothing but zeros, the
    estimate is heuristic.
    """
    count = int(residuals.shape[0])
    size = frobenius_norm(residuals)
    freedom = _degrees_of_freedom(residuals, size)
    return ErrorEstimate(
        residual=size / math.sqrt(count),
        norm=norm,
        kind="unbiased" if freedom >= _LEAST_FREEDOM else "heuristic",
        method=f"{count} held-out entries",
        floor=floor,
        law=ChiSquare(freedom),
        orthogonal=False,
    )


@silent
def _degrees_of_freedom(residuals: Array, size: float) -> float:
    if not size > 0:
        return 0.0
    xp, count = namespace(residuals), int(residuals.shape[0])
    squares = xp.abs(residuals / size) ** 2  # of sum 1
    kurtosis = count * float(xp.sum(squares**2))
    return 2 * count / max(1.0, _CAUTION * kurtosis - 1)
