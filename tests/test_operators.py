"""Linear operators as data, and results as linear operators."""

from __future__ import annotations

import numpy as np
import pytest
from containers import SHAPE, dask_of, jax_of, numbers, torch_of, values
from scipy.sparse.linalg import LinearOperator, aslinearoperator

import sketch

A = values()
DTYPES = ["float32", "float64", "complex64", "complex128"]

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
