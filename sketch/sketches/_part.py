"""One accumulated array: a sum of contributions over windows of the data's axis, as a value."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from typing import Literal

from ..backend.array import (
    Array,
    accumulator_dtype,
    cast,
    device_of,
    dtype_name,
    is_complex,
    namespace,
    promote,
)
from ..errors import DtypeError
from ..numerics.linalg import multiple
from ..running.memory import check_holds

_JOINED_BYTES = 4_000_000  # neighbouring segments up to this size become one

Spent = Literal["ours", "theirs"]
Segment = tuple[int, Array]
"""Where an array begins on the data's axis, and the array, whose last axis follows it."""


@dataclass(frozen=True, eq=False)
class Part:
    """A sum of arrays whose last axis follows an axis of the data.

    Only what was touched is stored, in segments that do not overlap. Adding gives a new part, which
    shares all segments that it leaves alone: a sum that is not finished harms nothing, and copies
    cost nothing. Sums are kept in double precision.

    Attributes
    ----------
    segments : tuple of (int, array)
        In the order of the axis, one at least.
    """

    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, values: Array, start: int = 0) -> Part:
        """Return a first contribution, adopted without a copy where it is in double precision."""
        return cls(((start, cast(values, accumulator_dtype(dtype_name(values.dtype)))),))

    @property
    def start(self) -> int:
        """Where the sum begins on the data's axis."""
        return self.segments[0][0]

    @property
    def stop(self) -> int:
        """Where it ends."""
        return _stop(self.segments[-1])

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(_bytes(array) for _, array in self.segments)

    @property
    def values(self) -> Array:
        """The sum from `start` to `stop`, zero where nothing was added."""
        if len(self.segments) == 1:
            return self.segments[0][1]
        return self._window(self.start, self.stop)

    def full(self, size: int) -> Array:
        """Return the sum over ``0:size``, zero where nothing was added."""
        return self._window(0, size)

    def plus(self, values: Array, start: int = 0, *, spent: Spent | None = None) -> Part:
        """Return the sum with a contribution that begins at `start`.

        Parameters
        ----------
        values : array, shape (..., p)
        start : int
        spent : {"ours", "theirs"}, optional
            Whose arrays may be overwritten, which then must not be used any more.
        """
        self.check_library(values)
        values = cast(values, accumulator_dtype(dtype_name(values.dtype)))
        new = (start, values)
        if not int(values.shape[-1]):
            return self
        first = bisect.bisect_right(self.segments, start, key=_stop)
        last = bisect.bisect_left(self.segments, _stop(new), key=_start)
        done = list(self.segments[:first])
        if done and not int(done[0][1].shape[-1]):
            done = []  # the sum of an empty chunk
        met = self.segments[first:last]
        for segment in _overlaid(met, new, spent) if met else [new]:
            _append(done, segment)
        return Part((*done, *self.segments[last:]))

    def joined(self, other: Part, *, spent: Spent | None = None) -> Part:
        """Return the sum of both parts."""
        total = self
        for start, values in other.segments:
            total = total.plus(values, start, spent=spent)
        return total

    __add__ = joined

    def times(self, factor: complex) -> Part:
        """Return the part multiplied by a number."""
        return Part(tuple((start, multiple(array, factor)) for start, array in self.segments))

    def _window(self, start: int, stop: int) -> Array:
        if len(self.segments) == 1 and (self.start, self.stop) == (start, stop):
            return self.segments[0][1]
        xp, like = namespace(self.segments[0][1]), self.segments[0][1]
        dtype = promote(*{dtype_name(array.dtype) for _, array in self.segments})
        check_holds((*like.shape[:-1], stop - start), 16 if is_complex(dtype) else 8)
        options = {"dtype": getattr(xp, dtype), "device": device_of(like)}
        pieces, at = [], start
        for segment in self.segments:
            if segment[0] > at:
                pieces.append(xp.zeros((*like.shape[:-1], segment[0] - at), **options))
            pieces.append(cast(segment[1], dtype))
            at = _stop(segment)
        if stop > at:
            pieces.append(xp.zeros((*like.shape[:-1], stop - at), **options))
        return xp.concat(pieces, axis=-1)

    def check_library(self, values: Array) -> None:
        """Refuse values of another array library or device."""
        mine = self.segments[0][1]
        if type(mine) is type(values) and device_of(mine) == device_of(values):
            return
        ours, theirs = namespace(mine), namespace(values)
        if ours is not theirs:
            raise DtypeError(
                f"the sketch holds {ours.__name__} arrays and got {theirs.__name__} data; convert "
                "the chunk, all chunks of a sketch must come from one array library; one that was "
                "saved goes where they live with sketch.load(path, device=chunk)"
            )
        if device_of(mine) != device_of(values):
            raise DtypeError(
                f"the sketch lives on the device {device_of(mine)} and got data of another "
                f"device, {device_of(values)}; move the chunk"
            )


def _bytes(array: Array) -> int:
    return int(math.prod(array.shape)) * (16 if is_complex(dtype_name(array.dtype)) else 8)


def _start(segment: Segment) -> int:
    return segment[0]


def _stop(segment: Segment) -> int:
    return segment[0] + int(segment[1].shape[-1])


def _overlaid(old: tuple[Segment, ...], new: Segment, spent: Spent | None) -> list[Segment]:
    """Return segments that hold old ones, all of which meet the new one, and the new one's sum."""
    at, stop = new[0], _stop(new)
    done: list[Segment] = []
    for segment in old:
        low, high = max(segment[0], at), min(_stop(segment), stop)
        if segment[0] < low:
            done.append(_cut(segment, segment[0], low))
        if at < low:
            done.append(_cut(new, at, low))
        done.append((low, _sum(_cut(segment, low, high)[1], _cut(new, low, high)[1], spent)))
        if high < _stop(segment):
            done.append(_cut(segment, high, _stop(segment)))
        at = high
    if at < stop:
        done.append(_cut(new, at, stop))
    return done


def _cut(segment: Segment, start: int, stop: int) -> Segment:
    """Return what a segment holds from `start` to `stop`, as a view."""
    if start == segment[0] and stop == _stop(segment):
        return segment
    return start, segment[1][..., start - segment[0] : stop - segment[0]]


def _sum(x: Array, y: Array, spent: Spent | None) -> Array:
    dtypes = {dtype_name(x.dtype), dtype_name(y.dtype)}
    if len(dtypes) == 2:
        x, y = cast(x, "complex128"), cast(y, "complex128")
    if spent is None:
        return x + y
    if spent == "theirs":
        x, y = y, x
    x += y
    return x


def _append(done: list[Segment], segment: Segment) -> None:
    """Append a segment, joined with those before it while they are no larger than twice as large.

    So that a stream of small chunks makes few segments and copies each of its numbers a few times.
    """
    done.append(segment)
    while len(done) > 1:
        (start, left), (middle, right) = done[-2:]
        sizes = _bytes(left), _bytes(right)
        if _stop(done[-2]) < middle or sizes[0] > 2 * sizes[1] or sum(sizes) > _JOINED_BYTES:
            return
        dtype = promote(dtype_name(left.dtype), dtype_name(right.dtype))
        whole = namespace(left).concat([cast(left, dtype), cast(right, dtype)], axis=-1)
        done[-2:] = [(start, whole)]
