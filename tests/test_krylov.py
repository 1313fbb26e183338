"""Block Krylov: one reading a step, residuals that are true, and restarts."""

from __future__ import annotations

import itertools

import dask.array as da
import numpy as np
import pytest
from strategies import SOURCES, matrix

import sketch
from sketch.testing import exponential, low_rank_plus_noise, polynomial, with_spectrum

A = matrix(seed=1)
M, N, RANK = 120, 80, 6
SPECTRA = {
    "1/i": polynomial(N),
    "i^-.5": polynomial(N) ** 0.5,
    "0.8^i": exponential(N, 0.8),
    "rank 5 and noise": low_rank_plus_noise(N, 5, 1e-3),
    "exact rank": np.r_[polynomial(5), np.zeros(N - 5)],
}


def krylov(a, passes, **options):
    return sketch.svd(a, RANK, method="krylov", passes=passes, **options)


def error(a, result):
    return np.linalg.norm(a.astype("complex128") - result.to_array())


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
def test_each_reading_is_as_good_as_a_power_step_and_brings_the_error_down(spectrum, dtype):
    # the spaces are nested, and hold those of power steps: what is left is rounding
    a = with_spectrum((M, N), SPECTRA[spectrum], dtype=dtype)
    best, before = np.linalg.norm(SPECTRA[spectrum][RANK:]), np.inf
    slack = 50 * np.finfo(dtype).eps * np.linalg.norm(a)
    for passes in (1, 2, 3, 4):
        result = krylov(a, passes)
        assert result.n_passes <= passes
        power = sketch.svd(a, RANK, power_iters=passes - 1)
        assert error(a, result) <= error(a, power) * (1 + 1e-6) + slack
        assert best - slack <= error(a, result) <= before * (1 + 1e-6) + slack
        low, high = result.error.interval(0.9999)
        assert low <= error(a, result) <= high
        before = error(a, result)


STEEP = {"0.05^i": 10 * 0.05 ** np.arange(30), "one of 1e13": np.r_[1e13, np.full(29, 10.0)]}


@pytest.mark.filterwarnings("ignore::sketch.SpectrumWarning")
@pytest.mark.parametrize("spectrum", STEEP)
@pytest.mark.parametrize("dtype", ["float64", "float32", "complex64"])
@pytest.mark.parametrize("shape", [(50, 30), (30, 60)])
def test_what_squares_hide_is_in_the_error_of_narrow_matrices(shape, spectrum, dtype):
    # a test matrix that is nearly square is ill-conditioned: its orthonormal columns are sums of
    # large products, with their rounding errors
    for seed in range(6):
        values = STEEP[spectrum] if dtype == "float64" else np.minimum(STEEP[spectrum], 1e9)
        a = with_spectrum(shape, values, dtype=dtype, seed=seed)
        full = sketch.sketches.BlockKrylov(
            shape, RANK, passes=4, columns=1, seed=seed
        )  # which is restarted
        while full.passes_left:
            full.update(a, at=0)
            full.end_pass()
        results = krylov(a, 2), krylov(a, 3), full.finalize(), sketch.svd(a, tol=1e-3, seed=seed)
        for result in results:
            for rank in range(result.rank + 1):
                found = result.truncate(rank)
                low, high = found.error.interval(1 - 1e-9)
                assert low <= error(a, found) <= high, (seed, rank)


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_singular_values_are_within_their_residuals(spectrum):
    a, s = with_spectrum((M, N), SPECTRA[spectrum]), SPECTRA[spectrum]
    for passes in (2, 3, 5):
        result = krylov(a, passes)
        assert result.residuals.shape == (RANK,)
        for value, residual in zip(result.s, result.residuals, strict=True):
            # half a step ahead of the vectors that the residuals are of; squares see 1e-8
            assert np.abs(s - value).min() <= residual + 1e-8


def test_it_stops_by_its_tolerance():
    a = with_spectrum((M, N), SPECTRA["1/i"])
    readings = [krylov(a, 30, tol=tol).n_passes for tol in (1e-1, 1e-3, 1e-6)]
    assert readings == sorted(readings)
    assert readings[-1] < 8
    result = krylov(a, 30, tol=1e-6)
    assert np.allclose(result.s, SPECTRA["1/i"][:RANK], rtol=1e-10)
    assert result.residuals.max() <= 1e-6 * result.s[0]
    with pytest.warns(sketch.ToleranceWarning, match="not met after 2 readings"):
        krylov(a, 2, tol=1e-6)


def test_it_stops_where_nothing_is_left():
    a = with_spectrum((M, N), SPECTRA["exact rank"])
    assert krylov(a, 30).n_passes == 2
    assert krylov(np.zeros((9, 7)), 30).n_passes <= 2


