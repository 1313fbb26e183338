"""Variances from singular values of centred rows, and what encloses the exact ones."""

from __future__ import annotations

import math

from ..backend.array import Array, cast, dtype_name, namespace, quiet, widened


def divisor(n_samples: float) -> float:
    """Return by what sums of squares are divided to give a variance."""
    return max(n_samples - 1, 1.0)


def variances(s: Array, n_samples: float) -> Array:
    """Return the variances along components whose singular values are given, shape (k,).

    In double precision: squares of many a single number are beyond the range of these.
    """
    with quiet():
        return (widened(s) / math.sqrt(divisor(n_samples))) ** 2


def enclosed(s: Array, n_samples: float, floor: float, missed: float) -> tuple[Array, Array]:
    """Return both ends that hold always, for singular values with rounding errors of a size.

    What was `missed` is positive semidefinite with that trace: it adds to any of the variances.
    """
    s = widened(s)
    low = variances(namespace(s).maximum(s - floor, 0 * s), n_samples)
    return low, variances(s + floor, n_samples) + missed


def nearer(low: Array, high: Array, probable: Array, rounding: Array) -> Array:
    """Return the lesser of the upper ends and probable ones, to which rounding errors are added."""
    xp = namespace(high)
    return xp.minimum(high, xp.maximum(cast(probable, dtype_name(high.dtype)), low) + rounding)
