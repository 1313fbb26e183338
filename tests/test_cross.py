"""Cross approximation: trains of functions from few of their entries."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from backends import BACKENDS, Moved
from hypothesis import given, settings
from hypothesis import strategies as st

import sketch
from sketch.formats import sampled_points
from sketch.numerics.index_keys import IndexKeys, KeyedValues, random_points
from sketch.numerics.maxvol import dominant_rows
from sketch.numerics.random import uniform_rows


def smooth(i):
    return 1 / (1 + i.sum(axis=1))


def random_train(shape, rank, dtype, seed=0):
    rng = np.random.default_rng(seed)
    bonds = [1, *[rank] * (len(shape) - 1), 1]
    cores = []
    for a, n, b in zip(bonds[:-1], shape, bonds[1:], strict=True):
        core = rng.standard_normal((a, n, b)) / math.sqrt(a)
        if np.dtype(dtype).kind == "c":
            core = core + 1j * rng.standard_normal((a, n, b)) / math.sqrt(a)
        cores.append(core.astype(dtype))
    return sketch.TensorTrain(cores)


def distance(tt, exact):
    wide = np.complex128 if np.dtype(exact.dtype).kind == "c" else np.float64
    return (tt.astype(wide.__name__) - exact.astype(wide.__name__)).norm() / exact.norm()


# ---- what it must find ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("shape", [(9, 8), (12, 11, 10, 9), (6,) * 7])
def test_functions_of_low_rank_are_found_exactly(shape, dtype):
    exact = random_train(shape, 3, dtype)
    tt = sketch.cross(exact.entries, shape, rank=3)
    assert tt.dtype == exact.dtype
    assert max(tt.ranks) <= 3
    # interpolation multiplies rounding errors by a small polynomial of ranks and orders
    assert distance(tt, exact) < 1e3 * np.finfo(dtype).eps
    assert tt.n_evaluations <= math.prod(shape)


def test_a_rank_above_the_functions_stays_at_the_functions():
    exact = random_train((8,) * 5, 2, "float64")
    tt = sketch.cross(exact.entries, exact.shape, rank=6)
    assert max(tt.ranks) == 2
    assert distance(tt, exact) < 1e-12


@pytest.mark.parametrize("value", [0.0, 1.0, -3e-200, 1e200])
def test_constant_functions_have_rank_one(value):
    tt = sketch.cross(lambda i: np.full(len(i), value), (7,) * 6, rank=3)
    assert tt.ranks == (1,) * 5
    assert float(tt[1, 2, 3, 4, 5, 6]) == pytest.approx(value, rel=1e-13)
    assert tt.error.relative < 1e-13
    tt = sketch.cross(lambda i: np.full(len(i), value), (7,) * 6, tol=1e-3)
    assert tt.ranks == (1,) * 5


def test_residuals_that_are_all_zero_promise_nothing():
    tt = sketch.cross(lambda i: np.zeros(len(i)), (7,) * 6, rank=1)
    assert tt.error.kind == "heuristic"
    assert tt.error.value == 0


def test_as_accurate_as_the_svds_of_the_whole():
    i = np.indices((9,) * 5)
    best = sketch.tt_svd(1.0 / (1 + i.sum(axis=0)), rank=3).error.value
    tt = sketch.cross(smooth, (9,) * 5, rank=3)
    error = np.linalg.norm(tt.to_array() - 1.0 / (1 + i.sum(axis=0)))
    assert error < 1.1 * best


def test_small_tensors_are_known_in_every_entry():
    tt = sketch.cross(smooth, (5, 6, 7), rank=2)
    exact = 1.0 / (1 + np.indices((5, 6, 7)).sum(axis=0))
    assert tt.error.kind == "exact"
    assert tt.error.value == pytest.approx(np.linalg.norm(tt.to_array() - exact), rel=1e-6)
    assert tt.n_evaluations == 210
    line = sketch.cross(lambda i: i[:, 0] ** 2, (9,), rank=1)
    assert np.allclose(line.to_array(), np.arange(9) ** 2)


def test_orders_of_a_hundred():
    exact = random_train((20,) * 100, 2, "float64")
    tt = sketch.cross(exact.entries, exact.shape, rank=2)
    assert distance(tt, exact) < 1e-10
    assert tt.n_evaluations < 60_000


# ---- tolerances, budgets, errors -------------------------------------------------------------


def test_tolerances_are_met_with_small_ranks():
    tt = sketch.cross(smooth, (15,) * 6, tol=1e-4)
    assert tt.error.meets(1e-4)
    assert max(tt.ranks) <= 6
    tighter = sketch.cross(smooth, (15,) * 6, tol=1e-8)
    assert tighter.error.meets(1e-8)
    assert sum(tighter.ranks) > sum(tt.ranks)


def test_a_tolerance_that_is_missed_is_said():
    with pytest.warns(sketch.ToleranceWarning, match="rank"):
        tt = sketch.cross(smooth, (15,) * 6, rank=2, tol=1e-9)
    assert tt.ranks == (2,) * 5


def test_noise_is_given_up_on():
    def noise(i):
        return np.sin(1e6 * np.sin(i @ np.array([1.0, 17.0, 31.0, 101.0])))

    with pytest.warns(sketch.ToleranceWarning):
        tt = sketch.cross(noise, (12,) * 4, tol=1e-3)
    assert tt.error.relative > 0.5
    assert tt.n_evaluations <= 12**4


def test_a_budget_is_kept():
    full = sketch.cross(smooth, (15,) * 6, rank=6)
    tt = sketch.cross(smooth, (15,) * 6, rank=6, max_evaluations=4000)
    assert tt.n_evaluations <= 4000 < full.n_evaluations
    assert full.error.value < tt.error.value < 0.5 * tt.error.norm
    with pytest.raises(sketch.ArgumentError, match="max_evaluations=1100"):
        sketch.cross(smooth, (15,) * 6, rank=6, max_evaluations=1100)


def test_intervals_hold_the_error():
    exact = random_train((7,) * 6, 4, "float64", seed=3)
    truth = []
    for seed in range(60):
        tt = sketch.cross(exact.entries, exact.shape, rank=2, seed=seed)
        low, high = tt.error.interval()
        truth.append(low <= (tt - exact).norm() <= high)
        assert tt.error.norm == pytest.approx(exact.norm(), rel=0.3)
    assert sum(truth) >= 53  # of 60 at 95 %, but for one case in a hundred


def test_intervals_are_narrow_and_hold_where_few_entries_make_the_error():
    def peak(i):
        return np.exp(-np.linalg.norm(i / 5.5 - 1, axis=1))

    i = np.indices((12,) * 5)
    exact = np.exp(-np.linalg.norm(i / 5.5 - 1, axis=0))
    held = []
    for seed in range(20):
        tt = sketch.cross(peak, exact.shape, rank=4, seed=seed)
        residual = np.abs(exact - tt.to_array())
        assert np.mean(residual**4) > 30 * np.mean(residual**2) ** 2  # which even points miss
        low, high = tt.error.interval()
        held.append(low <= np.linalg.norm(residual) <= high)
        assert high < 1.3 * low
        assert tt.error.kind == "unbiased"
    assert sum(held) >= 17  # of 20 at 95 %, but for one case in a hundred


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_points_are_drawn_as_often_as_entries_are_large(dtype):
    tt = random_train((3, 4, 2), 2, dtype)
    chances = np.abs(tt.to_array()) ** 2 / tt.norm() ** 2
    points = sampled_points(tt.cores, uniform_rows(0, 0, 0, 20_000, 3))
    counts = np.zeros(tt.shape)
    np.add.at(counts, tuple(points.T), 1)
    deviations = (counts - 20_000 * chances) / np.sqrt(20_000 * chances)
    assert np.abs(deviations).max() < 4.5  # one case in 6,000 for 24 nearly normal numbers


# ---- the same numbers every time -------------------------------------------------------------


def test_results_do_not_depend_on_blocks_or_workers():
    cores = sketch.cross(smooth, (10,) * 5, rank=4).cores
    with ThreadPoolExecutor(2) as pool:
        others = [
            sketch.cross(smooth, (10,) * 5, rank=4, block_points=7),
            sketch.cross(smooth, (10,) * 5, rank=4, map=pool.map, block_points=300),
            sketch.cross(lambda i: 1 / (1 + sum(i)), (10,) * 5, rank=4, vectorized=False),
            sketch.cross(
                smooth,
                (10,) * 5,
                rank=4,
                map=lambda work, blocks: [pool.submit(work, block) for block in blocks],
            ),
        ]
    for other in others:
        assert all(np.array_equal(a, b) for a, b in zip(cores, other.cores, strict=True))
    another = sketch.cross(smooth, (10,) * 5, rank=4, seed=1)
    assert not np.array_equal(cores[2], another.cores[2])


def test_dask_evaluates_blocks():
    dask = pytest.importorskip("dask")

    def by_dask(work, blocks):
        return dask.compute(*(dask.delayed(work)(block) for block in blocks))

    here = sketch.cross(smooth, (10,) * 5, rank=3)
    there = sketch.cross(smooth, (10,) * 5, rank=3, map=by_dask, block_points=400)
    assert all(np.array_equal(a, b) for a, b in zip(here.cores, there.cores, strict=True))


@pytest.mark.parametrize("library", BACKENDS)
def test_values_may_be_arrays_of_any_library(library):
    there = Moved(library)
    tt = sketch.cross(lambda i: there.moved(smooth(i)), (10,) * 4, rank=3)
    here = sketch.cross(lambda i: list(smooth(i)), (10,) * 4, rank=3)
    assert all(np.array_equal(a, b) for a, b in zip(tt.cores, here.cores, strict=True))


def test_each_entry_is_asked_for_once():
    asked = []

    def f(i):
        asked.append(i.copy())
        i[:] = 0  # which is of no consequence
        return smooth(asked[-1])

    tt = sketch.cross(f, (10,) * 6, rank=4, progress=True)
    points = np.concatenate(asked)
    assert len(np.unique(points, axis=0)) == len(points) == tt.n_evaluations


def test_the_number_of_evaluations_goes_along(tmp_path):
    tt = sketch.cross(smooth, (10,) * 5, rank=4)
    assert tt.round(2).n_evaluations == tt.n_evaluations > 0
    tt.save(tmp_path / "train.npz")
    back = sketch.load(tmp_path / "train.npz")
    assert back.n_evaluations == tt.n_evaluations
    assert back.error == tt.error


# ---- functions that fail ---------------------------------------------------------------------


def bad_at(i, where):
    return (i == np.array(where)).all(axis=1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, complex(0, np.nan)])
def test_values_that_are_not_finite_are_named(value):
    def f(i):
        return np.where(bad_at(i, (1, 2, 3)), value, smooth(i))

    with pytest.raises(sketch.NonFiniteError, match=r"\(1, 2, 3\)"):
        sketch.cross(f, (5, 5, 5), rank=2)


@pytest.mark.parametrize("vectorized", [True, False])
def test_the_first_multi_index_at_which_a_function_fails_is_named(vectorized):
    def f(i):
        points = np.atleast_2d(i)
        if bad_at(points, (2, 0, 3)).any() or bad_at(points, (4, 0, 3)).any():
            raise OSError("the simulation diverged")
        return smooth(points) if vectorized else smooth(points)[0]

    with pytest.raises(sketch.EvaluationError, match=r"\(2, 0, 3\).*OSError: the sim") as found:
        sketch.cross(f, (5, 5, 5), rank=2, vectorized=vectorized)
    assert isinstance(found.value.__cause__, OSError)


def test_values_of_other_shapes_and_kinds_are_refused():
    for f in (lambda i: smooth(i)[:-1], lambda i: smooth(i)[:, None], lambda i: 1.0):
        with pytest.raises(sketch.ShapeError, match="vectorized=False"):
            sketch.cross(f, (5, 5, 5), rank=2)
    with pytest.raises(sketch.ShapeError, match="vectorized=True"):
        sketch.cross(lambda i: np.ones(2), (5, 5), rank=2, vectorized=False)
    with pytest.raises(sketch.DtypeError, match="expected numbers"):
        sketch.cross(lambda i: np.array(["a"] * len(i)), (5, 5), rank=2)
    with pytest.raises(sketch.NonFiniteError, match=r"nan at multi-index \(0, 3\)"):
        sketch.cross(lambda i: np.ma.masked_less(smooth(i), 0.3), (5, 5), rank=2)


def test_arguments_are_checked_before_anything_is_evaluated():
    def f(i):
        raise AssertionError

    with pytest.raises(sketch.RankError, match="rank"):
        sketch.cross(f, (5, 5))
    with pytest.raises(sketch.RankError, match="2 bonds"):
        sketch.cross(f, (5, 5, 5), rank=(2, 2, 2))
    with pytest.raises(sketch.ToleranceError):
        sketch.cross(f, (5, 5), tol=-1)
    for shape in ((), 5):
        with pytest.raises(sketch.ShapeError, match="shape"):
            sketch.cross(f, shape, rank=2)
    with pytest.raises(sketch.RankError, match="shape"):
        sketch.cross(f, (5, 0), rank=2)
    with pytest.raises(sketch.ShapeError, match="10"):
        sketch.cross(f, (10**6,) * 200, rank=2)
    for wrong in ({"test_points": 0}, {"block_points": 0}, {"max_evaluations": 0}):
        with pytest.raises(sketch.RankError, match=next(iter(wrong))):
            sketch.cross(f, (5, 5), rank=2, **wrong)
    with pytest.raises(sketch.ArgumentError, match="seed"):
        sketch.cross(f, (5, 5), rank=2, seed=-1)


# ---- keys and dominant rows ------------------------------------------------------------------


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([1, 2, 3, 7, 255, 2**31, 2**62]), min_size=1, max_size=12),
    st.integers(0, 2**32),
)
def test_keys_are_equal_and_sorted_as_multi_indices_are(shape, seed):
    points = random_points(seed, 0, 0, 50, shape)
    points = np.concatenate([points, points[::3], np.array(shape)[None] - 1, 0 * points[:1]])
    assert (points >= 0).all()
    assert (points < np.array(shape)).all()
    keys = IndexKeys(shape)(points)
    order = np.argsort(keys, kind="stable")
    assert np.array_equal(order, np.lexsort(points.T[::-1]))


@given(st.lists(st.integers(0, 200), max_size=60), st.integers(1, 9), st.booleans())
def test_values_are_found_by_the_keys_that_they_were_added_with(numbers, size, is_wide):
    keys = IndexKeys((2**62, 2**62, 300) if is_wide else (300,))
    points = np.zeros((201, 3 if is_wide else 1), np.int64)
    points[:, -1] = np.arange(201)
    known, every = KeyedValues(), keys(points)
    for start in range(0, len(numbers), size):
        part = sorted(set(numbers[start : start + size]) - set(numbers[:start]))
        known.add(every[part], np.array(part) + 0.5)
        values, there = known.at(every)
        added = sorted(set(numbers[: start + size]))
        assert np.array_equal(np.flatnonzero(there), added)
        assert np.array_equal(values[there], np.array(added) + 0.5)
        assert len(known) == len(added)


@given(st.integers(1, 6), st.integers(0, 2**32), st.booleans())
def test_no_coefficient_exceeds_one_by_much(rank, seed, is_complex):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((40, rank)) + 1j * is_complex * rng.standard_normal((40, rank))
    q, _ = np.linalg.qr(a)
    rows, coefficients = dominant_rows(q)
    assert len(set(rows.tolist())) == rank
    assert np.abs(coefficients).max() <= 1.05 + 1e-12
    assert np.allclose(coefficients @ q[rows], q)


@pytest.mark.parametrize(
    "mapped",
    [
        lambda f, blocks: [],
        lambda f, blocks: None,
        lambda f, blocks: [1] * len(blocks),
        lambda f, blocks: [f(block)[:-1] for block in blocks],
        lambda f, blocks: [f(block) for block in blocks] * 2,
    ],
)
def test_maps_that_lose_values_are_told(mapped):
    with pytest.raises(sketch.ArgumentError, match="map should return"):
        sketch.cross(lambda i: i.sum(axis=1), (4, 5, 6), 2, map=mapped)


def test_what_is_no_function_no_array_and_no_index_is_told():
    with pytest.raises(sketch.ArgumentError, match="f must be"):
        sketch.cross(None, (4, 5), 2)
    with pytest.raises(sketch.ShapeError, match="no array"):
        sketch.cross(lambda i: [[1], 2, 3], (4, 5), 2)
    with pytest.raises(sketch.ShapeError, match=r"2\*\*63"):
        sketch.cross(lambda i: i.sum(axis=1), (2**70, 3), 2)


def test_functions_below_the_smallest_normal_number_have_an_error():
    tt = sketch.cross(lambda i: 1e-320 / (1 + i.sum(axis=1)), (20,) * 6, 4)
    assert 0 < tt.error.relative < 1  # subnormal numbers have few digits