def test_a_space_that_is_full_is_restarted():
    a = with_spectrum((M, N), SPECTRA["i^-.5"])
    whole = sketch.sketches.BlockKrylov(a.shape, RANK, passes=12)
    short = sketch.sketches.BlockKrylov(a.shape, RANK, passes=12, columns=40)
    for sk in (whole, short):
        widths = []
        while sk.passes_left:
            sk.update(a)
            sk.end_pass()
            widths.append(sk.accumulator.state.passes.kept["space"].shape[1])
        assert max(widths) <= (40 if sk is short else N)
    assert short.finalize().residuals.max() < 1e-3
    assert error(a, short.finalize()) <= 1.0001 * error(a, whole.finalize())


@pytest.mark.parametrize("source", SOURCES)
def test_every_source(source):
    expected = sketch.svd(A, 4, method="krylov", passes=3, test_matrix="gaussian")
    readings = expected.n_passes * (2 if source == "sum" else 1)
    result = sketch.svd(
        SOURCES[source](A),
        4,
        method="krylov",
        passes=6,
        test_matrix="gaussian",
    )
    assert result.n_passes == readings
    assert np.allclose(result.s, expected.s, rtol=1e-9)
    left = result.U.compute() if source == "dask" else result.U
    assert np.allclose((left * result.s) @ result.Vh, expected.to_array(), atol=1e-8)


def test_dask_leaves_rows_where_they_are():
    x = da.from_array(A, chunks=(7, 9))
    result = sketch.svd(x, 4, method="krylov", passes=3)
    assert isinstance(result.U, da.Array)
    assert result.U.chunks[0] == x.chunks[0]


@pytest.mark.parametrize("cut", [False, True])
def test_chunks_and_states_between_readings(tmp_path, cut):
    sk = sketch.sketches.BlockKrylov(A.shape, 4, passes=6 if cut else 3)
    while sk.passes_left:
        for row, column in itertools.product((0, 9), (0, 11) if cut else (0,)):
            stop = {0: 9, 9: 31}[row], {0: 11, 11: 23}[column] if cut else 23
            sk.update(A[row : stop[0], column : stop[1]], at=(row, column))
            sk.save(tmp_path / "state.npz")
            sk = sketch.load(tmp_path / "state.npz")
        sk.end_pass()
    whole = sketch.sketches.BlockKrylov(A.shape, 4, passes=3)
    while whole.passes_left:
        whole.update(A)
        whole.end_pass()
    expected = whole.finalize()
    assert sk.finalize().n_passes == expected.n_passes * (2 if cut else 1)
    assert np.allclose(sk.finalize().to_array(), expected.to_array(), atol=1e-9)


def test_residuals_are_saved_and_cut(tmp_path):
    result = krylov(A, 2)
    result.save(tmp_path / "result.npz")
    assert np.array_equal(sketch.load(tmp_path / "result.npz").residuals, result.residuals)
    assert result.truncate(2).residuals.shape == (2,)
    assert result.T.residuals is result.residuals


def test_requests_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="passes=3 needs method='krylov'"):
        sketch.svd(A, 4, passes=3)
    with pytest.raises(sketch.RankError, match="needs a rank"):
        sketch.svd(A, tol=0.1, method="krylov")
    with pytest.raises(ValueError, match=r"one of .*'krylov'"):
        sketch.svd(A, 4, method="lanczos")
    with pytest.raises(sketch.PassError, match="read once"):
        sketch.svd(iter([A]), 4, method="krylov")
    assert sketch.svd(iter([A]), 4, method="krylov", passes=1).n_passes == 1
    sk = sketch.sketches.BlockKrylov(A.shape, 4, passes=1)
    sk.update(A)
    sk.end_pass()
    with pytest.raises(sketch.PassError, match="all 1 readings were taken"):
        sk.update(A)


@pytest.mark.parametrize(
    ("factor", "dtype"), [(1e200, "float64"), (1e-200, "complex128"), (1e13, "float32")]
)
def test_data_near_the_ends_of_the_range_are_read_twice_for_the_first_step(factor, dtype):
    a = with_spectrum((40, 30), factor * polynomial(30), dtype=dtype)
    for result in (krylov(a, 1), sketch.svd(a, tol=0.4), sketch.pca(a, 3, passes=2, sketch_rank=6)):
        low, high = result.error.interval()
        assert 0 < low <= high < factor


@pytest.mark.parametrize("factor", [1e200, 1e-200])
def test_squares_of_data_near_the_ends_of_the_range(factor):
    # products are scaled then, and no reading serves both passes of a step
    result = sketch.svd(A * factor, 4, method="krylov", passes=6)
    expected = sketch.svd(A, 4, method="krylov", passes=3)
    assert np.allclose(result.s / factor, expected.s, rtol=1e-12)
    assert np.allclose(result.residuals / factor, expected.residuals, rtol=1e-6, atol=1e-9)
    assert np.isclose(result.error.relative, expected.error.relative, rtol=1e-9, atol=1e-14)
