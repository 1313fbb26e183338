"""Norms of tensors in any formats."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

from ..backend.array import Array, beside, coordinates, dtype_name, is_array, namespace, promote
from ..numerics.linalg import frobenius_norm, multiple
from ._inner import Chain, inner_product
from ._train_algebra import hadamard, representable, summed
from ._train_sweeps import train_norm

_EXACT_RANK = 100  # of trains that are formed, so that nothing cancels
_EXACT_ENTRIES = 20_000_000  # of the largest of their cores


def norm(x: Any) -> float:
    """Return the Frobenius norm, see `Summable.norm`."""
    limit = min(_EXACT_RANK, math.isqrt(_EXACT_ENTRIES // max(1, *x.shape)))
    cores = exact_cores(x, limit)
    if cores is not None:
        return float(representable(*train_norm(cores), "the norm"))
    if any(is_array(term) and coordinates(term) is None for term in getattr(x, "terms", ())):
        return frobenius_norm(x.to_array())
    return math.sqrt(max(0.0, complex(inner_product(x, x)).real))


def exact_cores(x: object, limit: int) -> list[Array] | None:
    """Return the cores of a train that equals a structured tensor, or a sum of such.

    None where there is no such train of ranks up to the limit.
    """
    parts = _exact_parts(x, limit)
    if parts is None:
        return None
    return summed(parts, promote(*(dtype_name(cores[0].dtype) for cores in parts)))


def _exact_parts(x: Any, limit: int) -> list[Sequence[Array]] | None:
    """Return the trains of the sum, whose ranks add up to the limit at most."""
    parts: list[Sequence[Array]] = []
    if hasattr(x, "terms"):
        for coefficient, term in zip(x.coefficients, x.terms, strict=True):
            found = _exact_parts(term, limit)
            if found is None:
                return None
            parts += [[multiple(first, coefficient), *others] for first, *others in found]
    elif max(getattr(x, "ranks", ()), default=1) > limit:  # before products are formed
        return None
    elif hasattr(x, "_chains"):
        chains = x._chains()
        bonds = [
            math.prod(int(link.shape[-1]) for link in links) for links in zip(*chains, strict=True)
        ]
        if max(bonds[:-1], default=1) > limit:
            return None
        parts = [functools.reduce(hadamard, map(chain_cores, chains))]
    ranks = (sum(int(core.shape[2]) for core in cores) for cores in zip(*parts, strict=True))
    return parts if parts and max(ranks) <= limit else None


def chain_cores(chain: Chain) -> Sequence[Array]:
    """Return the cores of a train that equals a chain: diagonal ones for factors (n, R)."""
    if chain[0].ndim == 3:
        return chain
    first, *others = chain
    xp = namespace(first)
    if not others:
        return [xp.sum(first, axis=1)[None, :, None]]
    identity = xp.eye(first.shape[1], **beside(first))
    inner = [identity[:, None, :] * link[None, :, :] for link in others[:-1]]
    return [first[None, :, :], *inner, others[-1].T[:, :, None]]
