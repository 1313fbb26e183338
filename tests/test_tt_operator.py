"""Laws of train operators against dense algebra, for all dtypes and array libraries."""

from __future__ import annotations

import itertools
import math
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from backends import BACKENDS, host
from hypothesis import given
from hypothesis import strategies as st

import sketch

DTYPES = ["float32", "float64", "complex64", "complex128"]
OUT, IN = (2, 3, 4), (3, 4, 2)


def numbers(rng, shape, dtype):
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype)


def operator(out_shape, in_shape, ranks, dtype="float64", seed=0, to=np.asarray):
    rng = np.random.default_rng(seed)
    sizes = zip((1, *ranks), out_shape, in_shape, (*ranks, 1), strict=True)
    return sketch.TTOperator([to(numbers(rng, size, dtype)) for size in sizes])


def train(shape, ranks, dtype="float64", seed=0, to=np.asarray):
    rng = np.random.default_rng(seed)
    sizes = zip((1, *ranks), shape, (*ranks, 1), strict=True)
    return sketch.TensorTrain([to(numbers(rng, size, dtype)) for size in sizes])


def close(ours, theirs, dtype="float64"):
    """Whether they differ by rounding: some 10 products of cores, each of a dozen sums."""
    ours, theirs = host(ours), host(theirs)
    eps = np.finfo(dtype).eps
    return ours.shape == theirs.shape and (
        np.linalg.norm(ours - theirs) <= 100 * eps * np.linalg.norm(theirs)
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("to", BACKENDS)
def test_the_algebra_is_that_of_matrices(to, dtype):
    a = operator(OUT, IN, (2, 3), dtype, to=to)
    b = operator(OUT, IN, (3, 1), dtype, seed=1, to=to)
    c = operator(IN, (2, 2, 2), (2, 2), dtype, seed=2, to=to)
    dense, other, right = (host(x.to_dense()) for x in (a, b, c))
    assert close((a + b).to_dense(), dense + other, dtype)
    assert close((a - b).to_dense(), dense - other, dtype)
    assert close((2.5 * a / 2 - -b).to_dense(), 1.25 * dense + other, dtype)
    assert close(sum([a, b]).to_dense(), dense + other, dtype)
    assert close((a @ c).to_dense(), dense @ right, dtype)
    assert close(a.T.to_dense(), dense.T, dtype)
    assert close(a.H.to_dense(), dense.conj().T, dtype)
    assert a.norm() == pytest.approx(np.linalg.norm(dense), rel=1e-5)
    assert (a.out_shape, a.in_shape, a.shape, a.order) == (OUT, IN, dense.shape, 3)
    assert (a + b).ranks == (5, 4)
    assert (a @ c).ranks == (4, 6)
    assert type(a.to_dense()) is type(to(np.ones(1)))
    assert host(a.to_dense()).dtype == dtype


@pytest.mark.parametrize("pair", list(itertools.product(DTYPES, DTYPES)))
def test_a_product_with_a_train_is_that_of_the_matrix_with_the_vector(pair):
    a = operator(OUT, IN, (2, 3), pair[0])
    x = train(IN, (3, 2), pair[1])
    product = a @ x
    want = (a.to_dense() @ x.to_array().ravel()).reshape(OUT)
    joint = np.result_type(*pair)
    eps = max(pair, key=lambda d: np.finfo(d).eps)
    assert product.shape == OUT
    assert product.ranks == (6, 6)
    assert product.dtype == joint
    assert close(product.to_array(), want, eps)
    found = sketch.tensor_train(product, rank=6)
    assert close(found.to_array(), want, eps)
    assert found.dtype == joint


def test_products_associate_and_distribute():
    a, b = operator(OUT, IN, (2, 3)), operator(IN, IN, (2, 2), seed=1)
    x, y = train(IN, (2, 2)), train(IN, (1, 3), seed=1)
    dense, inner = a.to_dense(), b.to_dense()
    u, v = x.to_array().ravel(), y.to_array().ravel()
    assert close((a @ (b @ x)).to_array().ravel(), dense @ inner @ u)
    assert close(((a @ b) @ x).to_array().ravel(), dense @ inner @ u)
    lazy = a @ (2.0 * sketch.TensorSum([x, b @ y]) - y)
    assert close(lazy.to_array().ravel(), dense @ (2 * u + 2 * inner @ v - v))
    cp = sketch.CPTensor(None, [np.ones((n, 1)) for n in IN])
    assert close((a @ cp).to_array().ravel(), dense @ np.ones(math.prod(IN)))
    assert x.dot(b @ y) == pytest.approx(u @ (inner @ v))


def test_builders_build_what_they_say():
    rng = np.random.default_rng(0)
    a, b, c = (rng.standard_normal((n, n)) for n in (2, 3, 4))
    eye = [np.eye(n) for n in (2, 3, 4)]
    kron = lambda *factors: np.kron(np.kron(factors[0], factors[1]), factors[2])  # noqa: E731
    total = sketch.TTOperator.kronecker_sum([a, sp.csr_array(b), sp.coo_matrix(c)])
    want = kron(a, eye[1], eye[2]) + kron(eye[0], b, eye[2]) + kron(eye[0], eye[1], c)
    assert close(total.to_dense(), want)
    assert total.ranks == (2, 2)
    assert close(sketch.TTOperator.kronecker([a, b, sp.csr_array(c)]).to_dense(), kron(a, b, c))
    assert close(sketch.TTOperator.kronecker_sum([a]).to_dense(), a)
    assert close(sketch.TTOperator.identity((2, 3, 4)).to_dense(), np.eye(24))
    assert sketch.TTOperator.identity((2, 3), "complex64").dtype == "complex64"
    x = train((2, 3, 4), (2, 3))
    diagonal = sketch.TTOperator.diagonal(x)
    assert close(diagonal.to_dense(), np.diag(x.to_array().ravel()))
    assert diagonal.ranks == x.ranks
    integers = sketch.TTOperator.kronecker_sum([np.eye(2, dtype=int), np.eye(3, dtype=int)])
    assert integers.dtype == "float64"


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=4))
def test_a_dense_matrix_comes_back(pairs):
    out_shape, in_shape = zip(*pairs, strict=True)
    a = np.random.default_rng(0).standard_normal((math.prod(out_shape), math.prod(in_shape)))
    operator = sketch.TTOperator.from_dense(a, out_shape, in_shape)
    assert close(operator.to_dense(), a)
    assert close(sketch.TTOperator.from_dense(sp.csr_array(a), out_shape, in_shape).to_dense(), a)


