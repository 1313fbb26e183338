"""Dask arrays: the same answer on every scheduler and chunking, one reading, small graphs."""

from __future__ import annotations

import pickle
import threading

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import sketch
from sketch.running.tasks import chunk_batches, graph_of
from sketch.sketches import BlockKrylov
from sketch.sketches._parallel import _strips

RNG = np.random.default_rng(0)
SPECTRUM = 0.7 ** np.arange(30)
MATRIX = (RNG.standard_normal((160, 30)) * SPECTRUM) @ RNG.standard_normal((30, 70))
TENSOR = sum(
    0.1**r * np.multiply.outer(*[RNG.standard_normal((7, 8))[0], RNG.standard_normal((9, 10))])
    for r in range(3)
)
SCHEDULERS = ["synchronous", "threads", "processes"]


def nystrom(**options):
    return sketch.GeneralizedNystrom(MATRIX.shape, rank=5, **options)


def sums(sk):
    sums = sk.accumulator.sums()
    return {name: sums.whole(name) for name in sums.state.parts}


def same(x, y):
    """Sums of at most 200 terms in different orders: 200 roundoffs of their size."""
    return all(
        np.linalg.norm(part - y[name]) <= 1e-13 * np.linalg.norm(y[name])
        for name, part in x.items()
    )


cuts = st.lists(st.integers(1, 60), min_size=1, max_size=6)


def chunked(n, sizes):
    """Return chunks of the given sizes, repeated and clipped, that make up n."""
    chunks = []
    while sum(chunks) < n:
        chunks.append(min(sizes[len(chunks) % len(sizes)], n - sum(chunks)))
    return tuple(chunks)


@given(cuts, cuts, st.sampled_from(["gaussian", "sparse-sign"]))
@settings(max_examples=30)
def test_any_chunks_give_the_sketch_of_the_whole(rows, columns, test_matrix):
    x = da.from_array(MATRIX, chunks=(chunked(160, rows), chunked(70, columns)))
    ours, theirs = nystrom(test_matrix=test_matrix), nystrom(test_matrix=test_matrix)
    ours.update(x)
    theirs.update(MATRIX)
    assert same(sums(ours), sums(theirs))
    assert ours.n_updates == 1


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_schedulers_agree_bit_for_bit(scheduler):
    x = da.from_array(MATRIX, chunks=(37, 23))
    with dask.config.set(scheduler="synchronous"):
        reference = nystrom()
        reference.update(x)
    with dask.config.set(scheduler=scheduler, num_workers=2):
        sk = nystrom()
        sk.update(x, progress=True)
        assert all(np.array_equal(v, sums(reference)[k]) for k, v in sums(sk).items())


@pytest.mark.parametrize("method", ["stta", "otts", "tt-hmt"])
@pytest.mark.parametrize("chunks", [(7, 3, 10), (2, 9, 4), (1, 2, 3)])
def test_tensors_are_cut_along_all_axes(method, chunks):
    tensor = RNG.standard_normal((7, 9, 10))
    ours = sketch.tensor_train(da.from_array(tensor, chunks=chunks), 3, method=method)
    theirs = sketch.tensor_train(tensor, 3, method=method)
    # full-rank cores of a condition below 1e3
    assert (ours - theirs).norm() < 1e-10 * theirs.norm()
    assert ours.error.value == pytest.approx(theirs.error.value, rel=1e-6)


@pytest.mark.parametrize("chunks", [(160, 70), (37, 23), (3, 70), (160, 1), (2, 2)])
@pytest.mark.parametrize(
    "options",
    [
        {"method": "nystrom"},
        {"power_iters": 0},
        {"power_iters": 1},
        {"power_iters": 2},
        {"power_iters": 0.5},
        {"power_iters": 1.5, "start_rank": 30},
        {"power_iters": 1, "start_rank": 30},
    ],
    ids=str,
)
def test_the_left_factor_stays_in_the_chunks_of_the_rows(options, chunks):
    x = da.from_array(MATRIX, chunks=chunks)
    ours, theirs = (sketch.svd(a, 5, **options) for a in (x, MATRIX))
    assert isinstance(ours.U, da.Array)
    assert ours.U.chunks[0] == x.chunks[0]
    assert isinstance(ours.Vh, np.ndarray)
    u = ours.U.compute()
    assert np.allclose(u.T @ u, np.eye(5), atol=1e-13)
    assert np.allclose(ours.s, theirs.s, rtol=1e-11)
    gap = np.linalg.norm((u * ours.s) @ ours.Vh - theirs.to_array())
    assert gap < 1e-10 * theirs.norm()
    assert ours.error.value == pytest.approx(theirs.error.value, rel=1e-6)
    assert ours.error.method == theirs.error.method


