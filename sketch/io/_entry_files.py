"""Files of entries, one on each line, read in pieces: what their formats have in common."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend.array import HostArray
from ..errors import StateFileError
from ..running.read_ahead import read_ahead
from ..sources import Entries
from ._numbers import BadLineError, LineForm, entry_lines, read_numbers
from ._text_blocks import Block, TextBlocks

_PIECE_BYTES = 64_000_000  # of text
_PER_TEXT_BYTE = 8  # bytes that a piece takes in memory for each byte of its text


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
    dtype: np.dtype[Any]
    nnz: int
    _form: LineForm

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @abstractmethod
    def pieces(self, limit: int | None = None) -> Iterator[Any]:
        """Yield `scipy.sparse.coo_array` of the whole shape, which sum up to the data.

        Parameters
        ----------
        limit : int, optional
            Bytes that a piece may take.
        """

    def loaded(self) -> object:
        """Return the data in memory if they are one piece, else the file itself."""
        first = list(itertools.islice(self.pieces(), 2))
        if not first:
            none = np.empty((0, self.ndim), np.int64)
            return self._placed(none, np.empty(0, self.dtype))
        return first[0] if len(first) == 1 else self

    def _numbers(
        self, lines: TextBlocks, limit: int | None
    ) -> Iterator[tuple[Block, NDArray[np.int64], HostArray]]:
        """Yield blocks of lines with their indices, as they are written, and their values.

        The next block is read, and what is compressed unpacked, while one is worked on.
        """
        size = _PIECE_BYTES if limit is None else max(1, limit // _PER_TEXT_BYTE)
        for block in read_ahead(lines.blocks(size)):
            try:
                indices, values = read_numbers(block.text, self._form)
            except BadLineError as error:
                number = block.before + 1 + error.index
                raise lines.refuse(number, error.line, error.reason) from None
            if len(indices):
                yield block, indices, values

    def _refuse_where(self, bad: Any, block: Block, lines: TextBlocks, reason: str) -> None:
        """Raise an error for the first line of a block whose entry is bad."""
        if bad.any():
            entry = int(bad.argmax())
            found = itertools.islice(entry_lines(block.text, self._form.comments), entry, None)
            index, line = next(found)
            raise lines.refuse(block.before + 1 + index, line, reason)

    def _placed(self, indices: NDArray[np.int64], values: HostArray, first: int = 0) -> object:
        """Return entries, whose indices count from `first`, one row each, as a sparse array."""
        import scipy.sparse

        dtype: Any = np.int32 if max(self.shape) < 2**31 else np.int64
        coords: Any = tuple(column.astype(dtype) - dtype(first) for column in indices.T)
        return scipy.sparse.coo_array((values, coords), shape=self.shape)


def is_several_pieces(text: float) -> bool:
    """Whether about so many bytes of text are surely more than a piece."""
    return text > 1.1 * _PIECE_BYTES


def wrong_count(path: str, promised: int, found: str) -> StateFileError:
    """Return the error of a file that has more or fewer entries than its head says."""
    return StateFileError(
        f"{path}: its head promises {promised} entries, {found}; the file is truncated or damaged"
    )
