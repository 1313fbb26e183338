"""The algebra of tensor trains, on every array library, against NumPy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from backends import BACKENDS, Moved, host
from hypothesis import given
from hypothesis import strategies as st

import sketch


@pytest.fixture(scope="module", params=BACKENDS)
def there(request):
    """Return the function that brings a tensor to an array library."""
    return Moved(request.param).moved


def dense(x):
    """Return a train as a NumPy array."""
    return host(x.to_array())


@st.composite
def trains(draw, shape=None):
    shape = shape or tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=5)))
    bonds = [1, *(draw(st.integers(1, 3)) for _ in shape[1:]), 1]
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    field = draw(st.sampled_from([1.0, 1j]))
    sizes = zip(bonds[:-1], shape, bonds[1:], strict=True)
    return sketch.TensorTrain(
        [rng.standard_normal(s) + (field - 1) * rng.standard_normal(s) for s in sizes]
    )


@st.composite
def pairs(draw):
    x = draw(trains())
    return x, draw(trains(shape=x.shape))


def close(x, y, size):
    # a few dozen roundings of numbers up to `size`
    return np.abs(host(x) - host(y)).max(initial=0) <= 1e-12 * max(1.0, size)


@given(pairs())
def test_algebra_agrees_with_arrays(there, pair):
    a, b = (x.to_array() for x in pair)
    x, y = map(there, pair)
    size = np.linalg.norm(a) * (1 + np.linalg.norm(b)) + np.linalg.norm(b)
    assert close((x + y).to_array(), a + b, size)
    assert close((x - 2.5 * y).to_array(), a - 2.5 * b, size)
    assert close((-x).to_array(), -a, size)
    assert close((1j * x).to_array(), 1j * a, size)
    assert close(x.hadamard(y).to_array(), a * b, size)
    assert close(x.dot(y), np.vdot(a, b), size)
    assert close(x.norm(), np.linalg.norm(a), size)


@given(trains(), st.data())
def test_entries_and_slices_agree_with_arrays(there, x, data):
    a, x = x.to_array(), there(x)
    size = np.linalg.norm(a)
    points = [[data.draw(st.integers(-n, n - 1)) for n in x.shape] for _ in range(4)]
    assert close(x.entries(points), [a[tuple(p)] for p in points], size)
    assert close(x[tuple(points[0])], a[tuple(points[0])], size)
    index = tuple(
        data.draw(st.sampled_from([slice(None), slice(0, 2), slice(None, None, -1), n - 1]))
        for n in x.shape
    )
    cut = x[index]
    assert close(cut.to_array() if isinstance(cut, sketch.TensorTrain) else cut, a[index], size)


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
@pytest.mark.parametrize("count", [1, 4, 30, 300, 5000])
@pytest.mark.parametrize("shape", [(5000,), (70, 80), (9, 10, 11), (3, 20, 2, 2, 15), (2,) * 12])
def test_entries_at_many_points_are_those_at_few(shape, count, dtype):
    # so many points that neighbouring modes are joined, and points sorted: none is exchanged
    rng = np.random.default_rng(0)
    ranks = [1, *[7] * (len(shape) - 1), 1]
    cores = [
        (rng.standard_normal((a, n, b)) + 1j * rng.standard_normal((a, n, b)))
        for a, n, b in zip(ranks[:-1], shape, ranks[1:], strict=True)
    ]
    tt = sketch.TensorTrain([(c if dtype[0] == "c" else c.real).astype(dtype) for c in cores])
    points = np.array([rng.integers(-n, n, count) for n in shape]).T
    a = tt.to_array()
    # 30 roundings of sums of products whose sizes add up to some times the largest entry
    tol = 1e3 * np.finfo(dtype).eps * np.abs(a).max()
    assert np.abs(tt.entries(points) - a[tuple(points.T)]).max() <= tol


@pytest.mark.parametrize("place", [0, 3])
def test_entries_at_points_that_share_one_index_are_those_apart(place):
    # all points go through one slice, and all but one through another
    tt = sketch.TensorTrain.random((30, 5, 40, 6), rank=6)
    points = np.random.default_rng(0).integers(0, 5, (2000, 4))
    points[:, 1], points[1:, 2] = place, place
    expected = np.concatenate([tt.entries(points[k : k + 2]) for k in range(0, 2000, 2)])
    size = np.abs(expected).max()
    assert np.abs(tt.entries(points) - expected).max() <= 1e-13 * size  # 6 sums of 6 products
    assert np.array_equal(tt.entries(points.astype(np.uint64)), tt.entries(points))


@pytest.mark.parametrize("tol", [0.02, 0.1, 0.3, 0.6])
def test_what_a_bond_leaves_of_its_share_later_bonds_may_lose(tol):
    # terms that are orthogonal at every bond: which are lost is known
    weights = np.array([0.8, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02])
    weights /= np.linalg.norm(weights)
    eye = np.eye(7)
    tt = sketch.CPTensor(weights, [eye] * 5).to_tensor_train()
    short = tt.round(tol=tol)
    tails = np.sqrt(np.append(np.cumsum(weights[::-1] ** 2)[::-1], 0))
    lost = (tt - short).norm()
    assert lost <= tol * (1 + 1e-12)
    least = int(np.argmax(tails <= tol))  # all the loss at one bond
    equal = int(np.argmax(tails <= tol / 2))  # four equal shares
    # the first bond loses at most its share; behind it nothing more has to be lost
    assert short.ranks[0] == max(1, equal)
    assert all(max(1, least) <= rank <= max(1, equal) for rank in short.ranks)
    # the last bond keeps the fewest that all that is left allows
    kept = short.ranks[-1]
    assert kept == 1 or math.hypot(lost, weights[kept - 1]) > tol


@given(trains(), st.floats(0, 0.5))
def test_rounding_stays_within_its_tolerance(there, x, tol):
    a, x = x.to_array(), there(x)
    short = x.round(tol=tol)
    assert np.linalg.norm(dense(short) - a) <= (tol + 1e-13) * np.linalg.norm(a)
    assert all(r <= s for r, s in zip(short.ranks, x.ranks, strict=True))


@given(trains(), st.integers(0, 4))
def test_orthogonalisation_keeps_the_tensor(there, x, mode):
    mode %= x.ndim
    y = there(x).orthogonalize(mode)
    assert close(y.to_array(), x.to_array(), np.linalg.norm(x.to_array()))
    for k, core in enumerate(map(host, y.cores)):
        flat = core.reshape(-1, core.shape[2]) if k < mode else core.reshape(core.shape[0], -1).T
        if k != mode:
            assert np.abs(flat.conj().T @ flat - np.eye(flat.shape[1])).max() < 1e-13


@given(st.integers(1, 6))
def test_tt_svd_is_quasi_optimal_and_knows_its_error(there, rank):
    a = np.random.default_rng(0).standard_normal((4, 5, 6, 3))
    tt = sketch.tt_svd(there(a), rank)
    error = np.linalg.norm(dense(tt) - a)
    assert math.isclose(tt.error.value, error, rel_tol=1e-10)
    tails = []
    for k in range(1, 4):
        s = np.linalg.svd(a.reshape(math.prod(a.shape[:k]), -1), compute_uv=False)
        tails.append(np.sum(s[rank:] ** 2))
    assert max(tails) <= error**2 * (1 + 1e-12)
    assert error**2 <= sum(tails) * (1 + 1e-12)


@pytest.mark.parametrize("factor", [10.0, 0.1])
def test_norms_of_long_trains_are_scaled(there, factor):
    order = 5000
    half = order // 2
    cores = [np.full((1, 1, 1), factor)] * half + [np.full((1, 1, 1), 1 / factor)] * half
    assert math.isclose(there(sketch.TensorTrain(cores)).norm(), 1.0, rel_tol=1e-9)
    log2 = order * math.log2(factor)
    with pytest.raises(sketch.NonFiniteError, match=rf"2\*\*{log2:.1f}"):
        there(sketch.TensorTrain([np.full((1, 1, 1), factor)] * order)).norm()


def test_small_differences_are_resolved(there):
    rng = np.random.default_rng(0)
    x = there(sketch.TensorTrain([rng.standard_normal((1, 9, 3)), rng.standard_normal((3, 9, 1))]))
    nudged = sketch.TensorTrain([x.cores[0], x.cores[1] * (1 + 1e-12)])
    assert math.isclose((nudged - x).norm(), 1e-12 * x.norm(), rel_tol=1e-2)


def test_dense_forms_are_refused_by_their_size():
    with pytest.raises(sketch.ShapeError, match="8e\\+51 GB"):
        sketch.TensorTrain([np.ones((1, 10, 1))] * 60).to_array()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: sketch.TensorTrain([]), sketch.ShapeError, "one core"),
        (lambda: sketch.TensorTrain([np.ones((2, 3, 1))]), sketch.ShapeError, "fit together"),
        (
            lambda: sketch.CPTensor(None, [np.ones((3, 2)), np.ones((3, 1))]),
            sketch.ShapeError,
            "share",
        ),
        (
            lambda: sketch.TuckerTensor(np.ones((2, 2)), [np.ones((3, 2))]),
            sketch.ShapeError,
            "match",
        ),
        (lambda: sketch.tt_svd(np.ones((2, 2))), sketch.RankError, "give a rank"),
        (lambda: sketch.tt_svd(np.full((2, 2), np.nan), 1), sketch.NonFiniteError, "NaN"),
    ],
)
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_files(tmp_path):
    tt = sketch.tensor_train(np.ones((3, 4, 5)), 2)
    tt.save(tmp_path / "t.npz")
    again = sketch.load(tmp_path / "t.npz")
    assert all(np.array_equal(x, y) for x, y in zip(tt.cores, again.cores, strict=True))
    assert again.error == tt.error


# ---- rounding -------------------------------------------------------------------------------


def fading_train(order, n, rank, lo, seed=0):
    """Return a train of some rank whose unfoldings have singular values falling to 10^lo."""
    rng = np.random.default_rng(seed)
    bonds = [1, *[rank] * (order - 1), 1]
    fade = np.logspace(0, lo, rank)
    cores = []
    for a, b in itertools.pairwise(bonds):
        core = rng.standard_normal((a, n, b)) / np.sqrt(a * n)
        cores.append(core * (fade if b == rank else 1.0))
    return sketch.TensorTrain(cores)


@pytest.mark.parametrize(
    ("rank", "lo"),
    [(60, -3), (60, -12), (20, -3), (20, -12)],
    ids=["wide", "wide and steep", "thin", "steep"],
)
def test_rounding_is_as_good_as_dense_svds(there, rank, lo):
    """Wide trains go by Gram matrices while these see enough, all others by QR."""
    t = fading_train(4, 10, rank, lo)
    full = t.to_array()
    short = there(t).round(rank=7)
    best = sketch.tt_svd(full, 7)
    ours, theirs = (np.linalg.norm(dense(x) - full) for x in (short, best))
    # both are quasi-optimal and sweep in one direction; they differ by sums of squares of tails
    assert ours <= 1.02 * theirs + 1e-14 * np.linalg.norm(full)
    assert max(short.ranks) == 7


@pytest.mark.parametrize("tol", [1e-2, 1e-5, 1e-9])
def test_rounding_to_a_tolerance_keeps_it(there, tol):
    t = there(fading_train(5, 8, 60, -14))
    short = t.round(tol=tol)
    assert (short - t).norm() <= tol * t.norm()
    assert max(short.ranks) < 60


def test_rounding_of_exact_ranks_loses_nothing(there):
    t = there(fading_train(5, 8, 4, -1))
    doubled = t + t
    short = doubled.round(tol=1e-13)
    assert max(short.ranks) == 4
    assert (short - 2.0 * t).norm() < 1e-12 * t.norm()


@pytest.mark.parametrize("size", [1.0, 1e7, 1e-7])
def test_rounding_of_a_sum_does_not_depend_on_how_its_cores_are_scaled(size):
    rng = np.random.default_rng(0)
    shape, steep = (60, 8, 60), 0.75 ** np.arange(50)
    bonds = list(zip((1, 50, 50), shape, (50, 50, 1), strict=True))
    first, second, last = (rng.standard_normal(sizes) for sizes in bonds)
    wide = sketch.TensorTrain([first * steep, second * steep, last])
    one = [np.ones((1, n, 1)) for n in shape]
    one = sketch.TensorTrain([one[0] * size**2, one[1] / size, one[2] / size])
    total = wide / wide.norm() + one / one.norm()
    exact = sketch.tt_svd(total.to_array(), 20)
    # both truncate the same orthogonal parts, up to the first bond's effect on the second
    assert (total.round(20) - total).norm() == pytest.approx(exact.error.value, rel=1e-2)


def test_rounding_of_a_small_difference_is_relative_to_the_difference():
    rng = np.random.default_rng(0)
    bonds = list(zip((1, 40, 40), (20, 20, 20), (40, 40, 1), strict=True))
    x = sketch.TensorTrain([rng.standard_normal(sizes) for sizes in bonds])
    near = sketch.TensorTrain([core * (1 + 1e-7 * rng.random(core.shape)) for core in x.cores])
    difference = x - near
    exact = sketch.tt_svd(difference.to_array(), 15)
    short = difference.round(15)
    assert (short - difference).norm() == pytest.approx(exact.error.value, rel=1e-3)


def test_errors_of_dense_arrays_cost_few_probes_or_are_exact():
    i, j, k = np.ogrid[:20, :21, :22]
    falling = np.sqrt(1.0 + i + j + k)  # rounding loses far more than the sketch had missed
    slow = np.random.default_rng(0).standard_normal((20, 21, 22))
    for t, kind in ((falling, "unbiased"), (slow, "exact"), ((4 * slow).astype(int), "exact")):
        for method in ("otts", "tt-hmt"):
            train = sketch.tensor_train(t, 5, method=method)
            low, high = train.error.interval()
            assert train.error.kind == kind
            assert high <= 1.5 * low
            assert low * (1 - 1e-9) <= np.linalg.norm(t - train.to_array()) <= high * (1 + 1e-9)
    assert sketch.tensor_train(slow, 5, method="otts", error_probes=16).error.kind == "unbiased"
