"""Time against size, over two decades of data."""

from __future__ import annotations

import functools

import numpy as np
import scipy.sparse as sp

from sketch.bench import Work, entries_error, matrix_error, normal_matrix, our_train, ours

RANK = 20
FACTORS = (1, 3, 10, 30, 100)


def sparse_terms(shape: tuple[int, ...], sides: tuple[int, ...], terms: int) -> sp.coo_array:
    """Return a sum of rank-one terms of norm 1/k, each on a block of a few indices in each mode."""
    rng = np.random.default_rng(0)
    coords, values = [], []
    for k in range(terms):
        places = [rng.choice(n, s, replace=False) for n, s in zip(shape, sides, strict=True)]
        factors = [rng.standard_normal(s) for s in sides]
        block = functools.reduce(np.multiply.outer, [f / np.linalg.norm(f) for f in factors])
        coords.append(np.stack([x.ravel() for x in np.meshgrid(*places, indexing="ij")]))
        values.append(block.ravel() / (k + 1))
    return sp.coo_array((np.concatenate(values), tuple(np.concatenate(coords, axis=1))), shape)


def sparse_matrix(nnz: int, m: int, n: int = 2000) -> sp.csr_array:
    """Return a matrix of rank 100."""
    return sp.csr_array(sparse_terms((m, n), (min(m, nnz // (100 * 20)), 20), 100))


def sparse_tensor(nnz: int, order: int = 4, n: int = 200) -> sp.coo_array:
    """Return a tensor of blocks of 7 indices a mode."""
    return sparse_terms((n,) * order, (7,) * order, max(1, round(nnz / 7**order)))


METHODS = {"sketch HMT": ours(RANK), "sketch Nyström": ours(RANK, method="nystrom")}
TRAINS = {"sketch STTA": our_train(10), "sketch TT-HMT": our_train(10, "tt-hmt")}

WORKS: dict[str, Work] = {
    "growing-dense": Work(
        f"dense {{:,}} x {{:,}}, rank {RANK}",
        ((200, 100), *((5000 * f, 1000) for f in FACTORS)),
        normal_matrix,
        METHODS,
        matrix_error(RANK),
        shown=len(FACTORS),
    ),
    "growing-sparse": Work(
        f"sparse, {{:,}} nonzeros in {{:,}} rows, rank {RANK}",
        ((10_000, 1000), *((400_000 * f, 20_000 * f) for f in FACTORS)),
        sparse_matrix,
        METHODS,
        matrix_error(RANK),
        shown=len(FACTORS),
    ),
    "growing-tensor": Work(
        "sparse 200^4, {:,} nonzeros, rank 10",
        ((10_000,), *((500_000 * f,) for f in FACTORS)),
        sparse_tensor,
        TRAINS,
        entries_error,
        shown=len(FACTORS),
    ),
}
