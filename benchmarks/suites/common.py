"""What all benchmarks share: sizes by mode, data, and the three things that are measured."""

from __future__ import annotations

import functools
import itertools
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

import sketch

MODE = os.environ.get("SKETCH_BENCH", "quick")  # "smallest", "quick" or "full"
RANK = 20


def sizes(*all_sizes: Any) -> list[Any]:
    """Return the sizes of the mode: the first, the first two, or all."""
    return list(all_sizes[: {"smallest": 1, "quick": 2}.get(MODE)])


class Case:
    """A call whose seconds, peak memory and relative error are measured.

    Subclasses give `params`, `param_names` and `prepare`, which returns the call and a function
    from its result to the error, or None where there is none.
    """

    params: Sequence[Sequence[Any]]
    param_names: Sequence[str]
    timeout = 300
    warmup_time = 0.0
    repeat = (1, 5, 20.0)
    number = 1

    def prepare(self, *params: Any) -> tuple[Callable[[], Any], Callable[[Any], float] | None]:
        raise NotImplementedError  # as asv skips cases

    def setup(self, *params: Any) -> None:
        self.run, self.error = self.prepare(*params)

    def _run(self, *params: Any) -> None:
        self.run()

    def _relative_error(self, *params: Any) -> float:
        return math.nan if self.error is None else self.error(self.run())

    def __init_subclass__(cls) -> None:  # the names that asv looks for, on subclasses alone
        cls.time_run = cls._run
        cls.peakmem_run = cls._run
        cls.track_relative_error = cls._relative_error


@functools.lru_cache(maxsize=2)
def dense_matrix(m: int, n: int = 1_000) -> np.ndarray[Any, Any]:
    """Return a matrix with singular values close to 1/i."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((m, n))
    a /= math.sqrt(m) * np.arange(1, n + 1)
    return np.asarray(a)


@functools.lru_cache(maxsize=2)
def sparse_matrix(nnz: int, m: int = 100_000, n: int = 20_000) -> sp.csr_array:
    """Return a matrix of rank 100 with about so many entries, 20 in a row or a multiple of it."""
    return sp.csr_array(sparse_terms((m, n), (min(m, nnz // (100 * 20)), 20), 100))


@functools.lru_cache(maxsize=2)
def sparse_tensor(nnz: int, order: int = 4, n: int = 200) -> sp.coo_array:
    """Return a sum of rank-one tensors, blocks of 7 indices a mode, with about so many entries."""
    return sparse_terms((n,) * order, (7,) * order, max(1, round(nnz / 7**order)))


def sparse_terms(shape: Sequence[int], sides: Sequence[int], terms: int) -> sp.coo_array:
    """Return a sum of rank-one terms of norm 1/k, each on a block of a few indices in each mode."""
    rng = np.random.default_rng(0)
    coords, values = [], []
    for k in range(terms):
        places = [rng.choice(n, s, replace=False) for n, s in zip(shape, sides, strict=True)]
        factors = [rng.standard_normal(s) for s in sides]
        block = functools.reduce(np.multiply.outer, [f / np.linalg.norm(f) for f in factors])
        coords.append(np.stack([x.ravel() for x in np.meshgrid(*places, indexing="ij")]))
        values.append(block.ravel() / (k + 1))
    return sp.coo_array(
        (np.concatenate(values), tuple(np.concatenate(coords, axis=1))), shape=tuple(shape)
    )


@functools.lru_cache(maxsize=2)
def train(order: int, n: int, rank: int) -> sketch.TensorTrain:
    """Return a train whose weights fall."""
    rng = np.random.default_rng(0)
    ranks = [1, *[rank] * (order - 1), 1]
    fading = 0.6 ** np.arange(rank)
    cores = [
        rng.standard_normal((a, n, b)) * (fading[:b] if b > 1 else 1.0) / math.sqrt(n)
        for a, b in itertools.pairwise(ranks)
    ]
    return sketch.TensorTrain(cores)


def matrix_error(a: Any) -> Callable[[Any], float]:
    """Return the relative error of a decomposition ``(U, s, Vh)`` of a dense or sparse matrix."""

    def error(result: Any) -> float:
        u, s, vh = (np.asarray(x) for x in result)
        vh = vh if vh.shape[1] == a.shape[1] else vh.T  # some return V
        u, s, vh = u[:, :RANK], s[:RANK], vh[:RANK]
        left = u * s
        norm = math.sqrt((abs(a) ** 2).sum())
        cross = float(((a @ vh.T) * left).sum())
        squared = norm**2 - 2 * cross + float(((left.T @ left) * (vh @ vh.T)).sum())
        return math.sqrt(max(squared, 0.0)) / norm

    return error


def train_error(t: sketch.TensorTrain) -> Callable[[Any], float]:
    """Return the relative error of a train of whichever library."""
    norm = t.norm()

    def error(result: Any) -> float:
        cores = getattr(result, "cores", getattr(result, "factors", result))
        return (sketch.TensorTrain([np.asarray(c) for c in cores]) - t).norm() / norm

    return error


def entries_error(t: sp.coo_array) -> Callable[[Any], float]:
    """Return the relative error of a train of whichever library against a sparse tensor."""
    places = np.stack(t.coords, axis=1)
    total = sp.coo_array(t)  # of which entries at one place add up
    total.sum_duplicates()
    squares = float(np.sum(total.data**2))

    def error(result: Any) -> float:
        cores = getattr(result, "cores", result)
        short = sketch.TensorTrain([np.asarray(c) for c in cores])
        inner = float(np.sum(short.entries(places) * t.data))
        return math.sqrt(max(0.0, squares - 2 * inner + short.norm() ** 2) / squares)

    return error


def estimated(result: Any) -> float:
    """Return the relative error that a result estimates of itself, where no other is at hand."""
    return float(result.error.relative)
