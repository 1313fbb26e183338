"""Where a chunk goes: given, or after the last one on an axis that grows."""

from __future__ import annotations

import operator
from typing import Any

from ..errors import ShapeError
from ._method import AnyMethod
from ._state import State

Place = tuple[int, ...]

_FARTHEST = 2**53  # entries along an axis, which are told apart by their numbers


def current_shape(spec: AnyMethod, state: State) -> Place:
    """Return the shape of the data, as it is now where an axis grows."""
    if state.passes.settled is not None:
        return state.passes.settled
    pairs = zip(state.seen, spec.shape, strict=True)
    return tuple(seen if size is None else size for seen, size in pairs)


def growing_axis(spec: AnyMethod) -> int:
    """Return the axis along which a stream comes: the one that grows, else the first."""
    return spec.shape.index(None) if None in spec.shape else 0


def offset(spec: AnyMethod, state: State, at: object, size: tuple[int | None, ...]) -> Place:
    """Return where a chunk goes.

    Raises
    ------
    ShapeError
        If a chunk without a place does not fill the axes of known size, and is not the first one
        of data whose shape is known: that one goes to the beginning.
    """
    if at is not None:
        return checked_place(at, len(spec.shape))
    if len(size) != len(spec.shape):
        raise ShapeError(f"a chunk of shape {size} does not fit the shape {spec.shape}")
    if (
        0 not in size
        and not _is_first(spec, state)
        and any(
            known is not None and given is not None and given < known
            for given, known in zip(size, spec.shape, strict=True)
        )
    ):
        raise _needs_place(size, spec)
    pairs = zip(state.seen, spec.shape, strict=True)
    return tuple(seen if known is None else 0 for seen, known in pairs)


def check_filled(spec: AnyMethod, state: State, delta: State) -> None:
    """Refuse data without a place that turn out not to fill the axes of known size."""
    if delta.dtype is None or 0 in delta.seen or _is_first(spec, state):
        return
    if any(known not in (None, seen) for known, seen in zip(spec.shape, delta.seen, strict=True)):
        raise _needs_place(delta.seen, spec)


def _is_first(spec: AnyMethod, state: State) -> bool:
    """Whether a chunk without a place is the first block of data of known shape."""
    return None not in spec.shape and not any(state.seen)


def _needs_place(size: tuple[int | None, ...], spec: AnyMethod) -> ShapeError:
    return ShapeError(
        f"a chunk of shape {size} does not fill the sketch's shape {spec.shape}; say where its "
        "first entry is, update(chunk, at=row) or at=(row, column), or let the axis grow by "
        "giving it as None"
    )


def checked_place(at: Any, ndim: int) -> Place:
    """Return a place as one integer for each axis."""
    several = isinstance(at, tuple | list) or getattr(at, "ndim", 0) == 1
    given = tuple(at) if several else (at, *[0] * (ndim - 1))
    try:
        checked = tuple(operator.index(x) for x in given)
    except TypeError:
        checked = ()
    if len(checked) != ndim or max(map(abs, checked)) > _FARTHEST:
        raise ShapeError(f"`at` must be a row or {ndim} integers, one for each axis, got {at!r}")
    return checked
