"""Single entries and slices of tensor trains."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend.array import Array, beside, cuts, dtype_name, is_complex, namespace
from ..errors import ShapeError
from ._elements import Points, rows_at, taken
from ._train_algebra import chained

_BLOCK_ENTRIES = 400_000  # of what points carry from mode to mode at once: it stays in cache
_FEW = 4  # points, for which all else takes longer
_JOINED_FROM = 50  # points, below which joined modes save nothing
_TOGETHER, _APART = 1, 6  # time of a multiply-add in pieces, and of points apart
_STORED = 20  # time in which an entry of joined modes is kept
_JOIN, _MODE = 80_000, 30_000  # time of the calls that join two modes, and that go through one


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
    if len(points) <= _FEW:
        return _one_by_one(cores, points)
    cores, places = list(cores), [*np.ascontiguousarray(points.T)]
    if len(points) >= _JOINED_FROM:
        cores, places = _joined(cores, places)
    widest = max(core.shape[0] + core.shape[2] for core in cores)
    step = max(1, _BLOCK_ENTRIES // widest)
    blocks = [_entries(cores, [p[block] for p in places]) for block in cuts(len(points), step)]
    return namespace(*blocks).concat(blocks)


def _one_by_one(cores: Sequence[Array], points: Points) -> Array:
    """Return the entries at a few points: their rows times one slice after the other."""
    xp, found = namespace(cores[0]), []
    for point in points.tolist():
        row = cores[0][:, point[0], :]
        for core, i in zip(cores[1:], point[1:], strict=True):
            row = row @ core[:, i, :]
        found.append(row[0, :])
    return xp.concat(found)


def _joined(cores: list[Array], places: list[Points]) -> tuple[list[Array], list[Points]]:
    """Join neighbouring modes, two and two, while this costs less than it saves at the points."""
    count, modes = len(places[0]), len(cores) + 1
    while len(cores) < modes:
        modes, mode = len(cores), 0
        while mode + 1 < len(cores):
            (a, n, b), (_, m, c) = cores[mode].shape, cores[mode + 1].shape
            apart = _work(count, a, n, b) + _work(count, b, m, c)
            joint = _JOIN + (a * n) * (b + _STORED) * (m * c) + _work(count, a, n * m, c)
            if joint < apart:
                xp = namespace(cores[mode])
                both = xp.reshape(cores[mode], (a * n, b)) @ xp.reshape(cores[mode + 1], (b, m * c))
                cores[mode : mode + 2] = [xp.reshape(both, (a, n * m, c))]
                places[mode : mode + 2] = [places[mode] * m + places[mode + 1]]
            mode += 1
    return cores, places


def _work(count: int, a: int, n: int, b: int) -> int:
    """Return what going through a core (a, n, b) takes, in multiply-adds of large products."""
    return _MODE + count * a * b * (_TOGETHER if _are_shared(count, n) else _APART)


def _are_shared(count: int, n: int) -> bool:
    """Whether so many points share indices of a mode that they go through it in pieces."""
    return count >= 5 * n + 100


def _entries(cores: Sequence[Array], places: Sequence[Points]) -> Array:
    """Return the entries at checked places in every mode."""
    xp = namespace(cores[0])
    first, last = cores[0][0, :, :], cores[-1][:, :, 0]
    if len(cores) == 1:
        return rows_at(last.T, places[0])[:, 0]
    values = rows_at(first, places[0])  # (points, r)
    for core, at in zip(cores[1:-1], places[1:-1], strict=True):
        through = _in_pieces if _are_shared(len(at), int(core.shape[1])) else _each_apart
        values = through(values, core, at)
    if is_complex(dtype_name(values.dtype)):
        values = xp.conj(values)
    return xp.vecdot(values, rows_at(last.T, places[-1]))


def _in_pieces(values: Array, core: Array, places: Points) -> Array:
    """Return each row of values times the slice of the core at its place.

    Rows of one place are cut into pieces of as many, the last one filled with any other row, so
    that all products have one size.
    """
    xp, (a, n, b) = namespace(core), core.shape
    size = -(-len(places) // (2 * n))
    order, counts = _sorting(places), np.bincount(places, minlength=n)
    pieces = -(-counts // size)
    skipped = (np.cumsum(pieces) - pieces) * size - (np.cumsum(counts) - counts)
    slots = np.empty_like(order)  # of each row among those of all pieces
    slots[order] = np.arange(len(order)) + np.repeat(skipped, counts)
    filled = np.zeros(size * int(pieces.sum()), np.int64)
    filled[slots] = np.arange(len(order))
    rows = xp.reshape(rows_at(values, filled), (-1, size, a))
    products = rows @ _slices(core, np.repeat(np.arange(n), pieces))
    return rows_at(xp.reshape(products, (-1, b)), slots)


def _sorting(places: Points) -> Points:
    """Return what sorts indices; by a radix sort where they fit into 16 bits."""
    small = places.max(initial=0) < 2**16
    return np.argsort(places.astype(np.uint16) if small else places, kind="stable")


def _each_apart(values: Array, core: Array, places: Points) -> Array:
    """Return the same row by row, some at a time."""
    step = max(1, _BLOCK_ENTRIES // (core.shape[0] * core.shape[2]))
    if len(places) <= step:
        return (values[:, None, :] @ _slices(core, places))[:, 0, :]
    parts = [_each_apart(values[some, :], core, places[some]) for some in cuts(len(places), step)]
    return namespace(core).concat(parts, axis=0)


def _slices(core: Array, places: Points) -> Array:
    """Return the slices of a core (a, n, b) at places, shape (len(places), a, b)."""
    return namespace(core).permute_dims(taken(core, places, 1), (1, 0, 2))


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
