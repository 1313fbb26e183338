"""Lines of numbers matched with their grammar, all lines of a text at once.

Each kind of character becomes a stream: one bit for each place in the text, packed in words of the
processor. A stream of cursors, one for each line, is moved over the text by a few operations on
whole streams; over a run of digits by an addition, whose carry comes out behind the run.

References
----------
R. D. Cameron, T. C. Shermer, A. Shriraman et al., Bitwise data parallelism in regular expression
matching, PACT 2014. DOI 10.1145/2628071.2628079.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ._numbers import LineForm

Stream = NDArray[np.uint64]

_PART_BYTES = 1 << 20  # whose streams stay in the cache
_BITS = 64
_ALL = ~np.uint64(0)
_ONE, _LAST = np.uint64(1), np.uint64(_BITS - 1)


def lines_of(text: bytes, form: LineForm) -> int | None:
    """Return how many lines there are, None if one is not of a form.

    One blank stands between numbers, and none elsewhere. Indices are digits alone; other whole
    numbers may have a "-", and others all that a decimal number has, its exponent behind "e" or
    "E", but no "+" before them: SciPy reads none.

    Parameters
    ----------
    text : bytes
        Whole lines, the last one ended.
    form : LineForm
    """
    lines, start = 0, 0
    while start < len(text):
        stop = text.rfind(b"\n", start, start + _PART_BYTES) + 1
        found = _matched(text[start:stop], form) if stop else None
        if found is None:
            return None
        lines += found
        start = stop
    return lines


def _matched(text: bytes, form: LineForm) -> int | None:
    kinds = _Kinds(text)
    if kinds.is_long:
        return None
    at = kinds.starts()
    for column in range(form.columns):
        if column:
            at = _next(at & kinds.space)
        if column < form.indices:
            at = _behind(at, kinds.digit)
        elif form.dtype.kind == "f":
            at = kinds.behind_decimals(at)
        else:
            at = kinds.behind_integers(at)
    return int(np.bitwise_count(at).sum()) if np.array_equal(at, kinds.end) else None


class _Kinds:
    """The streams of a text: where it has characters of each kind."""

    def __init__(self, text: bytes) -> None:
        self._text, self._codes = text, np.frombuffer(text, np.uint8)
        self.digit = _stream(self._codes - np.uint8(ord("0")) <= 9)
        self.is_long = bool((self.digit == _ALL).any())
        self.space, self.end = self._of(" "), self._of("\n")

    def starts(self) -> Stream:
        """Return the first place of each line."""
        starts = _next(self.end)
        starts[-1] &= ~(_ONE << np.uint64(len(self._text) % _BITS))
        starts[0] |= _ONE
        return starts

    def behind_integers(self, at: Stream) -> Stream:
        """Return the places behind whole numbers that begin at some, with a sign or without."""
        return _behind(_over(at, self._of("-")), self.digit)

    def behind_decimals(self, at: Stream) -> Stream:
        """Return the places behind decimal numbers that begin at some."""
        digit, point, minus = self.digit, self._of("."), self._of("-")
        power = self._of("e") | self._of("E")
        at = _over(at, minus)
        whole = _behind(at, digit)
        fraction = _next(whole & point)
        bare = _next(at & point)  # no digits before the point: some must follow
        mantissa = (whole & ~point) | _behind(fraction | bare, digit) | (fraction & ~digit)
        exponent = _behind(_over(_next(mantissa & power), minus | self._of("+")), digit)
        numbers: Stream = (mantissa & ~power) | exponent
        return numbers

    def _of(self, character: str) -> Stream:
        if character.encode() not in self._text:
            return np.zeros_like(self.digit)
        return _stream(self._codes == ord(character))


def _stream(mask: NDArray[np.bool_]) -> Stream:
    """Return a mask as a stream, the first place lowest in its word, with a place at the end."""
    bits = np.packbits(mask, bitorder="little")
    stream = np.zeros(len(mask) // _BITS + 1, "<u8")
    stream.view(np.uint8)[: len(bits)] = bits
    return stream


def _next(at: Stream) -> Stream:
    """Return the places after some."""
    after = at << _ONE
    after[1:] |= at[:-1] >> _LAST
    return after


def _over(at: Stream, kind: Stream) -> Stream:
    """Return places, each one further if it is of a kind."""
    return _next(at & kind) | (at & ~kind)


def _behind(at: Stream, kind: Stream) -> Stream:
    """Return the first places behind runs of a kind that some places are in; others are lost."""
    moved = at & kind
    moved += kind
    left = ~moved
    left &= kind  # of each run, what a cursor went over
    left >>= _LAST  # up to the end of a word: the cursor goes on in the next one
    moved[1:] += left[:-1]
    moved &= ~kind
    return moved
