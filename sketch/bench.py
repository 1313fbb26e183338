"""A comparison of a minute on the machine at hand: seconds and errors beside what else is there."""

from __future__ import annotations

import importlib.util
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .backend.array import to_host
from .decompose import svd, tensor_train, tt_svd
from .formats import TensorTrain

_RANK = 20
_REPEATS = 3

Calls = dict[str, Callable[[], Any]]


def compare(scale: float = 1.0) -> None:
    """Print how long the methods and their alternatives take, and how far off they are.

    Parameters
    ----------
    scale : float
        Of the size of the data; 1 takes about a minute on two cores.

    Examples
    --------
    >>> import contextlib, io
    >>> from sketch.bench import compare
    >>> with contextlib.redirect_stdout(io.StringIO()) as printed:
    ...     compare(scale=0.01)
    >>> "sketch, one pass" in printed.getvalue()
    True
    """
    print(f"{os.cpu_count()} cores, NumPy {np.__version__}")
    for title, calls, error in (_dense(scale), _sparse(scale), _tensor(scale)):
        print(f"\n{title}")
        print(f"{'':28}{'seconds':>10}{'times ours':>12}{'rel. error':>12}")
        for name, seconds, ratio, wrong in _measured(calls, error):
            print(f"{name:28}{seconds:10.3g}{ratio:12.3g}{wrong:>12}")


def _measured(
    calls: Calls, error: Callable[[object], float]
) -> Iterator[tuple[str, float, float, str]]:
    """Yield names, median seconds, ratios to the first and errors; all calls run in turn."""
    results = {name: call() for name, call in calls.items()}  # which warms up
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(_REPEATS):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(each) for name, each in times.items()}
    ours = next(iter(medians.values()))
    for name, seconds in medians.items():
        wrong = "" if results[name] is None else f"{error(results[name]):.3g}"
        yield name, seconds, seconds / ours, wrong


def _dense(scale: float) -> tuple[str, Calls, Callable[[Any], float]]:
    m, n = max(100, int(20_000 * scale)), max(50, int(3_000 * math.sqrt(scale)))
    rng = np.random.default_rng(0)
    a = rng.standard_normal((m, n)) / np.arange(1, n + 1)
    calls: Calls = {
        "sketch, two passes": lambda: svd(a, _RANK),
        "sketch, one pass": lambda: svd(a, _RANK, method="nystrom"),
        "sketch, wide start and half a step": lambda: svd(
            a, _RANK, power_iters=0.5, start_rank=4 * _RANK + 20
        ),
        "sketch, one power step": lambda: svd(a, _RANK, power_iters=1),
        **_scikit_learn(a),
        "the products of two passes": lambda: _products(a),
    }
    return f"dense {m} x {n}, rank {_RANK}", calls, _matrix_error(a)


def _sparse(scale: float) -> tuple[str, Calls, Callable[[Any], float]]:
    import scipy.sparse as sp
    from scipy.sparse.linalg import svds

    m, n, nnz = 100_000, 10_000, max(1_000, int(2_000_000 * scale))
    rng = np.random.default_rng(0)
    i, j = rng.integers(0, m, nnz), rng.integers(0, n, nnz)
    values = rng.standard_normal(nnz) / np.sqrt((1.0 + i) * (1.0 + j))
    a = sp.csr_array((values, (i, j)), shape=(m, n))
    calls: Calls = {
        "sketch, two passes": lambda: svd(a, _RANK),
        "sketch, one power step": lambda: svd(a, _RANK, power_iters=1),
        **_scikit_learn(a),
        "scipy svds": lambda: svds(a, k=_RANK),
    }
    return f"sparse {m} x {n}, {nnz} nonzeros, rank {_RANK}", calls, _matrix_error(a)


def _tensor(scale: float) -> tuple[str, Calls, Callable[[Any], float]]:
    n = max(8, int(50 * scale**0.25))
    i, j, k, l = np.ogrid[1 : n + 1, 1 : n + 1, 1 : n + 1, 1 : n + 1]  # noqa: E741
    t = np.sqrt(i / n + j / n + k / n + l / n)
    rank = 4

    def error(result: Any) -> float:
        cores = getattr(result, "cores", result)
        whole = TensorTrain([np.asarray(core) for core in cores]).to_array()
        return float(np.linalg.norm(to_host(whole) - t) / np.linalg.norm(t))

    calls: Calls = {
        "sketch, one pass": lambda: tensor_train(t, rank),
        "sketch, TT-HMT": lambda: tensor_train(t, rank, method="tt-hmt"),
        "sketch, TT-SVD": lambda: tt_svd(t, rank),
    }
    if importlib.util.find_spec("tensorly") is not None:
        from tensorly.decomposition import tensor_train as theirs

        calls["TensorLy TT-SVD"] = lambda: list(theirs(t, [1, rank, rank, rank, 1]))
    return f"dense tensor {n}^4, rank {rank}", calls, error


def _scikit_learn(a: object) -> Calls:
    if importlib.util.find_spec("sklearn") is None:
        return {}
    from sklearn.utils.extmath import randomized_svd

    return {
        "scikit-learn": lambda: randomized_svd(a, _RANK, n_iter=0, random_state=0),
        "scikit-learn, its default": lambda: randomized_svd(a, _RANK, random_state=0),
    }


def _products(a: Any) -> None:
    m, n = a.shape
    np.ones((_RANK + 10, n)) @ a.T
    np.ones((_RANK + 10, m)) @ a


def _matrix_error(a: Any) -> Callable[[Any], float]:
    norm = math.sqrt(float((abs(a) ** 2).sum()))

    def error(result: Any) -> float:
        u, s, vh = (np.asarray(x) for x in result)
        left = u * s
        cross = float(((a @ vh.T) * left).sum())
        squared = norm**2 - 2 * cross + float(((left.T @ left) * (vh @ vh.T)).sum())
        return math.sqrt(max(squared, 0.0)) / norm

    return error
