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

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend.array import HostArray, cuts

BLOCK_ROWS = 256
TRANSFORM_VERSION = 1  # raised whenever the same (seed, stream, row) would give other numbers

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_AT_ONCE = 16384  # words, so that temporaries stay in cache

_Words = NDArray[np.uint64]
_Reals = NDArray[np.float64]

_SINE_SERIES = [(-1) ** (k // 2) / math.factorial(k) for k in range(15, 0, -2)]  # to 5e-17


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
    About 4 ns a word and 3 µs a block.
    """
    out = np.empty((stop - start, words), dtype=np.uint64)
    bits = np.random.Philox(key=np.array([seed, stream], np.uint64))
    fresh: Any = bits.state  # with no word left of the counter before
    for lo, hi in _block_ranges(start, stop):
        block = lo // BLOCK_ROWS
        ahead, skipped = divmod((lo - block * BLOCK_ROWS) * words, 4)  # four words a counter
        fresh["state"]["counter"][:2] = ahead, block
        bits.state = fresh
        drawn = bits.random_raw(skipped + (hi - lo) * words)
        out[lo - start : hi - start] = drawn[skipped:].reshape(-1, words)
    return out


class Bits:
    """Where raw words are drawn and turned into numbers: on the host, by NumPy."""

    xp: Any = np
    words_at_once: int | None = _AT_ONCE  # that are turned into numbers

    def raw_rows(self, seed: int, stream: int, start: int, stop: int, words: int) -> Any:
        """Draw rows like the function of this name."""
        return raw_rows(seed, stream, start, stop, words)


HOST = Bits()


def normal_rows(
    seed: int, stream: int, start: int, stop: int, width: int, bits: Bits = HOST
) -> _Reals:
    """Draw rows ``start:stop`` of a standard normal matrix of shape (endless, width).

    Each word gives two deviates by the Box-Muller transformation of its 32-bit halves, which
    reaches 6.7 standard deviations.
    """
    xp = bits.xp
    out = xp.empty((stop - start, width + width % 2))
    drawn = bits.raw_rows(seed, stream, start, stop, out.shape[1] // 2)
    step = stop - start if bits.words_at_once is None else bits.words_at_once // drawn.shape[1]
    for rows in cuts(stop - start, max(1, step)):
        words, block = drawn[rows], out[rows]
        cosine, sine = _unit_circle(words & np.uint64(0xFFFFFFFF), xp)
        radius = (words >> np.uint64(32)).astype(np.float64)
        radius += 0.5
        radius *= 2.0**-32
        xp.log(radius, out=radius)
        radius *= -2.0
        xp.sqrt(radius, out=radius)
        xp.multiply(radius, cosine, out=block[:, 0::2])
        xp.multiply(radius, sine, out=block[:, 1::2])
    return out[:, :width]  # type: ignore[no-any-return]


def _unit_circle(turns: _Words, xp: Any) -> tuple[_Reals, _Reals]:
    """Return cosine and sine of ``2 pi turns / 2**32 - pi``, much faster than the library's.

    The sine of a quarter of the angle by its Taylor polynomial, the cosine from it, then the angle
    doubled twice. Products and sums alone, so that every machine gets the same bits.
    """
    quarter = turns.astype(np.float64)
    quarter -= 2.0**31
    quarter *= 2.0**-33 * np.pi  # within [-pi/4, pi/4)
    square = quarter * quarter
    sine = xp.full_like(square, _SINE_SERIES[0])
    for coefficient in _SINE_SERIES[1:]:
        sine *= square
        sine += coefficient
    sine *= quarter
    xp.multiply(sine, sine, out=square)
    xp.subtract(1.0, square, out=square)
    cosine = xp.sqrt(square, out=square)
    for _ in range(2):
        product = sine * cosine
        xp.multiply(sine, sine, out=cosine)
        cosine *= -2.0
        cosine += 1.0
        sine = xp.multiply(product, 2.0, out=product)
    return cosine, sine


def sign_rows(
    seed: int, stream: int, start: int, stop: int, width: int, bits: Bits = HOST
) -> _Reals:
    """Draw rows ``start:stop`` of a matrix of independent signs, one bit an entry."""
    words = bits.raw_rows(seed, stream, start, stop, -(-width // 64))
    if bits is HOST:
        little: HostArray = words.astype("<u8", copy=False).view(np.uint8)
        single = np.unpackbits(little, axis=1, count=width, bitorder="little")
    else:  # the same order, without a packed form
        places = bits.xp.arange(64, dtype=np.uint64)
        single = (words[:, :, None] >> places) & np.uint64(1)
        single = single.reshape(stop - start, -1)[:, :width]
    out: _Reals = single.astype(np.float64)
    out *= -2.0
    out += 1.0
    return out


def uniform_rows(seed: int, stream: int, start: int, stop: int, width: int) -> _Reals:
    """Draw rows ``start:stop`` of a matrix of independent numbers, uniform in [0, 1)."""
    words = raw_rows(seed, stream, start, stop, width)
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def row_words(seed: int, numbers: NDArray[np.intp]) -> _Words:
    """Return a word for each of some rows of a matrix, by hashing (seed, number of the row) [1]_.

    References
    ----------
    .. [1] G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA
       2014, doi:10.1145/2660193.2660195 (the finalizer and the increment).
    """
    return _mixed(_mixed(np.array([seed], np.uint64)) + (numbers + 1).astype(np.uint64) * _GOLDEN)


def entry_words(
    seed: int, numbers: NDArray[np.intp], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> _Words:
    """Return a word for each of some entries, by hashing (seed, number of the row, column).

    Parameters
    ----------
    seed : int
    numbers : ndarray of int, shape (m,)
        Of the rows at hand, within the matrix.
    rows, columns : ndarray of int, shape (p,)
        Where the entries are, among the rows at hand.

    Returns
    -------
    ndarray of uint64, shape (p,)
    """
    keys = row_words(seed, numbers)
    words = np.empty(len(rows), np.uint64)
    for start in range(0, len(rows), _AT_ONCE):
        cut = slice(start, start + _AT_ONCE)
        words[cut] = _mixed(keys[rows[cut]] + (columns[cut] + 1).astype(np.uint64) * _GOLDEN)
    return words


def point_words(seed: int, points: NDArray[np.int64]) -> _Words:
    """Return a word for each multi-index (p, d) of a tensor; of order 2, those of `entry_words`."""
    words = _mixed(np.full(len(points), seed, np.uint64))
    for indices in points.T:
        words = _mixed(words + (indices + 1).astype(np.uint64) * _GOLDEN)
    return words


def _mixed(words: _Words) -> _Words:
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        words = (words ^ (words >> np.uint64(shift))) * np.uint64(factor)
    return words ^ (words >> np.uint64(31))


def _block_ranges(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Cut ``start:stop`` at the boundaries of the blocks."""
    while start < stop:
        end = min(stop, (start // BLOCK_ROWS + 1) * BLOCK_ROWS)
        yield start, end
        start = end
