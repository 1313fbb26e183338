"""Data that are read in pieces: the same results as in memory, within a budget, one piece ahead."""

from __future__ import annotations

import gzip
import math
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
import zarr
from hypothesis import given
from hypothesis import strategies as st

import sketch
from sketch.io import _entry_files, open_matrix, open_tensor
from sketch.io._frostt import CoordinateFile
from sketch.io._matrix_market import MatrixMarketFile
from sketch.running.blas_threads import blas_threads
from sketch.running.memory import as_bytes, block_limit
from sketch.running.read_ahead import read_ahead
from sketch.sketches import _in_process
from sketch.sources._tiles import StoredArray, tile_shape

pytestmark = pytest.mark.usefixtures("every_backend")

RNG = np.random.default_rng(0)
MATRIX = RNG.standard_normal((400, 5)) @ RNG.standard_normal((5, 300))
TENSOR = RNG.standard_normal((20, 11, 12, 13))
BAYER = Path(__file__).parent / "data" / "bayer10.mtx.gz"

sizes = st.lists(st.integers(1, 40), min_size=1, max_size=4)


@given(st.data(), sizes, st.integers(1, 3000))
def test_tiles_cover_every_entry_once_within_the_limit(data, shape, entries):
    chunks = data.draw(st.tuples(*[st.integers(1, 50) for _ in shape]))
    order = data.draw(st.permutations(range(len(shape))))
    steps = tile_shape(shape, chunks, order, entries)
    assert math.prod(steps) <= entries
    assert all(1 <= step <= n for step, n in zip(steps, shape, strict=True))


@given(st.data(), sizes)
def test_tiles_with_room_are_whole_chunks(data, shape):
    chunks = data.draw(st.tuples(*[st.integers(1, 50) for _ in shape]))
    fitted = [min(n, c) for n, c in zip(shape, chunks, strict=True)]
    entries = data.draw(st.integers(math.prod(fitted), 10_000_000))
    steps = tile_shape(shape, chunks, range(len(shape))[::-1], entries)
    assert all(
        step == n or step % chunk == 0 for step, n, chunk in zip(steps, shape, fitted, strict=True)
    )


def test_the_tiles_of_an_array_add_up_to_it():
    class Chunked:  # like a stored dataset: nothing but slices
        shape, dtype, ndim, chunks = TENSOR.shape, TENSOR.dtype, 4, (3, 4, 5, 6)

        def __getitem__(self, window):
            return TENSOR[window]

    whole = np.zeros(TENSOR.shape)
    for at, tile in StoredArray(Chunked()).tiles(8 * 500):
        assert tile.size <= 500
        whole[tuple(slice(a, a + n) for a, n in zip(at, tile.shape, strict=True))] += tile
    assert np.array_equal(whole, TENSOR)


def stored(folder, a):
    """Yield an array in every kind of file that is read by slicing."""
    np.save(folder / "c.npy", a)
    yield np.load(folder / "c.npy", mmap_mode="r")
    np.save(folder / "f.npy", np.asfortranarray(a))
    yield np.load(folder / "f.npy", mmap_mode="r")
    yield np.load(folder / "f.npy", mmap_mode="r")[::2, ::-1].repeat(2, axis=0)[::2][:, ::-1]
    with h5py.File(folder / "a.h5", "w") as file:
        yield file.create_dataset("a", data=a, chunks=tuple(min(7, n) for n in a.shape))
        yield file.create_dataset("b", data=a)
    yield zarr.create_array(folder / "a.zarr", data=a, chunks=tuple(min(6, n) for n in a.shape))


BUDGETS = [None, 3_000_000, "3 MB"]


@pytest.mark.parametrize("memory", BUDGETS)
def test_stored_matrices_give_what_those_in_memory_give(memory, tmp_path):
    for data in stored(tmp_path, MATRIX):
        exact = np.asarray(data[...])
        for method in ("nystrom", "hmt"):
            result = sketch.svd(data, 5, method=method, memory=memory)
            # exact rank 5: rounding alone
            assert np.linalg.norm(result.to_array() - exact) < 1e-12 * np.linalg.norm(exact)


