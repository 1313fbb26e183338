"""One code path on every array library: the same answer, where the data live."""

from __future__ import annotations

import sys
import types

import dask
import dask.array as da
import numpy as np
import pytest
from backends import BACKENDS, home, host, strict
from dask import delayed

import sketch
from sketch import maps
from sketch.backend import array
from sketch.maps import DrawnMatrix
from sketch.numerics import factorizations

RNG = np.random.default_rng(0)
MATRIX = (RNG.standard_normal((90, 20)) * 0.5 ** np.arange(20)) @ RNG.standard_normal((20, 60))
TENSOR = sketch.CPTensor(
    0.3 ** np.arange(8), [RNG.standard_normal((n, 8)) for n in (9, 8, 7, 6)]
).to_tensor_train()
DENSE = np.asarray(TENSOR.to_array())
DTYPES = ["float64", "float32", "complex128", "complex64", "int32"]
TOLERANCE = {"float32": 2e-5, "complex64": 2e-5}  # a hundred roundoffs of single precision


def cast(a, dtype):
    """Return data of a dtype, complex ones with an imaginary part."""
    if dtype == "int32":
        return np.round(100 * a).astype(dtype)
    return (a * (1 + 0.5j) if dtype.startswith("complex") else a).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "options",
    [
        {"method": "nystrom"},
        {"method": "hmt"},
        {"method": "hmt", "power_iters": 2},
        {"method": "nystrom", "test_matrix": "sign"},
        {"method": "nystrom", "test_matrix": "sparse-sign"},
    ],
    ids=str,
)
@pytest.mark.parametrize("to", BACKENDS)
def test_matrices(to, options, dtype):
    a = cast(MATRIX, dtype)
    x = to(a)
    ours, theirs = sketch.svd(x, 6, **options), sketch.svd(a, 6, **options)
    for factor in ours:
        assert home(factor) == home(x)
    tolerance = TOLERANCE.get(dtype, 1e-12)
    assert np.allclose(host(ours.s), theirs.s, rtol=tolerance, atol=tolerance * theirs.s[0])
    gap = np.linalg.norm(host(ours.to_array()) - theirs.to_array())
    assert gap <= 100 * tolerance * theirs.norm()
    assert ours.error.value == pytest.approx(theirs.error.value, rel=1e-3)
    assert ours.error.interval() == pytest.approx(theirs.error.interval(), rel=1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", ["stta", "otts", "tt-hmt", "tt-svd"])
@pytest.mark.parametrize("to", BACKENDS)
def test_tensors(to, method, dtype):
    a = cast(DENSE, dtype)
    x = to(a)
    ours, theirs = (sketch.tensor_train(t, 4, method=method) for t in (x, a))
    for core in ours.cores:
        assert home(core) == home(x)
    gap = np.linalg.norm(host(ours.to_array()) - theirs.to_array())
    assert gap <= 100 * TOLERANCE.get(dtype, 1e-12) * theirs.norm()
    assert ours.error.value == pytest.approx(theirs.error.value, rel=1e-2)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("family", [sketch.Gaussian(), sketch.Sign(), sketch.SparseSign()], ids=str)
@pytest.mark.parametrize("to", BACKENDS)
def test_test_matrices(to, family, dtype):
    """The same bits of signs everywhere; normals up to a few roundings on a GPU."""
    field = "complex" if dtype.startswith("complex") else "real"
    matrix = DrawnMatrix(family, seed=3, stream=1, width=12, field=field)
    here, there = (matrix.rows(500, 530).array(f(np.empty(0, dtype))) for f in (np.asarray, to))
    assert home(there) == home(to(np.empty(0)))
    if isinstance(family, sketch.Gaussian):
        assert np.allclose(host(there), here, rtol=8 * np.finfo(dtype).eps)
    else:
        assert np.array_equal(host(there), here)
    x = np.random.default_rng(0).standard_normal((700, 3)).astype(dtype)
    seen = matrix.adjoint_product(to(x))
    gap = np.linalg.norm(host(seen) - matrix.adjoint_product(x))
    assert gap <= 1e3 * np.finfo(dtype).eps * np.linalg.norm(x)


def structured(to):
    """Yield one tensor in every structured format."""
    cores = [to(core) for core in TENSOR.cores]
    train = sketch.TensorTrain(cores)
    yield train
    factors = [to(RNG.standard_normal((n, 3))) for n in (9, 8, 7)]
    yield sketch.CPTensor(to(np.array([1.0, 0.5, 0.1])), factors)
    yield sketch.TuckerTensor(to(RNG.standard_normal((3, 3, 3))), factors)
    yield 2 * train - train.hadamard(train)
    yield train + to(DENSE)


@pytest.mark.parametrize("method", ["stta", "otts", "tt-hmt"])
@pytest.mark.parametrize("to", BACKENDS)
def test_structured_tensors(to, method):
    for tensor in structured(to):
        result = sketch.tensor_train(tensor, 3, method=method)
        like = to(np.ones(1))
        assert all(home(core) == home(like) for core in result.cores)
        assert np.isfinite(result.error.relative)


@pytest.mark.parametrize("to", BACKENDS)
def test_the_algebra_of_trains(to):
    t = sketch.TensorTrain([to(core) for core in TENSOR.cores])
    assert t.norm() == pytest.approx(TENSOR.norm())
    assert (t + t - 2 * t).norm() < 1e-12 * t.norm()
    assert t.dot(t) == pytest.approx(TENSOR.norm() ** 2)
    assert (t.round(rank=3) - t).norm() == pytest.approx((TENSOR.round(rank=3) - TENSOR).norm())
    assert (t.round(tol=1e-3) - t).norm() <= 1.0001e-3 * t.norm()
    points = [[0, 1, 2, 3], [8, 7, -1, 5]]
    assert np.allclose(host(t.entries(points)), DENSE[tuple(np.transpose(points))])
    assert np.allclose(host(t[1, :, 2].to_array()), DENSE[1, :, 2])
    assert t.orthogonalize(2).norm() == pytest.approx(TENSOR.norm())


@pytest.mark.parametrize("to", BACKENDS)
def test_principal_components(to):
    rows = MATRIX + 1e3
    ours, theirs = sketch.pca(to(rows), 4), sketch.pca(rows, 4)
    assert home(ours.components) == home(to(rows))
    assert np.allclose(host(ours.explained_variance), theirs.explained_variance, rtol=1e-9)
    assert np.allclose(
        np.abs(host(ours.transform(to(rows)))), np.abs(theirs.transform(rows)), atol=1e-8
    )


@pytest.mark.parametrize("to", BACKENDS)
def test_results_work_where_they_live(to):
    result = sketch.svd(to(MATRIX), 5)
    exact = host(result.to_array())
    assert np.allclose(host(result @ to(np.ones(60))), exact @ np.ones(60))
    assert np.allclose(host(result.entries([1, -1], [2, 3])), exact[[1, -1], [2, 3]])
    assert np.allclose(host(result.T.to_array()), exact.T)
    assert result.truncate(tol=0.1).rank < 5
    again = sketch.svd(result, 5)
    assert np.allclose(host(again.s), host(result.s), rtol=1e-10)


@pytest.mark.parametrize("to", BACKENDS)
def test_streams_merge_and_resume_across_libraries(to, tmp_path):
    """Begun in one library, saved, finished in NumPy; and the other way round."""
    here, there = (sketch.GeneralizedNystrom((None, 60), rank=5) for _ in range(2))
    here.update(to(MATRIX[:40]))
    here.save(tmp_path / "state.npz")
    loaded = sketch.load(tmp_path / "state.npz")
    loaded.update(MATRIX[40:])
    there.update(MATRIX)
    gap = np.linalg.norm(loaded.finalize().to_array() - there.finalize().to_array())
    assert gap < 1e-10 * np.linalg.norm(MATRIX)


@pytest.mark.parametrize("to", BACKENDS)
def test_edges(to):
    for a in (np.zeros((7, 5)), np.ones((1, 1)), 1e-200 * MATRIX, 1e150 * MATRIX):
        result = sketch.svd(to(a), 1)
        assert np.all(np.isfinite(host(result.s)))
    bad = MATRIX.copy()
    bad[3, 4] = np.nan
    with pytest.raises(sketch.NonFiniteError, match=r"\(3, 4\)"):
        sketch.svd(to(bad), 2)


@pytest.mark.parametrize("to", BACKENDS[1:])
def test_mixed_libraries_are_refused(to):
    sk = sketch.GeneralizedNystrom((None, 60), rank=5)
    sk.update(to(MATRIX))
    with pytest.raises(sketch.DtypeError, match=r"one array library|another device"):
        sk.update(MATRIX)
    assert sk.shape == (90, 60)


def test_devices_do_not_mix():
    import array_api_strict

    sk = sketch.GeneralizedNystrom((None, 60), rank=5)
    sk.update(strict(MATRIX))
    with pytest.raises(sketch.DtypeError, match="device"):
        sk.update(array_api_strict.asarray(MATRIX))


SKETCHES = {
    "nystrom": (lambda **o: sketch.GeneralizedNystrom((90, 60), rank=5, **o), MATRIX),
    "hmt": (lambda **o: sketch.HMT((90, 60), rank=5, **o), MATRIX),
    "gram": (lambda **o: sketch.GramNystrom(60, rank=5, **o), MATRIX),
    "stta": (lambda **o: sketch.STTA(DENSE.shape, rank=3, **o), DENSE),
    "otts": (lambda **o: sketch.OTTS(DENSE.shape, rank=3, **o), DENSE),
    "tt-hmt": (lambda **o: sketch.TTHMT(DENSE.shape, rank=3, **o), DENSE),
}


def parts_of(sk):
    return [part.values for part in sk.accumulator.state.parts.values()]


@pytest.mark.parametrize("name", SKETCHES)
@pytest.mark.parametrize("to", BACKENDS)
def test_a_sketch_lives_where_it_is_told_and_brings_chunks_there(to, name, tmp_path):
    make, a = SKETCHES[name]
    like = to(np.ones(1))
    there, here = make(device=like), make()
    for _ in range(getattr(here, "n_passes", 1)):
        for sk in (there, here):
            for part in (slice(0, 3), slice(3, None)):
                sk.update(a[part], at=(part.start,) + (0,) * (a.ndim - 1))
        for x, y in zip(parts_of(there), parts_of(here), strict=True):
            assert home(x) == home(like)
            if not getattr(here, "passes_done", 0):  # later ones multiply by bases of any sign
                assert np.allclose(host(x), y, rtol=1e-12, atol=1e-12 * np.abs(y).max())
        if hasattr(here, "end_pass"):
            there.end_pass()
            here.end_pass()
            there.save(tmp_path / "state.npz")
            there = sketch.load(tmp_path / "state.npz", device=like)
    ours, theirs = there.finalize(), here.finalize()
    assert ours.error.value == pytest.approx(theirs.error.value, rel=1e-6)


@pytest.mark.parametrize("to", BACKENDS)
def test_files_and_sparse_chunks_are_brought_too(to, tmp_path):
    import scipy.sparse as sp

    like = to(np.ones(1))
    np.save(tmp_path / "a.npy", MATRIX)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    theirs = sketch.svd(MATRIX, 5, method="nystrom")
    for data in (mapped, sp.csr_array(MATRIX), MATRIX.tolist()):
        ours = sketch.svd(data, 5, method="nystrom", device=like, test_matrix="gaussian")
        assert home(ours.U) == home(like)
        assert np.allclose(host(ours.s), theirs.s, rtol=1e-11)


@pytest.mark.parametrize("to", BACKENDS)
def test_states_cross_over_in_both_directions(to, tmp_path):
    like = to(np.ones(1))
    first, second = (sketch.GeneralizedNystrom((90, 60), rank=5, device=d) for d in (like, None))
    first.update(MATRIX[:40])
    second.update(MATRIX[40:], at=40)
    first.save(tmp_path / "first.npz")
    second.save(tmp_path / "second.npz")
    whole = sketch.svd(MATRIX, 5, method="nystrom")
    for device in (like, None):
        total = sketch.load(tmp_path / "first.npz", device=device)
        total.merge(sketch.load(tmp_path / "second.npz", device=device))
        assert np.allclose(host(total.finalize().s), whole.s, rtol=1e-11)


def test_devices_that_are_not_there_are_told(monkeypatch):
    with pytest.raises(sketch.DeviceError, match="not known"):
        sketch.svd(MATRIX, 3, device="quantum")
    monkeypatch.setitem(sys.modules, "cupy", None)  # as where it is not installed
    with pytest.raises(sketch.DeviceError, match=r"sketch-lowrank\[gpu\]"):
        sketch.svd(MATRIX, 3, device="gpu")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(sketch.DeviceError, match="pip install torch"):
        sketch.svd(MATRIX, 3, device="torch")

    class NoGPU:
        class cuda:
            is_available = staticmethod(lambda: False)

    monkeypatch.setitem(sys.modules, "cupy", NoGPU)
    with pytest.raises(sketch.DeviceError, match="finds no GPU"):
        sketch.load("nowhere.npz", device="gpu:1")
    assert sketch.svd(MATRIX, 3).rank == 3  # and nothing else changes


def test_decompositions_that_fail_in_silence_are_made_to_raise(monkeypatch):
    """As CuPy's, which return garbage unless they are told otherwise."""
    raises = []

    class Told:
        def __enter__(self):
            raises.append(True)

        def __exit__(self, *error):
            raises.pop()

    def told(linalg):
        assert linalg == "raise"
        return Told()

    def cholesky(gram):
        if not raises:
            return np.full_like(gram, np.nan)
        raise np.linalg.LinAlgError

    silent = types.SimpleNamespace(linalg=types.SimpleNamespace(cholesky=cholesky))
    monkeypatch.setitem(sys.modules, "cupyx", types.SimpleNamespace(errstate=told))
    monkeypatch.setattr(array, "is_on_gpu", lambda x: True)
    monkeypatch.setattr(factorizations, "namespace", lambda x: silent)
    assert factorizations.inverse_cholesky(np.zeros((3, 3)), np.eye(3)) is None
    assert not raises


@pytest.mark.parametrize("to", [p for p in BACKENDS if p.id != "strict"])  # has no such indexing
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_rows_with_few_entries_are_spread_where_they_are_needed(to, dtype):
    rows = maps.SparseSign(4).hashed(3, 1, 5, 90, 30, field="real").astype(dtype)
    spread = rows.spread(to(np.empty(0, dtype)))
    assert home(spread) == home(to(np.empty(0, dtype)))
    for i, (columns, values) in enumerate(zip(rows.columns, rows.values, strict=True)):
        expected = np.zeros(30, dtype)
        np.add.at(expected, columns, values)
        assert np.array_equal(host(spread)[i], expected)


@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (1, 2_000_000), (1_000_003,), (9, 200_000)])
def test_rows_copied_by_several_threads_are_all_there(shape):
    x = RNG.standard_normal(shape)
    out = np.full(shape, np.nan)
    array._copy_rows(out, x)
    assert np.array_equal(out, x)


