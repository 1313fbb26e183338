"""Ranks found for a tolerance: met, close to the smallest, and no product taken twice."""

from __future__ import annotations

import itertools
import re
import warnings

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator
from strategies import SOURCES, matrix

import sketch
from sketch.results import TrainProbes
from sketch.sketches import BlockKrylov
from sketch.testing import exponential, low_rank_plus_noise, polynomial, with_spectrum

M, N = 150, 110
SPECTRA = {
    "1/i": (polynomial(N), 0.2),
    "i^-.5": (polynomial(N) ** 0.5, 0.5),
    "i^-2": (polynomial(N) ** 2, 1e-2),
    "0.8^i": (exponential(N, 0.8), 1e-3),
    "rank 30 and noise": (low_rank_plus_noise(N, 30, 1e-2), 0.1),
    "equal": (np.ones(N), 0.3),
    "exact rank": (np.r_[polynomial(12), np.zeros(N - 12)], 1e-3),
    "zero": (np.zeros(N), 1e-3),
}


def smallest(s, tol):
    tails = np.sqrt(np.append(np.cumsum(s[::-1] ** 2)[::-1], 0.0))
    return int(np.argmax(tails <= tol * tails[0]))


def missed(a, result):
    return np.linalg.norm(a - result.to_array())


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
def test_the_rank_found_meets_the_tolerance_and_is_close_to_the_smallest(name, dtype):
    s, tol = SPECTRA[name]
    a = with_spectrum((M, N), s, dtype=dtype)
    rounding = 20 * np.finfo(dtype).eps * np.linalg.norm(a)
    for seed, data in itertools.product(range(3), (a, a.T)):
        result = sketch.svd(data, tol=tol, seed=seed)
        assert missed(data, result) <= tol * np.linalg.norm(a) + rounding
        assert smallest(s, tol) <= result.rank <= 1.2 * smallest(s, tol) + 1
        low, high = result.error.interval(0.9999)
        assert low <= missed(data, result) <= high + rounding


@pytest.mark.parametrize("tol", [1e-6, 1e-9, 1e-12])
def test_tolerances_that_squares_would_hide_take_one_more_reading(tol):
    s = exponential(N, 0.7)
    a = with_spectrum((M, N), s)
    result = sketch.svd(a, tol=tol)
    assert missed(a, result) <= tol * np.linalg.norm(a)
    assert result.rank <= smallest(s, tol) + 3
    assert result.error.kind != "heuristic"


def test_no_product_is_taken_twice():
    # the widths of all blocks add up to that of the space, beside the probes
    a, columns = with_spectrum((M, N), polynomial(N)), []

    def times(x):
        columns.append(1 if x.ndim == 1 else x.shape[1])
        return a @ x

    operator = LinearOperator(
        a.shape, dtype=float, matvec=times, matmat=times, rmatvec=None, rmatmat=lambda x: a.T @ x
    )
    sk = BlockKrylov.growing(a.shape, 0.3)
    while sk.passes_left:
        sk.update(operator)
        sk.end_pass()
    space = sk.accumulator.state.passes.kept["space"]
    assert np.allclose(space.T @ space, np.eye(space.shape[1]), atol=1e-13)
    assert sum(columns) == space.shape[1] + sk.spec.error_probes


def test_fewer_products_than_of_widths_that_are_tried_one_after_the_other():
    # for a spectrum that falls slowly: 26, 74 and 266 columns then
    a = with_spectrum((400, 300), polynomial(300))
    result = sketch.svd(a, tol=0.1)
    sk = BlockKrylov.growing(a.shape, 0.1)
    while sk.passes_left:
        sk.update(a)
        sk.end_pass()
    assert sk.accumulator.state.passes.kept["space"].shape[1] <= 2 * result.rank


@pytest.mark.parametrize("source", SOURCES)
def test_every_source(source):
    a = matrix(seed=1)
    expected = sketch.svd(a, tol=0.3, test_matrix="gaussian")
    result = sketch.svd(SOURCES[source](a), tol=0.3, test_matrix="gaussian")
    left = result.U.compute() if source == "dask" else result.U
    near = np.linalg.norm(a - (left * result.s) @ result.Vh)
    assert near <= 0.3 * np.linalg.norm(a)
    assert result.rank == expected.rank or source in ("operator", "sum")


@pytest.mark.parametrize("cut", [False, True])
def test_chunks_and_states_between_readings(tmp_path, cut):
    a = with_spectrum((M, N), polynomial(N))
    sk, whole = BlockKrylov.growing(a.shape, 0.25), BlockKrylov.growing(a.shape, 0.25)
    while sk.passes_left:
        for row, column in itertools.product((0, 40), (0, 30) if cut else (0,)):
            stop = {0: 40, 40: M}[row], {0: 30, 30: N}[column] if cut else N
            chunk = a[row : stop[0], column : stop[1]]
            whole.update(chunk, at=(row, column))
            sk.update(chunk, at=(row, column))
            sk.save(tmp_path / "state.npz")
            sk = sketch.load(tmp_path / "state.npz")
        sk.end_pass()
        whole.end_pass()
    expected, found = whole.finalize(), sk.finalize()
    assert (found.n_passes, found.rank) == (expected.n_passes, expected.rank)
    assert np.allclose(found.to_array(), expected.to_array(), atol=1e-12)


