"""Single entries and slices of tensor trains."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend.array import Array, beside, cuts, dtype_name, is_complex, namespace
from ..errors import ShapeError
from ._elements import Points, rows_at
from ._train_algebra import chained

_BLOCK_ENTRIES = 4_000_000  # of the arrays that entries are computed from at once
_SHARING = 8  # points that share an index, from which one product for them all is faster
_JOINING = 4  # by which operations saved exceed those that a joint core takes


def sliced(cores: Sequence[Array], index: object) -> Any:
    """Return an entry for integers, the cores of the slices otherwise."""
    parts = [
        _taken(core, i) if isinstance(i, slice) else core[:, _checked_index(i, core.shape[1]), :]
        for i, core in zip(_full_index(index, len(cores)), cores, strict=True)
    ]
    return chained(parts)


def entries(cores: Sequence[Array], points: Points) -> Array:
    """Return the entries at checked points (n_points, d), some at a time."""
    if not len(points):
        return namespace(cores[0]).zeros((0,), **beside(cores[0]))
    cores, places = _joined(list(cores), list(points.T))
    widest = max(core.shape[0] + core.shape[2] for core in cores)
    step = max(1, _BLOCK_ENTRIES // widest)
    blocks = [_entries(cores, [p[block] for p in places]) for block in cuts(len(points), step)]
    return namespace(*blocks).concat(blocks)


def _joined(cores: list[Array], places: list[Points]) -> tuple[list[Array], list[Points]]:
    """Join neighbouring modes where this costs less than it saves at the points."""
    mode = 0
    while mode + 1 < len(cores):
        (a, n, b), (_, m, c) = cores[mode].shape, cores[mode + 1].shape
        saved = len(places[0]) * (a * b + b * c - a * c)
        if _JOINING * (a * n) * b * (m * c) > saved:
            mode += 1
            continue
        xp = namespace(cores[mode])
        both = xp.reshape(cores[mode], (a * n, b)) @ xp.reshape(cores[mode + 1], (b, m * c))
        cores[mode : mode + 2] = [xp.reshape(both, (a, n * m, c))]
        places[mode : mode + 2] = [places[mode] * m + places[mode + 1]]
    return cores, places


def _entries(cores: Sequence[Array], places: Sequence[Points]) -> Array:
    """Return the entries at checked places in every mode.

    Where points are many, they are sorted by their index in an inner mode, so that one product
    serves all that share an index.
    """
    xp = namespace(cores[0])
    first, last = cores[0][0, :, :], cores[-1][:, :, 0]
    if len(cores) == 1:
        return rows_at(last.T, places[0])[:, 0]
    order = np.arange(len(places[0]))
    if len(cores) > 2 and _are_shared(places[1], cores[1]):
        order = _sorting(places[1])
    values = rows_at(first, places[0][order])  # (points, r)
    for mode, core in enumerate(cores[1:-1], 1):
        if not _are_shared(order, core):
            values = _each_apart(values, core, places[mode][order])
            continue
        if mode > 1:
            sorting = _sorting(places[mode][order])
            values, order = rows_at(values, sorting), order[sorting]
        values = _by_index(values, core, places[mode][order])
    if is_complex(dtype_name(values.dtype)):
        values = xp.conj(values)
    found = xp.vecdot(values, rows_at(last.T, places[-1][order]))
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return rows_at(found, back)


def _are_shared(points: Points, core: Array) -> bool:
    """Whether so many points share an index of a mode that sorting them pays."""
    return len(points) >= _SHARING * int(core.shape[1])


def _sorting(places: Points) -> Points:
    """Return what sorts indices; by a radix sort where they fit into 16 bits."""
    small = places.max(initial=0) < 2**16
    return np.argsort(places.astype(np.uint16) if small else places, kind="stable")


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
    step = max(1, _BLOCK_ENTRIES // (core.shape[0] * core.shape[2]))
    parts = []
    for some in cuts(len(places), step):
        at = xp.asarray(places[some], **beside(core, "int64"))
        taken = xp.permute_dims(xp.take(core, at, axis=1), (1, 0, 2))  # (points, a, b)
        parts.append((values[some, None, :] @ taken)[:, 0, :])
    return xp.concat(parts, axis=0)


def _full_index(index: object, ndim: int) -> list[Any]:
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


def _taken(core: Array, cut: slice) -> Array:
    """Return a core at the indices of a slice: only some libraries take any step or stop."""
    try:
        places = range(*cut.indices(int(core.shape[1])))
    except TypeError:
        raise ShapeError(f"slices need integers, got {cut}") from None
    if not places:
        raise ShapeError(f"{cut} takes nothing from a mode of size {core.shape[1]}")
    xp = namespace(core)
    return xp.take(core, xp.asarray(list(places), **beside(core, "int64")), axis=1)


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
