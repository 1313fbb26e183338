"""Data are computed in the dtype that holds all of their parts, however they are held."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from containers import SHAPE, Again, Record, numbers, torch_of, values

import sketch

A = values()
DTYPES = ["float32", "float64", "complex64", "complex128"]


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
    "operator": lambda w, f: (
        sketch.TTOperator.diagonal(sketch.CPTensor(w, f).to_tensor_train())
        @ sketch.TensorTrain([np.ones((1, x.shape[0], 1), "f4") for x in f])
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
