"""Readings of whole rows that serve two passes, beside as many passes of their own."""

from __future__ import annotations

from typing import Any

import sketch

from .common import RANK, Case, dense_matrix, matrix_error, sizes

METHODS: dict[str, dict[str, Any]] = {
    "hmt": {},
    "hmt, one step": {"power_iters": 1},
    "hmt, half a step, wide start": {"power_iters": 0.5, "start_rank": 4 * RANK + 20},
    "krylov, two readings": {"method": "krylov", "passes": 2},
    "krylov, four readings": {"method": "krylov", "passes": 4},
}


class Readings(Case):
    """A matrix of 1,000 columns, over its rows."""

    params = (list(METHODS), ["float64", "float32"], sizes(1_000, 10_000, 100_000))
    param_names = ("method", "dtype", "rows")

    def prepare(self, method, dtype, rows):
        a = dense_matrix(rows).astype(dtype)
        return lambda: sketch.svd(a, RANK, **METHODS[method]), matrix_error(a)


class Apart(Case):
    """The same steps on tiles that are cut both ways, each of which takes two readings."""

    params = ([0, 1], sizes(1_000, 10_000, 100_000))
    param_names = ("power_iters", "rows")

    def prepare(self, power_iters, rows):
        a = dense_matrix(rows)
        m, n = (size // 2 for size in a.shape)
        tiles = [(row, column) for row in (0, m) for column in (0, n)]

        def run():
            sk = sketch.HMT(a.shape, RANK, power_iters=power_iters)
            while sk.passes_left:
                for row, column in tiles:
                    sk.update(a[row : row + m, column : column + n], at=(row, column))
                sk.end_pass()
            return sk.finalize()

        return run, matrix_error(a)
