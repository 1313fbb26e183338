"""Streams of chunks: taken one by one, saved on the way, and resumed without counting twice."""

from __future__ import annotations

import itertools
import numbers
import operator
import os
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Self

from .. import _archive
from .._progress import track
from ..errors import ShapeError
from ._saved import SavedSketch

Path = str | os.PathLike[str]


class StreamedSketch(SavedSketch):
    """A sketch that can follow a stream without end.

    Attributes
    ----------
    position : int
        Chunks of the stream taken so far. It is saved with the state; a merge keeps that of the
        sketch that is merged into.
    """

    def _set_up(self, spec: Any, device: Any = None) -> None:
        super()._set_up(spec, device)
        self.position = 0

    @abstractmethod
    def finalize(self, rank: Any = None, tol: float | None = None) -> Any:
        """Return the result that the sums determine."""

    def consume(
        self,
        chunks: Iterable[Any],
        *,
        first: int = 0,
        forgetting: float = 1.0,
        checkpoint: Path | None = None,
        every: int = 1,
        check_finite: bool = True,
        memory: int | str | None = None,
        progress: bool = False,
    ) -> None:
        """Take the chunks of a stream one after the other.

        Only the chunk at hand is held. A stream that was interrupted is resumed by loading the
        checkpoint and consuming the same chunks again: those taken before are skipped.

        Parameters
        ----------
        chunks : iterable
            Of chunks, placed one after the other on the axis that grows, or of pairs
            ``(at, chunk)``.
        first : int
            Number of the first chunk of the iterable within the stream, for streams that can be
            opened in the middle: ``sk.consume(read_from(sk.position), first=sk.position)``.
        forgetting : float
            Factor in (0, 1] that multiplies all data before each chunk, so that data of t chunks
            ago count ``forgetting ** t``.
        checkpoint : path-like, optional
            File that the state is written to. It holds the old state or the new one, whenever the
            process is killed, and is up to date when the call ends, by an error too.
        every : int
            Chunks between two checkpoints.
        check_finite : bool
            Refuse NaN and infinity.
        memory : int or str, optional
            Budget of each update; see `update`.
        progress : bool
            Show a progress bar, which needs no known end.

        Raises
        ------
        ShapeError
            If a chunk does not fit, or the iterable begins after the sketch's position.
        NonFiniteError
            If a chunk holds NaN or infinity; the chunks before it are kept.

        Examples
        --------
        >>> import numpy as np, os, sketch, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "state.npz")
        >>> rows = np.random.default_rng(0).standard_normal((60, 8))
        >>> sk = sketch.GeneralizedNystrom((None, 8), rank=2)
        >>> sk.consume(np.split(rows[:30], 3), checkpoint=path)
        >>> sk = sketch.load(path)  # on another day
        >>> sk.consume(np.split(rows, 6), checkpoint=path)
        >>> sk.shape, sk.position
        ((60, 8), 6)
        """
        if not 0 < forgetting <= 1:
            raise ValueError(f"forgetting must be a factor in (0, 1], got {forgetting}")
        if operator.index(every) < 1:
            raise ValueError(f"every must be a number of chunks of at least 1, got {every}")
        if first > self.position:
            raise ShapeError(
                f"the stream begins at chunk {first}, but the sketch has taken {self.position} "
                "only; begin no later"
            )
        fresh = itertools.islice(chunks, self.position - first, None)
        saved = self.position
        try:
            for chunk in track(fresh, size=_bytes, total=None, enabled=progress):
                at, data = chunk if _is_placed(chunk) else (None, chunk)
                contribution = self._contribution(data, at, check_finite, memory, False)
                if forgetting != 1.0:
                    self._fade(forgetting)
                self._absorb(contribution)
                self.position += 1
                if checkpoint is not None and self.position - saved >= every:
                    self.save(checkpoint)
                    saved = self.position
        except Exception:
            if checkpoint is not None and self.position > saved:
                self.save(checkpoint)
            raise
        if checkpoint is not None and self.position > saved:
            self.save(checkpoint)

    def _fade(self, factor: float) -> None:
        """Multiply all data by a factor, in place."""
        for part in self._parts.values():
            part.fade(factor)

    def _scaled(self, factor: Any) -> Self:
        new = super()._scaled(factor)
        new.position = self.position
        return new

    def _state(self) -> tuple[_archive.Header, dict[str, Any]]:
        header, arrays = super()._state()
        return {**header, "position": self.position}, arrays

    def _restore(self, header: _archive.Header, arrays: _archive.Arrays) -> None:
        super()._restore(header, arrays)
        self.position = int(header.get("position", 0))


def _is_placed(chunk: Any) -> bool:
    """Whether a chunk of a stream is a pair ``(at, chunk)``."""
    return (
        isinstance(chunk, tuple)
        and len(chunk) == 2
        and isinstance(chunk[0], tuple | numbers.Integral)
    )


def _bytes(chunk: Any) -> int:
    data = chunk[1] if _is_placed(chunk) else chunk
    return int(getattr(data, "nbytes", 0))
