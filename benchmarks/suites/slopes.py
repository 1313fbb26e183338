"""Slopes of log time against log size: 1 is linear in the data."""

from __future__ import annotations

import statistics
import time

import numpy as np

import sketch

from .common import MODE, RANK, dense_matrix, sparse_matrix, sparse_tensor

SPAN = {"smallest": (1, 2), "quick": (1, 10)}.get(MODE, (1, 10, 100))
CASES = {
    "dense rows": lambda f: (dense_matrix(5_000 * f), lambda a: sketch.svd(a, RANK)),
    "dense rows, nystrom": lambda f: (
        dense_matrix(5_000 * f),
        lambda a: sketch.svd(a, RANK, method="nystrom"),
    ),
    "sparse nonzeros": lambda f: (
        sparse_matrix(200_000 * f, 20_000 * f, 500),
        lambda a: sketch.svd(a, RANK),
    ),
    "sparse tensor nonzeros": lambda f: (
        sparse_tensor(100_000 * f),
        lambda t: sketch.tensor_train(t, 10),
    ),
}


class Slope:
    """Fitted over the sizes of the mode; two decades in the full one."""

    params = (list(CASES),)
    param_names = ("growing",)
    timeout = 600
    unit = "slope"

    def track_slope(self, name):
        sizes, times = [], []
        for factor in SPAN:
            data, run = CASES[name](factor)
            run(data)
            seconds = []
            for _ in range(3):
                start = time.perf_counter()
                run(data)
                seconds.append(time.perf_counter() - start)
            sizes.append(factor)
            times.append(statistics.median(seconds))
        return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
