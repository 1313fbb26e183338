"""Values kept at hand, the ones used last, within a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Value = TypeVar("Value")


class RecentValues:
    """A cache that threads may share. The value used last stays, however large it is.

    Parameters
    ----------
    limit : int
        Bytes to hold at most, beside the value used last.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[RecentValues], tuple[int]]:
        """Travel empty: what was kept can be made again."""
        return RecentValues, (self._limit,)

    def get(self, key: Hashable, make: Callable[[], Value], size: Callable[[Value], int]) -> Value:
        """Return the value of a key, made where it is not at hand.

        Two threads may make the same value at the same time, rather than wait for each other.
        """
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                value: Value = self._held[key][0]
                return value
        value = make()
        with self._lock:
            self._bytes += size(value) - self._held.pop(key, (None, 0))[1]
            self._held[key] = value, size(value)
            while self._bytes > self._limit and len(self._held) > 1:
                self._bytes -= self._held.popitem(last=False)[1][1]
        return value