def test_rounding_finds_the_smallest_ranks():
    a = sketch.TTOperator.kronecker_sum([np.diag([1.0, 2.0, 3.0])] * 4)
    short = (a + a + 2 * a).round(tol=1e-12)
    assert short.ranks == (2, 2, 2)
    assert close(short.to_dense(), 4 * a.to_dense())
    assert a.round(rank=1).ranks == (1, 1, 1)
    noisy = sketch.TTOperator.from_dense(a.to_dense(), (3,) * 4, rank=2, tol=None)
    assert noisy.ranks == (2, 2, 2)
    assert close(noisy.to_dense(), a.to_dense())


@pytest.mark.parametrize("columns", [1, 40])  # few: one core after the other; many: the product's
def test_both_ways_through_a_pair_of_cores_agree(columns, monkeypatch):
    from sketch.numerics import operator_cores
    from sketch.numerics.operator_cores import AppliedCore, OperatorCore
    from sketch.sources._tensor_operator import OperatorLink

    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 5, 3))
    for zeros in (0.0, 0.99):
        a = rng.standard_normal((3, 6, 5, 2)) * (rng.random((3, 6, 5, 2)) >= zeros)
        link = OperatorLink(OperatorCore(a), x)
        right = rng.standard_normal((2, 6, columns))
        left = rng.standard_normal((2, columns, 12))
        core = np.einsum("pmnq,cnd->pcmqd", a, x).reshape(12, 6, 6)
        assert close(link.from_right(right), np.einsum("amb,kbr->kamr", core, right))
        assert close(link.from_left(left), np.einsum("kla,amb->klmb", left, core))
        for panel in (1, 2**20):  # one column at a time, and all of them
            monkeypatch.setattr(operator_cores, "_PANEL", panel)
            pair = AppliedCore(OperatorCore(a), x)
            assert pair.shape == core.shape
            assert close(pair.from_left(left[0]), np.einsum("la,amb->lmb", left[0], core))
            assert close(pair.from_right(right[0]), np.einsum("amb,br->amr", core, right[0]))
            moved = rng.standard_normal((12, 6, columns))
            assert close(pair.closed(moved), np.einsum("amb,amr->br", core, moved))
            again = pair.reversed().from_left(right[0].T)
            assert close(again, np.einsum("amb,br->rma", core, right[0]))


