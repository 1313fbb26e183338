"""Progress of long runs, off unless asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Block = TypeVar("Block")


def track(
    blocks: Iterable[Block], *, size: Callable[[Block], int], total: int | None
) -> Iterator[Block]:
    """Yield the blocks, under a bar of bytes.

    Parameters
    ----------
    blocks : iterable
    size : callable
        Bytes of a block, counted when the next one is asked for.
    total : int or None
        Bytes of all, where known.
    """
    from tqdm.auto import tqdm

    with tqdm(total=total, desc="sketching", unit="B", unit_scale=True) as bar:
        for block in blocks:
            yield block
            bar.update(size(block))


@contextlib.contextmanager
def counter(what: str, *, total: int | None, enabled: bool) -> Iterator[Callable[[int], object]]:
    """Yield a function that is told of so many more done, which a bar shows where enabled.

    Parameters
    ----------
    what : str
        That is counted.
    total : int or None
        How many there are at most, where known.
    enabled : bool
    """
    if not enabled:
        yield int
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=what, unit="", unit_scale=True) as bar:
        yield bar.update
