"""Random bits addressed by position: (seed, stream, row) gives the same numbers everywhere.

Rows come in blocks of `BLOCK_ROWS`; each block has a Philox counter of its own, so any range of
rows is drawn alone, in any order, on any machine. NumPy promises to keep the raw bits of a bit
generator but not its normal deviates; the transformation to normals is therefore our own.

References
----------
.. [1] J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
   SC 2011, doi:10.1145/2063384.2063405.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_ROWS = 256
TRANSFORM_VERSION = 1  # raised whenever the same (seed, stream, row) would give other numbers

_Words = NDArray[np.uint64]


def raw_rows(seed: int, stream: int, start: int, stop: int, words: int) -> _Words:
    """Draw rows ``start:stop`` of an endless matrix of raw 64-bit words.

    Parameters
    ----------
    seed, stream : int
        Two 64-bit keys: the user's seed, and which test matrix the rows belong to.
    start, stop : int
        The range of rows, ``0 <= start <= stop < 2**64``.
    words : int
        Words in each row. Rows drawn with different `words` are unrelated.

    Returns
    -------
    ndarray of uint64, shape (stop - start, words)

    Notes
    -----
    About 4 ns a word and 12 µs a block.
    """
    out = np.empty((stop - start, words), dtype=np.uint64)
    for lo, hi in _block_ranges(start, stop):
        block = lo // BLOCK_ROWS
        first = block * BLOCK_ROWS
        bits = np.random.Philox(
            key=np.array([seed, stream], np.uint64), counter=np.array([0, block, 0, 0], np.uint64)
        )
        drawn = bits.random_raw((hi - first) * words)
        out[lo - start : hi - start] = drawn.reshape(-1, words)[lo - first :]
    return out


def normal_rows(seed: int, stream: int, start: int, stop: int, width: int) -> NDArray[np.float64]:
    """Draw rows ``start:stop`` of a standard normal matrix of shape (endless, width).

    Each word gives two deviates by the Box-Muller transformation of its 32-bit halves, which
    reaches 6.7 standard deviations.
    """
    out = np.empty((stop - start, width + width % 2))
    for lo, hi in _block_ranges(start, stop):  # block by block, so that temporaries stay in cache
        words = raw_rows(seed, stream, lo, hi, out.shape[1] // 2)
        radius = (words >> np.uint64(32)).astype(np.float64)
        radius += 0.5
        radius *= 2.0**-32
        np.log(radius, out=radius)
        radius *= -2.0
        np.sqrt(radius, out=radius)
        angle = (words & np.uint64(0xFFFFFFFF)).astype(np.float64)
        angle *= 2.0**-31 * np.pi
        block = out[lo - start : hi - start]
        np.multiply(radius, np.cos(angle), out=block[:, 0::2])
        np.multiply(radius, np.sin(angle), out=block[:, 1::2])
    return out[:, :width]


def sign_rows(seed: int, stream: int, start: int, stop: int, width: int) -> NDArray[np.float64]:
    """Draw rows ``start:stop`` of a matrix of independent signs, one bit an entry."""
    words = raw_rows(seed, stream, start, stop, -(-width // 64))
    little: NDArray[Any] = words.astype("<u8", copy=False).view(np.uint8)
    bits = np.unpackbits(little, axis=1, count=width, bitorder="little")
    out = bits.astype(np.float64)
    out *= -2.0
    out += 1.0
    return out


def _block_ranges(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Cut ``start:stop`` at the boundaries of the blocks."""
    while start < stop:
        end = min(stop, (start // BLOCK_ROWS + 1) * BLOCK_ROWS)
        yield start, end
        start = end
