"""One accumulated array: a sum of chunk contributions over a window of the data's axis."""

from __future__ import annotations

from .._array import Array, accumulator_dtype, cast, device_of, dtype_name, is_complex, namespace
from .._linalg import multiple
from ..errors import DtypeError


class Part:
    """A sum of arrays whose last axis follows an axis of the data.

    Only the window ``start:stop`` that was touched is stored; it grows as needed, upwards with
    spare room, so that appending is cheap. Sums are kept in double precision.

    Parameters
    ----------
    values : array, shape (..., p)
        The first contribution, adopted without a copy where it is in double precision already.
    start : int
        Position of its first entry on the data's axis.
    limit : int, optional
        Length of the data's axis where it is known: no room is kept beyond it.
    """

    def __init__(self, values: Array, start: int = 0, limit: int | None = None) -> None:
        self._buffer = cast(values, accumulator_dtype(dtype_name(values.dtype)))
        self.limit = limit
        self.start = start
        self.stop = start + int(values.shape[-1])

    @property
    def values(self) -> Array:
        """The sum over the window, shape (..., stop - start)."""
        size = self.stop - self.start
        return self._buffer if self._buffer.shape[-1] == size else self._buffer[..., :size]

    @property
    def nbytes(self) -> int:
        """Bytes held, spare room included."""
        return int(self._buffer.nbytes)

    def add(self, values: Array, start: int) -> None:
        """Add a contribution that begins at `start`."""
        self.check_namespace(values)
        stop = start + int(values.shape[-1])
        if is_complex(dtype_name(values.dtype)):
            self._buffer = cast(self._buffer, "complex128")
        if start < self.start or stop > self.stop:
            self._cover(start, stop)
        window = self._buffer[..., start - self.start : stop - self.start]
        window += cast(values, dtype_name(window.dtype))

    def scaled(self, factor: complex) -> Part:
        """Return a new part, multiplied by a number."""
        return Part(multiple(self.values, factor), self.start, self.limit)

    def fade(self, factor: float) -> None:
        """Multiply by a number, in place."""
        self._buffer *= factor

    def full(self, size: int) -> Array:
        """Return the sum over ``0:size``, zero where nothing was added."""
        if self.start == 0 and self.stop == size:
            return self.values
        whole = self._zeros(size)
        whole[..., self.start : self.stop] = self.values
        return whole

    def _cover(self, start: int, stop: int) -> None:
        """Widen the window to hold ``start:stop`` as well."""
        lo, hi = min(start, self.start), max(stop, self.stop)
        shift = self.start - lo
        if shift == 0 and hi - lo <= self._buffer.shape[-1]:
            self.stop = hi
            return
        room = hi - lo
        if shift == 0:  # appending: keep spare room
            room = max(room, 2 * int(self._buffer.shape[-1]))
            room = room if self.limit is None else min(room, self.limit - lo)
        wider = self._zeros(room)
        wider[..., shift : shift + self.stop - self.start] = self.values
        self._buffer, self.start, self.stop = wider, lo, hi

    def _zeros(self, size: int) -> Array:
        b = self._buffer
        return namespace(b).zeros((*b.shape[:-1], size), dtype=b.dtype, device=b.device)

    def check_namespace(self, values: Array) -> None:
        """Refuse values of another array library or device."""
        ours, theirs = namespace(self._buffer), namespace(values)
        if ours is not theirs:
            raise DtypeError(
                f"the sketch holds {ours.__name__} arrays and got {theirs.__name__} data; convert "
                "the chunk, all chunks of a sketch must come from one array library"
            )
        if device_of(self._buffer) != device_of(values):
            raise DtypeError(
                f"the sketch lives on the device {device_of(self._buffer)} and got data of another "
                f"device, {device_of(values)}; move the chunk"
            )
