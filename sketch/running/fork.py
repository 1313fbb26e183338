"""After a fork: a child has the memory of its parent, but of the threads only the one that forked.

The runtimes that share out compiled loops do not survive this: their threads are waited for, or
the child is killed. It has to know.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def _loops_have_threads() -> bool:
    """Whether numba has started the threads of its parallel loops, for us or for others."""
    try:
        return bool(sys.modules["numba"].threading_layer())
    except (KeyError, AttributeError, ValueError):  # not imported, not quite, or not started
        return False


def _is_pool_worker() -> bool:
    """Whether the process was made by `multiprocessing`, in whatever way."""
    processes = sys.modules.get("multiprocessing.process")
    return processes is not None and processes.parent_process() is not None


# threads that run before this package comes may be those of the parent
_threads_lost = _is_pool_worker() and _loops_have_threads()


def threads_are_lost() -> bool:
    """Whether the threads of parallel loops were left behind in a parent process."""
    return _threads_lost


def in_children(action: Callable[[], None]) -> None:
    """Call `action` in every child that is forked from now on."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=action)


def _remember() -> None:
    global _threads_lost
    _threads_lost = _threads_lost or _loops_have_threads()


in_children(_remember)
