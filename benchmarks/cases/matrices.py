"""Matrices in memory: dense of either precision, sparse, and sparse with rows that share topics."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import peers
import scipy.sparse as sp

import sketch
from sketch.bench import (
    Method,
    Work,
    fading_entries,
    matrix_error,
    ours,
    products,
    scikit_learn,
    scipy_svds,
)

RANK = 50
WIDTH = RANK + 10  # what HMT and its peers use
WIDE = 4 * RANK + 20  # a wide start
SHORT = RANK + 30  # a start that costs no more than its reading
WIDER = 12 * RANK + 60, 22 * RANK  # which sees what one and two power steps do
RANGE, CORANGE = 2 * RANK + 10, 4 * RANK + 20  # what generalized Nyström uses
Array = np.ndarray[Any, Any]


@functools.lru_cache(maxsize=1)
def dense_matrix(m: int, n: int, dtype: str) -> Array:
    """Return a matrix with singular values 1/i, by reflections of a diagonal one."""
    rng = np.random.default_rng(0)
    a = np.zeros((m, n))
    np.fill_diagonal(a, 1 / np.arange(1, n + 1))
    for _ in range(2):
        u, v = rng.standard_normal(m), rng.standard_normal(n)
        a -= np.outer(u, (2 / (u @ u)) * (u @ a))
        a -= np.outer((2 / (v @ v)) * (a @ v), v)
    return a.astype(dtype)


def topics_matrix(m: int, n: int, nnz: int) -> sp.csr_array:
    """Return the sum of 400 sparse matrices of rank one, of norms 1/k: rows that share a topic."""
    count, columns = 400, 20
    rows = max(1, nnz // (count * columns))
    rng = np.random.default_rng(0)
    i = np.empty((count, rows, columns), np.int32)
    j, values = np.empty_like(i), np.empty(i.shape)
    for k in range(count):
        i[k] = rng.choice(m, rows, replace=False)[:, None]
        j[k] = rng.choice(n, columns, replace=False)
        u, v = rng.standard_normal(rows), rng.standard_normal(columns)
        values[k] = np.outer(u / np.linalg.norm(u), v / np.linalg.norm(v)) / (k + 1)
    return sp.csr_array((values.ravel(), (i.ravel(), j.ravel())), shape=(m, n))


def narrow_start(family: Any, columns: int, more: int = 0) -> Method:
    """HMT without steps: a wide start, few columns more than the rank, an error from two probes.

    The wide sums follow the fewer columns, and so those of the transpose.
    """

    def run(a: Array) -> sketch.LowRank:
        options = {"sketch_rank": RANK + more, "start_rank": columns, "error_probes": 2}
        sk = sketch.HMT(a.shape[::-1], RANK, test_matrix=family, **options)
        while sk.passes_left:
            sk.update(a.T)
            sk.end_pass()
        return sk.finalize().T

    return Method(lambda a: lambda: run(a))


def of_transpose(**options: Any) -> Method:
    return Method(lambda a: lambda: sketch.svd(a.T, RANK, **options).T)


def nystrom(**options: Any) -> Method:
    """Generalized Nyström with sizes by hand."""

    def run(a: Any) -> sketch.LowRank:
        sk = sketch.GeneralizedNystrom(a.shape, RANK, **options)
        sk.update(a)
        return sk.finalize()

    return Method(lambda a: lambda: run(a))


def nystrom_update() -> Method:
    def prepare(a: Array) -> Any:
        empty = sketch.GeneralizedNystrom(a.shape, RANK)
        return lambda: empty.copy().update(a)

    return Method(prepare, readings=1, approximates=False)


def numpy_sum() -> Method:
    return Method(lambda a: a.sum, readings=1, approximates=False)


DENSE: dict[str, Method] = {
    "sketch HMT": ours(RANK),
    "sketch HMT, one step": ours(RANK, power_iters=1),
    "sketch HMT, two steps": ours(RANK, power_iters=2),
    "sketch Nyström": ours(RANK, method="nystrom"),
    "sketch Nyström, by 4 to 1": nystrom(sketch_rank=2 * RANK, corange_rank=8 * RANK),
    "sketch Nyström, its update": nystrom_update(),
    "sketch HMT, short start": narrow_start("block-sign", SHORT),
    "sketch HMT, wide start": narrow_start(sketch.SparseSign(4), WIDE // 2),
    "sketch HMT, wider start": narrow_start("block-sign", WIDER[0], 4),
    "sketch HMT, wider start, more columns": narrow_start("block-sign", WIDER[0] + WIDTH, 8),
    "sketch HMT, widest start": narrow_start("block-sign", WIDER[1], 10),
    "sketch HMT, wide start, half a step": ours(RANK, power_iters=0.5, start_rank=WIDE),
    "sketch HMT, wide start, one step": of_transpose(power_iters=1, start_rank=WIDE),
    "sketch Krylov, 2 readings": ours(RANK, method="krylov", passes=2),
    "sketch Krylov, 3 readings": ours(RANK, method="krylov", passes=3),
    "scikit-learn": scikit_learn(RANK, 0),
    "scikit-learn, one step": scikit_learn(RANK, 1),
    "scikit-learn, two steps": scikit_learn(RANK, 2),
    "torch": peers.torch(RANK, 0),
    "torch, one step": peers.torch(RANK, 1),
    "torch, two steps": peers.torch(RANK, 2),
    "skerch": peers.skerch(RANK),
    "products of HMT": products(WIDTH, WIDTH),
    "products of Nyström": products(RANGE, CORANGE),
    "numpy.sum": numpy_sum(),
}
SPARSE: dict[str, Method] = {
    "sketch HMT": ours(RANK),
    "sketch HMT, half a step": ours(RANK, power_iters=0.5),
    "sketch HMT, one step": ours(RANK, power_iters=1),
    "sketch Nyström": ours(RANK, method="nystrom"),
    "sketch Nyström, 4 signs": nystrom(
        sketch_rank=80, corange_rank=320, test_matrix=sketch.SparseSign(4)
    ),
    "scikit-learn": scikit_learn(RANK, 0),
    "scikit-learn, no more columns": scikit_learn(RANK, 0, columns=0),
    "scikit-learn, one step": scikit_learn(RANK, 1),
}
FAMILIES: dict[str, Method] = {
    f"sketch {side}, {family}": ours(RANK, test_matrix=family, **options)
    for side, options in {"Nyström": {"method": "nystrom"}, "HMT": {}}.items()
    for family in ("block-sign", "sparse-sign", "sign", "gaussian")
}
SIZES = ((300, 200), (4000, 1000), (12_000, 4000), (20_000, 5000))
SPARSE_SIZES = ((3000, 1000, 40_000), (100_000, 10_000, 10**6), (10**6, 10**5, 2 * 10**7))
SVDS = {"SciPy svds": scipy_svds(RANK)}  # whose error no power step can lower


def dense(dtype: str, methods: dict[str, Method]) -> Work:
    title = f"dense {{:,}} x {{:,}}, {dtype}, rank {RANK}"
    data = functools.partial(dense_matrix, dtype=dtype)
    return Work(title, SIZES, data, methods, matrix_error(RANK), shown=2)


def sparse(title: str, data: Any) -> Work:
    title += f" {{:,}} x {{:,}}, {{:,}} nonzeros, rank {RANK}"
    return Work(title, SPARSE_SIZES, data, SPARSE, matrix_error(RANK))


WORKS: dict[str, Work] = {
    "dense-float64": dense("float64", DENSE | SVDS),
    "dense-float32": dense("float32", DENSE),
    "test-matrices": Work(
        f"test matrices on dense {{:,}} x {{:,}}, {{}}, rank {RANK}",
        ((300, 200, "float64"), (4000, 1000, "float64"), (12_000, 4000, "float64")),
        dense_matrix,
        FAMILIES | {"products of Nyström": products(RANGE, CORANGE), "numpy.sum": numpy_sum()},
        matrix_error(RANK),
    ),
    "sparse": sparse("sparse", fading_entries),
    "topics": sparse("sparse of 400 topics,", topics_matrix),
}
