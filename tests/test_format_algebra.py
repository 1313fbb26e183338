"""Inner products, norms, entries and transposes of every format, against arrays."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla
from backends import BACKENDS, Moved, host
from hypothesis import given
from hypothesis import strategies as st
from test_tensor_train import close, trains

import sketch

SHAPE = (4, 5, 6)
RNG = np.random.default_rng(0)


def numbers(shape, dtype="float64"):
    x = RNG.standard_normal(shape)
    return (x + 1j * RNG.standard_normal(shape) if dtype[0] == "c" else x).astype(dtype)


def train(shape=SHAPE, rank=3, dtype="float64"):
    bonds = [1, *[rank] * (len(shape) - 1), 1]
    sizes = zip(bonds[:-1], shape, bonds[1:], strict=True)
    return sketch.TensorTrain([numbers(s, dtype) for s in sizes])


def cp(shape=SHAPE, dtype="float64"):
    return sketch.CPTensor(numbers(2, dtype), [numbers((n, 2), dtype) for n in shape])


def tucker(shape=SHAPE, dtype="float64"):
    core = numbers((2,) * len(shape), dtype)
    return sketch.TuckerTensor(core, [numbers((n, 2), dtype) for n in shape])


def operator_product(shape=SHAPE):
    matrices = [numbers((n, n)) for n in shape]
    return sketch.TTOperator.kronecker_sum(matrices) @ train(shape)


def sparse(shape=SHAPE):
    """Return random integers at some places, one of them twice."""
    coords = np.array([RNG.integers(0, n, 12) for n in shape])
    coords = np.concatenate([coords, coords[:, :1]], axis=1)
    return sp.coo_array((RNG.integers(-3, 4, 13).astype("i1"), tuple(coords)), shape=shape)


STRUCTURED = {
    "train": train(),
    "complex train": train(dtype="complex128"),
    "long sum of trains": sum(train(rank=2) for _ in range(3)),
    "cp": cp(),
    "complex cp": cp(dtype="complex128"),
    "tucker": tucker(),
    "complex tucker": tucker(dtype="complex128"),
    "hadamard": sketch.HadamardProduct(train(), train(dtype="complex128")),
    "hadamard of high ranks": sketch.HadamardProduct(train(rank=11), train(rank=12)),
    "operator product": operator_product(),
    "sum": train() - 2j * cp() + tucker(),
    "sum with dense": cp() + numbers(SHAPE),
    "sum with sparse": 0.5 * sketch.TensorSum([sparse()]) - train(),
    "sum of sparse": sketch.TensorSum([sparse(), sparse()], [1, 2j]),
}
DATA = {"dense": numbers(SHAPE), "integers": RNG.integers(-3, 4, SHAPE), "sparse": sparse()}


def dense(x):
    return x.toarray() if sp.issparse(x) else host(np.asarray(x))


def around(x, y):
    # tens of roundings of sums of products, whose terms are no larger than the norms here
    return 1e-12 * np.linalg.norm(dense(x)) * np.linalg.norm(dense(y))


@pytest.mark.parametrize("other", [*STRUCTURED, *DATA])
@pytest.mark.parametrize("name", STRUCTURED)
def test_inner_products_go_across_all_formats(name, other):
    x, y = STRUCTURED[name], (STRUCTURED | DATA)[other]
    assert abs(x.dot(y) - np.vdot(dense(x), dense(y))) <= around(x, y)


@pytest.mark.parametrize("name", STRUCTURED)
def test_every_format_has_norm_entries_and_transpose(name):
    x = STRUCTURED[name]
    a = dense(x)
    assert abs(x.norm() - np.linalg.norm(a)) <= 1e-7 * np.linalg.norm(a)  # half of the digits
    points = np.array([RNG.integers(-n, n, 40) for n in x.shape]).T
    assert np.allclose(x.entries(points), a[tuple(points.T)], atol=1e-12 * np.abs(a).max())
    assert np.allclose(x.T, a.T)
    assert x.entries(np.zeros((0, 3), int)).shape == (0,)
    for bad in ([[0, 0]], [[0.0, 0.0, 0.0]], [[0, 0, 6]], [[-5, 0, 0]]):
        with pytest.raises(sketch.ShapeError):
            x.entries(bad)


@pytest.mark.parametrize("name", sorted(set(STRUCTURED) - {"sum of sparse"}))
def test_numbers_are_added_to_every_entry(name):
    x = STRUCTURED[name]
    for y, expected in ((x + 1.5, dense(x) + 1.5), (2j - x, 2j - dense(x))):
        assert np.allclose(y, expected)
    assert np.allclose(sum([x, x, x]) / 3, x)


def test_numbers_cannot_be_added_to_sums_of_data():
    for x in (STRUCTURED["sum of sparse"], sketch.TensorSum([DATA["dense"]])):
        with pytest.raises(TypeError, match="cannot add the number"):
            x + 1


@pytest.mark.parametrize("name", STRUCTURED)
def test_iteration_is_refused_with_what_to_do(name):
    with pytest.raises(TypeError, match="entries"):
        list(STRUCTURED[name])


@pytest.mark.parametrize("name", STRUCTURED)
def test_products_of_tensors_are_refused_with_their_names(name):
    for other in (train(), STRUCTURED[name]):
        with pytest.raises(TypeError, match="hadamard"):
            STRUCTURED[name] * other
        with pytest.raises(TypeError, match="hadamard"):
            STRUCTURED[name] @ other


@pytest.mark.parametrize("make", [train, cp, tucker])
@pytest.mark.parametrize("scale", [1e-10, 1e-14])
def test_norms_of_small_differences_of_structured_tensors_are_accurate(make, scale):
    x, noise = make(), train(rank=1)
    # the difference is formed with one rounding of x, and its norm is exact besides
    gap = (x + scale * noise - x).norm()
    assert gap == pytest.approx(scale * noise.norm(), abs=1e-15 * x.norm())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["train", "complex cp", "tucker", "hadamard"])
def test_formats_stay_in_their_array_library(name, backend):
    x = STRUCTURED[name]
    there = Moved(backend).moved(x)
    assert there.dot(there) == pytest.approx(np.vdot(dense(x), dense(x)))
    assert there.norm() == pytest.approx(np.linalg.norm(dense(x)))
    points = [[0, 1, 2], [-1, -1, -1]]
    assert np.allclose(host(there.entries(points)), x.entries(points))
    assert np.allclose(host(there.T.to_array()), dense(x).T)
    assert np.allclose(host((there + 1).to_array()), dense(x) + 1)


def test_matrices_of_all_kinds_have_inner_products_too():
    a = numbers((30, 20))
    low, exact = sketch.svd(a, 5), np.asarray
    whole = sketch.TensorSum([low, sp.csr_array(a), cp((30, 20))], [1, -1, 2])
    for other in (low, a, sp.csc_array(a), cp((30, 20)), whole):
        expected = np.vdot(exact(whole), other.toarray() if sp.issparse(other) else exact(other))
        assert whole.dot(other) == pytest.approx(expected, abs=1e-10)
        assert low.dot(other) == pytest.approx(whole.terms[0].dot(other))
    assert np.allclose(whole.T, exact(whole).T)
    assert np.allclose(low.entries([[0, 1], [-1, 2]]), low.entries([0, -1], [1, 2]))
    assert np.allclose(low + 1, exact(low) + 1)
    assert (low - sketch.svd(a, 5)).norm() < 1e-13 * low.norm()


def test_sparse_tensors_of_other_libraries_count_as_what_they_are():
    library, torch = pytest.importorskip("sparse"), pytest.importorskip("torch")
    x, a = train(), sparse().toarray().astype(float)
    for t in (library.COO.from_numpy(a), torch.asarray(a).to_sparse()):
        assert x.dot(t) == pytest.approx(np.vdot(dense(x), a))
    with pytest.raises(sketch.DtypeError, match="fill value 2"):
        x.dot(library.COO.from_numpy(a + 2, fill_value=2.0))


def test_tensors_beyond_all_integers_have_inner_products():
    shape = (4,) * 60  # 10^36 entries
    x = sketch.TensorTrain.random(shape, 2)
    ones = sketch.CPTensor(None, [np.ones((n, 1)) for n in shape])
    assert ones.dot(ones) == pytest.approx(4.0**60, rel=1e-12)
    assert ones.dot(x) == pytest.approx(x.sum(), rel=1e-9)
    assert (x - x).norm() <= 1e-14 * x.norm()
    points = np.random.default_rng(0).integers(0, 4, (60, 9))
    points[:, 8] = points[:, 0]  # twice at one place
    t = sp.coo_array((np.arange(9.0), tuple(points)), shape=shape)
    assert x.dot(t) == pytest.approx(float(np.arange(9.0) @ x.entries(points.T)))
    assert sketch.TensorSum([t]).norm() == pytest.approx(
        math.sqrt(64 + sum(k**2 for k in range(1, 8)))
    )


def test_what_has_no_entries_at_hand_is_refused_by_name():
    da = pytest.importorskip("dask.array")
    a = numbers((6, 5))
    lazy = sketch.svd(a, 2) - da.from_array(a)
    operator = sketch.TensorSum([sketch.svd(a, 2)]) + spla.aslinearoperator(a)
    for total in (lazy, operator):
        for call in (total.norm, lambda x=total: x.dot(a), lambda x=total: x.entries([[0, 0]])):
            with pytest.raises(sketch.DtypeError, match="no inner product"):
                call()
    with pytest.raises(sketch.ShapeError, match="differ"):
        cp().dot(a)
    with pytest.raises(sketch.ShapeError, match="differ"):
        cp().dot(None)


# ---- trains --------------------------------------------------------------------------------------


@given(trains(), st.data())
@pytest.mark.parametrize("backend", BACKENDS)
def test_sums_and_products_over_modes_agree_with_arrays(backend, x, data):
    a, x = x.to_array(), Moved(backend).moved(x)
    size = 10 * np.linalg.norm(a) * math.sqrt(a.size)
    axes = data.draw(st.none() | st.sets(st.integers(0, x.ndim - 1), min_size=1).map(tuple))
    found = x.sum(axis=axes)
    found = found.to_array() if isinstance(found, sketch.TensorTrain) else np.asarray(found)
    assert close(found, a.sum(axis=axes), size)
    mode = data.draw(st.integers(-x.ndim, x.ndim - 1))
    matrix = np.random.default_rng(0).standard_normal((3, x.shape[mode]))
    there = Moved(backend).moved(matrix)
    expected = np.moveaxis(np.tensordot(matrix, a, axes=(1, mode)), 0, mode % x.ndim)
    assert close(x.mode_dot(there, mode).to_array(), expected, size)
    found = x.mode_dot(there[0, :], mode)
    found = found.to_array() if isinstance(found, sketch.TensorTrain) else np.asarray(found)
    assert close(found, np.tensordot(matrix[0], a, axes=(0, mode)), size)
    assert close(x.T.to_array(), a.T, size)


def test_modes_that_do_not_exist_are_refused():
    x = train()
    for call in (
        lambda: x.sum(axis=3),
        lambda: x.sum(axis=(0, -3)),
        lambda: x.mode_dot(np.ones((2, 4)), -4),
        lambda: x.mode_dot(np.ones((2, 5)), 0),
        lambda: x.mode_dot(np.ones((2, 4, 4)), 0),
        lambda: x.mode_dot("x", 0),
        *(lambda mode=mode: x.orthogonalize(mode) for mode in (None, 1.0, "1", np.ones(2), [0], 9)),
        *(lambda mode=mode: x.sum(axis=(0, mode)) for mode in (1.5, None, "a", 0)),
        *(lambda mode=mode: x.mode_dot(np.ones((2, 4)), mode) for mode in (None, 0.0, (0,))),
        lambda: np.sum(x, out=np.zeros(())),
    ):
        with pytest.raises(sketch.ShapeError):
            call()
    assert np.sum(x) == pytest.approx(np.asarray(x).sum())


@pytest.mark.filterwarnings("ignore::sketch.AccuracyWarning")  # of noise
def test_what_is_made_of_results_knows_their_seeds_and_error():
    t = sketch.tensor_train(numbers((8, 9, 10)), 3, seed=7)
    made = (t.T, t.sum(axis=0), t.mode_dot(np.ones((2, 9)), 1))
    assert all(x.seeds == (7,) for x in made)
    assert made[0].error == t.error
    assert made[1].error is None


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_random_trains_have_entries_of_size_one_whatever_the_rank(dtype):
    shape = (30, 30, 30)
    squares = []
    for seed, rank in itertools.product(range(20), (1, 6)):
        x = sketch.TensorTrain.random(shape, rank, seed=seed, dtype=dtype)
        assert x.dtype == dtype
        assert x.ranks == (rank, rank)
        squares.append(x.norm() ** 2 / 30**3)
    # a product of three means of 30 squares: relative deviation of one at most sqrt(3 * 2 / 30)
    assert abs(np.mean(squares) - 1) < 4 * math.sqrt(6 / 30 / len(squares))


def test_random_trains_follow_from_their_seed():
    x, y = (sketch.TensorTrain.random((3, 4, 5), (2, 3), seed=s) for s in (1, 1))
    assert np.array_equal(x.to_array(), y.to_array())
    other = sketch.TensorTrain.random((3, 4, 5), (2, 3), seed=2)
    assert not np.allclose(x.to_array(), other.to_array())
    longer = sketch.TensorTrain.random((7, 4, 5), (2, 3), seed=1)
    assert np.array_equal(longer[:3].to_array(), x.to_array())
    fresh = [sketch.TensorTrain.random((3,), (), seed=None).to_array() for _ in range(2)]
    assert not np.array_equal(*fresh)


def test_zeros_and_ones_are_such():
    zeros = sketch.TensorTrain.zeros((2, 3), dtype="float32", device="cpu")
    assert np.array_equal(zeros.to_array(), np.zeros((2, 3), "f4"))
    assert np.array_equal(sketch.TensorTrain.ones((2, 3)), np.ones((2, 3)))
    for bad in ((), (0, 2), (2.5,), (-1,)):
        with pytest.raises(sketch.SketchError):
            sketch.TensorTrain.ones(bad)
