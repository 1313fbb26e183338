"""Iterables of row chunks: the rows of one matrix, one chunk after the other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..errors import PassError, ShapeError
from ._base import MatrixBlock, MatrixSource

_Blocks = Iterator[tuple[tuple[int, int], MatrixBlock]]


def is_chunks(x: Any) -> bool:
    """Whether `x` is an iterator, or a collection whose first item is a matrix."""
    if hasattr(x, "shape") or isinstance(x, str | bytes | dict) or not isinstance(x, Iterable):
        return False
    return iter(x) is x or getattr(next(iter(x), None), "ndim", 0) == 2


class ChunkedSource(MatrixSource):
    """Row chunks of any formats, of unknown number; only the chunk at hand is held.

    Attributes
    ----------
    single_use : bool
        Whether the iterable is an iterator, which can be gone through once.
    """

    def __init__(self, chunks: Iterable[Any], as_source: Callable[[Any], MatrixSource]) -> None:
        self.single_use = iter(chunks) is chunks
        iterator = iter(chunks)
        first = next(iterator, None)
        if first is None:
            raise ShapeError("expected chunks of rows, got an iterable without any")
        self._chunks: Iterable[Any] = (
            itertools.chain([first], iterator) if self.single_use else chunks
        )
        self._as_source = as_source
        self._used_up = False
        head = as_source(first)
        self.shape = (None, head.shape[1])
        self.dtype = head.dtype
        self.nbytes = 0

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield the blocks of each chunk, below those of the chunks before."""
        return self._below_each_other(lambda source: source.blocks(limit))

    def row_blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield the whole rows of each chunk, below those of the chunks before."""
        return self._below_each_other(lambda source: source.row_blocks(limit))

    def _below_each_other(self, blocks: Callable[[MatrixSource], _Blocks]) -> _Blocks:
        if self._used_up:
            raise PassError(
                "the chunks came from an iterator, which can be read once, and are used up; give a "
                "list or another object that can be iterated again, or use a one-pass method"
            )
        self._used_up = self.single_use
        row = 0
        for chunk in self._chunks:
            source = self._as_source(chunk)
            if source.shape[1] != self.shape[1]:
                raise ShapeError(
                    f"chunks of rows must agree in their columns: the first has {self.shape[1]}, "
                    f"the one at row {row} has shape {source.shape}"
                )
            end = row
            for (r, c), block in blocks(source):
                yield (row + r, c), block
                end = max(end, row + r + block.shape[0])
            row = end
