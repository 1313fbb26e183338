"""Inner products of tensors in any formats, from their parts.

A structured tensor is here an entrywise product of chains. A link of a chain is the core (r, n, s)
of a train, or the factor (n, R) of a CP tensor, which stands for diagonal slices. Where a single
chain meets another, those of operators times trains are pairs of cores. Anything else is a sum, an
array, or its stored entries.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterator, Sequence
from typing import Any

from ..backend.array import (
    Array,
    beside,
    cast,
    cuts,
    dtype_name,
    is_complex,
    namespace,
    promote,
)
from ..errors import ShapeError
from ..numerics.linalg import adjoint, plain_number, product, rescaled
from ..numerics.operator_cores import AppliedCore
from ._elements import at_points, dense_numbers, stored_entries, vector_product
from ._foreign import as_ours
from ._train_algebra import representable
from ._train_sweeps import top_exponent

Chain = Sequence[Array]
Link = Array | AppliedCore

_BLOCK_ENTRIES = 2_000_000  # of the arrays that products of several chains go through at once


def inner_product(x: Any, y: Any) -> Any:
    """Return ``<x, y> = sum conj(x) y``, whatever the formats of both."""
    y = as_ours(y)
    shapes = tuple(x.shape), tuple(getattr(y, "shape", ()))
    if shapes[0] != shapes[1]:
        raise ShapeError(f"the shapes {shapes[0]} and {shapes[1]} differ")
    if 0 in shapes[0]:
        return 0.0
    if hasattr(y, "terms"):
        pairs = zip(y.coefficients, y.terms, strict=True)
        return plain_number(sum(c * inner_product(x, term) for c, term in pairs))
    if hasattr(x, "terms"):
        return _swapped(x, y)
    entries = stored_entries(y)
    if entries is not None:
        return vector_product(at_points(x, entries[0]), entries[1])
    if stored_entries(x) is not None:
        return _swapped(x, y)
    if hasattr(x, "_chains") and hasattr(y, "_chains"):
        x_links, y_links = links_of(x), links_of(y)
        if x_links is not None and y_links is not None:
            *_, (state, exponent) = states(x_links, y_links)
            value = plain_number(complex(namespace(state).sum(state)))
        else:
            value, exponent = _contracted(_chains_of(x), _chains_of(y))
        return representable(value, exponent, "the inner product")
    if hasattr(y, "_chains"):
        return _swapped(x, y)
    dense = dense_numbers(y)
    chains = _chains_of(x) if hasattr(x, "_chains") else []
    if len(chains) == 1:
        return _chain_with_dense(chains[0], dense)
    return vector_product(x.to_array() if chains else dense_numbers(x), dense)


def _swapped(x: object, y: object) -> complex:
    return plain_number(complex(inner_product(y, x)).conjugate())


# ---- chains with chains --------------------------------------------------------------------------


def links_of(x: object) -> Sequence[Link] | None:
    """Return the links of a structured tensor that is a single chain, or None."""
    if hasattr(x, "_links"):
        links: Sequence[Link] = x._links()
        return links
    chains = _chains_of(x)
    return chains[0] if len(chains) == 1 else None


def _chains_of(x: Any) -> Sequence[Chain]:
    chains: Sequence[Chain] = x._chains()
    return chains


def states(x: Sequence[Link], y: Sequence[Link]) -> Iterator[tuple[Array, int]]:
    """Yield for each bond of two chains the inner products (r, s) of all that is before.

    Divided by a power of two, whose exponent comes with them. The sum of the last state is that of
    the tensors.
    """
    dtype = promote(*(dtype_name(chain[0].dtype) for chain in (x, y)))
    widths = tuple(chain[0].shape[-1] if chain[0].ndim == 2 else 1 for chain in (x, y))
    like = x[0].x if isinstance(x[0], AppliedCore) else x[0]
    state, exponent = namespace(like).ones(widths, **beside(like, dtype)), 0
    for left, right in zip(x, y, strict=True):
        state = _pair_advanced(state, _in_dtype(left, dtype), _in_dtype(right, dtype))
        step = top_exponent(state)
        state, exponent = rescaled(state, -step), exponent + step
        yield state, exponent


def _in_dtype(link: Link, dtype: str) -> Link:
    return link if isinstance(link, AppliedCore) else cast(link, dtype)


def _pair_advanced(state: Array, x: Link, y: Link) -> Array:
    """Return the state (r, s) of one chain on each side after their next links."""
    xp = namespace(state)
    if not isinstance(y, AppliedCore) and y.ndim == 2:
        if not isinstance(x, AppliedCore) and x.ndim == 2:
            return state * (adjoint(x) @ y)
        return adjoint(_pair_advanced(adjoint(state), y, x))
    if isinstance(y, AppliedCore):
        moved = y.from_left(state)
    else:
        s, n, t = y.shape
        moved = xp.reshape(state @ xp.reshape(y, (s, n * t)), (-1, n, t))
    if isinstance(x, AppliedCore):
        return x.closed(moved)
    if x.ndim == 2:
        return xp.sum(adjoint(x)[:, :, None] * moved, axis=1)
    rows = x.shape[0] * x.shape[1]
    return adjoint(xp.reshape(x, (rows, -1))) @ xp.reshape(moved, (rows, -1))


def _contracted(x: Sequence[Chain], y: Sequence[Chain]) -> tuple[complex, int]:
    """Return ``sum conj(X) Y`` of two entrywise products of chains, as ``value * 2**exponent``.

    The state has an axis for the bond of every chain, those of X first.
    """
    dtype = promote(*(dtype_name(chain[0].dtype) for chain in (*x, *y)))
    widths = [chain[0].shape[-1] if chain[0].ndim == 2 else 1 for chain in (*x, *y)]
    xp = namespace(*(chain[0] for chain in (*x, *y)))
    state, exponent = xp.ones(tuple(widths), **beside(y[0][0], dtype)), 0
    for left, right in zip(zip(*x, strict=True), zip(*y, strict=True), strict=True):
        state = _advanced(state, [cast(u, dtype) for u in left], [cast(v, dtype) for v in right])
        step = top_exponent(xp.reshape(state, (1, -1)))
        state, exponent = rescaled(state, -step), exponent + step
    return plain_number(complex(xp.sum(state))), exponent


def _advanced(state: Array, left: Chain, right: Chain) -> Array:
    """Return the state of several chains after their next links, some indices at a time.

    Each link takes the bond that comes first and leaves its own behind the others, so that all are
    in order again in the end.
    """
    xp = namespace(*left, *right)
    links = [*map(_conjugate, left), *right]
    widest = math.prod(max(link.shape[0] * (link.ndim == 3), link.shape[-1]) for link in links)

    def part(block: slice) -> Array:
        moved = xp.broadcast_to(state[None, ...], (block.stop - block.start, *state.shape))
        for link in links:
            moved = _absorbed(moved, link[..., block, :])
        return xp.sum(moved, axis=0)

    blocks = cuts(int(left[0].shape[-2]), max(1, _BLOCK_ENTRIES // widest))
    return functools.reduce(operator.add, map(part, blocks))


def _absorbed(moved: Array, link: Array) -> Array:
    """Return the state (n, r, ...) of n indices after a link, (n, ..., s)."""
    xp = namespace(moved)
    (n, r), others = moved.shape[:2], moved.shape[2:]
    flat = xp.permute_dims(xp.reshape(moved, (n, r, -1)), (0, 2, 1))
    train = link.ndim == 3
    flat = flat @ xp.permute_dims(link, (1, 0, 2)) if train else flat * link[:, None, :]
    return xp.reshape(flat, (n, *others, flat.shape[2]))


def _conjugate(x: Array) -> Array:
    return namespace(x).conj(x) if is_complex(dtype_name(x.dtype)) else x


# ---- chains with dense arrays --------------------------------------------------------------------


def _chain_with_dense(chain: Chain, dense: Array) -> complex:
    """Return ``sum conj(X) Y`` of a chain and a dense Y: O(r) operations an entry."""
    xp = namespace(dense)
    rest = xp.reshape(dense, (1, -1))  # (r, entries of the modes to come)
    for link in chain:
        r, n = rest.shape[0], link.shape[-2]
        if link.ndim == 2 and r > 1:  # each row with its own column
            parted = xp.reshape(rest, (r, n, -1))
            rest = product(adjoint(link)[:, None, :], parted)[:, 0, :]
        else:
            flat = xp.reshape(link, (r * n, link.shape[-1]))
            rest = product(adjoint(flat), xp.reshape(rest, (r * n, -1)))
    return plain_number(complex(xp.sum(rest)))