@pytest.mark.filterwarnings("ignore::sketch.AccuracyWarning")  # noise
@pytest.mark.parametrize("memory", BUDGETS)
@pytest.mark.parametrize("method", ["stta", "otts", "tt-hmt"])
def test_stored_tensors_give_what_those_in_memory_give(method, memory, tmp_path):
    for data in stored(tmp_path, TENSOR):
        exact = sketch.tensor_train(np.asarray(data[...]), 3, method=method)
        result = sketch.tensor_train(data, 3, method=method, memory=memory)
        # the order of sums alone differs; full ranks amplify it by their condition, below 1e3
        assert (result - exact).norm() < 1e-11 * exact.norm()


SIDE_BY_SIDE = {
    "hmt": lambda a: sketch.svd(a, 5, memory="9MB"),
    "one step": lambda a: sketch.svd(a, 5, power_iters=1, memory="9MB"),
    "half a step": lambda a: sketch.svd(a, 5, power_iters=0.5, memory="9MB"),
    "krylov": lambda a: sketch.svd(a, 5, method="krylov", passes=3, memory="9MB"),
    "nystrom": lambda a: sketch.svd(a, 5, method="nystrom", memory="9MB"),
    "pca": lambda a: sketch.pca(a, 4, memory="9MB"),
    "pca in one reading": lambda a: sketch.pca(a, 4, passes=1, memory="9MB"),
    "scaled": lambda a: sketch.pca(a, 4, scale=True, memory="9MB"),
}


@pytest.mark.parametrize("call", SIDE_BY_SIDE.values(), ids=SIDE_BY_SIDE)
def test_blocks_side_by_side_give_what_one_after_the_other_gives(call, tmp_path, monkeypatch):
    rows = np.concatenate([MATRIX] * 6) + 1e-3 * np.random.default_rng(1).standard_normal(
        (2400, 300)
    )
    np.save(tmp_path / "rows.npy", rows)
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(_in_process, "blas_threads", lambda threads=threads: threads)
        result = call(np.load(tmp_path / "rows.npy", mmap_mode="r"))
        s = getattr(result, "s", None)
        s = result.explained_variance if s is None else s
        found.append((s, result.n_passes, result.error.relative, result.error.kind))
    (s, *ours), (other, *theirs) = found
    np.testing.assert_allclose(other, s, rtol=1e-9)  # blocks are cut and added up otherwise
    assert ours[0] == theirs[0]
    assert ours[1] == pytest.approx(theirs[1], rel=1e-6)
    assert ours[2] == theirs[2]


def test_what_blocks_side_by_side_refuse_names_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(_in_process, "blas_threads", lambda: 3)
    rows = np.ones((2400, 300))
    rows[2000, 7] = np.nan
    np.save(tmp_path / "rows.npy", rows)
    with pytest.raises(sketch.NonFiniteError, match=r"2000, 7"):
        sketch.svd(np.load(tmp_path / "rows.npy", mmap_mode="r"), 5, memory="9MB")


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_blocks_side_by_side_that_are_interrupted_leave_nothing_behind(error, dtype, monkeypatch):
    monkeypatch.setattr(_in_process, "blas_threads", lambda: 3)
    rows = np.concatenate([MATRIX] * 6).astype(dtype)

    class Failing:
        shape, dtype, ndim = rows.shape, rows.dtype, 2
        left = 2

        def __getitem__(self, window):
            self.left -= 1
            if not self.left:
                raise error("the disk is gone")
            return rows[window]

    sk, data = sketch.GeneralizedNystrom(rows.shape, 5), Failing()
    threads, limits = threading.active_count(), blas_threads()
    with pytest.raises(error, match="the disk is gone"):
        sk.update(data, memory="9MB")
    assert (sk.n_updates, sk.nbytes) == (0, 0)
    assert (threading.active_count(), blas_threads()) == (threads, limits)
    sk.update(data, memory="9MB")
    exact = sketch.GeneralizedNystrom(rows.shape, 5)
    exact.update(rows)
    # sums are cut otherwise: some ten roundoffs of the products
    assert np.allclose(sk.finalize().s, exact.finalize().s, rtol=10 * np.finfo(dtype).eps)