def test_what_memory_or_readings_leave_out_of_reach_is_said():
    a = with_spectrum((M, N), polynomial(N))
    for options in ({"columns": 30}, {"passes": 2}):
        sk = BlockKrylov.growing(a.shape, 0.1, **options)
        while sk.passes_left:
            sk.update(a)
            sk.end_pass()
        with pytest.warns(sketch.ToleranceWarning, match="out of reach"):
            assert sk.finalize().rank <= 52


@pytest.mark.parametrize("factor", [1e200, 1e-200])
def test_data_near_the_ends_of_the_range(factor):
    a = with_spectrum((M, N), exponential(N, 0.8))
    result, expected = sketch.svd(a * factor, tol=1e-2), sketch.svd(a, tol=1e-2)
    assert np.allclose(result.s / factor, expected.s, rtol=1e-12)


def test_a_further_reading_is_of_the_same_data():
    a = with_spectrum((M, N), exponential(N, 0.7))
    sk = BlockKrylov.growing(a.shape, 1e-11)
    while sk.passes_left:
        sk.update(a)
        sk.end_pass()
    accumulator = sk.accumulator
    again = accumulator.for_one_more(accumulator.complete())
    again.commit(again.contribution(a + 1))
    with pytest.raises(sketch.PassError, match="other data"):
        again.complete()


def test_power_iterations_by_hand_are_made():
    a = with_spectrum((M, N), polynomial(N))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = sketch.svd(a, tol=0.25, power_iters=1)
    assert missed(a, result) <= 0.25 * np.linalg.norm(a)


@pytest.mark.parametrize("name", ["1/i", "0.8^i", "i^-.5"])
@pytest.mark.parametrize("chunked", [False, True])
def test_components_grow_until_they_meet_the_tolerance(name, chunked):
    # beyond the directions of the first reading; means do not matter
    s, tol = SPECTRA[name]
    rng = np.random.default_rng(0)
    left = rng.standard_normal((M, N))
    left = np.linalg.qr(left - left.mean(axis=0))[0]
    y = (left * s) @ np.linalg.qr(rng.standard_normal((N, N)))[0].T
    x = y + 3 * rng.standard_normal(N)
    for seed in range(3):
        data = [x[:40], x[40:]] if chunked else x
        found = sketch.pca(data, tol=tol, sketch_rank=8, seed=seed)
        rest = y - (y @ found.components.T) @ found.components
        assert np.linalg.norm(rest) <= tol * np.linalg.norm(y) * (1 + 1e-9)
        assert found.rank <= 1.25 * smallest(s, tol) + 1
        low, high = found.explained_variance_interval(1.0)
        exact = s[: found.rank] ** 2 / (M - 1)
        assert np.all((low <= exact * (1 + 1e-9)) & (exact <= high * (1 + 1e-9)))
    with pytest.warns(sketch.ToleranceWarning, match="out of reach"):
        sketch.pca(x, tol=tol / 30, sketch_rank=8, passes=2)


def slow_tensor(n=50, terms=50):
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((n, terms)) for _ in range(3)]
    return np.einsum("r,ir,jr,kr->ijk", 1.0 / np.arange(1, terms + 1), *factors)


@pytest.mark.parametrize("method", ["stta", "tt-hmt", "otts"])
@pytest.mark.parametrize("tol", [0.3, 0.1])
def test_trains_are_hardly_larger_than_deterministic_ones(method, tol):
    a = slow_tensor()
    reference = sketch.tt_svd(a, tol=tol).ranks
    for seed in range(2):
        train = sketch.tensor_train(a, tol=tol, method=method, seed=seed)
        assert missed(a, train) <= tol * np.linalg.norm(a)
        assert sum(train.ranks) <= sum(reference) + 1


def test_a_tolerance_that_is_missed_names_ranks_that_are_needed():
    for s, tol in ((polynomial(N), 0.3), (exponential(N, 0.8), 0.02)):
        a = with_spectrum((M, N), s)
        for method in ("hmt", "nystrom"):
            with pytest.warns(sketch.ToleranceWarning, match="out of reach") as said:
                sketch.svd(a, rank=4, tol=tol, method=method)
            least, most = map(int, re.findall(r"(\d+) if", str(said[0].message)))
            assert 4 < least <= 2 * smallest(s, tol)
            assert smallest(s, tol) <= most
            wide = sketch.svd(a, min(most, N), tol=tol, method=method)
            assert wide.error.meets(tol)


def test_no_rank_is_advised_that_the_shape_does_not_have():
    a = with_spectrum((M, 12), exponential(12, 0.8))
    for rank, tol, advice in (
        (4, 0.1, "12 if like a power"),
        (11, 1e-3, "larger rank$"),
        (12, 1e-300, "no rank is larger"),
    ):
        with pytest.warns(sketch.ToleranceWarning, match=advice):
            sketch.svd(a, rank, tol=tol)
        with pytest.warns(sketch.ToleranceWarning, match=advice):
            sketch.svd(a, rank).truncate(tol=tol)


def test_tolerances_far_above_the_error_are_met_for_certain():
    # the tails of probes by trains end somewhere
    law = TrainProbes((8, 8, 8), 16)
    chances = [law.exceeds(10.0**k, 0.0) for k in range(12)]
    assert chances == sorted(chances, reverse=True)
    assert chances[-1] == 0
