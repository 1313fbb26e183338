"""Sliding windows: the sketch of the last chunks of a stream, older ones subtracted."""

from __future__ import annotations

import operator
from collections import deque
from typing import Any

from ..errors import PassError
from ._multi_pass import MultiPassSketch
from ._stream import StreamedSketch


class SlidingWindow:
    """The sketch of the last `length` chunks of a stream.

    Keeps the sketch of every chunk in the window beside their sum, and subtracts each when it
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

    def __init__(self, sketch: StreamedSketch, length: int) -> None:
        if isinstance(sketch, MultiPassSketch):
            raise PassError(f"a window slides over one pass; {type(sketch).__name__} needs several")
        if operator.index(length) < 1:
            raise ValueError(f"length must be a number of chunks of at least 1, got {length}")
        self.sketch = sketch.copy()
        self.length = length
        self._chunks: deque[StreamedSketch] = deque()
        self._left = 0  # chunks that were subtracted since the sum was taken anew

    def update(self, chunk: Any, at: Any = None, *, check_finite: bool = True) -> None:
        """Add a chunk, and let go of the oldest where the window is full.

        Parameters
        ----------
        chunk, at, check_finite
            As of the sketch's own `update`.
        """
        newest = self.sketch._blank()
        newest._seen = list(self.sketch._seen)
        newest.update(chunk, at, check_finite=check_finite)
        self._chunks.append(newest)
        self.sketch.merge(newest)
        if len(self._chunks) > self.length:
            self._let_go(self._chunks.popleft())

    def _let_go(self, oldest: StreamedSketch) -> None:
        self._left += 1
        if self._left < self.length:
            self.sketch.merge(oldest._scaled(-1.0))
        else:
            seen = self.sketch._seen
            self.sketch = self.sketch._blank()
            self.sketch._seen = seen
            for chunk in self._chunks:
                self.sketch.merge(chunk)
            self._left = 0
        self.sketch.n_updates = len(self._chunks)

    def finalize(self, rank: Any = None, tol: float | None = None) -> Any:
        """Return the result for the data in the window; see the sketch's own `finalize`."""
        return self.sketch.finalize(rank, tol)