def test_pca_of_stored_rows_reads_them_whole(tmp_path):
    exact = sketch.pca(MATRIX, 3)
    for data in stored(tmp_path, MATRIX):
        if data.shape != MATRIX.shape:
            continue
        found = sketch.pca(data, 3, memory="3MB")
        assert np.allclose(found.explained_variance, exact.explained_variance, rtol=1e-12)


@pytest.mark.parametrize("field", ["real", "integer", "pattern", "complex", "symmetric"])
def test_matrix_market_files_are_read_in_pieces(field, tmp_path, monkeypatch):
    a = sp.random_array((60, 60), density=0.3, rng=np.random.default_rng(2), format="coo")
    a = {
        "real": a,
        "integer": (10 * a).astype(int),
        "pattern": sp.coo_array((np.ones(a.nnz), a.coords), shape=a.shape),
        "complex": a * (1 + 2j),
        "symmetric": a + a.T,
    }[field]
    kind = {} if field == "symmetric" else {"field": field}
    scipy.io.mmwrite(tmp_path / "a.mtx", a, **kind)
    text = (tmp_path / "a.mtx").read_bytes()
    (tmp_path / "a.mtx.gz").write_bytes(gzip.compress(text))
    monkeypatch.setattr(_entry_files, "_PIECE_BYTES", 1000)
    for name in ("a.mtx", "a.mtx.gz"):
        with open_matrix(str(tmp_path / name)) as file:
            assert isinstance(file, MatrixMarketFile)
            assert file.shape == a.shape
            pieces = list(file.pieces())
            assert len(pieces) > 3
            assert abs(sum(pieces) - a).max() < 1e-12
            ours, theirs = (sketch.svd(x, 5, method="nystrom") for x in (file, a))
            assert np.allclose(ours.s, theirs.s, rtol=1e-10)


