"""Iterables of row chunks: the rows of one matrix, one chunk after the other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ..backend.array import compute_dtype, promote
from ..errors import DtypeError, PassError, ShapeError
from ..formats import check_columns
from ._base import MatrixBlock, MatrixSource

_Blocks = Iterator[tuple[tuple[int, int], MatrixBlock]]


def is_chunks(x: object) -> bool:
    """Whether `x` is an iterator, or a collection whose first item is a matrix or a few."""
    if hasattr(x, "shape") or not isinstance(x, Iterable):
        return False
    if iter(x) is x:
        return True
    first = next(iter(x), None)
    return _is_matrix(first) or _are_arrays(first)


class ChunkedSource(MatrixSource):
    """Row chunks of any formats and dtypes, of unknown number; only the chunk at hand is held.

    Attributes
    ----------
    single_use : bool
        Whether the iterable is an iterator, which can be gone through once.
    """

    def __init__(
        self, chunks: Iterable[object], as_source: Callable[[object], MatrixSource]
    ) -> None:
        self.single_use = iter(chunks) is chunks
        iterator = iter(chunks)
        first = next(iterator, None)
        if first is None:
            raise ShapeError("expected chunks of rows, got an iterable without any")
        self._chunks: Iterable[object] = (
            itertools.chain([first], iterator) if self.single_use else chunks
        )
        self._as_source = as_source
        self._used_up = False
        head = self._source(first)
        self.axes = head.axes
        joint = _joint_dtype(chunks) if isinstance(chunks, list | tuple) else None
        self.shape, self.dtype = (None, head.shape[1]), joint or head.dtype
        self.widens = joint is None
        self.nbytes = 0

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield the blocks of each chunk, below those of the chunks before."""
        return self._below_each_other(lambda source: source.blocks(limit))

    def row_blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield the whole rows of each chunk, below those of the chunks before."""
        return self._below_each_other(lambda source: source.row_blocks(limit))

    def whole_blocks(
        self, axis: int, limit: int | None = None
    ) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield the blocks of each chunk, along the whole of an axis where it can give them."""
        return self._below_each_other(lambda source: source.whole_blocks(axis, limit))

    def _below_each_other(self, blocks: Callable[[MatrixSource], _Blocks]) -> _Blocks:
        if self._used_up:
            raise PassError(
                "the chunks came from an iterator, which can be read once, and are used up; give a "
                "list or another object that can be iterated again, or use a one-pass method"
            )
        self._used_up = self.single_use
        row = 0
        for chunk in self._chunks:
            source = self._source(chunk)
            if source.shape[1] != self.shape[1]:
                raise ShapeError(
                    f"chunks of rows must agree in their columns: the first has {self.shape[1]}, "
                    f"the one at row {row} has shape {source.shape}"
                )
            check_columns(self.axes, source.axes, f"the chunk at row {row}")
            end = row
            for (r, c), block in blocks(source):
                yield (row + r, c), block
                end = max(end, row + r + block.shape[0])
            row = end

    def _source(self, chunk: Any) -> MatrixSource:
        """Return the adapter of a chunk, which must be one matrix."""
        if _are_arrays(chunk) and len(chunk) > 1:
            raise DtypeError(
                f"a chunk is a {type(chunk).__name__} of {len(chunk)} arrays, as loaders of data "
                "for learning give them; give the rows alone: (chunk[0] for chunk in chunks)"
            )
        if len(getattr(chunk, "shape", (0, 0))) == 1:
            raise ShapeError(
                f"a chunk of rows has two axes, one has shape {tuple(chunk.shape)}; reshape a "
                "vector to one row, and of rows and their labels give the rows alone"
            )
        return self._as_source(chunk)


def _is_matrix(x: object) -> bool:
    return len(getattr(x, "shape", ())) == 2


def _are_arrays(x: object) -> bool:
    """Whether `x` is a list or tuple that begins with a matrix."""
    return isinstance(x, list | tuple) and bool(x) and _is_matrix(x[0])


def _joint_dtype(chunks: Sequence[object]) -> str | None:
    """Return the dtype of all chunks, None where some do not tell."""
    dtypes = [getattr(chunk, "dtype", None) for chunk in chunks]
    if any(dtype is None for dtype in dtypes):
        return None
    return promote(*map(compute_dtype, dtypes))
