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
        self._words: list[list[tuple[int, int]]] = []  # (mode, size) of the modes of each word
        room = 0
        for mode, size in enumerate(shape):
            if size > room:
                self._words.append([])
                room = _WORD - 1
            self._words[-1].append((mode, size))
            room //= size

    def __call__(self, points: Points) -> Keys:
        """Return the keys (p,) of multi-indices (p, d) that are in range."""
        words = np.zeros((len(points), len(self._words)), np.uint64)
        for place, modes in enumerate(self._words):
            for mode, size in modes:
                words[:, place] *= np.uint64(size)
                words[:, place] += points[:, mode].astype(np.uint64)
        if words.shape[1] == 1:
            return words[:, 0]
        return words.astype(">u8").view(f"S{8 * words.shape[1]}")[:, 0]


def random_points(seed: int, stream: int, start: int, stop: int, shape: Sequence[int]) -> Points:
    """Draw multi-indices ``start:stop`` of an endless uniform sample, shape (stop - start, d)."""
    words = raw_rows(seed, stream, start, stop, len(shape))
    return (words % np.asarray(shape, np.uint64)).astype(np.int64)  # off by shape / 2**64 at most


def sorted_places(known: Keys, wanted: Keys) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return where keys are, or would be inserted, in sorted ones, and whether they are there."""
    places = np.searchsorted(known, wanted)
    there = places < len(known)
    there[there] = known[places[there]] == wanted[there]
    return places, there
