"""FROSTT files of sparse tensors: indices and a value on each line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend.array import HostArray
from ..errors import StateFileError
from ._entry_files import EntryFile
from ._numbers import LineForm
from ._text_blocks import Block, TextBlocks, words_of

_COMMENTS = b"#%"
_MANY_CLASHES = 0.1  # of all lines


class CoordinateFile(EntryFile):
    """A sparse tensor in a FROSTT file: indices from 1 and a value on each line.

    The file is gone through once when it is opened, since neither the number of entries is written
    there nor, as a rule, the shape. Where two lines with the order and the sizes come first, they
    are heeded.

    Parameters
    ----------
    path : str
    zero_based : bool
        Whether indices count from 0.
    no_values : bool
        Whether lines hold indices alone, each of an entry that is 1. Such a file cannot be told for
        certain from one whose values are counts; where many neighbours would be entries of one
        place that differ, it is refused until this is said.
    """

    dtype = np.dtype(np.float64)

    def __init__(self, path: str, *, zero_based: bool = False, no_values: bool = False) -> None:
        super().__init__(path)
        self._first, self._values = 0 if zero_based else 1, 0 if no_values else 1
        clashes, whole = 0, self._values > 0
        self.nnz = 0
        with TextBlocks(path) as lines:
            sizes = self._read_head(lines)
            largest = np.array(sizes or [0] * self._form.indices)
            for block, indices, values in self._numbers(lines, None):
                self._check(indices, sizes, block, lines)
                whole = whole and bool((np.floor(values) == values).all() and (values > 0).all())
                clashes += _clashes(indices, values) if whole else 0
                self.nnz += len(indices)
                largest = np.maximum(largest, indices.max(axis=0) + 1 - self._first)
        if not self.nnz:
            raise StateFileError(f"{path}: expected lines of indices and a value, found none")
        if whole and clashes > self.nnz * _MANY_CLASHES:
            raise StateFileError(
                f"{path}: the last number of a line should be a value, but looks like an index: "
                f"{clashes} lines differ from the one before in it alone; if there are no values, "
                f"open {path}::no_values"
            )
        self.shape = tuple(map(int, largest))

    def pieces(self, limit: int | None = None) -> Iterator[Any]:
        """Yield `scipy.sparse.coo_array` of the whole shape, which sum up to the data."""
        with TextBlocks(self.path) as lines:
            self._read_head(lines)
            for block, indices, values in self._numbers(lines, limit):
                self._check(indices, self.shape, block, lines)  # it may have changed meanwhile
                found = values[:, 0] if self._values else np.ones(len(indices))
                yield self._placed(indices, found, self._first)

    def _read_head(self, lines: TextBlocks) -> tuple[int, ...] | None:
        """Read up to the first entry, which shows the order; return the sizes if they are there."""
        sizes, first = None, _next_line(lines)
        if first.isdigit():
            number, line = lines.number, _next_line(lines)
            words = words_of(line)
            if len(words) != int(first) or not all(word.isdigit() for word in words):
                raise lines.refuse(number, first, "expected indices and a value, or an order")
            sizes, first = tuple(map(int, words)), _next_line(lines)
        columns = len(words_of(first))
        value = " and a value" if self._values else ""
        if sizes is not None and columns != len(sizes) + self._values:
            raise lines.refuse(
                lines.number, first, f"expected {len(sizes)} indices{value}, as the head says"
            )
        if first and columns < 2 + self._values:
            raise lines.refuse(
                lines.number,
                first,
                f"expected two indices at least{value}; if there are no values, open "
                f"{self.path}::no_values",
            )
        lines.put_back(first)
        self._form = LineForm(
            max(columns - self._values, 0), self._values, np.dtype(np.float64), _COMMENTS
        )
        return sizes

    def _check(
        self,
        indices: NDArray[np.int64],
        sizes: tuple[int, ...] | None,
        block: Block,
        lines: TextBlocks,
    ) -> None:
        """Refuse indices that are outside of the tensor."""
        below = (indices < self._first).any(axis=1)
        hint = f"; if these count from 0, open {self.path}::zero_based" if self._first else ""
        reason = f"indices count from {self._first}{hint}"
        self._refuse_where(below, block, lines, reason)
        if sizes is not None:
            beyond = (indices >= np.array(sizes) + self._first).any(axis=1)
            self._refuse_where(beyond, block, lines, f"an index is beyond the shape {sizes}")


def _clashes(indices: NDArray[np.int64], values: HostArray) -> int:
    """Return how many lines have the indices of the one before, and another value."""
    same = (indices[1:] == indices[:-1]).all(axis=1)
    return int(np.count_nonzero(same & (values[1:, 0] != values[:-1, 0])))


def _next_line(lines: TextBlocks) -> bytes:
    """Return the next line that is neither blank nor a comment, empty at the end of the file."""
    while (line := lines.line()) is not None:
        if line and line[0] not in _COMMENTS:
            return line
    return b""
