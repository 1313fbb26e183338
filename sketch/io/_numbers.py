"""Lines of numbers, read strictly: what is not wholly a number is refused, never read in part."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend.array import HostArray
from ._plain_numbers import read_plain
from ._text_blocks import trimmed, words_of

_INDEX = re.compile(rb"\+?[0-9]+|-0+")
_INTEGER = re.compile(rb"[+-]?[0-9]+")
_REAL = re.compile(
    rb"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[ed][+-]?[0-9]+)?|nan|inf(?:inity)?)", re.IGNORECASE
)
_COMPILE_FROM = 16_000_000  # bytes; less is read before numba is even imported
_PLAIN_BLOCK, _COMPILED_BLOCK = 1 << 20, 1 << 22  # bytes that are read at once
_SMALL = 1 << 16  # bytes that are read line by line at once

Out = tuple[NDArray[np.int64], HostArray]  # a line each: indices, values
Reader = Callable[[bytes, NDArray[np.int64], HostArray], int | None]


@dataclass(frozen=True)
class LineForm:
    """What stands on each line.

    Attributes
    ----------
    indices : int
        Whole numbers that are not negative.
    values : int
        Numbers after them.
    dtype : numpy.dtype
        Of the values: int64, uint64 or float64.
    comments : bytes
        Marks, with one of which lines begin that hold no numbers.
    """

    indices: int
    values: int
    dtype: np.dtype[Any]
    comments: bytes = b"%"

    @property
    def columns(self) -> int:
        """Numbers on a line."""
        return self.indices + self.values


class BadLineError(ValueError):
    """A line that is not of its form; `index` counts lines from 0."""

    def __init__(self, index: int, line: bytes, reason: str) -> None:
        super().__init__(index, line, reason)
        self.index, self.line, self.reason = index, line, reason


def read_numbers(text: bytes, form: LineForm) -> tuple[NDArray[np.int64], HostArray]:
    """Return indices (p, form.indices) and values (p, form.values) of p lines.

    Blank lines and comments hold no entry.

    Raises
    ------
    BadLineError
        For the first line that is not of the form.
    """
    compiled = _compiled_reader() if len(text) >= _COMPILE_FROM else None
    cuts = list(_cuts(text, _PLAIN_BLOCK if compiled is None else _COMPILED_BLOCK))
    codes = np.frombuffer(text, np.uint8)
    counts = [int(np.count_nonzero(codes[a:b] == ord("\n"))) for a, b in cuts]
    starts = [0, *itertools.accumulate(counts)]
    indices = np.empty((starts[-1], form.indices), np.int64)
    values = np.empty((starts[-1], form.values), form.dtype)
    outs = [(indices[a:b], values[a:b]) for a, b in itertools.pairwise(starts)]
    block = functools.partial(_read_block, text, form, compiled or read_plain)
    if compiled is None:
        entries = list(map(block, cuts, outs))
    else:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            entries = list(threads.map(block, cuts, outs))
    if entries == counts:
        return indices, values
    parts = zip(outs, entries, strict=True)  # lines without entries leave gaps
    held = [(i[:count], v[:count]) for (i, v), count in parts]
    return np.concatenate([i for i, _ in held]), np.concatenate([v for _, v in held])


def entry_lines(text: bytes, comments: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the lines with entries, each with its index."""
    for index, line in enumerate(text.split(b"\n")):
        line = trimmed(line)
        if line and line[0] not in comments:
            yield index, line


@functools.cache
def _compiled_reader() -> Reader | None:
    """Return the compiled reader where numba is installed."""
    if importlib.util.find_spec("numba") is None:
        return None
    try:
        from ._compiled_numbers import read_compiled
    except ImportError:  # it does not fit this NumPy, or is told not to compile
        return None
    return read_compiled


def _cuts(text: bytes, size: int) -> Iterator[tuple[int, int]]:
    """Yield where blocks of whole lines begin and end; one for no text."""
    start = 0
    while True:
        stop = text.find(b"\n", start + size) + 1 or len(text)
        yield start, stop
        if stop == len(text):
            return
        start = stop


def _read_block(text: bytes, form: LineForm, reader: Reader, cut: tuple[int, int], out: Out) -> int:
    """Read the lines between two places, the few that are odd in a file one by one.

    Return how many entries they hold.
    """
    start, stop = cut
    block = text[start:stop]
    found = reader(block, *out)
    if found is not None and out[0][:found].min(initial=0) >= 0:
        return found
    half = block.find(b"\n", len(block) // 2) + 1
    if len(block) >= _SMALL and half < len(block):
        first = _read_block(text, form, reader, (start, start + half), out)
        rest = out[0][first:], out[1][first:]
        return first + _read_block(text, form, reader, (start + half, stop), rest)
    try:
        indices, values = _read_by_line(block, form)
    except BadLineError as error:
        index = error.index + text.count(b"\n", 0, start)
        raise BadLineError(index, error.line, error.reason) from None
    out[0][: len(indices)], out[1][: len(values)] = indices, values
    return len(values)


def _read_by_line(text: bytes, form: LineForm) -> tuple[NDArray[np.int64], HostArray]:
    """Read with a regular expression, line by line: the grammar itself, for all that is odd."""
    indices: list[list[int]] = []
    values: list[list[float | int]] = []
    for at, line in entry_lines(text, form.comments):
        words = words_of(line)
        try:
            if len(words) != form.columns:
                raise ValueError(f"expected {form.columns} numbers, found {len(words)}")
            indices.append([_integer(w, _INDEX, np.int64) for w in words[: form.indices]])
            values.append([_value(w, form.dtype) for w in words[form.indices :]])
        except ValueError as error:
            raise BadLineError(at, line, str(error)) from None
    return (
        np.array(indices, np.int64).reshape(len(indices), form.indices),
        np.array(values, form.dtype).reshape(len(values), form.values),
    )


def _value(word: bytes, dtype: np.dtype[Any]) -> float | int:
    if dtype.kind != "f":
        return _integer(word, _INTEGER, dtype)
    if not _REAL.fullmatch(word):
        raise ValueError(f"{_shown(word)} is no number")
    return float(word.lower().replace(b"d", b"e"))


def _integer(word: bytes, form: re.Pattern[bytes], dtype: Any) -> int:
    if not form.fullmatch(word):
        raise ValueError(f"{_shown(word)} is no {'index' if form is _INDEX else 'whole number'}")
    limits, digits = np.iinfo(dtype), len(word.lstrip(b"+-0"))
    number = int(word) if digits < 25 else limits.max + 1
    if not limits.min <= number <= limits.max:
        raise ValueError(f"{_shown(word)} is beyond {limits.bits} bits")
    return number


def _shown(word: bytes) -> str:
    return repr(word[:40].decode("ascii", "backslashreplace"))
