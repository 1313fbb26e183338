"""Text files, plain or compressed, as blocks of whole lines that know their number."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import zlib
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

import numpy as np

from ..errors import StateFileError

_LONGEST_LINE = 1_000_000  # bytes; the Matrix Market format ends lines at 1024
_LONGEST_HEAD = 1_000_000  # lines before the first entry
_USUAL_RATE = 3  # of compression, of numbers
_COMPRESSIONS: dict[bytes, tuple[str, Callable[[str, str], object]]] = {
    b"\x1f\x8b": ("gzip", gzip.open),
    b"BZh": ("bzip2", bz2.open),
    b"\xfd7zXZ\x00": ("xz", lzma.open),
}
_DAMAGE = (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError)


class Block(NamedTuple):
    """Whole lines, the number of the line before them, and how many they are."""

    before: int
    text: bytes
    n_lines: int


class TextBlocks:
    """The lines of a file, singly or in blocks; what they are compressed by shows in the content.

    Attributes
    ----------
    path : str
    number : int
        Lines read so far: the number of the last one, counted from 1.
    compression : str
        "gzip", "bzip2", "xz" or "" for none.
    """

    def __init__(self, path: str) -> None:
        self.path, self.number = path, 0
        self.compression = _compression(path)[0]
        self._pending: list[bytes] = []
        self._file = open_text(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def line(self) -> bytes | None:
        """Return the next line without its end and surrounding blanks, None after the last."""
        line = self._pending.pop() if self._pending else self._whole_line(b"")
        self.number += bool(line)
        if self.number > _LONGEST_HEAD:
            raise StateFileError(f"{self.path}: no entry within the first {_LONGEST_HEAD:,} lines")
        return trimmed(line.removesuffix(b"\n")) if line else None

    def put_back(self, line: bytes) -> None:
        """Have a line that `line` gave come once more."""
        self._pending.append(line + b"\n")
        self.number -= 1

    def blocks(self, size: int) -> Iterator[Block]:
        """Yield whole lines of about `size` bytes together, the last one ended like the others."""
        while text := b"".join(self._pending) + self._read(size):
            self._pending = []
            text = self._whole_line(text)
            count = line_ends(text) + (not text.endswith(b"\n"))
            yield Block(self.number, text if text.endswith(b"\n") else text + b"\n", count)
            self.number += count

    def room(self) -> float:
        """Return an upper bound of the bytes of text that the file can hold."""
        most = {"": 1, "gzip": 1032}.get(self.compression, float("inf"))  # deflate's highest rate
        return most * os.path.getsize(self.path)

    def about(self) -> int:
        """Return about how many bytes of text the file holds."""
        return os.path.getsize(self.path) * (_USUAL_RATE if self.compression else 1)

    def refuse(self, number: int, line: bytes, reason: str) -> StateFileError:
        """Return the error for a line."""
        shown = line[:60].decode("ascii", "backslashreplace")
        return StateFileError(f"{self.path}, line {number}: {shown!r}: {reason}")

    def _whole_line(self, text: bytes) -> bytes:
        """Return text that has begun together with the rest of its line."""
        if text.endswith(b"\n"):
            return text
        text += self._read(_LONGEST_LINE, self._file.readline)
        if len(text) - text.rfind(b"\n") > _LONGEST_LINE and not text.endswith(b"\n"):
            raise StateFileError(
                f"{self.path}, line {self.number + text.count(bytes([10])) + 1}: longer than "
                f"{_LONGEST_LINE:,} bytes; this is no text file of lines with an entry each"
            )
        return text

    def _read(self, size: int, read: Callable[[int], bytes] | None = None) -> bytes:
        try:
            return (read or self._file.read)(size)
        except _DAMAGE as error:
            raise StateFileError(
                f"{self.path}: cannot be read on after line {self.number} ({error}); the "
                f"{self.compression or 'file'} data are cut off or damaged"
            ) from error


def line_ends(text: bytes) -> int:
    """Return how many lines end in a text."""
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord("\n")))


def trimmed(line: bytes) -> bytes:
    """Return a line without the spaces and tabs around it, and the return at its end."""
    return line.removesuffix(b"\r").strip(b" \t")


def words_of(line: bytes) -> list[bytes]:
    """Return the words of a trimmed line."""
    return re.split(rb"[ \t]+", line) if line else []


def open_text(path: str) -> IO[bytes]:
    """Open a file for reading what it holds before compression."""
    file: IO[bytes] = _compression(path)[1](path, "rb")
    return file


def _compression(path: str) -> tuple[str, Callable[[str, str], Any]]:
    """Return the name of a compression, which the first bytes tell, and what opens it."""
    with open(path, "rb") as file:
        start = file.read(8)
    found = (known for magic, known in _COMPRESSIONS.items() if start.startswith(magic))
    return next(found, ("", open))
