"""Tensors in every format, to trains: beside bare products, TT-SVD and the published code."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np
import peers
import scipy.sparse as sp
import tensor_data as data

import sketch
from sketch.bench import (
    Method,
    Work,
    cores_of,
    dense_error,
    entries_error,
    our_train,
    tensorly,
    train_error,
)

from .scaling import sparse_tensor
from .streams import estimated

PARTS = {"STTA": "stta", "TT-HMT": "tt-hmt", "OTTS": "otts"}
Size = tuple[Any, ...]


def ours(rank: int) -> dict[str, Method]:
    """Our methods at default options, error estimate included."""
    return {f"sketch {name}": our_train(rank, method) for name, method in PARTS.items()}


def published(rank: int) -> dict[str, Method]:
    """Our methods of the published sizes: left the rank, right twice that, nothing rounded."""
    sizes = {"sketch_rank": rank, "error_probes": 0}
    wider = sizes | {"corange_rank": 2 * rank}
    return {
        f"sketch {name}, published sizes": our_train(
            rank, method, **(sizes if name == "TT-HMT" else wider)
        )
        for name, method in PARTS.items()
    }


def product(rank: int) -> dict[str, Method]:
    """The one product that STTA cannot avoid, at the size of its right test tensor."""

    def prepare(t: np.ndarray[Any, Any]) -> Any:
        size = sketch.STTA(t.shape, rank).spec.right_sizes[-1]
        omega = np.random.default_rng(0).standard_normal((t.shape[-1], size))
        flat = t.reshape(-1, t.shape[-1])
        out = np.empty((flat.shape[0], size))  # without the time that fresh memory takes
        return lambda: np.matmul(flat, omega, out=out)

    return {"product of STTA": Method(prepare, readings=1, approximates=False)}


def readings(times: int) -> dict[str, Method]:
    """The reading of all nonzeros, once for each column of the sketch."""

    def prepare(t: sp.coo_array) -> Any:
        numbers = [*(np.asarray(index).view(np.float64) for index in t.coords), t.data]
        return lambda: [float(np.add.reduce(x)) for _ in range(times) for x in numbers]

    name = f"nonzeros read {times} times"
    return {name: Method(prepare, readings=times, approximates=False)}


def tt_svd(rank: int) -> dict[str, Method]:
    return {
        "sketch TT-SVD": our_train(rank, "tt-svd"),
        "TensorLy": tensorly(rank),
        "TensorLy, randomized": tensorly(rank, svd="randomized_svd"),
        "torchTT": peers.torchtt(rank),
        "teneva": peers.teneva(rank),
        "quimb": peers.quimb(rank),
    }


def rounding(rank: int) -> dict[str, Method]:
    bare = {"error_probes": 0, "sketch_rank": rank + rank // 2}
    return {
        "sketch round": Method(lambda t: lambda: t.round(rank=rank)),
        "sketch TT-HMT, estimate included": our_train(rank, "tt-hmt"),
        "sketch TT-HMT": our_train(rank, "tt-hmt", **bare),
        "torchTT": peers.torchtt(rank),
        "teneva": peers.teneva(rank),
    }


# ---- data ----------------------------------------------------------------------------------------


def in_no_order(n: int, terms: int, occupied: int) -> sp.coo_array:
    t = blocks(n, terms, occupied)
    order = np.random.default_rng(0).permutation(t.data.size)
    return sp.coo_array((t.data[order], tuple(i[order] for i in t.coords)), shape=t.shape)


def blocks(n: int, terms: int, occupied: int) -> sp.coo_array:
    return data.sparse_blocks(n, 4, terms, occupied)


def noisy(n: int) -> np.ndarray[Any, Any]:
    return data.dense_of_train(n, 4, min(40, n), 1e-4)


def square_root(n: int) -> np.ndarray[Any, Any]:
    return data.square_root(n, 4)


def cp(n: int, terms: int) -> sketch.CPTensor:
    return data.cp_decaying((n,) * 6, terms, 2.0)


def train(n: int, rank: int, order: int) -> sketch.TensorTrain:
    return data.decaying_train(np.random.default_rng(0), (n,) * order, rank, -10.0, "multiply")


@functools.lru_cache(maxsize=1)
def falling_train(order: int, n: int, rank: int) -> sketch.TensorTrain:
    """Return a train whose weights fall."""
    rng, fading = np.random.default_rng(0), 0.6 ** np.arange(rank)
    ranks = [1, *[rank] * (order - 1), 1]
    cores = [
        rng.standard_normal((a, n, b)) * (fading[:b] if b > 1 else 1.0) / math.sqrt(n)
        for a, b in itertools.pairwise(ranks)
    ]
    return sketch.TensorTrain(cores)


def tucker(side: int) -> sketch.TuckerTensor:
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((side, 10)) for _ in range(4)]
    fading = 0.5 ** np.indices((10,) * 4).sum(axis=0)
    return sketch.TuckerTensor(fading * rng.standard_normal((10,) * 4), factors)


def train_and_sparse(nonzeros: int) -> Any:
    return falling_train(4, 200, 10) + sparse_tensor(nonzeros)


def cp_error(t: sketch.CPTensor) -> Any:
    """Return a function that computes the relative error from squares: good down to 1e-7."""
    gram = functools.reduce(np.multiply, [f.T @ f for f in t.factors])
    squares = float(t.weights @ gram @ t.weights)

    def error(result: Any) -> float:
        cores = cores_of(result)
        moved = t.weights[:, None]  # (R, r)
        for core, factor in zip(cores, t.factors, strict=True):
            spread = (factor.T @ core.transpose(1, 0, 2).reshape(core.shape[1], -1)).reshape(
                -1, core.shape[0], core.shape[2]
            )
            moved = np.einsum("ja,jab->jb", moved, spread)
        inner = float(moved.sum())
        norm = sketch.TensorTrain(cores).norm()
        return float(np.sqrt(max(0.0, squares - 2 * inner + norm**2) / squares))

    return error


SPARSE = ours(10) | published(10) | readings(10)
WORKS: dict[str, Work] = {
    "tt-svd": Work(
        "dense {}^4 (square root), rank 20", ((22,), (24,), (60,)), square_root,
        ours(20) | published(20) | product(20) | tt_svd(20), dense_error,
    ),
    "dense-train": Work(
        "dense {}^4 (train and noise), rank 20", ((22,), (30,), (100,)), noisy,
        ours(20) | published(20) | product(20) | peers.tt_sketch(20), dense_error,
    ),
    "sparse-tensor": Work(
        "sparse {}^4, {} blocks of {}^4 entries, rank 10",
        ((30, 5, 4), (200, 40, 6), (200, 40, 13)), blocks,
        SPARSE | peers.tt_sketch(10), entries_error,
    ),
    "shuffled-tensor": Work(
        "sparse {}^4, {} blocks of {}^4 entries in no order, rank 10",
        ((30, 5, 4), (200, 40, 6), (200, 40, 13)), in_no_order, SPARSE, entries_error,
    ),
    "cp": Work(
        "CP {}^6, {} terms, rank 50", ((60, 60), (200, 100), (1000, 500)), cp,
        ours(50) | published(50) | peers.tt_sketch(50), cp_error,
    ),
    "train": Work(
        "train {0}^{2}, rank {1} to 30", ((40, 50, 4), (20, 40, 20), (100, 150, 20)), train,
        ours(30) | published(30) | peers.tt_sketch(30), train_error,
    ),
    "rounding": Work(
        "rounding of a train {0}^{2}, rank {1} to 30", ((40, 50, 4), (20, 40, 20), (100, 150, 20)),
        train, rounding(30), train_error,
    ),
    "tucker": Work(
        "Tucker {}^4, core 10^4, rank 20", ((50,), (200,), (1000,)), tucker, ours(20), estimated
    ),
    "train-and-sparse": Work(
        "train plus sparse 200^4 of {:,} nonzeros, rank 20", ((5000,), (20_000,), (100_000,)),
        train_and_sparse, ours(20), estimated,
    ),
    "order": Work(
        "train of order {}, {}^d, rank {} to 10", ((5, 20, 30), (20, 20, 30), (80, 20, 30)),
        falling_train, rounding(10), train_error,
    ),
}  # fmt: skip
