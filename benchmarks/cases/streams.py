"""Streams: data larger than memory, made as they are read; rows in small chunks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import sketch
from sketch.bench import Method, Work, matrix_error, normal_matrix

RANK = 20
Array = np.ndarray[Any, Any]


class Virtual:
    """An array that is made as it is read: one slab, times a factor for each index of axis 0."""

    def __init__(self, slab: Array, length: int) -> None:
        self.slab = slab
        self.factors = np.random.default_rng(1).uniform(0.5, 1.5, length)
        self.shape = (length, *slab.shape[1:])
        self.dtype, self.ndim = slab.dtype, slab.ndim
        self.nbytes = 8 * math.prod(self.shape)

    def __getitem__(self, window: Any) -> Array:
        rows, *rest = window if isinstance(window, tuple) else (window,)
        start, stop, _ = rows.indices(self.shape[0])
        factors = self.factors[start:stop].reshape(-1, *[1] * (self.ndim - 1))
        period = self.slab.shape[0]
        out = np.empty((stop - start, *self.slab[(slice(0, 1), *rest)].shape[1:]))
        done = 0
        while done < stop - start:
            first = (start + done) % period
            part = self.slab[(slice(first, first + stop - start - done), *rest)]
            end = done + part.shape[0]
            np.multiply(part, factors[done:end], out=out[done:end])
            done = end
        return out


def matrix_slab(n: int) -> Array:
    """Return 500 rows of a matrix of singular values like 1/i."""
    rng = np.random.default_rng(0)
    q = np.linalg.qr(rng.standard_normal((n, 500)))[0]
    return np.asarray((rng.standard_normal((500, 500)) / np.arange(1, 501)) @ q.T)


def tensor_slab(n: int) -> Array:
    """Return a train of rank 30 with falling weights, and a little noise, of shape (1, n, n, n)."""
    rng = np.random.default_rng(0)
    cores = [rng.standard_normal(s) for s in ((1, n, 30), (30, n, 30), (30, n, 1))]
    weights = 0.7 ** np.arange(30)
    t = sketch.TensorTrain([cores[0] * weights, cores[1] * weights, cores[2]]).to_array()
    t += 1e-4 * t.std() * rng.standard_normal(t.shape)
    return np.asarray(t[None])


def estimated(_: Any) -> Callable[[Any], float]:
    """Return the errors that results estimate of themselves, where the data are too large."""
    return lambda result: float(result.error.relative)


def chunked(rows: int) -> Method:
    """Updates by chunks of some rows; 0 is all at once."""

    def run(a: Array) -> sketch.LowRank:
        sk = sketch.GeneralizedNystrom(a.shape, RANK)
        for start in range(0, len(a), rows or len(a)):
            sk.update(a[start : start + (rows or len(a))], at=start)
        return sk.finalize()

    return Method(lambda a: lambda: run(a), readings=1)


def larger_matrix(m: int, n: int) -> Virtual:
    return Virtual(matrix_slab(n), m)


def larger_tensor(first: int, n: int) -> Virtual:
    return Virtual(tensor_slab(n), first)


WORKS: dict[str, Work] = {
    "larger-matrix": Work(
        f"{{:,}} x {{:,}}, made as it is read, in 1.8 GB, rank {RANK}",
        ((2000, 600), (40_000, 5000), (500_000, 5000)),
        larger_matrix,
        {
            "sketch Nyström": Method(
                lambda a: lambda: sketch.svd(a, RANK, method="nystrom", memory="1.8GB")
            )
        },
        estimated,
        shown=2,
        memory=True,
    ),
    "larger-tensor": Work(
        f"{{}} x {{}}^3, made as it is read, in 1.6 GB, rank {RANK}",
        ((25, 25), (25, 225), (225, 225)),
        larger_tensor,
        {"sketch STTA": Method(lambda t: lambda: sketch.tensor_train(t, RANK, memory="1.6GB"))},
        estimated,
        shown=2,
        memory=True,
    ),
    "chunks": Work(
        f"{{:,}} x {{:,}} in chunks of rows, rank {RANK}",
        ((2000, 500), (20_000, 5000)),
        normal_matrix,
        {
            "sketch, one chunk": chunked(0),
            "sketch, 1,000 rows": chunked(1000),
            "sketch, 100 rows": chunked(100),
        },
        matrix_error(RANK),
    ),
}