def test_coordinate_files_are_read_in_pieces(tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    coords = [rng.integers(0, n, 300) for n in (9, 8, 7)]
    values = rng.standard_normal(300)
    lines = ["# comment"] + [
        f"{i + 1} {j + 1} {k + 1} {v!r}"
        for i, j, k, v in zip(*coords, values.tolist(), strict=True)
    ]
    (tmp_path / "a.tns.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    monkeypatch.setattr(_entry_files, "_PIECE_BYTES", 1000)
    whole = sp.coo_array((values, tuple(coords)), shape=(9, 8, 7))
    with open_tensor(str(tmp_path / "a.tns.gz")) as file:
        assert isinstance(file, CoordinateFile)
        assert (file.shape, file.nnz) == (whole.shape, 300)
        for method in ("stta", "tt-hmt"):
            ours, theirs = (sketch.tensor_train(x, 4, method=method) for x in (file, whole))
            assert (ours - theirs).norm() < 1e-10 * theirs.norm()


def test_a_real_matrix_market_file(monkeypatch):
    """Known: the norm 51148.518 and the best error 0.0675 of rank 20."""
    monkeypatch.setattr(_entry_files, "_PIECE_BYTES", 200_000)
    with open_matrix(str(BAYER)) as file:
        result = sketch.svd(file, 20, power_iters=1)
        whole = sum(file.pieces()).tocsr()
    assert abs(result.error.norm / 51148.518 - 1) < 0.05  # known to the accuracy of the estimate
    error = sp.linalg.norm(whole - sp.csr_array(result.to_array())) / sp.linalg.norm(whole)
    assert 0.0675 < error < 1.1 * 0.0675
    low, high = result.error.interval(0.999)
    assert low <= error * sp.linalg.norm(whole) <= high


BUDGET_RUN = r"""
import re, sys
import numpy as np
import sketch
import scipy.linalg
kind, path, memory = sys.argv[1:]
data = np.load(path, mmap_mode="r")
sketch.svd(np.ones((8000, 4000), "f4"), 2, method="nystrom")   # libraries, compiled code
sketch.tensor_train(np.ones((6, 5, 5, 5)), 2)
status = lambda: open("/proc/self/status").read()
peak = lambda: 1024 * int(re.search(r"VmHWM:\s*(\d+)", status())[1])
open("/proc/self/clear_refs", "w").write("5")   # the peak begins now
before = peak()
if kind == "matrix":
    sketch.svd(data, 10, method="nystrom", memory=memory)
elif kind == "rows":
    sketch.pca(data, 10, memory=memory)
else:
    sketch.tensor_train(data.reshape(200, 100, 100, -1), 10, memory=memory)
print(peak() - before)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="needs Linux")
@pytest.mark.parametrize("kind", ["matrix", "rows", "tensor"])
def test_a_memory_budget_is_kept(kind, tmp_path):
    """400 MB in a file, sketched within 100 MB beside the libraries."""
    path = str(tmp_path / "a.npy")
    data = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(20_000, 5_000))
    data[::50] = 1.0
    del data
    command = [sys.executable, "-c", BUDGET_RUN, kind, path, "100MB"]
    for _ in range(2):  # the first one may compile, which takes some 30 MB once
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) < 100_000_000


def test_a_budget_that_cannot_be_kept_is_refused_before_any_work():
    sk = sketch.GeneralizedNystrom((100_000, 50_000), rank=50)
    with pytest.raises(sketch.MemoryBudgetError, match="smaller rank"):
        sk.update(np.ones((10, 10)), memory="1MB")
    assert sk.n_updates == 0


@pytest.mark.parametrize(
    ("text", "size"), [("2GB", 2 * 10**9), ("1.5 mb", 1_500_000), ("7", 7), (42, 42), ("3k", 3000)]
)
def test_sizes_as_text(text, size):
    assert as_bytes(text) == size


@pytest.mark.parametrize("text", ["lots", "2 XB", "-3MB", ""])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="no size"):
        block_limit(text, 0)


def test_reading_ahead_keeps_order_and_holds_two_items():
    class Item:
        pass

    alive = weakref.WeakSet()

    def items():
        for _ in range(10):
            item = Item()
            alive.add(item)
            yield item
            del item

    most = 0
    for item in read_ahead(items()):
        most = max(most, len(alive))
        del item
    assert most <= 3  # the one at hand, the one that waits; the loop's own until it is rebound
    assert list(read_ahead(iter(range(100)))) == list(range(100))


def test_an_error_while_reading_ahead_reaches_the_reader():
    def items():
        yield 1
        raise OSError("the disk is gone")

    ahead = read_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(OSError, match="disk"):
        next(ahead)


@pytest.mark.parametrize("piece", [20, 10_000])
@pytest.mark.parametrize(
    ("promised", "found"), [(3, r"more follow \(up to line 6\)"), (5, "4 lines follow")]
)
def test_a_matrix_market_file_with_lines_missing_or_too_many_is_refused(
    promised, found, piece, tmp_path, monkeypatch
):
    """A file cut between two lines parses well; its head tells."""
    monkeypatch.setattr(_entry_files, "_PIECE_BYTES", piece)
    head = f"%%MatrixMarket matrix coordinate real general\n4 4 {promised}\n"
    (tmp_path / "a.mtx").write_text(head + "1 1 1.0\n2 2 1.0\n3 3 1.0\n4 4 1.0\n")
    sk = sketch.GeneralizedNystrom((4, 4), rank=1)
    with (
        pytest.raises(sketch.StateFileError, match=f"promises {promised} entries, {found}"),
        open_matrix(str(tmp_path / "a.mtx")) as file,
    ):
        sk.update(file)
    assert sk.n_updates == 0
    assert sk.nbytes == 0


def test_a_truncated_archive_leaves_the_sketch_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(_entry_files, "_PIECE_BYTES", 100_000)
    whole = BAYER.read_bytes()
    (tmp_path / "a.mtx.gz").write_bytes(whole[: len(whole) // 2])
    with open_matrix(str(tmp_path / "a.mtx.gz")) as file:
        sk = sketch.GeneralizedNystrom(file.shape, rank=3)
        with pytest.raises((sketch.SketchError, EOFError)):
            sk.update(file)
    assert sk.n_updates == 0
    assert sk.nbytes == 0
