"""Scattered entries of a tensor: checked, averaged, and shared out by a hash."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._checks import checked_share
from ..backend.array import to_host
from ..backend.plain import plain
from ..errors import ArgumentError, DtypeError, NonFiniteError, ShapeError, UnseenWarning, warn
from ..numerics.index_keys import IndexKeys, Points
from ..numerics.random import point_words
from ._function_block import Values

_HELD_OUT = 1000  # entries that are held out by default, where these are between
_SHARES = 0.01, 0.1  # of all
_NAMED = 5  # indices, in a warning

Mask = NDArray[np.bool_]


def checked_points(points: Any, values: Any, shape: tuple[int, ...]) -> tuple[Points, Values]:
    """Return points and values as arrays that fit together."""
    places, given = (
        to_host(plain(x)) if hasattr(x, "shape") else np.asarray(x) for x in (points, values)
    )
    d = len(shape)
    if places.ndim != 2 or places.shape[1] != d or places.dtype.kind not in "iu":
        raise ShapeError(
            f"points must be integers of shape (n_points, {d}), got shape {places.shape} and "
            f"dtype {places.dtype}"
        )
    if given.shape != places.shape[:1]:
        raise ShapeError(
            f"values must have shape {places.shape[:1]}, one for each point; got {given.shape}"
        )
    outside = ((places < 0) | (places >= np.array(shape))).any(axis=1)
    if outside.any():
        first = int(np.argmax(outside))
        raise ShapeError(
            f"point {first}, {tuple(places[first].tolist())}, is out of bounds for the shape "
            f"{shape}"
        )
    if given.dtype.kind not in "biufc":
        raise DtypeError(f"values must be numbers, got dtype {given.dtype}")
    finite = np.isfinite(given)
    if not finite.all():
        first = int(np.argmin(finite))
        raise NonFiniteError(
            f"the value {given[first]} at point {first}, {tuple(places[first].tolist())}, is not "
            "finite; leave out the points whose values are not known"
        )
    return places.astype(np.int64), given


def averaged(points: Points, values: Values, shape: tuple[int, ...]) -> tuple[Points, Values]:
    """Return each point once, in the order of their keys, with the mean of its values."""
    _, first, each, counts = np.unique(
        IndexKeys(shape)(points), return_index=True, return_inverse=True, return_counts=True
    )
    if len(first) == len(points):
        return points[first], values[first]
    sums = np.zeros(len(first), values.dtype)
    np.add.at(sums, each, values)
    return points[first], sums / counts


def shared_out(points: Points, seed: int, holdout: float | None) -> tuple[Mask, Mask, Mask]:
    """Return which entries are fitted, which choose, and which measure."""
    count = len(points)
    if holdout is None:
        holdout = min(max(_HELD_OUT / max(1, count), _SHARES[0]), _SHARES[1])
    holdout = checked_share(holdout, "holdout")
    places = point_words(seed, points) * 2.0**-64
    choosing, measuring = places < holdout / 2, (places >= holdout / 2) & (places < holdout)
    fitted = places >= holdout
    if not (choosing.any() and measuring.any() and fitted.any()):
        raise ArgumentError(
            f"of {count} different points {int(fitted.sum())} would be fitted, "
            f"{int(choosing.sum())} choose the rank and {int(measuring.sum())} measure the error; "
            f"each needs some: give more points, or another holdout than {holdout:.3g}"
        )
    return fitted, choosing, measuring


def renumbered(points: Points) -> tuple[Points, list[NDArray[np.int64]]]:
    """Return points whose indices count the distinct ones of each mode, and these, sorted."""
    found = [np.unique(indices, return_inverse=True) for indices in points.T]
    numbers = np.stack([each for _, each in found], axis=1)
    return numbers, [distinct for distinct, _ in found]


def warn_of_unseen(points: Points, shape: tuple[int, ...]) -> None:
    """Warn of indices at which nothing is fitted."""
    count, named = 0, []
    for mode, size in enumerate(shape):
        seen = np.unique(points[:, mode])
        unseen = size - len(seen)
        if unseen:
            first = np.setdiff1d(np.arange(min(size, len(seen) + _NAMED)), seen)[:_NAMED].tolist()
            more = ", ..." * (unseen > _NAMED)
            named.append(f"mode {mode}: {', '.join(map(str, first))}{more}")
            count += unseen
    if count:
        warn(
            f"no entry is fitted at {count} indices ({'; '.join(named)}); the train is zero there",
            UnseenWarning,
        )