def test_a_distributed_result_works_like_any_other(tmp_path):
    result = sketch.svd(da.from_array(MATRIX, chunks=(40, 30)), 5)
    exact = np.asarray(result.to_array())
    assert np.allclose(result.entries([3, -1], [4, 5]), exact[[3, -1], [4, 5]])
    assert np.allclose(result @ np.ones(70), exact @ np.ones(70))
    assert np.allclose(result.T.to_array(), exact.T)
    assert result.truncate(2).rank == 2
    result.save(tmp_path / "r.npz")
    assert np.allclose(sketch.load(tmp_path / "r.npz").to_array(), exact)
    again = sketch.svd(result, 5)  # itself an input
    assert np.allclose(again.s, result.s)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_the_right_factor_of_a_wide_array_stays_in_the_chunks_of_the_columns(tmp_path, dtype):
    a = (MATRIX.T * (1 + 1j if "complex" in dtype else 1)).astype(dtype)
    x = da.from_array(a, chunks=(70, 40))
    result = sketch.svd(x.conj().T, 5).H
    assert isinstance(result.Vh, da.Array)
    assert result.Vh.chunks[1] == x.chunks[1]
    exact = np.asarray(result.to_array())
    close = {
        "rtol": 1e-9,
        "atol": 1e-10 * np.abs(exact).max(),
    }  # gaps of the spectrum are above 1e-3
    assert np.allclose(exact, sketch.svd(a.conj().T, 5).H.to_array(), **close)
    assert np.allclose(result.entries([3, -1], [4, 5]), exact[[3, -1], [4, 5]], **close)
    assert np.allclose(result @ np.ones(160, dtype), exact @ np.ones(160), **close)
    result.save(tmp_path / "r.npz")
    assert np.allclose(sketch.load(tmp_path / "r.npz").to_array(), exact, **close)
    again = sketch.svd(result, 5)  # itself an input
    assert np.allclose(again.s, result.s, rtol=1e-9)


METHODS = {
    "certificate": lambda: sketch.GeneralizedNystrom(MATRIX.shape, 5, error_probes=6),
    "hmt": lambda: sketch.HMT(MATRIX.shape, 5, power_iters=1),
    "hmt from the left": lambda: sketch.HMT(MATRIX.shape, 5, power_iters=0.5),
    "hmt without probes": lambda: sketch.HMT(MATRIX.shape, 5, error_probes=0),
    "hmt from a wide start": lambda: sketch.HMT(MATRIX.shape, 5, start_rank=30),
    "krylov": lambda: BlockKrylov(MATRIX.shape, 5, passes=4),
    "krylov in little room": lambda: BlockKrylov(MATRIX.shape, 3, passes=6, columns=26),
    "krylov to an error": lambda: BlockKrylov.growing(MATRIX.shape, 0.1),
    "gram": lambda: sketch.GramNystrom(70, 5),
    "gram, scaled": lambda: sketch.GramNystrom(70, 5, scale=True),
    "stta": lambda: sketch.STTA(TENSOR.shape, 3),
    "otts": lambda: sketch.OTTS(TENSOR.shape, 3),
    "tt-hmt": lambda: sketch.TTHMT(TENSOR.shape, 3),
}


def read_whole(sk, data, path=None):
    """Feed all passes within a memory budget; with a path, each pass ends after a reload."""
    while True:
        sk.update(data, memory="200MB")
        if path is not None:
            sk.save(path)
            sk = sketch.load(path)
        if not hasattr(sk, "end_pass"):
            return sk.finalize()
        sk.end_pass()
        if not sk.passes_left:
            return sk.finalize()


