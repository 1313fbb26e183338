"""Files of entries, one on each line, read in pieces: Matrix Market and FROSTT, gzip included."""

from __future__ import annotations

import gzip
import io
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from ..errors import StateFileError

_PIECE_BYTES = 64_000_000  # of text
_PER_TEXT_BYTE = 4  # bytes that a piece takes in memory for each byte of its text


class EntryFile(ABC):
    """A sparse matrix or tensor in a text file that is read a piece at a time.

    Entries come in no order and duplicates add up, like everywhere.

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
    _promised: int | None = None  # lines, where the head of the file tells

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
        size = _PIECE_BYTES if limit is None else max(1, limit // _PER_TEXT_BYTE)
        lines = 0
        with open_text(self.path) as file:
            self._skip_head(file)
            for text in _texts(file, size):
                lines += text.count(b"\n")
                yield self._parse(text)
        if self._promised not in (None, lines):
            raise StateFileError(
                f"{self.path}: its head promises {self._promised} entries, {lines} lines follow; "
                "the file is truncated or damaged"
            )

    @abstractmethod
    def _skip_head(self, file: IO[bytes]) -> None:
        """Read what comes before the entries."""

    @abstractmethod
    def _parse(self, text: bytes) -> Any:
        """Return the entries of some lines."""


class MatrixMarketFile(EntryFile):
    """A sparse matrix in a Matrix Market file."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        with open_text(path) as file:
            self._skip_head(file)

    def _skip_head(self, file: IO[bytes]) -> None:
        self._banner = line = file.readline()
        while line.startswith(b"%") or not line.strip():
            if not line:
                raise StateFileError(f"{self.path}: no line with the sizes")
            line = file.readline()
        rows, columns, self.nnz = map(int, line.split())
        self.shape, self._promised = (rows, columns), self.nnz
        self.dtype = np.dtype(np.complex128 if b"complex" in self._banner else np.float64)

    def _parse(self, text: bytes) -> Any:
        import scipy.io

        rows, columns = self.shape
        head = b"%d %d %d\n" % (rows, columns, text.count(b"\n"))
        return scipy.io.mmread(io.BytesIO(self._banner + head + text), spmatrix=False)


class CoordinateFile(EntryFile):
    """A sparse tensor in a FROSTT file: indices from 1 and a value on each line.

    The shape is not written there: the file is gone through once to find it.
    """

    dtype = np.dtype(np.float64)

    def __init__(self, path: str) -> None:
        super().__init__(path)
        largest: Any = 0
        self.nnz = 0
        with open_text(path) as file:
            for text in _texts(file, _PIECE_BYTES):
                indices, values = self._entries(text)
                self.nnz += values.size
                if values.size:
                    largest = np.maximum(largest, indices.max(axis=0))
        if not self.nnz:
            raise StateFileError(f"{path}: expected lines of indices and a value, found none")
        self.shape = tuple(int(n) + 1 for n in largest)

    def _skip_head(self, file: IO[bytes]) -> None:
        pass

    def _parse(self, text: bytes) -> Any:
        import scipy.sparse

        indices, values = self._entries(text)
        return scipy.sparse.coo_array((values, tuple(indices.T)), shape=self.shape)

    def _entries(self, text: bytes) -> tuple[Any, Any]:
        """Return indices from 0, shape (p, d), and values (p,)."""
        lines = np.loadtxt(io.BytesIO(text), comments=["#", "%"], ndmin=2)
        if lines.size and lines.shape[1] < 2:
            raise StateFileError(f"{self.path}: expected indices and a value on each line")
        indices = lines[:, :-1].astype(np.int64) - 1
        if not np.array_equal(indices + 1, lines[:, :-1]) or indices.min(initial=0) < 0:
            raise StateFileError(f"{self.path}: indices must be integers of at least 1")
        return indices, lines[:, -1]


def whole_if_small(file: EntryFile) -> Any:
    """Return the `coo_array` of a file that is one piece, else the file."""
    pieces = file.pieces()
    first = next(pieces, None)
    second = next(pieces, None)
    pieces.close()  # type: ignore[attr-defined]
    return file if first is None or second is not None else first


def open_text(path: str) -> IO[bytes]:
    """Open a file that may be compressed by gzip."""
    return gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")  # type: ignore[return-value]


def _texts(file: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield whole lines of about `size` bytes together, the last one ended like the others."""
    while text := file.read(size):
        text = (text + file.readline()).strip()
        if text:
            yield text + b"\n"
