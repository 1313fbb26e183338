"""A sample of whole rows: all of them while they are few, then a share drawn by their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend.array import HostArray
from ..numerics.known_rows import KnownRows
from ..numerics.random import row_words

_FADING_SEED = 0x2545F4914F6CDD1D  # by which rows that leave differ from those that are sampled
_NAMES = ("numbers", "starts", "places", "values")


@dataclass(frozen=True, eq=False)
class RowSample:
    """Some rows of a matrix, in whose known entries their columns and values are all there is.

    A row stays where its word, a hash of its number, is below ``2**(64 - level)``; the level is the
    first at which the entries of all rows so far fit. So the sample follows from the rows alone,
    whatever the chunks they came in, and samples of different rows can be joined.

    Attributes
    ----------
    numbers : ndarray, shape (r,)
        Of the rows, within the matrix.
    starts : ndarray, shape (r + 1,)
        Where each begins among the entries.
    places : ndarray of int32, shape (p,)
        Columns.
    values : ndarray, shape (p,)
    level : int
    """

    numbers: NDArray[np.int64]
    starts: NDArray[np.int64]
    places: NDArray[np.int32]
    values: HostArray
    level: int = 0

    @classmethod
    def empty(cls) -> RowSample:
        """Return a sample of no rows."""
        none = np.zeros(0, np.int64)
        return cls(none, np.zeros(1, np.int64), none.astype(np.int32), np.zeros(0, np.float32))

    @classmethod
    def of(
        cls, rows: KnownRows, numbers: NDArray[np.int64], dtype: str, level: int, seed: int
    ) -> RowSample:
        """Return the sample of some rows at a level."""
        if level:
            kept = row_words(seed, numbers) >> np.uint64(64 - level) == 0
            numbers, rows = numbers[kept], rows[np.flatnonzero(kept)]
        csr = rows.as_csr()
        starts, places = csr.indptr.astype(np.int64), csr.indices.astype(np.int32)
        return cls(numbers, starts, places, csr.data.astype(dtype), level)

    @classmethod
    def held_in(cls, kept: Mapping[str, Any], level: int) -> RowSample:
        """Return the sample that `arrays` made arrays of."""
        numbers, starts, places, values = (kept[f"sample_{name}"] for name in _NAMES)
        return cls(numbers, starts, places, values, level)

    def arrays(self) -> dict[str, HostArray]:
        """Return what a state keeps, by name."""
        return {f"sample_{name}": getattr(self, name) for name in _NAMES}

    @property
    def n_entries(self) -> int:
        """Known entries in all rows."""
        return len(self.values)

    def rows(self, n: int) -> KnownRows:
        """Return the rows themselves, shape (r, n)."""
        import scipy.sparse

        arrays = (self.values, self.places, self.starts)
        return KnownRows.of_sparse(scipy.sparse.csr_array(arrays, shape=(len(self.numbers), n)))

    def with_rows(self, other: RowSample, seed: int) -> RowSample:
        """Return the sample of both, at the higher of their levels."""
        level = max(self.level, other.level)
        mine, more = self.thinned(level, seed), other.thinned(level, seed)
        return RowSample(
            np.concatenate([mine.numbers, more.numbers]),
            np.concatenate([mine.starts, more.starts[1:] + mine.starts[-1]]),
            np.concatenate([mine.places, more.places]),
            np.concatenate([mine.values, more.values]),
            level,
        )

    def within(self, entries: int, seed: int) -> RowSample:
        """Return the sample at the first level from its own at which so many entries hold it."""
        sample = self
        while sample.n_entries > entries:
            sample = sample.thinned(sample.level + 1, seed)
        return sample

    def thinned(self, level: int, seed: int) -> RowSample:
        """Return the sample at a level."""
        if level == self.level:
            return self
        return self._picked(row_words(seed, self.numbers) >> np.uint64(64 - level) == 0, level)

    def faded(self, share: float, seed: int, draw: int) -> RowSample:
        """Return a share of the sample, by a draw of some number: old rows leave it in time."""
        words = row_words(seed ^ _FADING_SEED, self.numbers + (draw << 40))
        return self._picked(words < np.uint64(share * (2.0**64 - 2.0**12)), self.level)

    def _picked(self, kept: NDArray[np.bool_], level: int) -> RowSample:
        counts = np.diff(self.starts)
        entries = np.repeat(kept, counts)
        starts = np.concatenate([[0], np.cumsum(counts[kept])])
        return RowSample(
            self.numbers[kept], starts, self.places[entries], self.values[entries], level
        )
