"""Compiled loops give what plain products give, for every layout and precision."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import sketch
from sketch.numerics import kernels
from sketch.sources import as_tensor_source

pytest.importorskip("numba")
DTYPES = ["float32", "float64", "complex128"]


@pytest.fixture(autouse=True)
def _always_compiled(monkeypatch):
    monkeypatch.setattr(kernels, "_COMPILE_FROM", 0)
    monkeypatch.setattr(kernels, "_COMPILED_ENTRIES", 0)


def sparse(shape, dtype, seed=0, density=0.1):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    a[rng.random(shape) > density] = 0
    return sp.csr_array(np.asarray(a if dtype == "complex128" else a.real, dtype=dtype))


def hashed(rows, width, dtype, nnz=8):
    field = "complex" if dtype == "complex128" else "real"
    drawn = sketch.SparseSign(nnz).hashed(0, 1, 0, rows, width, field=field)
    return kernels.HashedRows(drawn.columns, drawn.values.astype(dtype), width)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1037, 61), (61, 1037), (5, 3), (1, 1)])
@pytest.mark.parametrize("width", [1, 8, 33])
def test_sparse_products_are_products(shape, width, dtype):
    a = sparse(shape, dtype, density=0.3)
    rng = np.random.default_rng(1)
    # at most 1037 products of size 10, of which the sum of squares is rounded
    tolerance = 1037**0.5 * 100 * np.finfo(dtype).eps
    for product, exact, rows in (
        (kernels.csr_product, a, shape[1]),
        (kernels.csr_transposed_product, a.T, shape[0]),
    ):
        dense = rng.standard_normal((rows, width)).astype(dtype)
        few = hashed(rows, width, dtype)
        assert np.abs(product(a, dense) - exact @ dense).max() < tolerance
        assert np.abs(product(a, few) - exact @ few.toarray()).max() < tolerance


def test_the_columns_are_shared_out_however_the_entries_lie():
    # all entries in one column, and in unsorted rows with duplicates
    one = sp.csr_array((np.ones(50), (np.arange(50), np.full(50, 7))), shape=(50, 9))
    mixed = sp.csr_array(
        (np.arange(6.0), np.array([8, 0, 3, 3, 1, 0]), np.array([0, 4, 4, 6])), shape=(3, 9)
    )
    for a in (one, mixed):
        y = np.random.default_rng(0).standard_normal((a.shape[0], 5))
        assert np.allclose(kernels.csr_transposed_product(a, y), a.T @ y, rtol=1e-14)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_hashed_products_of_dense_matrices_are_products(order, dtype):
    rng = np.random.default_rng(0)
    a = np.asarray(rng.standard_normal((203, 611)) + 1j * rng.standard_normal((203, 611)))
    a = np.asarray(a if dtype == "complex128" else a.real, dtype=dtype, order=order)
    field = "complex" if dtype == "complex128" else "real"
    x = sketch.SparseSign().hashed(0, 1, 0, 203, 70, field=field)
    product = x.product_of_dense(a)
    # 203 * 8 / 70 products of size 3 are added up in each entry, one rounding each
    tolerance = 25 * 100 * np.finfo(dtype).eps
    assert np.abs(product - x.toarray().T @ a).max() < tolerance
    narrow = sketch.SparseSign().hashed(0, 1, 0, 203, 60, field=field)
    assert narrow.product_of_dense(a) is None


@pytest.mark.filterwarnings("ignore::sketch.AccuracyWarning")  # noise
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(40, 3, 50, 7), (1, 200), (9, 9, 9)])
@pytest.mark.parametrize("method", ["stta", "otts", "tt-hmt"])
def test_sparse_tensors_have_the_same_trains(monkeypatch, method, shape, dtype):
    rng = np.random.default_rng(2)
    coords = tuple(rng.integers(0, n, 700) for n in shape)  # duplicates and empty slices
    values = rng.standard_normal(700) + 1j * rng.standard_normal(700)
    values = np.asarray(values if dtype == "complex128" else values.real, dtype=dtype)
    t = sp.coo_array((values, coords), shape=shape)
    assert next(as_tensor_source(t).blocks())[1].workspace is not None
    compiled = sketch.tensor_train(t, 3, method=method)
    monkeypatch.setattr(kernels, "_COMPILED_ENTRIES", 10**9)
    plain = sketch.tensor_train(t, 3, method=method)
    # rounding times the condition of the small systems, below 1e4 here
    assert (compiled - plain).norm() < 1e6 * np.finfo(dtype).eps * plain.norm()
    hidden = compiled.error.floor + plain.error.floor  # rounding, of squares that cancel too
    assert compiled.error.value == pytest.approx(plain.error.value, rel=1e-2, abs=hidden)


@pytest.mark.parametrize("columns", [0, 1, 999, 2500])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_thin_products_in_every_layout(dtype, order, columns):
    rng = np.random.default_rng(0)
    a, x = (rng.standard_normal((40, n)).astype(dtype) for n in (columns, 6))
    seen = kernels.thin_product(x, np.asarray(a, order=order))
    assert seen.dtype == dtype
    # sums of 40 products of numbers of size one
    assert np.allclose(seen, x.T @ a, rtol=0, atol=400 * np.finfo(dtype).eps)


def test_a_workspace_gives_memory_again_once_no_view_is_left():
    workspace = kernels.Workspace()
    first = workspace.zeros((30, 4), "float64")
    first += 1
    view = first[3:, ::2].T
    del first
    second = workspace.zeros((30, 4), "float64")  # while a view lives
    assert not np.shares_memory(view, second)
    assert (view == 1).all()
    place = view.base.ctypes.data
    del view
    third = workspace.zeros((20, 4), "float64")
    assert third.base.ctypes.data == place
    assert not third.any()
    assert workspace.zeros((0, 4), "float32").shape == (0, 4)
