"""Nothing is taken for what it is not: containers are what their library says, or refused."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from container_cases import EQUAL, REFUSED
from containers import SHAPE, Again, jax_of, pydata, values

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


def streamed(x):
    """Of a stream of that chunk and a second one, of which a resumed one goes on inside."""
    sk = sketch.GeneralizedNystrom((None, SHAPE[1]), 8)
    sk.consume([x])
    twin = sketch.GeneralizedNystrom((None, SHAPE[1]), 8)
    if isinstance(x, np.ndarray):
        twin.consume([x[:5]])
        twin.consume([x], resume=True)
        assert np.allclose(twin.finalize().s, sk.finalize().s)
    return sk.finalize()


def subtracted(x):
    sk = sketch.GeneralizedNystrom(SHAPE, 8)
    sk.update(x)
    return (sk + sk - sk).finalize()


CALLS = {
    "hmt": lambda x: sketch.svd(x, 8).to_array(),
    "nystrom": lambda x: sketch.svd(x, 8, method="nystrom").to_array(),
    "update": lambda x: updated(x).to_array(),
    "consume": lambda x: streamed(x).to_array(),
    "vector space": lambda x: subtracted(x).to_array(),
    "stta": lambda x: sketch.tensor_train(x, 8).to_array(),
    "tt-hmt": lambda x: sketch.tensor_train(x, 8, method="tt-hmt").to_array(),
    "tensor update": lambda x: updated(x, sketch.STTA).to_array(),
    "tt-svd": lambda x: sketch.tt_svd(x, 8).to_array(),
    "pca": lambda x: sketch.pca(x, 3).explained_variance,
}
MATRICES_ONLY = {"hmt", "nystrom", "update", "consume", "vector space", "pca"}
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
    single = any(kind in name for kind in ("jax", "other dtypes", "short"))
    tol = TOL["float32" if single else "float64"]
    assert np.abs(came - want).max() <= tol * np.abs(want).max()


RESULT = sketch.svd(A, 8)
MEASURES = {  # of what is no error
    "verify": lambda x: sketch.verify(RESULT, x).value,
    "verify a block": lambda x: sketch.verify(RESULT, x, block=(slice(2, 11), slice(1, 8))).value,
    "entry errors": lambda x: sketch.entry_errors(RESULT, x, count=40).quantile(0.9),
    "norm": lambda x: (RESULT - x).norm(),
    "transposed": lambda x: np.linalg.norm((RESULT - x).T.to_array()),
    "entries": lambda x: np.abs(np.asarray((RESULT - x).entries(np.argwhere(A)))).max(),
}


@pytest.mark.filterwarnings("ignore:Concatenating sparse arrays")  # by pandas, of the transpose
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("name", [name for name in EQUAL if name != "broadcast"])
def test_results_are_compared_with_every_container(name, measure):
    try:
        found = MEASURES[measure](EQUAL[name](A))
    except sketch.SketchError:
        pytest.skip("refused")
    assert abs(found) <= TOL["float32"] * np.linalg.norm(A)


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


@pytest.mark.parametrize("dtype", ["f2", "i1", "u8", "?", "f4", "c8", ">f4", ">i2", ">c16"])
@pytest.mark.parametrize("kind", ["coo", "dok"])  # compressed ones cannot be made of some
def test_sparse_arrays_of_any_numbers_are_taken(kind, dtype):
    dense = (A.mean() < A).astype(dtype)
    exact = dense.astype("c16" if dense.dtype.kind == "c" else "f8")
    for call in (sketch.svd, sketch.tensor_train):
        assert np.allclose(call(pydata(dense, kind), 9).to_array(), exact, atol=1e-5)


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


@pytest.mark.parametrize("name", EQUAL)
def test_streams_follow_every_container_and_know_it_again(name, tmp_path):
    chunks = lambda: [EQUAL[name](values(seed)) for seed in (0, 1)]  # noqa: E731
    known, sk = (sketch.GeneralizedNystrom((None, SHAPE[1]), 6) for _ in range(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sketch.SketchWarning)
        for chunk in chunks():
            known.update(chunk)
        sk.consume(chunks()[:1], checkpoint=tmp_path / "state.npz")
        assert sketch.load(tmp_path / "state.npz").position == sk.position == SHAPE[0]
        sk.consume(chunks(), resume=True)
        assert sk.position == known.shape[0]
        found, expected = (np.asarray(x.finalize().to_array()) for x in (sk, known))
        np.testing.assert_allclose(found, expected, atol=1e-12 * np.abs(expected).max())
        if sk.accumulator.state.stream.digest != "unread":  # Dask arrays, operators and sums are
            with pytest.raises(sketch.PassError, match="not those that the sketch has taken"):
                sk.consume(chunks()[::-1], resume=True)


@pytest.mark.parametrize("write", [np.save, np.savetxt], ids=["npy", "csv"])
def test_streams_of_files_are_followed_and_known_again(write, tmp_path):
    paths = []
    for seed in range(3):
        paths.append(str(tmp_path / f"part-{seed}{'.npy' if write is np.save else '.csv'}"))
        write(paths[-1], values(seed), **({} if write is np.save else {"delimiter": ","}))
    sk = sketch.GramNystrom(SHAPE[1], 6)
    sk.consume(paths[:2])
    sk.consume(paths, resume=True)
    assert sk.position == 3 * SHAPE[0]
    sk.consume([np.concatenate([values(seed) for seed in range(3)])], resume=True)  # the same rows
    assert sk.position == 3 * SHAPE[0]
    with pytest.raises(sketch.PassError, match="not those that the sketch has taken"):
        sk.consume(paths[::-1], resume=True)


@pytest.mark.parametrize("x", [[[1, 2], [3]], None, "text", {"a": 1}, [object()], np.sin, type(A)])
def test_what_is_no_array_is_no_factor(x):
    result = sketch.svd(A, 2)
    for call in (lambda: result @ x, lambda: result.T @ x):
        with pytest.raises(sketch.DtypeError, match="cannot multiply by an object of type"):
            call()


def test_rows_that_are_not_finite_have_no_coordinates():
    found = sketch.pca(A, 2)
    rows = A.copy()
    rows[1, 2], rows[3, 0] = np.inf, np.nan
    scores = found.transform(rows)
    assert np.array_equal(np.isfinite(scores).all(axis=1), np.isfinite(rows).all(axis=1))
