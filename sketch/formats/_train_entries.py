"""Single entries and slices of tensor trains."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._array import Array, beside, cuts, namespace, to_host
from ..errors import ShapeError

_SLICED_ENTRIES = 4_000_000  # of the slices that single entries are computed from at once


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
    step = max(1, _SLICED_ENTRIES // max(core.shape[0] * core.shape[2] for core in cores))
    blocks = [_entries(cores, points[block]) for block in cuts(points.shape[0], step)]
    return namespace(*blocks).concat(blocks)


def _entries(cores: Sequence[Array], points: np.ndarray[Any, Any]) -> Array:
    """Return the entries at points that were checked."""
    xp = namespace(cores[0])
    values = xp.ones((points.shape[0], 1, 1), **beside(cores[0]))
    for mode, core in enumerate(cores):
        slices = xp.take(
            core, xp.asarray(points[:, mode], **beside(core, "int64")), axis=1
        )  # (a, points, b)
        values = values @ xp.permute_dims(slices, (1, 0, 2))
    return values[:, 0, 0]


def _full_index(index: Any, ndim: int) -> list[Any]:
    index = index if isinstance(index, tuple) else (index,)
    if Ellipsis in index:
        at = index.index(Ellipsis)
        fill = (slice(None),) * (ndim - len(index) + 1)
        index = (*index[:at], *fill, *index[at + 1 :])
    if len(index) > ndim:
        raise ShapeError(f"too many indices: {len(index)} for order {ndim}")
    return [*index, *[slice(None)] * (ndim - len(index))]


def _places(cut: slice, core: Array) -> Array:
    """Return the indices of a slice of the mode: only some libraries take any step or stop."""
    places = range(*cut.indices(int(core.shape[1])))
    return namespace(core).asarray(list(places), **beside(core, "int64"))


def _checked_index(i: Any, size: int) -> int:
    try:
        index = operator.index(i)
    except TypeError:
        raise ShapeError(f"a tensor train takes integers and slices, got {i!r}") from None
    if not -size <= index < size:
        raise ShapeError(f"index {index} is out of bounds for a mode of size {size}")
    return index % size
