"""Multiplied by a power of two, data give the same result, multiplied by it.

Whatever NumPy is told to do about floating-point errors: those in between are nobody's business.
"""

from __future__ import annotations

import numpy as np
import pytest

import sketch
from sketch.testing import exponential, with_spectrum

A = with_spectrum((60, 40), exponential(40, 0.7))
K = A @ A.T
T = with_spectrum((30, 28), exponential(28, 0.3)).reshape(5, 6, 7, 4)
POINTS = np.argwhere(np.random.default_rng(0).random(T.shape) < 0.8)
SECOND = 2 * np.eye(6) - np.eye(6, k=1) - np.eye(6, k=-1)
B = np.random.default_rng(1).standard_normal((6, 6))


def _seen(result):
    error = result.error
    interval = () if error.kind == "heuristic" else error.interval()
    return result.to_array(), (error.value, *interval)


def _estimate(found):
    return np.asarray(found.value), (found.value, *found.interval())


def _solution(scale, of_a=1.0, **options):
    operator = sketch.TTOperator.kronecker_sum([of_a * SECOND] * 2)
    b = sketch.tt_svd(B * (scale * of_a), rank=6)
    found = sketch.solve(operator, b, **options)
    residual = found.residual
    return found.x.to_array(), [x / of_a for x in (residual.value, *residual.interval())]


def _kernel(scale):
    def kernel(x, y):
        return scale * np.exp(-((x[:, None] - y[None]) ** 2))

    return kernel


def _components(found, scale=1.0):
    error = found.error  # of rows in units of their columns, where these are scaled
    error = error.value * scale if error is not None else 0.0
    return found.components * found.singular_values[:, None] * scale, (error,)


def _whitened(rows, scale):
    found = sketch.pca(rows, 5, whiten=True)
    with np.errstate(all="ignore"):
        low, high = found.explained_variance_interval()
        exact = np.linalg.svdvals(A - A.mean(0))[:5].astype("longdouble") ** 2 / 59
        exact = exact * np.longdouble(scale) ** 2
    # to rounding; of numbers that are beyond the range the ends are its ends
    assert np.all(low <= exact * (1 + 1e-9) + 1e-323)
    assert np.all(exact * (1 - 1e-9) <= high)
    scores = found.transform(rows)
    back = found.inverse_transform(scores)
    return np.concatenate([back, scores[:, :5].repeat(8, axis=1) * scale]), (0.0,)


def _stream(scale, sk):
    for number in range(getattr(sk, "n_passes", 1)):
        if number:
            sk.end_pass()
        for start in range(0, 60, 15):
            at = {} if None in sk.spec.shape else {"at": start}
            sk.update(A[start : start + 15] * scale, **at)
    return sk.finalize()


