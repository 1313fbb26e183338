"""Arrays of many files as one, each below the one before."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError
from ..files.extent import read_mapped
from ..formats import check_labels
from ._found import Found
from ._stored import StoredInFile, full_window
from ._stored_sparse import StoredSparse


def stacked(files: Sequence[Any]) -> Found:
    """Return the stack of open files along their first axis.

    Raises
    ------
    ShapeError
        If the other axes differ.
    DtypeError
        If some are sparse and others are not.
    """
    first = files[0]
    for other in files:
        if other.ndim < 2 or other.shape[1:] != first.shape[1:]:
            raise ShapeError(
                f"{other.spec}: shape {other.shape} does not go below {first.spec}, shape "
                f"{first.shape}: all axes but the first must be as long, and there must be two"
            )
        if other.is_sparse != first.is_sparse:
            raise DtypeError(f"{first.spec} and {other.spec}: one is sparse, the other is not")
        check_labels(first.labels[1:], other.labels[1:], other.spec)
    parts = [file.data for file in files]
    data = StackedSparse(parts) if first.is_sparse else StackedArray(parts)
    return Found(data, first.dims, lambda: [None, *first.labels[1:]])


class StackedArray:
    """Dense arrays below each other, read where a slice meets them."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self._parts = parts
        self._starts = [0, *itertools.accumulate(int(part.shape[0]) for part in parts)]
        self.shape = (self._starts[-1], *(int(n) for n in parts[0].shape[1:]))
        self.dtype = np.result_type(*(part.dtype for part in parts))
        self.chunks = getattr(parts[0], "chunks", None)

    def __getitem__(self, window: object) -> object:
        rows, *rest = full_window(window, self.shape)
        met = []
        for part, start in zip(self._parts, self._starts, strict=False):
            first, last = max(rows.start - start, 0), min(rows.stop - start, int(part.shape[0]))
            if first < last:
                cut = (slice(first, last), *rest)
                met.append(_read(part, cut))
        if not met:
            return np.empty((0, *(cut.stop - cut.start for cut in rest)), self.dtype)
        joined: Any = np.ma.concatenate
        return joined(met) if len(met) > 1 else met[0]


def _read(part: Any, window: tuple[slice, ...]) -> Any:
    if isinstance(part, StoredInFile):
        return part.read(window)
    return read_mapped(part, window) if isinstance(part, np.memmap) else part[window]


class StackedSparse:
    """Sparse matrices below each other, in blocks."""

    ndim = 2

    def __init__(self, parts: Sequence[Any]) -> None:
        for part in parts:
            if part.ndim != 2 or not (isinstance(part, StoredSparse) or hasattr(part, "tocsr")):
                raise DtypeError(
                    f"a {type(part).__name__} cannot be stacked; give its file alone, or convert "
                    "it to .npz or .h5ad"
                )
        self._parts = parts
        self.shape = (sum(int(part.shape[0]) for part in parts), int(parts[0].shape[1]))
        self.dtype = np.result_type(*(part.dtype for part in parts))
        self.nnz = sum(int(part.nnz) for part in parts)

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], Any]]:
        """Yield ``((row, column), block)``."""
        start = 0
        for part in self._parts:
            if isinstance(part, StoredSparse):
                for (row, column), block in part.blocks(limit):
                    yield (start + row, column), block
            else:
                yield (start, 0), part
            start += int(part.shape[0])
