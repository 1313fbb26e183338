"""FROSTT files of sparse tensors: indices and a value on each line."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..backend.array import HostArray
from ..errors import StateFileError
from ._entry_files import BLOCK_BYTES, EntryFile, from_zero, is_one_piece
from ._numbers import Indices, LineForm, Numbers, joined
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
        self.nnz = taken = 0
        self._held = list[Numbers]()  # all entries, if they are one piece
        with TextBlocks(path) as lines:
            sizes = self._read_head(lines)
            largest = np.array(sizes or [0] * self._form.indices)
            for block, indices, values in self._numbers(lines, BLOCK_BYTES):
                self._check(indices, sizes, block, lines)
                whole = whole and bool((np.floor(values) == values).all() and (values > 0).all())
                clashes += _clashes(indices, values) if whole else 0
                self.nnz += len(values)
                largest = np.maximum(largest, indices.max(axis=1) + 1 - self._first)
                self._held.append(self._entries_of(indices, values))
                taken += sum(part.nbytes for part in self._held[-1])
                if not is_one_piece(taken):
                    self._held.clear()
        if not self.nnz:
            raise StateFileError(f"{path}: expected lines of indices and a value, found none")
        if whole and clashes > self.nnz * _MANY_CLASHES:
            raise StateFileError(
                f"{path}: the last number of a line should be a value, but looks like an index: "
                f"{clashes} lines differ from the one before in it alone; if there are no values, "
                f"open {path}::no_values"
            )
        self.shape = tuple(map(int, largest))

    def loaded(self) -> object:
        """Return the data in memory if they are one piece, else the file itself."""
        return self._placed(*joined(self._held)) if self._held else self

    def _entries(self, lines: TextBlocks, size: int) -> Iterator[Numbers]:
        """Yield indices and values of blocks of lines."""
        self._read_head(lines)
        for block, indices, values in self._numbers(lines, size):
            self._check(indices, self.shape, block, lines)  # it may have changed meanwhile
            yield self._entries_of(indices, values)

    def _entries_of(self, indices: Indices, values: HostArray) -> Numbers:
        found = values[:, 0] if self._values else np.ones(len(values))
        return from_zero(indices, self._first), found

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
        indices: Indices,
        sizes: tuple[int, ...] | None,
        block: Block,
        lines: TextBlocks,
    ) -> None:
        """Refuse indices that are outside of the tensor."""
        hint = f"; if these count from 0, open {self.path}::zero_based" if self._first else ""
        for axis, of_axis in enumerate(indices):
            if of_axis.min() < self._first:
                reason = f"indices count from {self._first}{hint}"
                self._refuse_where(of_axis < self._first, block, lines, reason)
            if sizes is not None and of_axis.max() >= sizes[axis] + self._first:
                beyond = of_axis >= sizes[axis] + self._first
                self._refuse_where(beyond, block, lines, f"an index is beyond the shape {sizes}")


def _clashes(indices: Indices, values: HostArray) -> int:
    """Return how many lines have the indices of the one before, and another value."""
    same = (indices[:, 1:] == indices[:, :-1]).all(axis=0)
    return int(np.count_nonzero(same & (values[1:, 0] != values[:-1, 0])))


def _next_line(lines: TextBlocks) -> bytes:
    """Return the next line that is neither blank nor a comment, empty at the end of the file."""
    while (line := lines.line()) is not None:
        if line and line[0] not in _COMMENTS:
            return line
    return b""
