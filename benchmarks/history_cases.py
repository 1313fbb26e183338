"""The few cases whose history is kept: run with the package of some commit, they print JSON.

They use what has been in the library for long, so that old commits can be measured by the cases of
today. Each is timed in processor time, of one thread, the least of some runs; with the error of
its result, since a call may also become faster by being less accurate.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

import sketch

Call = Callable[[], Any]
Case = tuple[Call, Callable[[Any], float]]


def matrix(m: int, n: int, decay: float = 0.8) -> np.ndarray:
    """Return a matrix whose singular values fall by a factor, with some noise."""
    rng = np.random.default_rng(0)
    left = rng.standard_normal((m, 40)) * decay ** np.arange(40)
    return left @ rng.standard_normal((40, n)) + 1e-3 * rng.standard_normal((m, n))


def relative(a: np.ndarray) -> Callable[[Any], float]:
    """Return what measures the error of a result for a dense array."""
    return lambda found: float(np.linalg.norm(a - found.to_array()) / np.linalg.norm(a))


def dense(**options: Any) -> Case:
    a = matrix(3000, 1200)
    return lambda: sketch.svd(a, 20, **options), relative(a)


def sparse() -> Case:
    rng = np.random.default_rng(0)
    places = rng.integers(0, 60_000, 600_000), rng.integers(0, 20_000, 600_000)
    a = sp.coo_array((rng.standard_normal(600_000), places), shape=(60_000, 20_000)).tocsr()
    return lambda: sketch.svd(a, 10), lambda found: float("nan")


def components() -> Case:
    a = matrix(15_000, 200) + 5.0
    centred = a - a.mean(axis=0)

    def error(found: Any) -> float:
        rest = centred - centred @ found.components.T @ found.components
        return float(np.linalg.norm(rest) / np.linalg.norm(centred))

    return lambda: sketch.pca(a, 10), error


def smooth_tensor() -> Case:
    i, j, k = np.ogrid[:110, :110, :110]
    t = 1.0 / (1 + i + j + k)
    return lambda: sketch.tensor_train(t, 8), relative(t)


def cp_tensor() -> Case:
    rng = np.random.default_rng(0)
    weights = 0.7 ** np.arange(30)
    factors = [rng.standard_normal((100, 30)) / 10 for _ in range(8)]
    cp = sketch.CPTensor(weights, factors)
    return lambda: sketch.tensor_train(cp, 10), lambda found: float("nan")


def train(rank: int) -> Any:
    rng = np.random.default_rng(0)
    ranks = [1, *[rank] * 5, 1]
    sizes = itertools.pairwise(ranks)
    return sketch.TensorTrain([rng.standard_normal((a, 40, b)) / a**0.5 for a, b in sizes])


def rounding() -> Case:
    x = train(20)
    doubled = x + x
    return lambda: doubled.round(20), lambda found: (found - doubled).norm() / doubled.norm()


def entries() -> Case:
    x, points = train(20), np.random.default_rng(0).integers(0, 40, (200_000, 6))
    return lambda: x.entries(points), lambda found: float("nan")


def stream() -> Case:
    a = matrix(4000, 1000)

    def run() -> Any:
        sk = sketch.GeneralizedNystrom(a.shape, 20)
        for start in range(0, 4000, 200):
            sk.update(a[start : start + 200], at=start)
        return sk.finalize()

    return run, relative(a)


def importing() -> Case:
    def run() -> None:
        subprocess.run([sys.executable, "-c", "import sketch"], check=True)

    return run, lambda found: float("nan")


CASES: dict[str, Callable[[], Case]] = {
    "svd: dense 3000 x 1200, rank 20": dense,
    "svd: the same, one power iteration": lambda: dense(power_iters=1),
    "svd: the same, one pass": lambda: dense(method="nystrom"),
    "svd: sparse 60,000 x 20,000, rank 10": sparse,
    "stream: 20 chunks of 200 x 1000": stream,
    "pca: 15,000 x 200, rank 10": components,
    "tensor_train: dense 110^3, rank 8": smooth_tensor,
    "tensor_train: CP, 30 terms, 100^8, rank 10": cp_tensor,
    "train: rounded from rank 40 to 20, 40^6": rounding,
    "train: 200,000 entries at rank 20, 40^6": entries,
    "import sketch": importing,
}


def measured(make: Callable[[], Case], repeats: int) -> dict[str, float | None]:
    """Return seconds and error of a case."""
    call, error = make()
    found, seconds = call(), []  # the first run may compile
    for _ in range(repeats):
        start = time.process_time() + sum(_of_children())
        found = call()
        seconds.append(time.process_time() + sum(_of_children()) - start)
    missed = error(found)
    return {"seconds": min(seconds), "error": None if missed != missed else missed}


def _of_children() -> tuple[float, float]:
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime, used.ru_stime


def main() -> None:
    results: dict[str, Any] = {}
    for name, make in CASES.items():
        try:
            results[name] = measured(make, 3)
        except Exception as error:  # what an old commit could not do
            print(f"{name}: {error!r}", file=sys.stderr)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
