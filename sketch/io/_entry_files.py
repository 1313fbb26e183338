"""Files of entries, one on each line, read in pieces: what their formats have in common."""

from __future__ import annotations

import functools
import itertools
import os
from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..backend.array import HostArray
from ..errors import StateFileError
from ..running.read_ahead import map_ahead, read_ahead
from ..sources import Entries
from ._numbers import (
    BadLineError,
    Indices,
    LineForm,
    Numbers,
    compiled_reader,
    entry_lines,
    joined,
    read_numbers,
)
from ._text_blocks import Block, TextBlocks

_PIECE_BYTES = 64_000_000  # of indices and values
BLOCK_BYTES = 1 << 24  # of text that is read at once
_AHEAD_BYTES = 1 << 21  # where others are read or worked on meanwhile
_PER_BYTE = 8  # bytes that a piece may take for each of its own, with what works on it
_SHORT = 2**31  # indices below it take half the bytes
_COMPILE_FROM = 16_000_000  # bytes of text; less is read before numba is even imported


class EntryFile(Entries):
    """A sparse matrix or tensor in a text file that is read a piece at a time.

    Entries come in no order and duplicates add up, like everywhere. Each number is checked to its
    last character: a file is read as it is meant, or refused with the line that is wrong.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    nnz : int
        Lines, as many as numbers stored.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    nnz: int
    _form: LineForm

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def pieces(self, limit: int | None = None) -> Iterator[Any]:
        """Yield `scipy.sparse.coo_array` of the whole shape, which sum up to the data.

        Parameters
        ----------
        limit : int, optional
            Bytes that a piece may take.
        """
        most = _PIECE_BYTES if limit is None else max(1, limit // _PER_BYTE)
        with TextBlocks(self.path) as lines:
            for indices, values in _gathered(self._entries(lines, min(most, BLOCK_BYTES)), most):
                yield self._placed(indices, values)

    def loaded(self) -> object:
        """Return the data in memory if they are one piece, else the file itself."""
        if not is_one_piece(self._nbytes()):
            return self
        pieces = list(self.pieces())
        none = np.empty((self.ndim, 0), np.int32), np.empty(0, self.dtype)
        return pieces[0] if pieces else self._placed(*none)

    def _nbytes(self) -> int:
        """Return the bytes that the entries take in memory."""
        index = np.dtype(np.int32 if max(self.shape) < _SHORT else np.int64)
        return self.nnz * (self.ndim * index.itemsize + self.dtype.itemsize)

    @abstractmethod
    def _entries(self, lines: TextBlocks, size: int) -> Iterator[Numbers]:
        """Yield indices, which count from 0, and values of blocks of lines of about a size.

        From the beginning of the file, and everything checked.
        """

    def _numbers(self, lines: TextBlocks, size: int) -> Iterator[tuple[Block, Indices, HostArray]]:
        """Yield blocks of lines with their indices, as they are written, and their values.

        The next blocks are read, unpacked and worked on while one is asked about.
        """
        compiled = lines.about() >= _COMPILE_FROM and compiled_reader() is not None
        read = functools.partial(self._read, lines, compiled)
        for block, (indices, values) in self._in_turn(read, lines, size, compiled):
            if len(values):
                yield block, indices, values

    def _in_turn(
        self, read: Callable[[Block], Numbers], lines: TextBlocks, size: int, compiled: bool
    ) -> Iterator[tuple[Block, Numbers]]:
        """Yield blocks with what is read in them.

        SciPy, where it reads, keeps Python's lock, and has threads of its own for large blocks.
        """
        if compiled:
            return map_ahead(read, lines.blocks(min(size, _AHEAD_BYTES)), os.cpu_count() or 1)
        if lines.compression and lines.about() > _AHEAD_BYTES:
            blocks = read_ahead(lines.blocks(min(size, _AHEAD_BYTES)))
        else:
            blocks = lines.blocks(size)
        return ((block, read(block)) for block in blocks)

    def _read(self, lines: TextBlocks, compiled: bool, block: Block) -> Numbers:
        try:
            return read_numbers(block.text, self._form, compiled=compiled, count=block.n_lines)
        except BadLineError as error:
            number = block.before + 1 + error.index
            raise lines.refuse(number, error.line, error.reason) from None

    def _refuse_where(self, bad: Any, block: Block, lines: TextBlocks, reason: str) -> None:
        """Raise an error for the first line of a block whose entry is bad."""
        if bad.any():
            entry = int(bad.argmax())
            found = itertools.islice(entry_lines(block.text, self._form.comments), entry, None)
            index, line = next(found)
            raise lines.refuse(block.before + 1 + index, line, reason)

    def _placed(self, indices: Indices, values: HostArray) -> object:
        """Return entries as a sparse array."""
        import scipy.sparse

        return scipy.sparse.coo_array((values, tuple(indices)), shape=self.shape)


def is_one_piece(nbytes: int) -> bool:
    """Whether indices and values of so many bytes are held in memory."""
    return nbytes <= _PIECE_BYTES


def from_zero(indices: Indices, first: int) -> Indices:
    """Return indices that count from `first` as those of a sparse array; the given ones change."""
    indices -= first
    return indices.astype(np.int32, copy=False) if indices.max(initial=0) < _SHORT else indices


def _gathered(parts: Iterator[Numbers], most: int) -> Iterator[Numbers]:
    """Yield the entries in pieces of about so many bytes."""
    held = list[Numbers]()
    taken = 0
    for part in parts:
        held.append(part)
        taken += part[0].nbytes + part[1].nbytes
        if taken >= most:
            yield joined(held)
            held, taken = [], 0
    if held:
        yield joined(held)


def wrong_count(path: str, promised: int, found: str) -> StateFileError:
    """Return the error of a file that has more or fewer entries than its head says."""
    return StateFileError(
        f"{path}: its head promises {promised} entries, {found}; the file is truncated or damaged"
    )
