"""Empty batches add nothing, and tensors without entries have empty results."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from containers import dask_of, jax_of, pydata, torch_of
from scipy.sparse.linalg import aslinearoperator

import sketch

SHAPES = [(0, 3, 4), (3, 0, 4), (3, 4, 0), (0, 5), (5, 0), (0, 0), (0,), (2, 0, 0, 3)]


def dask_array(a):
    da = pytest.importorskip("dask.array")
    return da.from_array(a, chunks=-1)


FORMATS = {
    "array": np.asarray,
    "single": lambda a: a.astype("f4"),
    "Fortran": np.asfortranarray,
    "integers": lambda a: a.astype("i2"),
    "masked": np.ma.masked_array,
    "sparse": lambda a: sp.coo_array(a),
    "pydata": pydata,
    "torch": torch_of,
    "jax": jax_of,
    "dask": dask_array,
    "cp": lambda a: sketch.CPTensor(None, [np.ones((n, 2)) for n in a.shape]),
    "tucker": lambda a: sketch.TuckerTensor(
        np.ones((2,) * a.ndim), [np.ones((n, 2)) for n in a.shape]
    ),
    "train": lambda a: sketch.TensorTrain([np.ones((1, n, 1)) for n in a.shape]),
    "sum": lambda a: sketch.TensorSum([a, 2 * a], [1.0, -2.0]),
}
DENSE = ("array", "single", "Fortran", "integers", "masked", "torch", "jax", "dask")


@pytest.mark.parametrize("method", ["stta", "otts", "tt-hmt", "tt-svd"])
@pytest.mark.parametrize("name", FORMATS)
def test_tensors_without_entries_have_empty_trains(name, method):
    for shape in SHAPES:
        if (method == "tt-svd" and name not in DENSE) or (name == "pydata" and len(shape) < 2):
            continue
        found = sketch.tensor_train(FORMATS[name](np.zeros(shape)), 2, method=method)
        assert found.shape == shape
        assert found.to_array().shape == shape
        assert found.norm() == float(found.error) == 0


REQUESTS = {
    "hmt": {"rank": 2},
    "power steps": {"rank": 2, "power_iters": 1},
    "nystrom": {"rank": 2, "method": "nystrom"},
    "krylov": {"rank": 2, "method": "krylov", "passes": 2},
    "tol": {"tol": 1e-3},
    "tol nystrom": {"tol": 1e-3, "method": "nystrom"},
}


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("name", [*FORMATS, "operator"])
def test_matrices_without_entries_have_empty_factors(name, request_):
    make = FORMATS.get(name, aslinearoperator)
    for shape in [(0, 5), (5, 0), (0, 0)]:
        found = sketch.svd(make(np.zeros(shape)), **REQUESTS[request_])
        assert found.shape == shape
        assert found.rank == 0
        assert float(found.error) == 0


@pytest.mark.parametrize("options", [{}, {"passes": 1}, {"scale": True}, {"tol": 0.1}], ids=str)
@pytest.mark.parametrize("name", [*FORMATS, "operator"])
def test_rows_without_columns_have_no_components(name, options):
    found = sketch.pca(FORMATS.get(name, aslinearoperator)(np.zeros((3, 0))), 2, **options)
    assert found.components.shape == (0, 0)
    assert found.total_variance == float(found.error) == 0


@pytest.mark.parametrize("make", [sketch.STTA, sketch.OTTS, sketch.TTHMT])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_empty_batches_add_nothing(make, axis):
    rng = np.random.default_rng(0)
    whole = rng.standard_normal((4, 3, 5))
    chunks = np.split(whole, [2], axis=axis)
    empty = np.take(whole, [], axis=axis)
    shape = tuple(None if k == axis else n for k, n in enumerate(whole.shape))
    trains = []
    for stream in (chunks, [empty, chunks[0], empty, chunks[1], sp.coo_array(empty)]):
        sk = make(shape, 3)
        for _ in range(getattr(sk, "n_passes", 1)):
            at = 0
            for chunk in stream:
                sk.update(chunk, tuple(at * (k == axis) for k in range(3)))
                at += chunk.shape[axis]
            if not isinstance(sk, sketch.STTA):
                sk.end_pass()
        trains.append(sk.finalize())
    plain, padded = trains
    assert padded.shape == whole.shape
    assert all(np.array_equal(x, y) for x, y in zip(plain.cores, padded.cores, strict=True))


@pytest.mark.parametrize("make", [sketch.STTA, sketch.OTTS, sketch.TTHMT])
@pytest.mark.parametrize("shape", [(None, 3, 4), (2, None, 4), (4, 3, 2), (None,)])
def test_sketches_without_data_are_zero(make, shape):
    sk = make(shape, 2)
    if not isinstance(sk, sketch.STTA):
        for _ in range(sk.n_passes):
            sk.end_pass()
    found = sk.finalize()
    assert found.shape == tuple(n or 0 for n in shape)
    assert found.norm() == 0


def test_empty_chunks_of_dask_arrays_are_skipped():
    a = np.arange(126.0).reshape(14, 9)
    x = dask_of(a)
    da = pytest.importorskip("dask.array")
    padded = da.concatenate([x[:5], x[:0], x[5:]], axis=0)
    assert np.allclose(sketch.tensor_train(padded, 4).to_array(), a)
    assert np.allclose(np.asarray(sketch.svd(padded, 4).to_array()), a)


def test_semidefinite_matrices_without_entries_have_empty_factors():
    sk = sketch.Nystrom((0, 0), 2)
    sk.update(np.zeros((0, 0)))
    for found in (sk.finalize(), sketch.pivoted_cholesky(np.zeros((0, 0)), rank=2)):
        assert found.shape == (0, 0)
        assert found.rank == float(found.error) == 0


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_results_of_rank_zero_are_data_again(dtype):
    nothing = sketch.svd(np.ones((5, 4), dtype), 0)
    assert nothing.rank == 0
    for data in (nothing, sketch.TensorSum([nothing, 2 * nothing]), nothing - np.zeros((5, 4))):
        for method in ("stta", "otts", "tt-hmt"):
            train = sketch.tensor_train(data, 2, method=method)
            assert not np.any(train.to_array())
        for method in ("hmt", "nystrom", "krylov"):
            assert not np.any(sketch.svd(data, 2, method=method).to_array())
        assert not np.any(sketch.pca(data, 2).singular_values)
        assert sketch.spectral_norm(data).value == 0
