"""Multi-indices of a tensor as keys that are sorted and looked up, however large the tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..backend.array import HostArray
from .random import raw_rows

Points = NDArray[np.int64]
Keys = HostArray

_WORD = 2**64  # numbers that a word tells apart


class IndexKeys:
    """Keys of multi-indices, equal where these are and in the same order.

    One unsigned 64-bit word where the tensor has fewer entries than that; else as many as it takes,
    put together to bytes, most significant first, which NumPy sorts and searches as they are.

    Parameters
    ----------
    shape : sequence of int
        Of the tensor.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        words: list[list[int]] = []  # sizes of the modes of each word
        room = 0
        for size in shape:
            if size > room:
                words.append([])
                room = _WORD - 1
            words[-1].append(size)
            room //= size
        self._weights = [_place_values(sizes) for sizes in words]

    def __call__(self, points: Points) -> Keys:
        """Return the keys (p,) of multi-indices (p, d) that are in range."""
        words, mode = [], 0
        for weights in self._weights:
            words.append(points[:, mode : mode + len(weights)].astype(np.uint64) @ weights)
            mode += len(weights)
        if len(words) == 1:
            return words[0]
        return np.stack(words, axis=1, dtype=">u8").view(f"S{8 * len(words)}")[:, 0]


class KeyedValues:
    """Values by key, in sorted runs of which each is at least twice as long as the next.

    Shorter ones are merged [1]_: what is added n times by and by is moved about log(n) times.

    References
    ----------
    .. [1] P. O'Neil, E. Cheng, D. Gawlick, E. O'Neil, "The log-structured merge-tree (LSM-tree)",
       Acta Informatica 33 (1996) 351-385, doi:10.1007/s002360050048.
    """

    def __init__(self) -> None:
        self._runs: list[tuple[Keys, HostArray]] = []

    def __len__(self) -> int:
        return sum(len(keys) for keys, _ in self._runs)

    def at(self, keys: Keys) -> tuple[HostArray, NDArray[np.bool_]]:
        """Return the values at sorted keys, zero where there is none, and whether there is one."""
        dtype = np.result_type(np.float64, *(values.dtype for _, values in self._runs))
        found, there = np.zeros(len(keys), dtype), np.zeros(len(keys), bool)
        for known, values in self._runs:
            places = np.searchsorted(known, keys)
            here = known.take(places, mode="clip") == keys
            found[here] = values[places[here]]
            there |= here
        return found, there

    def add(self, keys: Keys, values: HostArray) -> None:
        """Add values at sorted keys that are not there yet."""
        while self._runs and len(self._runs[-1][0]) < 2 * len(keys):
            known, before = self._runs.pop()
            keys, values = np.concatenate([known, keys]), np.concatenate([before, values])
            order = np.argsort(keys, kind="stable")
            keys, values = keys[order], values[order]
        if len(keys):
            self._runs.append((keys, values))


def _place_values(sizes: Sequence[int]) -> NDArray[np.uint64]:
    """Return what an index of each mode counts in the number of an entry, row after row."""
    return np.cumprod([1, *sizes[:0:-1]], dtype=np.uint64)[::-1]


def random_points(seed: int, stream: int, start: int, stop: int, shape: Sequence[int]) -> Points:
    """Draw multi-indices ``start:stop`` of an endless uniform sample, shape (stop - start, d)."""
    words = raw_rows(seed, stream, start, stop, len(shape))
    return (words % np.asarray(shape, np.uint64)).astype(np.int64)  # off by shape / 2**64 at most
