"""Lines of numbers, read strictly: what is not wholly a number is refused, never read in part."""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend.array import HostArray
from ._plain_numbers import read_plain
from ._text_blocks import line_ends, trimmed, words_of

_INDEX = re.compile(rb"\+?[0-9]+|-0+")
_INTEGER = re.compile(rb"[+-]?[0-9]+")
_REAL = re.compile(
    rb"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[ed][+-]?[0-9]+)?|nan|inf(?:inity)?)", re.IGNORECASE
)
_SMALL = 1 << 16  # bytes that are read line by line at once

Indices = NDArray[np.integer]  # shape (axes, p), of p entries
Numbers = tuple[Indices, HostArray]  # with their values


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
    dtype: np.dtype[np.generic]
    comments: bytes = b"%"

    @property
    def columns(self) -> int:
        """Numbers on a line."""
        return self.indices + self.values


Reader = Callable[[bytes, LineForm, int], Numbers | None]


class BadLineError(ValueError):
    """A line that is not of its form; `index` counts lines from 0."""

    def __init__(self, index: int, line: bytes, reason: str) -> None:
        super().__init__(index, line, reason)
        self.index, self.line, self.reason = index, line, reason


def read_numbers(
    text: bytes, form: LineForm, *, compiled: bool, count: int | None = None
) -> Numbers:
    """Return indices (form.indices, p) and values (p, form.values) of p lines.

    Blank lines and comments hold no entry.

    Parameters
    ----------
    text : bytes
        Whole lines, the last one ended.
    form : LineForm
    compiled : bool
        Whether so much is to be read that a compiled reader pays.
    count : int, optional
        How many lines they are, where this is known.

    Raises
    ------
    BadLineError
        For the first line that is not of the form.
    """
    reader = (compiled and compiled_reader()) or read_plain
    return _read_block(text, form, reader, line_ends(text) if count is None else count)


def joined(parts: Sequence[Numbers]) -> Numbers:
    """Return the numbers of all lines together."""
    if len(parts) == 1:
        return parts[0]
    indices, values = zip(*parts, strict=True)
    return np.concatenate(indices, axis=1), np.concatenate(values)


def entry_lines(text: bytes, comments: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the lines with entries, each with its index."""
    for index, line in enumerate(text.split(b"\n")):
        line = trimmed(line)
        if line and line[0] not in comments:
            yield index, line


@functools.cache
def compiled_reader() -> Reader | None:
    """Return the compiled reader where numba is installed."""
    if importlib.util.find_spec("numba") is None:
        return None
    try:
        from ._compiled_numbers import read_compiled
    except ImportError:  # it does not fit this NumPy, or is told not to compile
        return None
    return read_compiled


def _read_block(text: bytes, form: LineForm, reader: Reader, count: int) -> Numbers:
    """Read lines at once, the few that are odd in a file one by one."""
    found = reader(text, form, count)
    if found is not None and found[0].min(initial=0) >= 0:
        return found
    half = text.find(b"\n", len(text) // 2) + 1
    if len(text) < _SMALL or half == len(text):
        return _read_by_line(text, form)
    above = line_ends(text[:half])
    first = _read_block(text[:half], form, reader, above)
    try:
        rest = _read_block(text[half:], form, reader, count - above)
    except BadLineError as error:
        raise BadLineError(error.index + above, error.line, error.reason) from None
    return joined([first, rest])


def _read_by_line(text: bytes, form: LineForm) -> Numbers:
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
        np.array(indices, np.int64).reshape(len(indices), form.indices).T,
        np.array(values, form.dtype).reshape(len(values), form.values),
    )


def _value(word: bytes, dtype: np.dtype[np.generic]) -> float | int:
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