@pytest.mark.parametrize("rows_whole", [False, True])
@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("name", METHODS)
def test_everything_that_works_in_memory(name, saved, rows_whole, tmp_path):
    sk = METHODS[name]()
    data = TENSOR if len(sk.shape) == 3 else MATRIX
    chunks = [-1 if rows_whole and axis else 1 + size // 3 for axis, size in enumerate(data.shape)]
    path = tmp_path / "state.npz" if saved else None
    ours = read_whole(METHODS[name](), da.from_array(data, chunks=chunks), path)
    theirs = read_whole(sk, data)
    if hasattr(ours, "components"):
        assert np.allclose(ours.explained_variance, theirs.explained_variance, rtol=1e-10)
    else:
        gap = np.linalg.norm(np.asarray(ours.to_array()) - theirs.to_array())
        assert gap < 1e-9 * theirs.norm()  # gaps of the spectrum are above 1e-3
    assert ours.error.value == pytest.approx(theirs.error.value, rel=1e-6)


def test_a_stream_of_dask_arrays_is_resumed(tmp_path):
    x, path = da.from_array(MATRIX, chunks=(37, 23)), tmp_path / "state.npz"
    sk, whole = (sketch.GeneralizedNystrom((None, 70), 5, error_probes=6) for _ in range(2))
    whole.update(x)

    def interrupted():
        yield x[:80]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sk.consume(interrupted(), checkpoint=path)
    sk = sketch.load(path)
    sk.consume([x[:50], x[50:120], x[120:]], checkpoint=path)
    assert sk.position == 160
    assert same(sums(sketch.load(path)), sums(whole))


def test_a_tolerance_finds_the_rank():
    result = sketch.svd(da.from_array(MATRIX, chunks=(40, 30)), tol=1e-2)
    assert np.linalg.norm(MATRIX - result.to_array()) < 1.2e-2 * np.linalg.norm(MATRIX)


def test_small_errors_come_from_the_probes():
    exact = MATRIX[:, :4] @ RNG.standard_normal((4, 70))
    noise = 1e-9 * RNG.standard_normal(MATRIX.shape)
    result = sketch.svd(da.from_array(exact + noise, chunks=(50, 70)), 4)
    assert result.error.method == "Gaussian probes"
    error = np.linalg.norm(exact + noise - result.to_array())
    low, high = result.error.interval(0.999)
    assert low <= error <= high


class Counted:
    """An array that counts how often each entry is read."""

    def __init__(self, a):
        self.a, self.shape, self.dtype, self.ndim = a, a.shape, a.dtype, a.ndim
        self.reads = np.zeros(a.shape, int)
        self._lock = threading.Lock()

    def __getitem__(self, window):
        with self._lock:
            self.reads[window] += 1
        return self.a[window]


@pytest.mark.parametrize(
    ("run", "times"),
    [
        (lambda x: nystrom().update(x), 1),
        (lambda x: sketch.svd(x, 5, method="nystrom").U.compute(), 1),
        (lambda x: sketch.svd(x, 5, method="hmt", power_iters=1).U.compute(), 2),
        (lambda x: sketch.pca(x, 3, passes=1), 1),
        (lambda x: sketch.pca(x, 3, passes=4), 4),
        (lambda x: sketch.pca(x, 3), 1),
        (lambda x: sketch.tensor_train(x, 5), 1),
    ],
)
def test_the_data_are_read_once_in_each_pass(run, times):
    counted = Counted(MATRIX)
    x = da.from_array(counted, chunks=(40, 70), name=False, asarray=False, meta=MATRIX[:0, :0])
    run(x)
    assert np.all(counted.reads == times)


def test_graphs_are_small_and_hold_no_arrays():
    x = da.zeros((80_000, 4_000), chunks=(1_000, 1_000))
    sk = sketch.GeneralizedNystrom(x.shape, rank=20)
    tasks = _strips(sk.accumulator.run(sk.accumulator.state), {}, x, (0, 0))
    assert len(tasks) == 80  # of 320 chunks, 8 MB each, four to a task
    graph = graph_of(tasks[:1])
    chunks = len(x.__dask_graph__().to_dict())
    assert len(graph) <= chunks + 2
    ours = {k: v for k, v in graph.items() if k not in x.__dask_graph__()}
    assert len(pickle.dumps(sk)) < 3_000
    assert len(ours) == 2


def test_batches_depend_on_the_chunks_alone():
    x = da.zeros((100, 100), chunks=(1, 100))
    assert [len(batch) for batch in chunk_batches(x)] == [1] * 100
    y = da.zeros((1000, 100), chunks=(1, 100))
    assert [len(batch) for batch in chunk_batches(y)] == [15] * 66 + [10]


def test_sparse_chunks_stay_sparse():
    a = sp.random_array((160, 70), density=0.1, rng=RNG, format="csr")
    x = da.from_array(a.toarray(), chunks=(40, 70)).map_blocks(sp.csr_array)
    ours, theirs = (sketch.GeneralizedNystrom((160, 70), rank=4) for _ in range(2))
    ours.update(x)
    theirs.update(a)
    assert same(sums(ours), sums(theirs))


def test_a_dask_array_goes_to_any_offset_and_grows():
    sk, whole = (sketch.GeneralizedNystrom((None, 70), rank=4) for _ in range(2))
    for part in np.split(MATRIX, 2):
        sk.update(da.from_array(part, chunks=(33, 40)))
    whole.update(MATRIX)
    assert same(sums(sk), sums(whole))
    assert sk.shape == (160, 70)


def test_terms_of_sums_may_be_dask_arrays():
    x = da.from_array(MATRIX, chunks=(40, 30))
    result = sketch.svd(sketch.TensorSum([x, sp.csr_array(MATRIX)], [2, -1]), 5)
    assert np.allclose(result.s, sketch.svd(MATRIX, 5).s, rtol=1e-11)


def test_unknown_chunks_are_refused():
    x = da.from_array(MATRIX, chunks=(40, 70))
    unknown = x[x[:, 0] > 0]
    for call in (nystrom().update, lambda a: sketch.svd(a, 3), lambda a: sketch.tensor_train(a, 3)):
        with pytest.raises(sketch.ShapeError, match=r"compute_chunk_sizes\(\)"):
            call(unknown)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_bad_entries_are_found_where_they_are(scheduler):
    bad = MATRIX.copy()
    bad[101, 33] = np.inf
    sk = nystrom()
    sk.update(MATRIX)
    before = sums(sk.copy())
    with (
        dask.config.set(scheduler=scheduler, num_workers=2),
        pytest.raises(sketch.NonFiniteError, match=r"\(101, 33\)"),
    ):
        sk.update(da.from_array(bad, chunks=(40, 30)))
    assert all(np.array_equal(v, before[k]) for k, v in sums(sk).items())


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (50, 3), (1, 40), (40, 1)])
@pytest.mark.parametrize("method", ["nystrom", "hmt"])
def test_thin_and_tiny_arrays(shape, method):
    a = RNG.standard_normal(shape)
    result = sketch.svd(da.from_array(a, chunks=(2, 2)), min(shape), method=method)
    assert np.allclose(result.to_array(), a, atol=1e-12)


