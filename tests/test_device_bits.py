"""The generator of the GPU, compiled for the host: the same bits as everywhere."""

from __future__ import annotations

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

from sketch.numerics.device_bits import PHILOX, DeviceBits
from sketch.numerics.random import BLOCK_ROWS, normal_rows, raw_rows, sign_rows

SHIM = f"""
#define __device__
#define __global__
#define BLOCK_ROWS {BLOCK_ROWS}
typedef struct {{unsigned int x;}} triple;
static triple blockIdx, blockDim, threadIdx;
static unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {{
    return (unsigned long long)(((unsigned __int128)a * b) >> 64);
}}
"""
LOOP = """
void fill(word seed, word stream, word start, word rows, word words, word *out) {
    blockDim.x = 256;
    for (word i = 0; i < rows * words; i += 256)
        for (blockIdx.x = i / 256, threadIdx.x = 0; threadIdx.x < 256; ++threadIdx.x)
            philox_rows(seed, stream, start, rows, words, out);
}
"""

RANGES = [
    (0, 1, 0, 5, 3),
    (7, 2, 250, 20, 1),
    (2**64 - 1, 3 << 32, 1000, 600, 17),
    (5, 1, 2**40, 9, 7),
]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler here")
    folder = tmp_path_factory.mktemp("kernel")
    (folder / "philox.c").write_text(SHIM + PHILOX.replace('extern "C"', "") + LOOP)
    target = folder / "philox.so"
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(target), str(folder / "philox.c")]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(target))


class Compiled(DeviceBits):
    """The device's way to numbers, on words of the compiled kernel."""

    def __init__(self, library):
        self.xp, self.library = np, library

    def raw_rows(self, seed, stream, start, stop, words):
        out = np.empty((stop - start, words), np.uint64)
        numbers = [ctypes.c_uint64(x) for x in (seed, stream, start, stop - start, words)]
        self.library.fill(*numbers, out.ctypes.data_as(ctypes.c_void_p))
        return out


@pytest.mark.parametrize("place", RANGES)
def test_words_are_those_of_the_host(place, compiled):
    seed, stream, start, rows, words = place
    there = Compiled(compiled).raw_rows(seed, stream, start, start + rows, words)
    assert np.array_equal(there, raw_rows(seed, stream, start, start + rows, words))


@pytest.mark.parametrize("place", RANGES)
@pytest.mark.parametrize("draw", [normal_rows, sign_rows])
def test_numbers_are_those_of_the_host(draw, place, compiled):
    seed, stream, start, rows, width = place
    there = draw(seed, stream, start, start + rows, width, Compiled(compiled))
    assert np.array_equal(there, draw(seed, stream, start, start + rows, width))
