"""Nothing is taken for what it is not: containers are what their library says, or refused."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from containers import EQUAL, REFUSED, SHAPE, Record, dask_of, jax_of, pydata, torch_of, values
from scipy.sparse.linalg import LinearOperator, aslinearoperator

import sketch
from sketch.sources import UnfoldedSource

A = values()
# rank 3 of 14 x 9 entries below 20: recovered to some 100 roundoffs, in single precision where
# a library computes in it
TOL = {"float64": 1e-12, "float32": 1e-4}


def updated(x, make=sketch.GeneralizedNystrom):
    sk = make(SHAPE, 8)
    sk.update(x)
    return sk.finalize()


def subtracted(x):
    sk = sketch.GeneralizedNystrom(SHAPE, 8)
    sk.update(x)
    return (sk + sk - sk).finalize()


CALLS = {
    "hmt": lambda x: sketch.svd(x, 8).to_array(),
    "nystrom": lambda x: sketch.svd(x, 8, method="nystrom").to_array(),
    "update": lambda x: updated(x).to_array(),
    "vector space": lambda x: subtracted(x).to_array(),
    "stta": lambda x: sketch.tensor_train(x, 8).to_array(),
    "tt-hmt": lambda x: sketch.tensor_train(x, 8, method="tt-hmt").to_array(),
    "tensor update": lambda x: updated(x, sketch.STTA).to_array(),
    "tt-svd": lambda x: sketch.tt_svd(x, 8).to_array(),
    "pca": lambda x: sketch.pca(x, 3).explained_variance,
}
MATRICES_ONLY = {"hmt", "nystrom", "update", "vector space", "pca"}
# whose refusals are other laws': lists of chunks are no tensors, sums no rows, tt_svd takes dense
MAY_REFUSE = {"stta", "tt-hmt", "tensor update", "tt-svd", "pca"}


def model(call, a):
    if call != "pca":
        return a
    return np.linalg.svd(a - a.mean(axis=0), compute_uv=False)[:3] ** 2 / (a.shape[0] - 1)


def quietly(call, x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sketch.SketchWarning)
        return np.asarray(CALLS[call](x))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", EQUAL)
def test_a_container_is_what_its_library_says(name, call):
    x = EQUAL[name](A)
    expected = np.broadcast_to(A[:1], SHAPE) if name == "broadcast" else A
    try:
        came = quietly(call, x)
    except sketch.SketchError:
        if call in MAY_REFUSE:
            pytest.skip("refused")
        raise
    want = model(call, expected)
    tol = TOL["float32" if "jax" in name or "other dtypes" in name else "float64"]
    assert np.abs(came - want).max() <= tol * np.abs(want).max()


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_something_else_is_refused_by_name(name, call):
    make, text = REFUSED[name]
    with pytest.raises(sketch.SketchError) as caught:
        quietly(call, make(A))
    if call in MATRICES_ONLY:
        assert caught.match(text)


@pytest.mark.parametrize("shape", [(6, 7, 8), (5, 4), (3, 2, 2, 3)])
@pytest.mark.parametrize("kind", ["coo", "gcxs", "dok"])
def test_fill_values_count_in_every_order(kind, shape):
    rng = np.random.default_rng(0)
    dense = np.where(rng.random(shape) < 0.3, rng.integers(1, 9, shape), -2.0)
    t = pydata(dense, kind, fill=-2.0)
    whole = sketch.tensor_train(t, 50, method="tt-hmt").to_array()
    assert np.linalg.norm(whole - dense) < 1e-10 * np.linalg.norm(dense)
    sk = sketch.STTA(shape, 50)
    sk.update(2.0 * sketch.TensorSum([t]) - t)
    assert np.linalg.norm(sk.finalize().to_array() - dense) < 1e-10 * np.linalg.norm(dense)


DTYPES = ["float32", "float64", "complex64", "complex128"]


def numbers(rng, shape, dtype):
    x = rng.standard_normal(shape) * (3 if dtype[0] == "i" else 1)
    return (x + 1j * rng.standard_normal(shape) if dtype[0] == "c" else x).astype(dtype)


ROADS = {
    "cp": lambda w, f: sketch.CPTensor(w, f),
    "cp of torch": lambda w, f: sketch.CPTensor(torch_of(w), [torch_of(x) for x in f]),
    "cp tuple": lambda w, f: (w, f),
    "cp by attributes": lambda w, f: Record(weights=w, factors=f),
    "tucker": lambda w, f: sketch.TuckerTensor(_diagonal(w), f),
    "train": lambda w, f: sketch.CPTensor(w, f).to_tensor_train(),
    "sum": lambda w, f: sketch.TensorSum(
        [sketch.CPTensor(None, [x[:, [k]] for x in f]) for k in range(len(w))], w
    ),
    "hadamard": lambda w, f: sketch.HadamardProduct(
        sketch.CPTensor(w, f).to_tensor_train(),
        sketch.TensorTrain([np.ones((1, x.shape[0], 1), "f4") for x in f]),
    ),
}


def _diagonal(w):
    core = np.zeros((w.size,) * 3, w.dtype)
    core[(np.arange(w.size),) * 3] = w
    return core


@pytest.mark.parametrize("method", ["stta", "otts", "tt-hmt"])
@pytest.mark.parametrize("road", ROADS)
def test_the_dtype_is_that_of_all_parts(road, method):
    rng = np.random.default_rng(0)
    for weight, factor in itertools.product(DTYPES, DTYPES):
        w = numbers(rng, 2, weight)
        f = [numbers(rng, (n, 2), factor) for n in (4, 5, 6)]
        f[2] = f[2].astype(np.result_type(factor, "f4"))
        found = sketch.tensor_train(ROADS[road](w, f), 2, method=method)
        exact = np.einsum("r,ir,jr,kr->ijk", w.astype("c16"), *f)
        joint = np.result_type(weight, factor)
        eps = np.finfo(factor if road == "sum" else joint).eps  # terms in their own precision
        came = np.asarray(found.to_array())
        assert np.linalg.norm(came - exact) < 200 * max(eps, 1e-15) * np.linalg.norm(exact)
        if road != "sum":
            assert came.dtype == joint


@pytest.mark.parametrize("size", [1e60, 1e-60, 1e60j])
def test_coefficients_beyond_narrow_numbers_are_refused(size):
    for call in (sketch.svd, sketch.tensor_train):
        with pytest.raises(sketch.DtypeError, match="float64"):
            call(sketch.TensorSum([A.astype("f4"), A], [size, 1.0]), 2)
        assert call(sketch.TensorSum([A, A], [size, size]), 8).norm() > 0


@pytest.mark.parametrize("method", ["hmt", "nystrom"])
@pytest.mark.parametrize("kind", ["list", "again", "iterator"])
def test_chunks_of_any_dtypes_are_computed_in_the_joint_one(kind, method):
    if kind == "iterator" and method == "hmt":
        pytest.skip("read twice")
    make = {"list": list, "again": Again, "iterator": iter}[kind]
    rng = np.random.default_rng(0)
    for first, second in itertools.product([*DTYPES, "int16", "float16"], DTYPES):
        top, bottom = 3 * numbers(rng, SHAPE, first), 3 * numbers(rng, SHAPE, second)
        if second in ("float64", "complex128"):
            bottom = bottom * 1e39  # beyond single precision
        exact = np.vstack([top.astype("c16"), bottom.astype("c16")])
        found = sketch.svd(make([top, bottom]), 9, method=method).to_array()
        eps = max(np.finfo(d).eps for d in (first, second) if d[0] != "i" and d != "float16")
        computed = {"int16": "float64", "float16": "float32"}.get(first, first)
        assert found.dtype == np.result_type(computed, second)
        # 28 x 9 entries: some 30 sums of products, each of them rounded
        assert np.linalg.norm(found - exact) < 100 * eps * np.linalg.norm(exact)


class Again:
    """A collection that can be gone through again, and is no list."""

    def __init__(self, chunks):
        self._chunks = chunks

    def __iter__(self):
        return iter(self._chunks)


@pytest.mark.parametrize("method", ["hmt", "nystrom"])
def test_loaders_of_pairs_are_refused_with_the_step(method):
    pairs = [(A[:5], A[:5, 0]), (A[5:], A[5:, 0])]
    for data in (pairs, Again(pairs), [list(pair) for pair in pairs]):
        with pytest.raises(sketch.SketchError, match="rows alone"):
            sketch.svd(data, 2, method=method)
    found = sketch.svd(Again([[A[:5]], [A[5:]]]), 8, method=method)
    assert np.allclose(found.to_array(), A)


def test_lists_of_arrays_are_no_tensors():
    for arrays in ([A, A], [A[0], A[1]], [np.ones((1, 3, 2)), np.ones((2, 4, 1))], [[A], [A]]):
        with pytest.raises(sketch.DtypeError, match=r"np\.stack"):
            sketch.tensor_train(arrays, 2)
    assert np.allclose(sketch.tensor_train(A.tolist(), 8).to_array(), A)


# ---- operators -----------------------------------------------------------------------------------

FORWARD = {"matvec": lambda x: A @ x, "dtype": float}
ONE_WAY = {
    "functions": lambda: LinearOperator(SHAPE, **FORWARD),
    "matmat": lambda: LinearOperator(SHAPE, matmat=lambda x: A @ x, **FORWARD),
    "sum": lambda: LinearOperator(SHAPE, **FORWARD) + aslinearoperator(A),
    "scaled": lambda: 2.0 * LinearOperator(SHAPE, **FORWARD),
    "class": lambda: OneWay(),
}


class OneWay(LinearOperator):
    def __init__(self):
        super().__init__(np.float64, SHAPE)

    def _matvec(self, x):
        return A @ x


@pytest.mark.parametrize("method", ["hmt", "nystrom"])
@pytest.mark.parametrize("name", ONE_WAY)
def test_operators_without_an_adjoint_are_refused(name, method):
    with pytest.raises(sketch.DtypeError, match="rmatvec"):
        sketch.svd(ONE_WAY[name](), 2, method=method)


def test_an_operator_that_is_complex_says_so():
    operator = LinearOperator(
        SHAPE, lambda x: (1j * A) @ x, rmatvec=lambda x: (-1j * A.T) @ x, dtype=float
    )
    with pytest.raises(sketch.DtypeError, match="dtype='complex128'"):
        sketch.svd(operator, 2)


# ---- what is not finite is called so -------------------------------------------------------------


def _bad(x, place, value=np.nan):
    x = np.array(x, float)
    x[place] = value
    return x


NONFINITE = {
    "weight": lambda v: sketch.CPTensor(_bad(np.ones(9), 2, v), [A, np.eye(9)]),
    "cp factor": lambda v: sketch.CPTensor(None, [_bad(A, (3, 1), v), np.eye(9)]),
    "core": lambda v: sketch.TuckerTensor(_bad(A, (3, 1), v), [np.eye(14), np.eye(9)]),
    "train": lambda v: sketch.TensorTrain([_bad(A, (3, 1), v)[None], np.eye(9)[:, :, None]]),
    "operator": lambda v: aslinearoperator(_bad(A, (3, 1), v)),
    "sparse": lambda v: sp.coo_array(_bad(A, (3, 1), v)),
    "sum": lambda v: sketch.TensorSum([_bad(A, (3, 1), v), A]),
    "coefficient": lambda v: sketch.TensorSum([A, A], [v, 1]),
}


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", NONFINITE)
def test_nan_in_any_part_is_not_called_overflow(name, value):
    for call in ("nystrom", "update", "stta"):
        if name == "operator" and call == "stta":
            continue
        with pytest.raises(sketch.NonFiniteError, match=r"NaN|finite, got"):
            quietly(call, NONFINITE[name](value))


# ---- arrays that cannot be changed, and gradients ------------------------------------------------


def test_sums_of_immutable_arrays_are_those_of_numpy():
    x = jax_of(A.astype("f4"))
    for make in (sketch.GeneralizedNystrom, sketch.STTA):
        ours, theirs = make(SHAPE, 8), make(SHAPE, 8)
        for _ in range(3):
            ours.update(x)
            theirs.update(A.astype("f4"))
        came, want = (ours + ours - ours).finalize(), theirs.finalize()
        assert np.array_equal(came.to_array(), want.to_array())
    train = sketch.TensorTrain([x[None], jax_of(np.eye(9, dtype="f4"))[:, :, None]])
    for t in (train, sketch.HadamardProduct(train, train), 2.0 * train - train):
        found = sketch.tensor_train(t, 9)
        assert type(found.cores[0]) is np.ndarray
        want = A**2 if isinstance(t, sketch.HadamardProduct) else A
        assert np.allclose(found.to_array(), want, atol=1e-3)
    low = sketch.svd(A, 8)
    assert np.array_equal(low @ jax_of(np.ones(9)), low @ np.asarray(jax_of(np.ones(9))))
    pieces = sketch.GeneralizedNystrom(SHAPE, 8, device=x)
    pieces.update(x[:6], at=0)
    pieces.update(x[6:], at=6)
    assert np.allclose(pieces.finalize().to_array(), A, atol=1e-4)


# ---- structured tensors of other libraries -------------------------------------------------------


def test_tensors_of_tensorly_are_taken_for_what_they_are():
    tl = pytest.importorskip("tensorly")
    cp_tensor, tt, tucker = tl.cp_tensor, tl.tt_tensor, tl.tucker_tensor
    parafac2 = pytest.importorskip("tensorly.parafac2_tensor")
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((n, 2)) for n in (4, 5, 6)]
    cores = [rng.standard_normal(s) for s in ((1, 4, 2), (2, 5, 3), (3, 6, 1))]
    taken = [
        cp_tensor.CPTensor((rng.standard_normal(2), factors)),
        tt.TTTensor(cores),
        tucker.TuckerTensor((rng.standard_normal((2, 2, 2)), factors)),
    ]
    for t in taken:
        found = sketch.tensor_train(t, 6, method="tt-hmt")
        assert np.allclose(found.to_array(), t.to_tensor(), atol=1e-10)
    projections = [np.linalg.qr(rng.standard_normal((7, 2)))[0] for _ in range(4)]
    odd = parafac2.Parafac2Tensor((None, [factors[0], np.eye(2), factors[2]], projections))
    with pytest.raises(sketch.DtypeError, match="projections"):
        sketch.tensor_train(odd, 2)


# ---- shapes of stored arrays ---------------------------------------------------------------------


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(5, 4, 6), (3, 2, 4, 5)])
def test_mapped_arrays_are_unfolded_as_reshape_does(tmp_path, shape, order):
    dense = np.random.default_rng(0).standard_normal(shape)
    mapped = np.lib.format.open_memmap(
        tmp_path / "a.npy", "w+", "f8", shape, fortran_order=order == "F"
    )
    mapped[...] = dense
    mapped.flush()
    flat = dense.reshape(shape[0], -1)
    for limit in (8, 40, 200, 10**6):
        came = np.full(flat.shape, np.nan)
        for blocks in (UnfoldedSource(mapped).blocks, UnfoldedSource(mapped).row_blocks):
            for (row, col), block in blocks(limit):
                m, n = block.shape
                came[row : row + m, col : col + n] = block.array
            assert np.array_equal(came, flat)
    found = sketch.svd(tmp_path / "a.npy", shape[0])
    assert np.allclose(found.to_array(), flat)


# ---- results as operators ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["numpy", "torch", "dask", "jax"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_results_are_operators_on_numpy_arrays(kind, dtype):
    make = {"numpy": np.asarray, "torch": torch_of, "dask": dask_of, "jax": jax_of}[kind]
    a = numbers(np.random.default_rng(0), SHAPE, dtype)
    operator = sketch.svd(make(a), 9).aslinearoperator()
    tol = 1e-4 if kind == "jax" or dtype in ("float32", "complex64") else 1e-11
    for other in DTYPES:
        x, y = (numbers(np.random.default_rng(1), (n, 2), other) for n in (9, 14))
        for came, want in (
            (operator @ x, a @ x),
            (operator.H @ y, a.conj().T @ y),
            (operator @ x[:, 0], a @ x[:, 0]),
        ):
            assert type(came) is np.ndarray
            assert np.abs(came - want).max() < max(tol, 1e-4 * (other in ("float32", "complex64")))
