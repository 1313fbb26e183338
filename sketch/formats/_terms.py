"""Sums of no terms: zero, held as one term of zeros, so that no array in between is empty."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..backend.array import Array, beside, namespace


def with_terms(x: Array, axes: Collection[int]) -> Array:
    """Return an array of which the given axes are summed over, each of size 1 at least."""
    shape = tuple(1 if k in axes and n == 0 else n for k, n in enumerate(x.shape))
    return x if shape == tuple(x.shape) else namespace(x).zeros(shape, **beside(x))


def all_with_terms(core: Array, factors: Sequence[Array]) -> tuple[Array, list[Array]]:
    """Return the weights or the core, and the factors, of a tensor that has a term."""
    return with_terms(core, range(core.ndim)), [with_terms(factor, [1]) for factor in factors]
