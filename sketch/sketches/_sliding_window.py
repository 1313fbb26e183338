"""Sliding windows: the sketch of the last chunks of a stream, older ones subtracted."""

from __future__ import annotations

import functools
from typing import Any, Self

from .._checks import checked_size
from ..backend.array import Array, quiet
from ..errors import IncompatibleSketchError, PassError
from ..files import archive
from ..formats import Axes
from ._accumulator import Accumulator
from ._base import Result, Sketch
from ._method import AnyMethod
from ._multi_pass import MultiPass
from ._state import State, Stream


class WindowAccumulator(Accumulator):
    """The state of the last `length` chunks, beside those of each of them."""

    def __init__(self, *args: Any, length: int) -> None:
        super().__init__(*args)
        self.length = length

    def commit(self, delta: State, *, fading: float = 1.0, stream: Stream | None = None) -> None:
        """Add a chunk, and let go of the oldest where the window is full."""
        with self._committing, quiet():
            before = self.state if fading == 1.0 else self.times(self.state, fading)
            chunks, total = (*before.window, delta), self.spec.total(before, delta)
            subtracted = before.subtracted
            if len(chunks) > self.length:
                oldest, *rest = chunks
                chunks, subtracted = tuple(rest), subtracted + 1
                if subtracted < self.length:
                    total = self.spec.total(total, self.spec.times(oldest, -1.0))
                else:  # anew, so that rounding errors of the past do not stay
                    fresh = functools.reduce(self.spec.total, chunks)
                    total, subtracted = fresh.having(seen=total.seen), 0
            self.state = total.having(
                window=chunks,
                subtracted=subtracted,
                n_updates=len(chunks),
                stream=stream or before.stream,
            )


class SlidingWindow(Sketch[Result]):
    """The sketch of the last `length` chunks of a stream.

    Keeps the sums of every chunk in the window beside their sum, and subtracts each when it
    leaves. The sum is taken anew once in every `length` chunks, so that rounding errors of the past
    do not stay.

    Parameters
    ----------
    sketch : GeneralizedNystrom, STTA or GramNystrom
        An empty one, which gives the spec.
    length : int
        Chunks in the window.

    Raises
    ------
    PassError
        If the sketch needs several passes.

    Notes
    -----
    ``length + 1`` times the memory of the sums that one chunk touches; two additions a chunk.

    References
    ----------
    .. [1] M. Datar, A. Gionis, P. Indyk, R. Motwani, "Maintaining stream statistics over sliding
       windows", SIAM J. Comput. 31 (2002) 1794-1813, doi:10.1137/S0097539701398363 (what a sum that
       can be subtracted saves).

    Examples
    --------
    >>> import numpy as np, sketch
    >>> window = sketch.SlidingWindow(sketch.GramNystrom(4, rank=1), length=3)
    >>> for day in range(10):
    ...     window.update(np.full((5, 4), float(day)) + np.eye(5, 4))
    >>> found = window.finalize()
    >>> found.n_samples, round(float(found.mean[0]), 3)
    (15.0, 8.2)
    """

    def __init__(self, sketch: Sketch[Result], length: int) -> None:
        if isinstance(sketch, MultiPass):
            raise PassError(f"a window slides over one pass; {type(sketch).__name__} needs several")
        if sketch.n_updates:
            raise ValueError(f"a window needs an empty sketch; this has {sketch.n_updates} updates")
        length = checked_size(length, "length", least=1)
        self._hold(sketch.spec, length, sketch.accumulator.home)

    def _hold(self, spec: AnyMethod, length: int, home: Array | None = None) -> None:
        self.spec, self.length = spec, length
        self.accumulator = WindowAccumulator(spec, home, length=length)

    @property
    def sketch(self) -> Sketch[Result]:
        """The sketch of the chunks in the window."""
        kind: type[Sketch[Result]] = self.spec.sketch_type
        mine, held = self.accumulator, kind.from_spec(self.spec)
        held.accumulator = Accumulator(mine.spec, mine.home, mine.state.having(window=()))
        return held

    def _check_compatible(self, other: Any) -> None:
        super()._check_compatible(other)
        mine, theirs = self.accumulator.state.window, other.accumulator.state.window
        if (other.length, len(theirs)) != (self.length, len(mine)):
            raise IncompatibleSketchError(
                f"windows can be combined chunk by chunk: these hold {len(mine)} of {self.length} "
                f"and {len(theirs)} of {other.length} chunks"
            )

    # ---- state ------------------------------------------------------------------------------

    def _header(self) -> archive.Header:
        return {"of": self.spec.sketch_type.__name__, "length": self.length}

    @classmethod
    def from_archive(
        cls, header: archive.Header, arrays: archive.Arrays, columns: Axes | None = None
    ) -> Self:
        """Rebuild a window from what `save` wrote."""
        kind = Sketch.kinds[header["of"]]
        held = kind.from_archive(header, arrays, columns)
        window = cls.__new__(cls)
        window._hold(held.spec, int(header["length"]))
        window.accumulator.state = held.accumulator.state
        return window
