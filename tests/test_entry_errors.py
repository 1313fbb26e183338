"""Errors of entries that are drawn: their quantiles hold for every source and distribution."""

from __future__ import annotations

import numpy as np
import pytest
from strategies import SOURCES, matrix

import sketch

A = matrix(seed=1)


@pytest.mark.parametrize("source", [name for name in SOURCES if name != "chunks"])
def test_errors_of_every_source_are_those_of_the_entries(source):
    result = sketch.svd(A, 2)
    found = sketch.entry_errors(result, SOURCES[source](A), count=12)
    exact = np.abs(A - result.to_array())[tuple(found.points.T)]
    assert np.allclose(found.errors, exact, atol=1e-12)
    assert np.all(np.diff(found.errors) >= 0)


@pytest.mark.parametrize("kind", ["normal", "few are large", "all are equal"])
def test_intervals_of_quantiles_hold_as_often_as_they_say(kind):
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((80, 60))
    if kind == "few are large":
        noise = 1000 * noise * (rng.random(noise.shape) < 0.02)
    if kind == "all are equal":
        noise = np.ones(noise.shape)
    result = sketch.svd(np.zeros((80, 60)), 1)
    missed = {0.5: 0, 0.9: 0, 0.99: 0}
    for seed in range(40):
        found = sketch.entry_errors(result, noise, count=200, seed=seed)
        for share in missed:
            low, high = found.interval(share)
            below = np.mean(np.abs(noise) < low), np.mean(np.abs(noise) <= high)
            missed[share] += not below[0] <= share <= below[1]
    assert max(missed.values()) <= 7  # of 40: 2 are expected, at most, and 8 once in 2000 tests


def test_small_samples_say_what_they_cannot_tell():
    found = sketch.entry_errors(sketch.svd(A, 2), A, count=5)
    assert found.interval(0.99)[1] == np.inf
    assert found.interval(0.01)[0] == 0
    assert "of 5 entries" in str(found)
    again = sketch.entry_errors(sketch.svd(A, 2), A, count=5)
    assert np.array_equal(again.points, found.points)


def test_refusals():
    result = sketch.svd(A, 2)
    with pytest.raises(sketch.ShapeError, match="the data have"):
        sketch.entry_errors(result, A[:, :5])
    with pytest.raises(sketch.ShapeError):
        sketch.entry_errors(sketch.svd(np.ones((0, 4)), 1), np.ones((0, 4)))
    with pytest.raises((sketch.ArgumentError, sketch.ShapeError)):
        sketch.entry_errors(result, [A[:9], A[9:]])
    with pytest.raises(sketch.RankError, match="count"):
        sketch.entry_errors(result, A, count=0)
    with pytest.raises(sketch.NonFiniteError, match="NaN"):
        sketch.entry_errors(result, A * np.nan)
    for ask in (lambda f: f.quantile(1.0), lambda f: f.interval(0), lambda f: f.interval(0.5, 1)):
        with pytest.raises(ValueError, match="between 0 and 1"):
            ask(sketch.entry_errors(result, A, count=3))
