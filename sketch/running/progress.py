"""Progress of long runs, off unless asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Block = TypeVar("Block")


def track(
    blocks: Iterable[Block], *, size: Callable[[Block], int], total: int | None, enabled: bool
) -> Iterator[Block]:
    """Yield the blocks, under a bar of bytes where enabled.

    Parameters
    ----------
    blocks : iterable
    size : callable
        Bytes of a block, counted when the next one is asked for.
    total : int or None
        Bytes of all, where known.
    enabled : bool
    """
    if not enabled:
        yield from blocks
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, desc="sketching", unit="B", unit_scale=True) as bar:
        for block in blocks:
            yield block
            bar.update(size(block))
