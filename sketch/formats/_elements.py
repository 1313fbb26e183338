"""Elements of tensors of any kind: those that are stored, and those at given points."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend.array import (
    Array,
    HostArray,
    beside,
    cast,
    compute_dtype,
    coordinates,
    dtype_name,
    is_array,
    is_dask,
    moved,
    namespace,
    promote,
    to_host,
    widened,
)
from ..backend.plain import plain
from ..errors import DtypeError, ShapeError
from ..numerics.linalg import plain_number

Points = HostArray


def checked_points(indices: Any, shape: tuple[int, ...]) -> Points:
    """Return indices (n_points, d) as integers that are not negative.

    Raises
    ------
    ShapeError
        If they are no integers, do not fit the shape, or lie outside of it.
    """
    points = np.asarray(to_host(indices) if hasattr(indices, "shape") else indices)
    if points.ndim != 2 or points.shape[1] != len(shape) or points.dtype.kind not in "iu":
        raise ShapeError(
            f"indices must be integers of shape (n_points, {len(shape)}), got shape "
            f"{points.shape} and dtype {points.dtype}"
        )
    unsigned, sizes = points.dtype.kind == "u", np.array(shape)
    points = points.astype(np.int64)
    if not unsigned:
        points += np.where(points < 0, sizes, 0)
    if not (points.view(np.uint64) < sizes.view(np.uint64)).all():  # no negative one either
        raise ShapeError(f"indices are out of bounds for the shape {shape}")
    return points


def stored_entries(x: Any) -> tuple[Points, HostArray] | None:
    """Return the places (n_points, d) and values of a sparse tensor, None for others.

    Entries at one place add up.

    Raises
    ------
    DtypeError
        If the tensor is not zero where nothing is stored.
    """
    found = coordinates(x)
    if found is not None:
        return found[0].T, found[1]
    if not (hasattr(x, "tocoo") or hasattr(x, "asformat")):
        return None
    if getattr(x, "fill_value", 0):
        raise DtypeError(
            f"a {type(x).__name__} with the fill value {x.fill_value} is not sparse here; give its "
            "difference to that value, and the value as a CPTensor"
        )
    coo = x.asformat("coo")
    values = np.asarray(coo.data).astype(compute_dtype(coo.dtype))  # narrow integers would wrap
    return np.stack([np.asarray(index) for index in coo.coords], axis=1), values


def at_points(x: Any, points: Points) -> Any:
    """Return the entries of a structured, dense or sparse tensor at points (n_points, d)."""
    if hasattr(x, "_at_points"):
        return x._at_points(points)
    stored = stored_entries(x)
    if stored is not None:
        return _summed_at(*stored, points, tuple(x.shape))
    dense = dense_numbers(x)
    return rows_at(namespace(dense).reshape(dense, (-1,)), _keys(points, tuple(x.shape)))


def rows_at(x: Array, places: Points) -> Array:
    """Return the items of the first axis at places."""
    return taken(x, places, 0)


def taken(x: Array, places: Points, axis: int) -> Array:
    """Return the items of an axis at places."""
    if isinstance(x, np.ndarray):  # the calls of the standard would take most of the time
        return x.take(places, axis)
    xp = namespace(x)
    return xp.take(x, xp.asarray(places, **beside(x, "int64")), axis=axis)


def _summed_at(
    stored: Points, values: HostArray, points: Points, shape: tuple[int, ...]
) -> HostArray:
    """Return the sums of stored values at points."""
    keys = _keys(np.concatenate([stored, points]), shape)
    known, ids = np.unique(keys, return_inverse=True)
    sums = np.zeros(known.size, values.dtype)
    np.add.at(sums, ids[: len(stored)], values)
    return sums[ids[len(stored) :]]


def _keys(points: Points, shape: tuple[int, ...]) -> Points:
    """Return one integer for each point, the same for the same point."""
    if math.prod(shape) < 2**63:
        keys: Points = np.ravel_multi_index(tuple(points.T), shape)
    else:
        keys = np.unique(points, axis=0, return_inverse=True)[1].reshape(-1)
    return keys


def transposed(x: Any) -> Any:
    """Return a tensor of any kind with its axes in the opposite order."""
    found = coordinates(x)
    if found is not None:
        from scipy.sparse import coo_array

        return coo_array((found[1], tuple(found[0][::-1])), shape=tuple(reversed(x.shape)))
    if is_array(x) and hasattr(x, "asformat") and not hasattr(x, "transpose"):  # a DOK
        x = x.asformat("coo")
    if is_array(x):
        return namespace(x).permute_dims(x, tuple(reversed(range(x.ndim))))
    if not hasattr(x, "T"):
        raise DtypeError(f"a {type(x).__name__} has no transpose")
    return x.T


def dense_numbers(x: object) -> Array:
    """Return an array in a dtype that is computed with.

    Raises
    ------
    DtypeError
        If it is no array in memory.
    """
    numbers = plain(x)
    if not is_array(numbers) or is_dask(numbers):
        raise DtypeError(
            f"there is no inner product with a {type(x).__name__}, nor its entries; give a train, "
            "another structured tensor, a sum of these, a sparse tensor, or an array in memory"
        )
    return cast(numbers, compute_dtype(dtype_name(numbers.dtype)))


def vector_product(x: Array, y: Array) -> complex:
    """Return ``sum conj(x) y`` of two arrays of one shape: rows added up in double precision."""
    dtype = promote(dtype_name(x.dtype), dtype_name(y.dtype))
    like = y if isinstance(x, np.ndarray) else x
    x, y = (moved(cast(z, dtype), like) for z in (x, y))
    xp = namespace(x)
    x, y = (xp.reshape(z, (1, -1) if z.ndim < 2 else (-1, z.shape[-1])) for z in (x, y))
    return plain_number(complex(xp.sum(widened(xp.vecdot(x, y)))))