CALLS = {
    "svd": lambda s: _seen(sketch.svd(A * s, 5)),
    "svd, tol": lambda s: _seen(sketch.svd(A * s, tol=1e-2)),
    # until it is right: a reading serves one step, not two, where squares are out of range
    "krylov": lambda s: _seen(sketch.svd(A * s, 5, method="krylov", tol=1e-12)),
    "nystrom": lambda s: _seen(sketch.svd(A * s, 5, method="nystrom")),
    "widened": lambda s: _seen(sketch.svd(A * s, tol=1e-2, method="nystrom")),
    "sketch, power step": lambda s: _seen(_stream(s, sketch.HMT((60, 40), 5, power_iters=0.5))),
    "tensor_train": lambda s: _seen(sketch.tensor_train(T * s, 2)),
    "otts": lambda s: _seen(sketch.tensor_train(T * s, 2, method="otts")),
    "tt_svd": lambda s: _seen(sketch.tt_svd(T * s, 2)),
    "round": lambda s: _seen(sketch.tt_svd(T * s, 4).round(2)),
    "cross": lambda s: _seen(sketch.cross(lambda i: s * T[tuple(i.T)], T.shape, 2)),
    "complete_train": lambda s: _seen(
        sketch.complete_train(POINTS, s * T[tuple(POINTS.T)], T.shape, 2)
    ),
    "pivoted_cholesky": lambda s: _seen(
        sketch.pivoted_cholesky(_kernel(s), np.linspace(0, 4, 50), 6)
    ),
    "pca": lambda s: _components(sketch.pca(A * s, 5)),
    "pca, whitened": lambda s: _whitened(A * s, s),
    "pca, one pass": lambda s: _components(sketch.pca(A * s, 5, passes=1)),
    "pca, scaled": lambda s: _components(sketch.pca(A * s, 5, scale=True), s),
    "pca, scaled, narrow": lambda s: _components(
        sketch.pca(A * s, 5, scale=True, sketch_rank=12, passes=1), s
    ),
    "pca, scaled, sharpened": lambda s: _components(
        sketch.pca(A * s, 5, scale=True, sketch_rank=12), s
    ),
    "pca, with gaps": lambda s: _components(
        sketch.pca(np.where(np.abs(A) > 0.002, A, np.nan) * s, 3, missing="fit")
    ),
    "Gram-Nystrom": lambda s: _components(_stream(s, sketch.GramNystrom(40, 5))),
    "schatten_norm": lambda s: _estimate(sketch.schatten_norm(A * s)),
    "verify": lambda s: _estimate(sketch.verify(sketch.svd(A * s, 5), A * s)),
    "solve": lambda s: _solution(s, rank=6),
    "solve, tol": lambda s: _solution(s, tol=1e-6),
    "solve, scaled operator": lambda s: _solution(1.0, of_a=s, rank=6),
}


# squares of all but 2**100 over- or underflow
@pytest.mark.parametrize("exponent", [-1000, -600, 100, 600, 1000])
@pytest.mark.parametrize("name", CALLS)
def test_a_power_of_two_passes_through(name, exponent):
    call, back = CALLS[name], -exponent if "operator" not in name else 0
    lost = "raise" if exponent > -1000 else "ignore"  # some data are subnormal at the least scale
    with np.errstate(all="raise", under=lost):
        expected, errors = call(1.0)
        found, scaled = call(2.0**exponent)
    size = np.abs(expected).max()
    # rounding alone; what is found by iteration ends at most a thousandth of the error earlier
    gap = max(1e-10 * size, 1e-3 * errors[0] if name in ("krylov", "complete_train") else 0.0)
    assert np.abs(np.ldexp(found, back) - expected).max() <= gap
    for ours, theirs in zip(errors, scaled, strict=True):
        assert abs(np.ldexp(theirs, back) - ours) <= 1e-6 * abs(ours) + 1e-11 * size


def _of_low_rank(a):
    found = sketch.svd(a, 8)
    found.to_array(), found.entries([0, 1], [2, 3]), found.norm(), found @ a.T, a.T @ found
    found.singular_value_interval(), found.spectral_error_interval(), found.angle_bounds()
    str(found.scree()), found.truncate(tol=0.5), (found + found.H.T).norm(), found.H.dot(found.H)


def _of_components(a):
    found = sketch.pca(a, 3)
    _ = found.explained_variance, found.explained_variance_ratio, repr(found)
    found.explained_variance_interval(), found.explained_variance_interval(1)
    found.inverse_transform(found.transform(a)), str(found.truncate(2).error)


def _of_train(a):
    train = sketch.tt_svd(a.reshape(12, 10, -1), 9)
    train.to_array(), train.entries([[0, 1, 2]]), train.norm(), train.sum(), train.hadamard(train)
    (train + train).round(4), train.round(tol=0.1), train.orthogonalize(1), (0.1 * train).norm()
    (train - a.reshape(train.shape)).norm(), train.dot(train)


def _of_cross(a):
    found = sketch.cross(lambda i: a[i[:, 0], i[:, 1]], a.shape, 6)
    found.to_array(), str(found.error)


