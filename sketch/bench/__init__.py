"""Comparisons on the machine at hand: seconds and errors beside what else is there.

`compare` is what ``sketch bench`` runs. A `Work` with its `Method` objects is measured by
`measured`; the benchmarks of the repository declare theirs with the same parts.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

import numpy as np

from ._matrices import (
    fading_entries,
    matrix_error,
    normal_matrix,
    ours,
    products,
    scikit_learn,
    scipy_svds,
)
from ._trains import (
    cores_of,
    dense_error,
    entries_error,
    our_train,
    square_root,
    tensorly,
    train_error,
)
from ._work import Method, Row, Work, measured

__all__ = [
    "Method",
    "Row",
    "Work",
    "compare",
    "cores_of",
    "dense_error",
    "entries_error",
    "fading_entries",
    "matrix_error",
    "measured",
    "normal_matrix",
    "our_train",
    "ours",
    "products",
    "scikit_learn",
    "scipy_svds",
    "square_root",
    "tensorly",
    "train_error",
]

_RANK = 20


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
    for work, size in _works(scale):
        print(f"\n{work.named(size)}")
        print(f"{'':28}{'seconds':>10}{'times ours':>12}{'rel. error':>12}{'readings':>10}")
        rows = measured(work, size, repeats=3)
        first = next(iter(rows.values())).seconds
        for name, row in rows.items():
            wrong, readings = ("" if x is None else f"{x:.3g}" for x in (row.error, row.readings))
            ratio = row.seconds / first
            print(f"{name:28}{row.seconds:10.3g}{ratio:12.3g}{wrong:>12}{readings:>10}")


def _works(scale: float) -> Iterator[tuple[Work, tuple[object, ...]]]:
    wide = {"power_iters": 0.5, "start_rank": 4 * _RANK + 20}
    matrices: dict[str, Method] = {
        "sketch, one reading": ours(_RANK),
        "sketch, one pass": ours(_RANK, method="nystrom"),
        "sketch, wide start": ours(_RANK, **wide),
        "sketch, one power step": ours(_RANK, power_iters=1),
        "scikit-learn, no step": scikit_learn(_RANK, 0),
        "scikit-learn, its default": scikit_learn(_RANK, "auto"),
    }
    error = matrix_error(_RANK)
    floor = {"the products of two passes": products(_RANK + 10, _RANK + 10)}
    size: tuple[object, ...] = max(100, int(20_000 * scale)), max(50, int(3_000 * math.sqrt(scale)))
    title = f"dense {{:,}} x {{:,}}, rank {_RANK}"
    yield Work(title, (size,), normal_matrix, matrices | floor, error), size
    m, n = (max(100, int(whole * math.sqrt(min(1.0, scale)))) for whole in (100_000, 10_000))
    size = m, n, max(1_000, int(2_000_000 * scale))
    title = f"sparse {{:,}} x {{:,}}, {{:,}} nonzeros, rank {_RANK}"
    methods = matrices | {"SciPy svds": scipy_svds(_RANK)}
    del methods["sketch, one pass"]  # which needs more than such entries allow
    yield Work(title, (size,), fading_entries, methods, error), size
    size = (max(8, int(50 * scale**0.25)),)
    trains = {
        "sketch, one pass": our_train(4),
        "sketch, TT-HMT": our_train(4, "tt-hmt"),
        "sketch, TT-SVD": our_train(4, "tt-svd"),
        "TensorLy TT-SVD": tensorly(4),
    }
    yield Work("dense tensor {}^4, rank 4", (size,), square_root, trains, dense_error), size
