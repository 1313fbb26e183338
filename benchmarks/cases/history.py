"""The few cases whose history is kept: small, and of calls that have been there for long."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import Any

import numpy as np
import scipy.sparse as sp

import sketch
from sketch.bench import Method, Work, dense_error, matrix_error, our_train, ours, train_error

from .components import missed

Array = np.ndarray[Any, Any]


def matrix(m: int, n: int) -> Array:
    """Return a matrix whose singular values fall like 0.8^i, with some noise."""
    rng = np.random.default_rng(0)
    left = rng.standard_normal((m, 40)) * 0.8 ** np.arange(40)
    return left @ rng.standard_normal((40, n)) + 1e-3 * rng.standard_normal((m, n))


def sparse(m: int, n: int, nnz: int) -> sp.csr_array:
    rng = np.random.default_rng(0)
    places = rng.integers(0, m, nnz), rng.integers(0, n, nnz)
    return sp.coo_array((rng.standard_normal(nnz), places), shape=(m, n)).tocsr()


def smooth(n: int) -> Array:
    i, j, k = np.ogrid[:n, :n, :n]
    return 1.0 / (1 + i + j + k)


def cp(n: int) -> sketch.CPTensor:
    rng = np.random.default_rng(0)
    return sketch.CPTensor(
        0.7 ** np.arange(30), [rng.standard_normal((n, 30)) / 10 for _ in range(8)]
    )


def train(n: int) -> sketch.TensorTrain:
    rng = np.random.default_rng(0)
    sizes = itertools.pairwise([1, *[20] * 5, 1])
    return sketch.TensorTrain([rng.standard_normal((a, n, b)) / a**0.5 for a, b in sizes])


def doubled(n: int) -> sketch.TensorTrain:
    return train(n) + train(n)


def streamed(a: Array) -> Any:
    def run() -> sketch.LowRank:
        sk = sketch.GeneralizedNystrom(a.shape, 20)
        for start in range(0, len(a), 200):
            sk.update(a[start : start + 200], at=start)
        return sk.finalize()

    return run


def entries(x: sketch.TensorTrain) -> Any:
    points = np.random.default_rng(0).integers(0, x.shape[0], (200_000, x.ndim))
    return lambda: x.entries(points)


def importing(_: Any) -> Any:
    return lambda: subprocess.run([sys.executable, "-c", "import sketch"], check=True)


WORKS: dict[str, Work] = {
    "svd": Work(
        "dense {} x {}, rank 20", ((300, 120), (3000, 1200)), matrix,
        {
            "sketch HMT": ours(20),
            "sketch HMT, one step": ours(20, power_iters=1),
            "sketch Nyström": ours(20, method="nystrom"),
        },
        matrix_error(20),
    ),
    "svd-sparse": Work(
        "sparse {:,} x {:,}, {:,} nonzeros, rank 10",
        ((600, 200, 6000), (60_000, 20_000, 600_000)), sparse, {"sketch HMT": ours(10)},
    ),
    "stream": Work(
        "chunks of 200 of {} x {}", ((400, 100), (4000, 1000)), matrix,
        {"sketch Nyström": Method(streamed)}, matrix_error(20),
    ),
    "pca": Work(
        "{:,} x {}, 10 components", ((500, 50), (15_000, 200)),
        lambda m, n: matrix(m, n) + 5.0,
        {"sketch pca": Method(lambda a: lambda: sketch.pca(a, 10))}, missed,
    ),
    "dense-tensor": Work(
        "dense {}^3, rank 8", ((20,), (110,)), smooth, {"sketch STTA": our_train(8)}, dense_error
    ),
    "cp-tensor": Work(
        "CP of 30 terms, {}^8, rank 10", ((20,), (100,)), cp, {"sketch STTA": our_train(10)}
    ),
    "round": Work(
        "train {}^6 rounded from rank 40 to 20", ((10,), (40,)), doubled,
        {"sketch round": Method(lambda x: lambda: x.round(20))}, train_error,
    ),
    "entries": Work(
        "200,000 entries of a train {}^6 of rank 20", ((10,), (40,)), train,
        {"sketch entries": Method(entries, approximates=False)},
    ),
    "import": Work(
        "import sketch", ((),), lambda: None, {"sketch": Method(importing, approximates=False)}
    ),
}  # fmt: skip
