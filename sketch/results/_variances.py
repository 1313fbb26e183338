"""Variances from singular values of centred rows, and what encloses the exact ones."""

from __future__ import annotations

import math
import sys

from ..backend.array import Array, cast, dtype_name, namespace, quiet, silent, widened

_FIRST, _LAST = math.ulp(0.0), sys.float_info.max  # of the positive numbers


def divisor(n_samples: float) -> float:
    """Return by what sums of squares are divided to give a variance."""
    return max(n_samples - 1, 1.0)


def variances(s: Array, n_samples: float) -> Array:
    """Return the variances along components whose singular values are given, shape (k,).

    In double precision: squares of many a single number are beyond the range of these.
    """
    with quiet():
        return spreads(s, n_samples) ** 2


@silent
def spreads(s: Array, n_samples: float) -> Array:
    """Return the roots of variances, which are within the range of numbers where they are not."""
    return widened(s) / math.sqrt(divisor(n_samples))


def enclosed(s: Array, n_samples: float, floor: float, missed: float) -> tuple[Array, Array]:
    """Return both ends that hold always, for singular values with rounding errors of a size.

    What was `missed` is positive semidefinite with that trace: it adds to any of the variances.
    Those beyond the range of numbers are enclosed by its last number and infinity, or by zero and
    its first.
    """
    xp, s = namespace(s), widened(s)
    low = variances(xp.maximum(s - floor, 0 * s), n_samples)
    high = variances(s + floor, n_samples) + missed
    high = xp.where(s + floor > 0, xp.maximum(high, 0 * s + _FIRST), high)
    return xp.where(low < math.inf, low, 0 * s + _LAST), high


def nearer(low: Array, high: Array, probable: Array, rounding: Array) -> Array:
    """Return the lesser of the upper ends and probable ones, to which rounding errors are added."""
    xp = namespace(high)
    near = xp.maximum(cast(probable, dtype_name(high.dtype)), low) + rounding
    return xp.where(near < high, near, high)
