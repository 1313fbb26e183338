"""The threads of BLAS, where blocks rather than parts of one product share the processors."""

from __future__ import annotations

import importlib.util
from contextlib import AbstractContextManager


def blas_threads() -> int:
    """Return how many threads a product takes now; 1 where that cannot be told or changed."""
    if importlib.util.find_spec("threadpoolctl") is None:
        return 1
    from threadpoolctl import threadpool_info

    threads = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return max(threads, default=1)


def one_blas_thread() -> AbstractContextManager[object]:
    """Have each product take the thread that asks for it alone; ask `blas_threads` first."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits
