"""Errors by reading the data once more: those of the dense difference, of every input."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import scipy.sparse as sp
from strategies import SOURCES, matrix

import sketch
from sketch.sources import Entries
from sketch.testing import exponential, with_spectrum

A = matrix(seed=1)
BY_PROBES = {"operator"}


def missed(a, result):
    return np.linalg.norm(np.asarray(a) - result.to_array())


@pytest.mark.parametrize("source", SOURCES)
def test_a_matrix_of_every_source(source):
    for result in (sketch.svd(A, 3, method="nystrom"), sketch.svd(A, 0), sketch.svd(A + 1, 2)):
        error, exact = sketch.verify(result, SOURCES[source](A)), missed(A, result)
        low, high = error.interval(0.9999 if source in BY_PROBES else 0.95)
        assert low <= exact * (1 + 1e-12) <= high * (1 + 2e-12)
        assert error.kind == ("unbiased" if source in BY_PROBES else "exact")
        assert source in BY_PROBES or np.isclose(error.value, exact, rtol=1e-8)
        assert source in BY_PROBES or np.isclose(error.norm, np.linalg.norm(A), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128"])
@pytest.mark.parametrize("sparse", [False, True])
def test_other_dtypes_and_errors_of_every_size(dtype, sparse):
    # differences of sums of squares see 1e-7 of the norm; dense residuals all there is
    for ratio in (0.9, 0.3, 0.01):
        a = with_spectrum((40, 30), exponential(30, ratio), dtype=dtype)
        result = sketch.svd(a, 6)
        error = sketch.verify(result, sp.csr_array(a) if sparse else a)
        wide = a.astype("complex128")
        exact = np.linalg.norm(wide - (result.U.astype("complex128") * result.s) @ result.Vh)
        low, high = error.interval()
        assert low <= exact <= high
        assert sparse or np.isclose(error.value, exact, rtol=1e-6)
        assert high <= exact * (1 + 1e-6) + 1e-6 * np.linalg.norm(a)


def test_chunks_files_and_dask(tmp_path):
    result = sketch.svd(A, 3)
    exact = missed(A, result)
    np.save(tmp_path / "a.npy", A)
    for data in (
        sketch.open(tmp_path / "a.npy"),
        iter([A[:10], sp.csr_array(A[10:20]), A[20:]]),
        da.from_array(A, chunks=(7, 9)),
        da.from_array(A, chunks=(7, 9)).map_blocks(sp.csr_array),
    ):
        assert np.isclose(sketch.verify(result, data).value, exact, rtol=1e-9)
    lazy = sketch.svd(da.from_array(A, chunks=(7, 9)), 3)
    assert np.isclose(sketch.verify(lazy, A).value, lazy.error.value, rtol=1e-6)


@pytest.mark.parametrize("factor", [1e200, 1e-200])
def test_data_near_the_ends_of_the_range(factor):
    result, expected = sketch.svd(A * factor, 3), sketch.svd(A, 3)
    assert np.isclose(sketch.verify(result, A * factor).value / factor, missed(A, expected))


def test_the_seed_that_fooled_a_sketch_does_not_fool_it():
    # residuals that are sketched again with the seed they come from
    result = sketch.svd(A, 3, method="nystrom")
    rest = A - result.to_array()
    sk = sketch.GeneralizedNystrom(rest.shape, 3, seed=result.seeds[0])
    sk.update(rest)
    again = sk.finalize()
    assert np.isclose(sketch.verify(again, rest).value, missed(rest, again), rtol=1e-10)


RNG = np.random.default_rng(0)
DENSE = RNG.standard_normal((6, 7, 5, 4)) * (RNG.random((6, 7, 5, 4)) < 0.3)
COO = sp.coo_array(DENSE)
TENSORS = {
    "dense": DENSE,
    "fortran": np.asfortranarray(DENSE),
    "sparse": COO,
    "dask": da.from_array(DENSE, chunks=(4, 3, 5, 2)),
    "cp": sketch.CPTensor(None, [RNG.standard_normal((n, 3)) for n in DENSE.shape]),
    "train": sketch.tt_svd(DENSE, rank=4),
    "sum": sketch.TensorSum([COO, sketch.tt_svd(DENSE, rank=2)], [1, 2]),
}


@pytest.mark.parametrize("name", TENSORS)
def test_a_train_against_tensors_of_every_format(name):
    data = TENSORS[name]
    dense = {"sparse": DENSE, "dask": DENSE}.get(name)
    if dense is None:
        dense = data if isinstance(data, np.ndarray) else data.to_array()
    for tensor, rank in ((DENSE, 2), (dense, 3), (0 * DENSE, 1)):
        result = sketch.tt_svd(tensor, rank)
        error, exact = sketch.verify(result, data), missed(dense, result)
        low, high = error.interval(0.9999)
        assert low <= exact * (1 + 1e-9)
        assert exact <= high * (1 + 1e-9)
        assert error.kind == ("unbiased" if name == "sum" else "exact")
        assert name == "sum" or np.isclose(error.value, exact, rtol=1e-7)


class InPieces(Entries):
    """Entries in some pieces, the same places in several of them."""

    def __init__(self, whole, number):
        self.shape, self.dtype, self.nnz = whole.shape, whole.dtype, whole.nnz
        self._whole, self._number = whole, number

    def pieces(self, limit=None):
        for k in range(self._number):
            coords = tuple(index[k :: self._number] for index in self._whole.coords)
            yield sp.coo_array((self._whole.data[k :: self._number], coords), shape=self.shape)


@pytest.mark.parametrize("dtype", ["i1", "u1", "?", "f4", "f8", "c8"])
@pytest.mark.parametrize("shape", [(4, 5, 3), (6, 7), (2, 1, 3, 2), (9,)])
def test_duplicates_of_sparse_tensors_add_up(dtype, shape):
    """As numbers, whatever the format: sums of bytes, of truth values and of singles too."""
    rng = np.random.default_rng(0)
    coords = tuple(rng.integers(0, n, 60) for n in shape)
    values = (90 + 30 * rng.random(60)).astype(dtype)
    dense = np.zeros(shape, np.result_type(dtype, "f8"))
    np.add.at(dense, coords, values.astype(dense.dtype))
    data = sp.coo_array((values, coords), shape=shape)
    forms = [data, InPieces(data, 1), InPieces(data, 7)]
    result = sketch.tt_svd(dense, rank=2)
    for form in forms:
        error = sketch.verify(result, form)
        assert abs(error.value - missed(dense, result)) <= error.floor + 1e-12 * error.norm
        assert np.isclose(error.norm, np.linalg.norm(dense), rtol=1e-12)
    found = sketch.tensor_train(data, 2)
    low, high = found.error.interval()
    assert low <= missed(dense, found.astype(dense.dtype.name)) <= high


def test_bad_requests():
    result = sketch.svd(A, 3)
    with pytest.raises(sketch.ShapeError, match="the result has the shape"):
        sketch.verify(result, A[:, :5])
    with pytest.raises(sketch.ShapeError, match="the data have"):
        sketch.verify(result, [A[:9]])
    with pytest.raises(sketch.ShapeError):
        sketch.verify(sketch.tt_svd(DENSE, 1), DENSE[:3])
    with pytest.raises(sketch.ArgumentError, match="low-rank matrix or a tensor train"):
        sketch.verify(A, A)
    bad = A.copy()
    bad[3, 4] = np.nan
    with pytest.raises(sketch.NonFiniteError, match=r"\(3, 4\)"):
        sketch.verify(result, bad)
    assert sketch.verify(sketch.svd(np.zeros((0, 4)), 2), np.zeros((0, 4))).value == 0


def test_sparse_tensors_have_exact_errors_from_their_entries():
    corner = np.zeros(DENSE.shape)
    corner[:2, :2, :2, :2] = 1 + RNG.random((2, 2, 2, 2))
    dense = np.where(DENSE, 1e-2 * DENSE, 0) + corner
    sparse = sp.coo_array(dense)
    for method in ("stta", "tt-hmt", "otts"):
        result = sketch.tensor_train(sparse, 3, method=method)
        assert (result.error.kind, result.error.method) == ("exact", "all entries")
        assert np.isclose(result.error.value, missed(dense, result), rtol=1e-9)
    assert sketch.tensor_train(sparse, 3, error_probes=8).error.kind == "unbiased"
    to_tolerance = sketch.tensor_train(sparse, tol=0.5)
    assert missed(dense, to_tolerance) <= 0.5 * np.linalg.norm(dense)


BLOCK = (slice(5, 17), slice(3, -4))


@pytest.mark.parametrize("source", [name for name in SOURCES if name != "chunks"])
def test_a_block_of_a_matrix_of_every_source(source):
    result = sketch.svd(A, 2)
    error = sketch.verify(result, SOURCES[source](A), block=BLOCK)
    exact = np.linalg.norm((np.asarray(A) - result.to_array())[BLOCK])
    assert error.kind == "exact"
    assert np.isclose(error.value, exact, rtol=1e-8)
    assert np.isclose(error.norm, np.linalg.norm(A[BLOCK]), rtol=1e-9)


@pytest.mark.parametrize("name", ["dense", "fortran", "dask", "cp", "train"])
def test_a_block_of_a_tensor(name):
    window = (slice(1, 4), slice(None), slice(2, 3), slice(0, -1))
    result, data = sketch.tt_svd(DENSE, 2), TENSORS[name]
    dense = data.to_array() if hasattr(data, "to_array") else np.asarray(data)
    error = sketch.verify(result, data, block=window)
    assert error.kind == "exact"
    assert np.isclose(error.value, np.linalg.norm((dense - result.to_array())[window]), rtol=1e-9)


def test_blocks_that_make_no_sense_or_cannot_be_read():
    result, train = sketch.svd(A, 2), sketch.tt_svd(DENSE, 1)
    assert sketch.verify(result, A, block=(slice(4, 4), slice(None))).value == 0
    beyond = (slice(4), slice(A.shape[1] + 1, None))
    for block in ((slice(2),), (slice(2), 3), (slice(0, 9, 2), slice(3)), beyond):
        with pytest.raises(sketch.ShapeError, match="block"):
            sketch.verify(result, A, block=block)
    with pytest.raises(sketch.ArgumentError, match="cannot be read at a block"):
        sketch.verify(result, [A[:9], A[9:]], block=BLOCK)
    for name in ("sparse", "sum"):
        with pytest.raises(sketch.ArgumentError, match="cannot be read at a block"):
            sketch.verify(train, TENSORS[name], block=(slice(2),) * 4)
    with pytest.raises(sketch.ShapeError, match="the data have"):
        sketch.verify(train, DENSE[:3], block=(slice(2),) * 4)