def test_half_precision_is_computed_in_single():
    half = MATRIX.astype(np.float16)
    result = sketch.svd(half, 4)
    assert result.dtype == np.float32
    assert np.allclose(result.s, sketch.svd(half.astype(np.float32), 4).s, rtol=1e-6)


def test_sparse_matrices_of_a_device():
    """SciPy's compressed rows offer what CuPy's do, and stand in for them."""
    import scipy.sparse as sp

    from sketch.sources._device_sparse import DeviceSparseSource

    for scale in (1.0, 1 + 2j):
        a = sp.csr_matrix(scale * MATRIX * (RNG.random(MATRIX.shape) < 0.3))
        for method in ("nystrom", "hmt"):
            ours, theirs = (sketch.svd(x, 5, method=method) for x in (DeviceSparseSource(a), a))
            assert np.allclose(ours.s, theirs.s, rtol=1e-11)
            assert ours.error.value == pytest.approx(theirs.error.value, rel=1e-6)
    a.data[17] = np.nan
    row, column = DeviceSparseSource(a).find_nonfinite()
    assert np.isnan(a[row, column])


def test_the_memory_of_a_device_is_reported(monkeypatch):
    import contextlib

    from sketch import report
    from sketch.backend import array

    for x in (np.ones(2), strict(np.ones(2))):
        assert array.device_bytes(x) is None

    class Pool:
        total_bytes = staticmethod(lambda: 12_000_000)

    class Library:
        get_default_memory_pool = Pool

    class There:
        device = contextlib.nullcontext()

    monkeypatch.setattr(array, "is_on_gpu", lambda x: True)
    monkeypatch.setattr(array, "namespace", lambda x: Library)
    assert array.device_bytes(There()) == 12_000_000
    assert report.device_bytes is array.device_bytes


