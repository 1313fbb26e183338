"""Squares of the norms of sums by inner products, with what rounding may change in them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend.array import Array, HostArray, dtype_name, namespace, to_host, unit_roundoff
from ..numerics.operator_cores import AppliedCore
from ._inner import Link, links_of, states
from ._train_algebra import representable


def squared_norm(t: Any) -> tuple[float, float]:
    """Return ``<t, t>`` of a sum of trains, CP tensors and products with operators, and its error.

    Inner products take fewer operations than a sweep of QRs, above all those of operators, whose
    cores stay apart. But much may cancel: each entry of the Gram matrix at a bond has an error of
    some roundoffs of the product of both norms, so that all of them together change the square by
    as many of ``(sum_i |l_i| |r_i|)^2``, for what is before and behind each of the bond's indices.

    Parameters
    ----------
    t : structured tensor or TensorSum
        Each term a single chain.

    Returns
    -------
    square : float
    rounding : float
        By how much rounding may change it.

    Raises
    ------
    NonFiniteError, OverflowError
        If squares are beyond the range of doubles.
    """
    terms = getattr(t, "terms", (t,))
    coefficients = [complex(c) for c in getattr(t, "coefficients", (1.0,))]
    chains = [links_of(term) for term in terms]
    total, size, roundoff = 0.0, 0.0, 0.0
    for k, (c, x) in enumerate(zip(coefficients, chains, strict=True)):
        assert x is not None
        own = list(states(x, x))
        total += abs(c) ** 2 * _value(*own[-1]).real
        size += abs(c) * _size_before_cancelling(own, x)
        roundoff = max(roundoff, unit_roundoff(dtype_name(x[0].dtype)))
        for b, y in zip(coefficients[:k], chains[:k], strict=True):
            assert y is not None
            *_, last = states(y, x)
            total += 2 * (b.conjugate() * c * _value(*last)).real
    return total, t.ndim * roundoff * size**2


def _value(state: Array, exponent: int) -> complex:
    value = complex(namespace(state).sum(state))
    return complex(representable(value, exponent, "the square of a norm"))


def _size_before_cancelling(lefts: Sequence[tuple[Array, int]], links: Sequence[Link]) -> float:
    """Return the largest over the bonds of ``sum_i |l_i| |r_i|``."""
    behind = [_reversed(link) for link in links[:0:-1]]
    rights = list(states(behind, behind))[::-1] if behind else []
    whole = math.sqrt(max(0.0, _value(*lefts[-1]).real))
    bonds = zip(lefts[:-1], rights, strict=True)
    return max([whole, *(_crossed(left, right) for left, right in bonds)])


def _crossed(left: tuple[Array, int], right: tuple[Array, int]) -> float:
    roots = np.sqrt(_diagonal(left[0]) * _diagonal(right[0]))
    return float(np.sum(roots)) * math.pow(2.0, (left[1] + right[1]) / 2)


def _diagonal(state: Array) -> HostArray:
    """Return the squares of norms that a Gram matrix has on its diagonal."""
    found: HostArray = np.maximum(np.diagonal(to_host(state)).real, 0.0)
    return found


def _reversed(link: Link) -> Link:
    """Return a link with its bonds exchanged."""
    if isinstance(link, AppliedCore):
        return link.reversed()
    return link if link.ndim == 2 else namespace(link).permute_dims(link, (2, 1, 0))
