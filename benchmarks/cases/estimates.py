"""What errors cost: results with the estimate of their error beside the same without it.

And what a tolerance costs beside the rank that meets it; entries of trains beside plain NumPy.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensor_data as data

import sketch
from sketch.bench import Method, Work, normal_matrix, our_train, square_root

from .scaling import sparse_matrix, sparse_terms

Array = np.ndarray[Any, Any]
WITH, WITHOUT = "sketch", "sketch, no estimate"
TO, KNOWN = "sketch, to a tolerance", "sketch, the rank that meets it"
ENTRIES, GATHERED = "sketch entries", "slices gathered, NumPy"
RANK, TOL, CALLS = 20, 0.1, 100
ORDERS, SPARSE_ORDERS = (4, 10, 20, 50), (4, 10, 20)


def both(made: Callable[..., Any]) -> dict[str, Method]:
    """A sketch with its estimate, which takes probes unless told otherwise, and without."""

    def method(**options: Any) -> Method:
        def run(a: Any) -> Any:
            sk = made(a.shape, RANK, **options)
            for _ in range(getattr(sk, "n_passes", 1)):
                sk.update(a)
                if hasattr(sk, "end_pass"):
                    sk.end_pass()
            return sk.finalize()

        return Method(lambda a: lambda: run(a), approximates=False)

    return {WITHOUT: method(error_probes=0), WITH: method()}


def trains(rank: int) -> dict[str, Method]:
    """`tensor_train` at default options, and without an estimate."""
    return {WITHOUT: our_train(rank, error_probes=0), WITH: our_train(rank)}


def cp(order: int, n: int, terms: int) -> sketch.CPTensor:
    return data.cp_decaying((n,) * order, terms, 2.0)


def train(order: int, n: int, rank: int) -> sketch.TensorTrain:
    rng, scale = np.random.default_rng(0), 0.7 ** np.arange(rank)
    sizes = itertools.pairwise([1, *[rank] * (order - 1), 1])
    cores = [rng.standard_normal((a, n, b)) * (scale[:b] if b > 1 else 1.0) for a, b in sizes]
    return sketch.TensorTrain([core / np.linalg.norm(core) for core in cores])


def blocks(order: int, terms: int, n: int) -> sp.coo_array:
    """Return some rank-one terms of about 2000 entries each, the norm of term k being 1/k."""
    side, spread = {4: (7, 4), 10: (3, 7), 20: (2, 11)}[order]
    return sparse_terms((n,) * order, (side,) * spread + (1,) * (order - spread), terms)


@functools.lru_cache(maxsize=2)
def rank_to(tol: float, m: int, n: int) -> int:
    return int(sketch.svd(normal_matrix(m, n), tol=tol).rank)


def to_tolerance() -> dict[str, Method]:
    def known(a: Array) -> Callable[[], object]:
        rank = rank_to(TOL, *a.shape)
        return lambda: sketch.svd(a, rank)

    return {KNOWN: Method(known), TO: Method(lambda a: lambda: sketch.svd(a, tol=TOL))}


def found_rank(a: Array) -> Callable[[Any], float]:
    """Return how far the rank of a result is beyond the smallest that meets the tolerance."""
    tails = np.sqrt(np.cumsum(np.linalg.svd(a, compute_uv=False)[::-1] ** 2))[::-1]
    least = int(np.argmax(tails <= TOL * tails[0]))
    return lambda result: result.rank / least - 1


def train_and_points(count: int, n: int, order: int, rank: int) -> tuple[sketch.TensorTrain, Array]:
    return train(order, n, rank), np.random.default_rng(1).integers(0, n, (count, order))


def gathered(given: tuple[sketch.TensorTrain, Array]) -> Array:
    """Return the product of slices at all points, mode by mode: what NumPy offers."""
    x, points = given
    values = np.ones((len(points), 1, 1))
    for mode, core in enumerate(x.cores):
        values = values @ np.transpose(np.take(core, points[:, mode], axis=1), (1, 0, 2))
    return values[:, 0, 0]


def some_entries(given: tuple[sketch.TensorTrain, Array]) -> Array:
    x, points = given
    return np.asarray(x.entries(points))


def repeated(call: Callable[[Any], Array]) -> Method:
    """So often that caches are as they are in use."""
    return Method(lambda x: lambda: [call(x) for _ in range(CALLS)], approximates=False)


WORKS: dict[str, Work] = {
    "estimate-dense": Work(
        "dense {:,} x {:,}, rank 20, two passes", ((300, 100), (10_000, 2000)), normal_matrix,
        both(sketch.HMT), memory=True,
    ),
    "estimate-sparse": Work(
        "sparse, {:,} nonzeros in {:,} rows, rank 20, two passes",
        ((10_000, 1000), (2_000_000, 100_000)), sparse_matrix, both(sketch.HMT), memory=True,
    ),
    "estimate-dense-tensor": Work(
        "dense {}^4 (square root), rank 10", ((12,), (60,)), square_root, trains(10), memory=True
    ),
    **{
        f"estimate-sparse-tensor-{order}": Work(
            f"sparse, order {order}, {{}} blocks of 2,000 entries in {{}}^{order}, rank 10",
            ((4, 20), (50, 60)), functools.partial(blocks, order), trains(10), memory=True,
        )
        for order in SPARSE_ORDERS
    },
    **{
        f"estimate-{name}-{order}": Work(
            f"{name}, order {order}, {{}}^{order}, rank {{}} to 10",
            ((6, 12), (40, 40)), functools.partial(made, order), trains(10),
        )
        for name, made in (("cp", cp), ("train", train)) for order in ORDERS
    },
    "tolerance": Work(
        f"dense {{:,}} x {{:,}} (1/i), tolerance {TOL}; rank over the smallest, less 1",
        ((200, 100), (4000, 1500)), normal_matrix, to_tolerance(), found_rank,
    ),
    "some-entries": Work(
        f"{CALLS} times {{}} entries of a train {{}}^{{}} of rank {{}}",
        ((1, 40, 6, 20), (100, 40, 6, 20), (1000, 40, 6, 20)), train_and_points,
        {
            GATHERED: repeated(gathered),
            ENTRIES: repeated(some_entries),
        },
        shown=3,
    ),
}  # fmt: skip