def test_other_kinds_of_numbers():
    counts = RNG.poisson(2.0, (160, 70))
    for a in (counts, MATRIX.astype(np.float32), MATRIX * (1 + 1j), MATRIX.astype(">f8")):
        x = da.from_array(a, chunks=(50, 40))
        ours, theirs = sketch.svd(x, 4), sketch.svd(a, 4)
        assert ours.dtype == theirs.dtype
        assert np.allclose(ours.s, theirs.s, rtol=1e-5 if a.dtype == np.float32 else 1e-10)
        assert ours.error.relative == pytest.approx(theirs.error.relative, rel=1e-3)
    zero = sketch.svd(da.zeros((50, 40), chunks=(20, 20)), 3)
    assert float(zero.s.sum()) == zero.error.value == 0.0


def test_v_of_a_wide_array_stays_in_the_chunks_of_its_columns():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((40, 8)) @ rng.standard_normal((8, 600))
    a += 0.01 * rng.standard_normal(a.shape)
    x = da.from_array(a, chunks=(25, 150))
    found, plain = sketch.svd(x.T, 8, power_iters=1).T, sketch.svd(a.T, 8, power_iters=1).T
    assert isinstance(found.U, np.ndarray)
    assert found.Vh.chunks[1] == (150,) * 4
    assert found.n_passes == 2  # whole columns serve both products of a step
    assert np.allclose(found.s, plain.s, rtol=1e-12)
    assert np.allclose((found.U * found.s) @ found.Vh.compute(), plain.to_array(), atol=1e-9)