def dask_array_of(to, data):
    """Return a Dask array whose chunks are those of another library."""
    chunks = [
        da.from_delayed(delayed(to)(rows), rows.shape, rows.dtype)
        for rows in np.array_split(data, 5)
    ]
    return da.concatenate(chunks)


@pytest.mark.parametrize("name", SKETCHES)
@pytest.mark.parametrize("to", BACKENDS)
def test_dask_arrays_of_chunks_that_live_elsewhere(to, name):
    make, data = SKETCHES[name]
    chunked, whole = make(), make()
    chunked.update(dask_array_of(to, data))
    whole.update(dask_array_of(np.asarray, data))
    for x, y in zip(parts_of(chunked), parts_of(whole), strict=True):
        assert home(x) == home(to(data))
        assert np.allclose(host(x), y, rtol=1e-11, atol=1e-11 * np.abs(y).max())


@pytest.mark.parametrize(
    "options",
    [{"method": "nystrom"}, {"power_iters": 1}, {"power_iters": 0.5, "start_rank": 15}],
    ids=str,
)
@pytest.mark.parametrize("to", BACKENDS)
def test_factors_of_dask_arrays_of_chunks_that_live_elsewhere(to, options):
    x = dask_array_of(to, MATRIX)
    ours, theirs = sketch.svd(x, 5, **options), sketch.svd(MATRIX, 5, **options)
    assert home(ours.s) == home(ours.Vh) == home(to(MATRIX))
    (blocks,) = dask.compute(list(ours.U.to_delayed()[:, 0]))
    assert [home(block) for block in blocks] == [home(to(MATRIX))] * 5
    u = np.concatenate([host(block) for block in blocks])
    assert np.allclose(u.T @ u, np.eye(5), atol=1e-13)
    gap = np.linalg.norm((u * host(ours.s)) @ host(ours.Vh) - theirs.to_array())
    assert gap < 1e-11 * theirs.norm()
    assert ours.error.value == pytest.approx(theirs.error.value, rel=1e-6)
