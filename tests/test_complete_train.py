"""Tensor trains from scattered entries."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import sketch
from sketch.from_entries._train_fit import KnownEntries, grown, sweeps, swept
from sketch.numerics.random import entry_words, point_words


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


def some_points(count, shape, seed=0):
    return np.random.default_rng(seed).integers(0, shape, (count, len(shape)))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize(("shape", "count"), [((30, 25), 700), ((9, 10, 8, 7), 2500)])
def test_trains_of_low_rank_are_recovered(shape, count, dtype):
    exact = random_train(shape, 2, dtype)
    points = some_points(count, shape)
    tt = sketch.complete_train(points, exact.entries(points), shape, rank=2)
    assert tt.dtype == exact.dtype
    assert tt.ranks == exact.ranks
    # sweeps end where they gain less than a twentieth, or at the unit roundoff
    assert (tt - exact).norm() < 1e4 * np.finfo(dtype).eps * exact.norm()


def test_the_rank_is_what_the_held_out_entries_bear():
    shape = (12,) * 4
    points = some_points(4000, shape)
    noise = 0.1 * np.random.default_rng(2).standard_normal(len(points))
    values = np.cos(0.2 * points.sum(axis=1)) + noise  # of rank 2
    tt = sketch.complete_train(points, values, shape)
    assert tt.ranks == (2, 2, 2)
    assert 0.08 < tt.error.value / 12**2 < 0.13  # the noise is part of the error
    low, high = tt.error.interval()
    assert low < tt.error.value < high
    assert tt.error.kind == "unbiased"


def test_intervals_hold_at_least_as_often_as_they_say():
    exact = 1 + np.random.default_rng(0).standard_normal((10,) * 4)
    held = []
    for seed in range(30):
        points = some_points(2000, exact.shape, seed)
        values = exact[tuple(points.T)]
        tt = sketch.complete_train(points, values, exact.shape, rank=1, seed=seed)
        if tt.error.kind == "unbiased":
            low, high = tt.error.interval()
            held.append(low <= np.linalg.norm(tt.to_array() - exact) <= high)
    assert len(held) >= 25  # the others' held-out entries are not like the train, by chance
    assert len(held) - sum(held) <= 4  # of 30 at 95 %, but for one case in a hundred


def test_what_held_out_entries_cannot_show_is_heuristic():
    points = some_points(4000, (20,) * 4)
    values = np.exp(-np.linalg.norm(points / 19, axis=1))  # steep in one corner of 160,000 entries
    tt = sketch.complete_train(points, values, (20,) * 4, rank=4)
    assert tt.error.kind == "heuristic"
    assert tt.error.relative < 0.01


def test_a_tolerance_ends_the_growth():
    points = some_points(5000, (15,) * 4)
    tt = sketch.complete_train(points, smooth(points), (15,) * 4, tol=0.05)
    assert tt.error.meets(0.05)
    assert max(tt.ranks) <= 2
    with pytest.warns(sketch.ToleranceWarning):
        sketch.complete_train(points, smooth(points), (15,) * 4, rank=1, tol=1e-6)


@pytest.mark.parametrize("value", [0.0, 2.5, 1e200])
def test_constants_have_rank_one(value):
    points = some_points(500, (6,) * 3)
    tt = sketch.complete_train(points, np.full(500, value), (6,) * 3)
    assert tt.ranks == (1, 1)
    assert np.allclose(tt.to_array(), value)


def test_momentum_leads_to_the_values_faster_and_never_away():
    points = np.unique(some_points(1500, (10,) * 4), axis=0)
    values = np.exp(-np.linalg.norm(points / 9, axis=1))
    known = KnownEntries(points, (10,) * 4)
    cores = []
    for _ in range(3):
        cores = grown(cores, known, values, (3,) * 3, 0, 1)
    plain = start = sketch.TensorTrain(cores)
    misfits = [
        np.linalg.norm(tt.entries(points) - values)
        for tt in itertools.islice(sweeps(start, known, values), 25)
    ]
    assert np.all(np.diff(misfits) < 0)
    for _ in misfits:
        plain = sketch.TensorTrain(swept(plain.cores, known, values))
    assert misfits[-1] < np.linalg.norm(plain.entries(points) - values)


def test_complete_takes_points_too():
    points = some_points(800, (6, 6, 6))
    values = smooth(points)
    tt = sketch.complete(points, values, shape=(6, 6, 6), rank=2)
    same = sketch.complete_train(points, values, (6, 6, 6), rank=2)
    assert np.array_equal(tt.to_array(), same.to_array())
    assert tt.error == same.error
    with pytest.raises(sketch.ShapeError, match="values"):
        sketch.complete(points, shape=(6, 6, 6))
    with pytest.raises(TypeError, match="tol"):
        sketch.complete(np.ones((4, 4)), 1, tol=1e-3)


def test_duplicates_are_averaged_and_the_order_is_of_no_consequence():
    points = some_points(1500, (8,) * 4)
    values = smooth(points)
    once = sketch.complete_train(points, values, (8,) * 4, rank=2)
    order = np.random.default_rng(1).permutation(3000)
    twice, both = np.concatenate([points, points])[order], np.concatenate([values - 1, values + 1])
    again = sketch.complete_train(twice, both[order], (8,) * 4, rank=2)
    assert np.allclose(again.to_array(), once.to_array(), atol=1e-10)


def test_held_out_entries_follow_from_seed_and_place():
    points = some_points(5000, (50, 60, 70))
    words = point_words(3, points)
    assert np.array_equal(words[::7], point_words(3, points[::7]))
    assert not np.array_equal(words, point_words(4, points))
    # six deviations of the mean of 5000 uniform numbers, nearly all of them different
    assert abs((words * 2.0**-64).mean() - 0.5) < 6 / math.sqrt(12 * 5000)
    rows = np.arange(50)
    of_matrix = entry_words(3, rows, points[:, 0], points[:, 1])
    assert np.array_equal(of_matrix, point_words(3, points[:, :2]))


def test_indices_without_an_entry_are_named_and_zero():
    points = some_points(2000, (9, 9, 9))
    points = points[points[:, 1] != 4]
    with pytest.warns(sketch.UnseenWarning, match="mode 1: 4"):
        tt = sketch.complete_train(points, smooth(points), (9, 9, 9), rank=2)
    assert np.all(tt.to_array()[:, 4, :] == 0)


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_zeros_are_found_exactly(dtype):
    points = some_points(800, (6, 6, 6))
    tt = sketch.complete_train(points, np.zeros(800, dtype), (6, 6, 6), tol=1e-3)
    assert tt.dtype == dtype
    assert not tt.to_array().any()
    assert tt.error.value == 0


@pytest.mark.filterwarnings("ignore::sketch.UnseenWarning")
def test_indices_without_an_entry_cost_nothing_in_the_fit():
    few = some_points(1500, (8, 7, 9))
    tt = sketch.complete_train(few, smooth(few), (8, 7, 9), rank=3)
    far = few * np.array([1, 30_000, 1])  # 7 of some 200,000 indices
    wide = sketch.complete_train(far, smooth(few), (8, 200_000, 9), rank=3)
    assert wide.shape == (8, 200_000, 9)
    assert np.allclose(wide.entries(far), smooth(few), rtol=0.1)
    assert np.allclose(tt.entries(few), smooth(few), rtol=0.1)
    with pytest.raises(sketch.MemoryBudgetError, match=r"np\.unique"):
        sketch.complete_train(few, smooth(few), (8, 2**45, 9), rank=3)


def test_ranks_by_bond_and_a_single_mode():
    points = some_points(3000, (8,) * 4)
    i, j, k, m = points.T
    values = np.cos(0.3 * (i + j)) * (1 + 1 / (1 + k + m))  # of ranks 2, 1, 8
    assert sketch.complete_train(points, values, (8,) * 4, rank=(3, 1, 2)).ranks == (2, 1, 2)
    line = some_points(400, (30,))
    with pytest.warns(sketch.UnseenWarning):  # what is held out of a single mode is seen nowhere
        tt = sketch.complete_train(line, np.sin(line[:, 0]), (30,), holdout=0.2)
    fitted = np.abs(tt.to_array() - np.sin(np.arange(30))) < 1e-9
    assert fitted.sum() >= 15


@pytest.mark.filterwarnings("ignore::sketch.UnseenWarning")
def test_arguments_are_checked():
    points = some_points(300, (5, 6, 7))
    values = smooth(points)
    shape = (5, 6, 7)

    def refused(error, match, points=points, values=values, shape=shape, **options):
        with pytest.raises(error, match=match):
            sketch.complete_train(points, values, shape, **options)

    refused(sketch.ShapeError, "integers of shape", points=points[:, :2])
    refused(sketch.ShapeError, "integers of shape", points=points + 0.5)
    refused(sketch.ShapeError, "out of bounds", points=points - 1)
    refused(sketch.ShapeError, "one for each point", values=values[1:])
    refused(sketch.NonFiniteError, "point 3", values=np.where(np.arange(300) == 3, np.nan, values))
    refused(sketch.DtypeError, "numbers", values=values.astype(str))
    refused(sketch.RankError, "2 bonds", rank=(1, 2, 3))
    refused(sketch.ToleranceError, "tol", tol=-1.0)
    refused(sketch.ArgumentError, "share", holdout=1.5)
    refused(sketch.ArgumentError, "more points", points=points[:3], values=values[:3])
    refused(sketch.ArgumentError, "more points", points=points[:0], values=values[:0])


def test_values_near_the_largest_number_are_averaged_or_told():
    points = np.repeat(np.indices((6, 5)).reshape(2, -1).T, 20, axis=0)
    values = 1 / (1.0 + points.sum(axis=1))
    usual = sketch.complete_train(points, values, (6, 5), 2, holdout=0.3)
    large = sketch.complete_train(points, 1e306 * values, (6, 5), 2, holdout=0.3)
    assert np.allclose(large.to_array() / 1e306, usual.to_array(), rtol=1e-9)
    with pytest.raises(sketch.NonFiniteError, match="norm"):
        sketch.complete_train(points, 1.7e308 * np.sign(values), (6, 5), 2, holdout=0.3)
