"""Matrices: dense and sparse, over their size and rank, beside the bare products."""

from __future__ import annotations

from typing import Any

import numpy as np

import sketch

from .common import RANK, Case, dense_matrix, estimated, matrix_error, sizes, sparse_matrix

METHODS: dict[str, dict[str, Any]] = {
    "nystrom": {"method": "nystrom"},
    "hmt": {"method": "hmt"},
    "hmt, 2 power steps": {"method": "hmt", "power_iters": 2},
}


class Dense(Case):
    """A matrix of 1,000 columns, over its rows: two decades."""

    params = ([*METHODS, "floor of nystrom", "floor of hmt"], sizes(1_000, 10_000, 100_000))
    param_names = ("method", "rows")

    def prepare(self, method, rows):
        a = dense_matrix(rows)
        if method in METHODS:
            return lambda: sketch.svd(a, RANK, **METHODS[method]), matrix_error(a)
        left, right = (100, 50) if method.endswith("nystrom") else (30, 30)
        psi, omega = np.ones((left, rows)), np.ones((right, 1_000))
        return lambda: (omega @ a.T, psi @ a), None


class Precision(Case):
    """Single precision, 20,000 rows."""

    params = (list(METHODS), ["float32", "float64"], sizes(2_000, 20_000))
    param_names = ("method", "dtype", "rows")

    def prepare(self, method, dtype, rows):
        a = dense_matrix(rows).astype(dtype)
        return lambda: sketch.svd(a, RANK, **METHODS[method]), matrix_error(a)


class Rank(Case):
    """A matrix of 10,000 x 1,000, over the rank."""

    params = (list(METHODS), sizes(5, 20, 80))
    param_names = ("method", "rank")

    def prepare(self, method, rank):
        a = dense_matrix(10_000)
        return lambda: sketch.svd(a, rank, **METHODS[method]), estimated


class Sparse(Case):
    """A matrix of 100,000 x 20,000, over its nonzeros: two decades."""

    params = (["nystrom", "hmt"], sizes(100_000, 1_000_000, 10_000_000))
    param_names = ("method", "nonzeros")

    def prepare(self, method, nonzeros):
        a = sparse_matrix(nonzeros)
        return lambda: sketch.svd(a, RANK, method=method), matrix_error(a)


class MemoryFloor:
    """Bytes that this machine reads in a second, which no method of one pass can beat."""

    params = (sizes(10_000_000, 100_000_000),)
    param_names = ("bytes",)
    unit = "GB/s"

    def track_read_rate(self, size):
        import time

        x = np.ones(size // 8)
        best = min(_seconds(time.perf_counter, x.sum) for _ in range(5))
        return size / best / 1e9


def _seconds(clock, call):
    start = clock()
    call()
    return clock() - start