def test_inner_products_of_products_do_not_form_them():
    for dtype in ("float64", "complex64", "complex128"):
        rng = np.random.default_rng(0)
        a, b = (operator((2, 3, 2), (3, 2, 4), (2, 3), dtype, seed) for seed in (0, 1))
        x = sketch.TensorTrain.random((3, 2, 4), rank=2, dtype=dtype)
        y = sketch.TensorTrain.random((2, 3, 2), rank=3, dtype=dtype)
        cp = sketch.CPTensor(None, [rng.standard_normal((n, 2)) for n in (2, 3, 2)])
        p, q = a @ x, b @ x
        pairs = ((p, q), (p, y), (y, p), (p, cp), (cp, p), (p, p))
        found = [u.dot(v) for u, v in pairs]
        assert not any("_formed" in vars(t) for t in (p, q))
        for (u, v), value in zip(pairs, found, strict=True):
            dense = [np.asarray(t.to_array()).ravel() for t in (u, v)]
            assert value == pytest.approx(np.vdot(*dense), rel=1e-4)


def test_large_orders_stay_small():
    second = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(20, 20))
    a = sketch.TTOperator.kronecker_sum([second] * 40)
    x = sketch.TensorTrain([np.ones((1, 20, 1))] * 40)
    assert a.shape == (20**40, 20**40)
    assert "order 40" in repr(a)
    found = sketch.tensor_train(a @ x, rank=2)
    assert found.error.relative < 1e-13


def test_operators_are_frozen_and_can_be_pickled():
    a = operator(OUT, IN, (2, 3))
    again = pickle.loads(pickle.dumps(a))
    assert np.array_equal(again.to_dense(), a.to_dense())
    with pytest.raises(TypeError, match="frozen"):
        a.cores[0] = a.cores[1]


def refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_what_does_not_fit_is_refused():
    a, x = operator(OUT, IN, (2, 3)), train(IN, (2, 2))
    refused(lambda: sketch.TTOperator([]), sketch.ShapeError, "four axes")
    refused(lambda: sketch.TTOperator([np.ones((1, 2, 1))]), sketch.ShapeError, "four axes")
    bad = [np.ones((1, 2, 2, 3)), np.ones((2, 2, 2, 1))]
    refused(lambda: sketch.TTOperator(bad), sketch.ShapeError, "fit together")
    objects = np.full((1, 1, 1, 1), None)
    refused(lambda: sketch.TTOperator([objects]), sketch.DtypeError, "convert to")
    refused(lambda: a @ train(OUT, (2, 2)), sketch.ShapeError, "cannot be applied")
    refused(lambda: a @ a, sketch.ShapeError, "cannot follow")
    refused(lambda: a + a.T, sketch.ShapeError, "cannot be added")
    refused(lambda: a @ np.ones(IN), TypeError, "tt_svd")
    refused(lambda: a + 1.0, TypeError, "unsupported")
    refused(lambda: a * x, TypeError, "unsupported|multiply")
    refused(lambda: sketch.TTOperator.kronecker_sum([np.ones((2, 3))]), sketch.ShapeError, "square")
    refused(lambda: sketch.TTOperator.kronecker_sum([]), sketch.ShapeError, "square")
    refused(lambda: sketch.TTOperator.kronecker([np.ones(3)]), sketch.ShapeError, "matrix")
    dense = np.ones((6, 6))
    refused(lambda: sketch.TTOperator.from_dense(dense, (2, 2)), sketch.ShapeError, "of shape")
    refused(lambda: sketch.TTOperator.from_dense(dense, (6,), (2, 3)), sketch.ShapeError, "number")
    large = sketch.TTOperator.identity((100,) * 3)
    refused(large.to_dense, sketch.ShapeError, "GB")


def test_what_is_no_list_of_cores_or_sizes_is_told():
    with pytest.raises(sketch.ShapeError, match="four axes"):
        sketch.TTOperator(None)
    with pytest.raises(sketch.ShapeError, match="sequence"):
        sketch.TTOperator.identity(3)
    with pytest.raises(sketch.RankError, match="integer"):
        sketch.TTOperator.identity((None, 2))


@pytest.mark.parametrize("exponent", [-600, 600])
def test_products_whose_cores_are_beyond_the_range_are_not_where_they_are_together(exponent):
    one = sketch.TTOperator.kronecker([np.arange(1.0, 5).reshape(2, 2)] * 3)
    far = sketch.TTOperator(
        [
            np.ldexp(core, step)
            for core, step in zip(one.cores, (exponent, -exponent, 0), strict=True)
        ]
    )
    x = sketch.TensorTrain.random((2, 2, 2), rank=2, seed=1)
    assert np.array_equal((far @ far).to_dense(), (one @ one).to_dense())
    assert np.isclose((far @ far).norm(), (one @ one).norm(), rtol=1e-14)
    wide = sketch.TensorTrain(
        [np.ldexp(c, s) for c, s in zip(x.cores, (exponent, -exponent, 0), strict=True)]
    )
    assert np.allclose((far @ wide).to_array(), (one @ x).to_array(), rtol=1e-14)
    assert np.isclose((far @ (far @ wide)).norm(), (one @ (one @ x)).norm(), rtol=1e-14)
