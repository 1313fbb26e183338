"""Read the next items while those before are worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

_END = object()


def read_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items of an iterator that runs in a thread of its own, one item ahead.

    Two items are alive at a time: the one at hand and the one that is being read.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="sketch-read-ahead") as reader:
        coming = reader.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = reader.submit(next, items, _END)
            yield item  # type: ignore[misc]
            del item


def map_ahead(
    function: Callable[[Item], Made], items: Iterator[Item], workers: int
) -> Iterator[tuple[Item, Made]]:
    """Yield the items with what a function makes of them, which so many threads call on them.

    In order, whatever the threads; two items more than there are threads are alive at a time.
    """
    coming = deque[tuple[Item, Future[Made]]]()
    with ThreadPoolExecutor(workers, thread_name_prefix="sketch-map-ahead") as pool:
        for item in read_ahead(items):
            coming.append((item, pool.submit(function, item)))
            if len(coming) > workers:
                first, made = coming.popleft()
                yield first, made.result()
        for first, made in coming:
            yield first, made.result()
