"""The same random words on a GPU: the Philox generator as a kernel, addressed by position.

Libraries draw on the device too, but none lets a single entry be addressed, and each has a stream
of its own. Words agree with the host's bit for bit.

References
----------
.. [1] J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
   SC 2011, doi:10.1145/2063384.2063405.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..backend.array import Array, is_on_gpu, namespace
from .random import BLOCK_ROWS, HOST, Bits

_THREADS = 256

PHILOX = r"""
typedef unsigned long long word;

extern "C" __device__ word philox_word(word seed, word stream, word row, word column, word words)
{
    word block = row / BLOCK_ROWS;
    word position = (row - block * BLOCK_ROWS) * words + column;
    word c0 = position / 4 + 1, c1 = block, c2 = 0, c3 = 0;  // the counter moves before it is used
    word k0 = seed, k1 = stream;
    for (int round = 0; round < 10; ++round) {
        word low0 = 0xD2E7470EE14C6C93ULL * c0, high0 = __umul64hi(0xD2E7470EE14C6C93ULL, c0);
        word low1 = 0xCA5A826395121157ULL * c2, high1 = __umul64hi(0xCA5A826395121157ULL, c2);
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
        k0 += 0x9E3779B97F4A7C15ULL;
        k1 += 0xBB67AE8584CAA73BULL;
    }
    switch (position % 4) {
        case 0: return c0;
        case 1: return c1;
        case 2: return c2;
        default: return c3;
    }
}

extern "C" __global__ void philox_rows(
    word seed, word stream, word start, word rows, word words, word *out)
{
    word i = (word)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < rows * words)
        out[i] = philox_word(seed, stream, start + i / words, i % words, words);
}
"""


class DeviceBits(Bits):
    """Words drawn on the device of an array, in one go.

    Parameters
    ----------
    like : array
        On a GPU.
    """

    words_at_once = None

    def __init__(self, like: Array) -> None:
        self.xp = namespace(like)
        self._device = like.device

    def raw_rows(self, seed: int, stream: int, start: int, stop: int, words: int) -> Any:
        """Draw rows like `random.raw_rows`."""
        with self._device:
            out = self.xp.empty((stop - start, words), dtype=self.xp.uint64)
            grid = -(-out.size // _THREADS)
            numbers = (np.uint64(x) for x in (seed, stream, start, stop - start, words))
            if grid:
                _kernel(self.xp)((grid,), (_THREADS,), (*numbers, out))
        return out


def bits_for(like: Array) -> Bits:
    """Return where the numbers for work beside an array are drawn."""
    return DeviceBits(like) if is_on_gpu(like) else HOST


@functools.cache
def _kernel(xp: Any) -> Any:
    return xp.RawKernel(PHILOX, "philox_rows", options=(f"-DBLOCK_ROWS={BLOCK_ROWS}",))
