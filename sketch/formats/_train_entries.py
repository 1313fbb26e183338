"""Single entries and slices of tensor trains."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend.array import Array, beside, cuts, namespace, to_host
from ..errors import ShapeError

_BLOCK_ENTRIES = 4_000_000  # of the arrays that entries are computed from at once
_SHARING = 8  # points that share an index, from which one product for them all is faster

Points = NDArray[Any]


def sliced(cores: Sequence[Array], index: Any) -> Any:
    """Return an entry for integers, the cores of the slices otherwise."""
    index = _full_index(index, len(cores))
    xp = namespace(cores[0])
    kept: list[Array] = []
    carried = xp.ones((1, 1), **beside(cores[0]))  # product of the fixed modes on the way
    for i, core in zip(index, cores, strict=True):
        if isinstance(i, slice):
            a, _, b = core.shape
            part = xp.take(core, _places(i, core), axis=1)
            flat = carried @ xp.reshape(part, (a, -1))
            kept.append(xp.reshape(flat, (-1, part.shape[1], b)))
            carried = xp.eye(b, **beside(core))
        else:
            carried = carried @ core[:, _checked_index(i, int(core.shape[1])), :]
    if not kept:
        return carried[0, 0]
    a, n, b = kept[-1].shape
    kept[-1] = xp.reshape(xp.reshape(kept[-1], (a * n, b)) @ carried, (a, n, -1))
    return kept


def entries(cores: Sequence[Array], indices: Any) -> Array:
    """Return the entries at indices (n_points, d), some at a time."""
    shape = tuple(int(core.shape[1]) for core in cores)
    points = np.asarray(to_host(indices) if hasattr(indices, "shape") else indices)
    if points.ndim != 2 or points.shape[1] != len(shape) or points.dtype.kind not in "iu":
        raise ShapeError(
            f"indices must be integers of shape (n_points, {len(shape)}), got shape "
            f"{points.shape} and dtype {points.dtype}"
        )
    sizes = np.array(shape)
    if ((points < -sizes) | (points >= sizes)).any():
        raise ShapeError(f"indices are out of bounds for the shape {shape}")
    points = np.where(points < 0, points + sizes, points)
    if not len(points):
        return namespace(cores[0]).zeros((0,), **beside(cores[0]))
    widest = max(core.shape[0] + core.shape[2] for core in cores)
    step = max(1, _BLOCK_ENTRIES // widest)
    blocks = [_entries(cores, points[block]) for block in cuts(points.shape[0], step)]
    return namespace(*blocks).concat(blocks)


def _entries(cores: Sequence[Array], points: Points) -> Array:
    """Return the entries at points that were checked."""
    xp = namespace(cores[0])
    first, last = cores[0][0, :, :], cores[-1][:, :, 0]
    if len(cores) == 1:
        return xp.take(last[0, :], _index(points[:, 0], last), axis=0)
    values = xp.take(first, _index(points[:, 0], first), axis=0)  # (points, r)
    order = np.arange(len(points))  # which point each row of values is of
    for mode, core in enumerate(cores[1:-1], 1):
        places = points[order, mode]
        if len(points) < _SHARING * core.shape[1]:
            values = _each_apart(values, core, places)
            continue
        sorting = np.argsort(places, kind="stable")
        values = _by_index(xp.take(values, _index(sorting, values), axis=0), core, places[sorting])
        order = order[sorting]
    final = xp.take(last.T, _index(points[order, -1], last), axis=0)
    found = xp.sum(values * final, axis=1)
    return xp.take(found, _index(np.argsort(order, kind="stable"), found), axis=0)


def _by_index(values: Array, core: Array, places: Points) -> Array:
    """Return each row of values times the slice of the core at its place, sorted by places."""
    edges = np.searchsorted(places, np.arange(core.shape[1] + 1))
    groups = [
        values[start:stop, :] @ core[:, i, :]
        for i, (start, stop) in enumerate(itertools.pairwise(edges.tolist()))
        if stop > start
    ]
    return namespace(core).concat(groups, axis=0)


def _each_apart(values: Array, core: Array, places: Points) -> Array:
    """Return the same where few points share an index, some at a time."""
    xp = namespace(core)
    slices = xp.permute_dims(core, (1, 0, 2))
    step = max(1, _BLOCK_ENTRIES // (core.shape[0] * core.shape[2]))
    parts = []
    for some in cuts(len(places), step):
        taken = xp.take(slices, _index(places[some], core), axis=0)  # (points, a, b)
        parts.append((values[some, None, :] @ taken)[:, 0, :])
    return xp.concat(parts, axis=0)


def _index(places: Points, like: Array) -> Array:
    return namespace(like).asarray(places, **beside(like, "int64"))


def _full_index(index: Any, ndim: int) -> list[Any]:
    index = index if isinstance(index, tuple) else (index,)
    dots = [place for place, i in enumerate(index) if i is Ellipsis]
    if len(dots) > 1:
        raise ShapeError("an index has one ellipsis at most")
    if dots:
        (at,) = dots
        fill = (slice(None),) * (ndim - len(index) + 1)
        index = (*index[:at], *fill, *index[at + 1 :])
    if len(index) > ndim:
        raise ShapeError(f"too many indices: {len(index)} for order {ndim}")
    return [*index, *[slice(None)] * (ndim - len(index))]


def _places(cut: slice, core: Array) -> Array:
    """Return the indices of a slice of the mode: only some libraries take any step or stop."""
    try:
        places = range(*cut.indices(int(core.shape[1])))
    except TypeError:
        raise ShapeError(f"slices need integers, got {cut}") from None
    if not places:
        raise ShapeError(f"{cut} takes nothing from a mode of size {core.shape[1]}")
    return namespace(core).asarray(list(places), **beside(core, "int64"))


def _checked_index(i: Any, size: int) -> int:
    try:
        if isinstance(i, bool) or (hasattr(i, "ndim") and i.ndim):
            raise TypeError
        index = operator.index(i)
    except TypeError:
        raise ShapeError(
            f"a tensor train takes integers and slices, got {i!r}; entries() takes lists of points"
        ) from None
    if not -size <= index < size:
        raise ShapeError(f"index {index} is out of bounds for a mode of size {size}")
    return index % size
