"""Lines of numbers as programs write them: checked by array operations, converted by SciPy.

SciPy reads a number up to the first odd character and leaves the rest of its line; so it is given
only what has been checked to the last byte. What is written oddly is left to others.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..backend.array import HostArray
from ._text_blocks import line_ends

if TYPE_CHECKING:
    from ._numbers import LineForm, Numbers

_EXACT = 2**53  # integers up to here are exact as doubles
_LIKE_E = bytes.maketrans(b"DdE\t", b"eee ")


def _allowed_pairs() -> NDArray[np.bool_]:
    """Return which two characters that are no digits may stand side by side."""
    allowed = np.zeros((256, 256), bool)
    for before, after in ((b" \n", b"+-."), (b"+-", b"."), (b".", b" \ne"), (b"e", b"+-")):
        allowed[np.ix_(list(before), list(after))] = True
    return allowed


_PAIRS = _allowed_pairs()


def read_plain(text: bytes, form: LineForm, at_most: int) -> Numbers | None:
    """Return indices and values of all lines, None if the text is not plain."""
    text = _tidied(text)
    whole, columns = form.indices, form.columns
    real = form.dtype.kind == "f" and form.values > 0
    lines = line_ends(text) - 1  # without blank ones
    if not (_are_numbers(text) and _are_laid_out(text, columns, whole if real else columns)):
        return None
    kind = "real" if real else "unsigned-integer" if form.dtype.kind == "u" else "integer"
    numbers = _converted(text, lines * columns, kind)
    if numbers is None:
        return None
    table = numbers.reshape(lines, columns)
    if real and table[:, :whole].max(initial=0) >= _EXACT:
        return None
    return table[:, :whole].T.astype(np.int64, "C"), table[:, whole:].astype(form.dtype)


def _tidied(text: bytes) -> bytes:
    """Return the same numbers with one blank or line end between them."""
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if any(mark in text for mark in (b"D", b"d", b"E", b"\t")):
        text = text.translate(_LIKE_E)
    text = b"\n" + text
    if b"+" in text:
        text = re.sub(rb"(?<=[ \n])\+(?=[0-9.])", b"", text)
    if not _doubled(text).any():
        return text
    while b" \n" in text:
        text = text.replace(b" \n", b"\n")
    codes = np.frombuffer(text, np.uint8)
    return bytes(codes[np.concatenate([[True], ~_doubled(text)])])


def _doubled(text: bytes) -> NDArray[np.bool_]:
    """Return where blanks and line ends follow others, from the second character on."""
    codes = np.frombuffer(text, np.uint8)
    gaps = (codes == ord(" ")) | (codes == ord("\n"))
    doubled: NDArray[np.bool_] = gaps[1:] & gaps[:-1]
    return doubled


def _are_numbers(text: bytes) -> bool:
    """Whether neighbours fit everywhere: signs, points and exponents have their digits."""
    codes = np.frombuffer(text, np.uint8)
    digit = (codes - np.uint8(48)) <= 9
    other = ~digit
    at = np.flatnonzero(other[1:] & other[:-1])
    if not _PAIRS[codes[at], codes[at + 1]].all():
        return False
    lone = at[1:][at[1:] - at[:-1] == 1]  # between two that are no digits
    sign = (codes == ord("-")) | (codes == ord("+"))
    return not ((codes[lone] == ord(".")).any() or (sign[1:] & digit[:-1]).any())


def _are_laid_out(text: bytes, columns: int, indices: int) -> bool:
    """Whether lines have as many words as they should, each with a point and an exponent at most.

    The first words of a line must have neither.
    """
    marks = text.translate(None, b"0123456789+-")
    if b".." in marks or b"e." in marks or b"ee" in marks:
        return False
    gaps = marks.translate(None, b".e")
    if gaps != b"\n" + (b" " * (columns - 1) + b"\n") * (len(gaps) // columns):
        return False
    codes = np.frombuffer(marks, np.uint8)
    is_gap = codes <= 32
    word = np.cumsum(is_gap)[~is_gap] - 1
    return not (word % columns < indices).any()


def _converted(text: bytes, count: int, kind: str) -> HostArray | None:
    """Return the numbers of checked text, None if one does not fit its type."""
    import scipy.io

    if count == 0:  # SciPy would divide by it
        return np.empty(0)
    codes = np.frombuffer(text, np.uint8)
    blank = (codes == ord(" ")).view(np.uint8)
    column = (codes ^ (blank * np.uint8(ord(" ") ^ ord("\n")))).tobytes()  # each on its own line
    head = f"%%MatrixMarket matrix array {kind} general\n{count} 1".encode()
    try:
        return np.asarray(scipy.io.mmread(io.BytesIO(head + column), spmatrix=False))
    except (ValueError, OverflowError):
        return None