UNDERFLOWING = {  # what is done, and with which of the data it can be
    "low rank": _of_low_rank,
    "components": _of_components,
    "train": _of_train,
    "cross": _of_cross,
    "complete": lambda a: sketch.complete(a, 2).to_array(),
    "pivots": lambda a: sketch.pivoted_cholesky(np.diag(np.abs(a[0])), rank=3).to_array(),
    "Schatten": lambda a: (sketch.schatten_norm(a, 0.5), sketch.schatten_norm(a, 3)),
    "spectral": lambda a: str(sketch.spectral_norm(a)),
}
SPREAD = {  # products of which underflow here and there, whatever power of two they are given
    "steep": A * np.exp2(-np.arange(0, 1000, 25.0)),
    "steep both ways": A * np.exp2(-np.arange(0, 600, 10.0))[:, None] * np.exp2(-np.arange(40.0)),
    "some tiny": np.where(A > 0, A, 1e-200),
    "one": np.where(A.max() == A, 1.0, 0.0),
    "small": A * 2.0**-560,
}


@pytest.mark.filterwarnings("ignore::sketch.SketchWarning")
@pytest.mark.parametrize("data", SPREAD)
@pytest.mark.parametrize("name", UNDERFLOWING)
def test_nothing_tells_of_underflow(name, data):
    try:
        with np.errstate(all="raise"):
            UNDERFLOWING[name](SPREAD[data])
    except sketch.NonFiniteError:  # of squares alone
        assert data == "small"


@pytest.mark.parametrize("scale", [True, np.arange(1.0, 41.0)], ids=["deviations", "given"])
@pytest.mark.parametrize("exponent", [-1000, 0, 1000])
def test_constant_columns_of_any_size_may_be_scaled(exponent, scale):
    rows = np.ldexp(1.0, exponent) * np.ones((60, 40))
    assert sketch.pca(rows, 3, scale=scale).total_variance == 0
    rows[:, :3] *= 1 + A[:, :3]
    found = sketch.pca(rows, 3, scale=True)
    assert found.total_variance == pytest.approx(3)
    assert np.all(np.asarray(found.scale)[3:] == 1)


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize("exponent", [-110, -60, 60, 110])
def test_variances_of_single_numbers_are_no_single_numbers(dtype, exponent):
    """Squares of many a single number are beyond their range."""
    rows = np.ldexp(A, 10).astype(dtype)
    scaled = (rows * 2.0**exponent).astype(dtype)
    with np.errstate(all="raise"):
        plain, found = (sketch.pca(x, 5) for x in (rows, scaled))
        pairs = [(plain.explained_variance, found.explained_variance)]
        ends = (x.explained_variance_interval() for x in (plain, found))
        pairs += zip(*ends, strict=True)
    assert found.components.dtype == dtype
    for ours, theirs in pairs:
        assert np.allclose(np.ldexp(theirs, -2 * exponent), ours, rtol=1e-4, atol=0)
    low, high = found.explained_variance_interval()
    exact = np.linalg.svd(rows - rows.mean(0), compute_uv=False)[:5].astype(float) ** 2 / 59
    assert np.all(low <= np.ldexp(exact, 2 * exponent) * (1 + 1e-5))
    assert np.all(np.ldexp(exact, 2 * exponent) <= high * (1 + 1e-5))


@pytest.mark.parametrize("method", ["stta", "otts", "tt-hmt"])
@pytest.mark.parametrize("dtype", ["float32", "complex64", "float64", "complex128"])
def test_trains_near_the_ends_of_the_range_are_right_or_refused(dtype, method):
    """Products overflow where data do not: any of them, and not the first one alone."""
    top = np.finfo(dtype).maxexp
    for exponent in (-top + 40, top - 40, top - 12, top - 9, top - 7):
        for shape in [(4, 5, 6), (64, 64)]:
            a = np.ldexp(1.0, exponent - 1) * np.ones(shape, dtype)
            with np.errstate(all="raise"):
                try:
                    found = sketch.tensor_train(a, 2, method=method)
                except sketch.NonFiniteError:
                    assert exponent > top - 20
                    continue
            unit = np.ldexp(1.0, -exponent)
            assert np.abs(found.to_array() * unit - 0.5).max() < 1e3 * np.finfo(dtype).eps
            assert found.error.relative < 1e3 * np.finfo(dtype).eps
