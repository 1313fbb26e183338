"""Lines of numbers as programs write them: matched with their grammar, converted by SciPy.

SciPy reads a number up to the first odd character and leaves the rest of its line; so it is given
only what has been checked to the last byte. What is written oddly is left to others.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from ._line_grammar import lines_of

if TYPE_CHECKING:
    from ._numbers import LineForm, Numbers

_EXACT = 2**53  # integers up to here are exact as doubles
_LARGEST = 2**31 - 1  # of the indices that SciPy keeps in 32 bits
_AT_ONCE = 1 << 16  # bytes that are copied for SciPy
_LIKE_E = bytes.maketrans(b"Dd\t", b"ee ")
_DROPPED = b"\xff"  # in the place of what is taken out; in no text of numbers
_PART_BYTES = 1 << 18  # that are tidied at once, in the cache
_FIELDS = {"f": "real", "i": "integer", "u": "unsigned-integer"}
_ENTRIES = {(2, 1, kind): field for kind, field in _FIELDS.items()}
_ENTRIES |= {(2, 0, "f"): "pattern", (2, 2, "f"): "complex"}  # indices, values and their dtype


def read_plain(text: bytes, form: LineForm, at_most: int) -> Numbers | None:
    """Return indices and values of all lines, None if the text is not plain."""
    returns = b"\r" in text
    while (lines := lines_of(text, form)) is None:
        text, known = _tidied(text, returns), text
        if text is known:
            return None
        returns = False  # a line has one return at most
    if lines == 0:  # SciPy would divide by it
        return np.empty((form.indices, 0), np.int64), np.empty((0, form.values), form.dtype)
    field = _ENTRIES.get((form.indices, form.values, form.dtype.kind))
    found = _entries(text, lines, form, field) if field else None
    return found or _table(text, lines, form)


def _tidied(text: bytes, returns: bool) -> bytes:
    """Return the same numbers with less around and between them, the text itself if it is bare.

    As a rule one blank or line end is left between them, and no "+" before them.
    """
    if _DROPPED in text:
        return text
    parts, start = [], 0
    changed = any(mark in text for mark in (b"D", b"d", b"\t"))
    if changed:
        text = text.translate(_LIKE_E)
    while start < len(text):
        stop = text.find(b"\n", start + _PART_BYTES) + 1 or len(text)
        part = b"\n" + text[start:stop]
        parts.append(_without_idle(part, returns)[1:])
        changed |= len(parts[-1]) < stop - start
        start = stop
    return b"".join(parts) if changed else text


def _without_idle(text: bytes, returns: bool) -> bytes:
    """Return a text without characters that mean nothing where they stand.

    These are blanks before others or before a line end, blanks and line ends behind a line end,
    returns before one (where they are asked for), and "+" where a number begins. Of several in a
    row some may be left.
    """
    codes = np.frombuffer(text, np.uint8)
    blank, end = codes == ord(" "), codes == ord("\n")
    gap = blank | end
    idle = np.zeros(len(codes), bool)
    idle[:-1] = blank[:-1] & gap[1:]
    idle[1:] |= gap[1:] & end[:-1]
    if returns:
        idle[:-1] |= (codes[:-1] == ord("\r")) & end[1:]
    if b"+" in text:
        begins = (codes[2:] - np.uint8(ord("0")) <= 9) | (codes[2:] == ord("."))
        idle[1:-1] |= (codes[1:-1] == ord("+")) & gap[:-2] & begins
    if not idle.any():
        return text
    marked = codes | idle.view(np.uint8) * np.uint8(_DROPPED[0])
    return marked.tobytes().translate(None, _DROPPED)


def _entries(text: bytes, lines: int, form: LineForm, field: str) -> Numbers | None:
    """Return lines of two indices from 1 on, None if there are others or a number is too large."""
    found = _converted(f"coordinate {field} general\n{_LARGEST} {_LARGEST} {lines}", text)
    if found is None:
        return None
    values = found.data.view(form.dtype).reshape(lines, -1)
    indices = np.stack(found.coords)
    indices += 1
    return indices, values[:, : form.values]


def _table(text: bytes, lines: int, form: LineForm) -> Numbers | None:
    """Return lines of any numbers, None if one does not fit its type."""
    codes = np.frombuffer(text, np.uint8)
    blank = (codes == ord(" ")).view(np.uint8)
    column = codes ^ (blank * np.uint8(ord(" ") ^ ord("\n")))  # each on its own line
    field = _FIELDS[form.dtype.kind if form.values else "i"]
    numbers = _converted(f"array {field} general\n{lines * form.columns} 1", column.tobytes())
    if numbers is None:
        return None
    if field == "real" and not numbers.all():  # SciPy adds to zeros, which loses the sign of -0
        first = np.flatnonzero(column == ord("\n"))[:-1] + 1
        negative = codes[np.concatenate([[0], first])] == ord("-")
        numbers = np.copysign(numbers.ravel(), 0.5 - negative)
    table = numbers.reshape(lines, form.columns)
    whole = table[:, : form.indices]
    if field == "real" and whole.max(initial=0) >= _EXACT:
        return None
    return whole.T.astype(np.int64, "C"), table[:, form.indices :].astype(form.dtype)


def _converted(head: str, text: bytes) -> Any:
    """Return what SciPy reads in checked text, None if a number does not fit its type."""
    import scipy.io

    file = io.BufferedReader(_Joined(f"%%MatrixMarket matrix {head}\n".encode(), text), _AT_ONCE)
    try:
        return scipy.io.mmread(file, spmatrix=False)
    except (ValueError, OverflowError):
        return None


class _Joined(io.RawIOBase):
    """A file of texts that are not copied together."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = [memoryview(part) for part in parts if part]

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, room: Any) -> int:
        """Copy as much of a part as there is room for, and return how much that is."""
        if not self._parts:
            return 0
        part = self._parts.pop(0)
        size = min(len(part), len(room))
        room[:size] = part[:size]
        if size < len(part):
            self._parts.insert(0, part[size:])
        return size
