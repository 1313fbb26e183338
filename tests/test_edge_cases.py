"""Matrices that break algorithms: right answers, no NaN, no warning."""

from __future__ import annotations

import numpy as np
import pytest

import sketch

pytestmark = pytest.mark.usefixtures("every_backend")

RNG = np.random.default_rng(0)
LOW = RNG.standard_normal((60, 8)) @ RNG.standard_normal((8, 45))
METHODS = {
    "hmt": {},
    "power": {"power_iters": 2},
    "nystrom": {"method": "nystrom"},
    "sparse signs": {"method": "nystrom", "test_matrix": "sparse-sign"},
}
CASES = {
    "zero": (np.zeros((30, 20)), 5),
    "one row": (RNG.standard_normal((1, 30)), 1),
    "one column": (RNG.standard_normal((30, 1)), 1),
    "one entry": (np.array([[3.0]]), 1),
    "rank above one row": (RNG.standard_normal((1, 30)), 5),
    "full rank": (RNG.standard_normal((30, 20)), 20),
    "rank above the shape": (RNG.standard_normal((20, 30)), 50),
    "exact rank below the sketch": (LOW, 12),
    "constant": (np.ones((40, 30)), 5),
    "tiny": (LOW * 1e-300, 8),
    "huge": (LOW * 1e300, 8),
    "beyond the numerical rank": (np.diag(0.5 ** np.arange(200.0)), 60),
    "steep": (np.diag(0.1 ** np.arange(30.0)), 20),
    "no rows": (np.zeros((0, 5)), 2),
    "no columns": (np.zeros((5, 0)), 2),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", CASES)
def test_what_the_rank_holds_is_recovered(case, method):
    a, rank = CASES[case]
    result = sketch.svd(a, rank, **METHODS[method])
    u, s, vh = result
    k = min(rank, *a.shape)
    assert (u.shape, s.shape, vh.shape) == ((a.shape[0], k), (k,), (k, a.shape[1]))
    assert np.all(np.isfinite(u))
    assert np.all(np.diff(s) <= 0)
    assert np.all(s >= 0)
    # factors orthonormal to rounding of some 100 sums
    assert np.abs(u.T @ u - np.eye(k)).max(initial=0) < 1e-13
    assert np.abs(vh @ vh.T - np.eye(k)).max(initial=0) < 1e-13
    scale = np.abs(a).max(initial=0) or 1.0
    error = np.linalg.norm((u * (s / scale)) @ vh - a / scale)
    assert error <= 1e-13 * np.linalg.norm(a / scale)
    low, high = result.error.interval()
    assert low <= error * scale <= high


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_rounding_beside_one_large_singular_value_is_within_the_floor(dtype):
    """LAPACK neglects up to 100 roundoffs of it, most visibly in small matrices."""
    longer = {"float32": "float64", "float64": "longdouble", "complex128": "clongdouble"}[dtype]
    rng = np.random.default_rng(0)
    for seed in range(150):
        k = int(rng.choice([3, 5, 8, 11]))
        a = rng.standard_normal((k, k))
        a[:, 0] *= 10.0 ** rng.uniform(2, 8)
        a = (a if seed % 2 else a.T).astype(dtype)
        u, s, vh = (np.asarray(x).astype(longer) for x in sketch.svd(a, k, seed=seed))
        error = np.linalg.norm(np.abs((u * s) @ vh - a).astype(float))
        low, high = sketch.svd(a, k, seed=seed).error.interval()
        assert low <= error <= high


def test_power_iterations_keep_small_singular_values():
    """Without orthonormalisation all below u^(1/5) of the largest, 7e-4, would drown."""
    s = 0.5 ** np.arange(60.0)
    q = np.linalg.qr(RNG.standard_normal((60, 60)))[0]
    result = sketch.svd((q * s) @ q.T, 45, power_iters=2)
    assert np.allclose(result.s[:40], s[:40], rtol=1e-2)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("method", METHODS)
def test_precision_is_kept(dtype, method):
    a = (LOW + 1j * LOW[::-1]).astype(dtype) if dtype.startswith("c") else LOW.astype(dtype)
    result = sketch.svd(a, 16, **METHODS[method])
    assert result.U.dtype == result.Vh.dtype == dtype
    assert result.s.dtype == np.zeros(1, dtype).real.dtype
    gap = np.linalg.norm(result.to_array() - a)
    assert gap < 30 * np.finfo(dtype).eps * np.linalg.norm(a)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "bool", "float16"])
def test_other_numbers_are_converted(dtype):
    a = (LOW > 0).astype(dtype)
    result = sketch.svd(a, 45)
    assert result.U.dtype == ("float32" if dtype == "float16" else "float64")
    assert np.linalg.norm(result.to_array() - a) < 1e-5 * np.linalg.norm(a.astype(float))


def test_bytes_are_converted_block_by_block(every_backend):
    """An int8 matrix of 32 MB would be 256 MB of doubles; blocks are of 32 MB."""
    import tracemalloc

    if every_backend is not np.asarray:
        pytest.skip("NumPy's memory alone is counted")

    a = np.ones((8000, 4000), np.int8)
    sk = sketch.GeneralizedNystrom(a.shape, 2)
    tracemalloc.start()
    sk.update(a)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120e6


def test_mapped_files_are_read_in_blocks(tmp_path):
    np.save(tmp_path / "a.npy", LOW)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert np.array_equal(sketch.svd(mapped, 8).s, sketch.svd(LOW, 8).s)
