"""Lines of numbers, compiled by numba. Imported only where it pays.

Digits are taken eight at a time, as one word of the processor. A decimal ``w 10^q`` with up to 19
digits is rounded once, from its product with 128 bits of a power of five, which are enough. Of
longer ones the first 19 digits decide, where they can; the others are left to Python. So every
number is the double nearest to what is written.

References
----------
D. Lemire, Number parsing at a gigabyte per second, Software: Practice and Experience 51(8), 2021.
DOI 10.1002/spe.2984, arXiv:2101.11408. N. Mushtak, D. Lemire, Fast number parsing without
fallback, Software: Practice and Experience 53(7), 2023. DOI 10.1002/spe.3198, arXiv:2212.06644.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

if TYPE_CHECKING:
    from ._numbers import LineForm, Numbers

if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
    raise ImportError("loops are not compiled under NUMBA_DISABLE_JIT")
if sys.byteorder != "little":
    raise ImportError("words of eight digits are read with the first one lowest")

_jit = numba.njit(nogil=True, error_model="numpy")  # into `read_lines`, which is kept
_MOST_DOUBTFUL = 50  # of as many lines

_LEAST, _LARGEST = -342, 308  # below q all is nearest to 0, above it infinite
_MOST_DIGITS = 19  # of a whole number that fits 64 bits for certain
_TENS = 10 ** np.arange(9, dtype=np.uint64)
_SPACE, _TAB, _NEWLINE, _RETURN = 32, 9, 10, 13
_PLUS, _MINUS, _POINT, _ZERO = 43, 45, 46, 48
# places have no sign: those that do might count from the end, and are asked
_NONE, _ONE, _EIGHT, _TEN = (np.uint64(k) for k in (0, 1, 8, 10))  # no number ends at place 0
_IN_EACH = 0x0101010101010101  # of eight bytes
_ZEROS, _ABOVE_NINE, _HIGHEST = (np.uint64(byte * _IN_EACH) for byte in (_ZERO, 0x76, 0x80))
_PAIRS = np.uint64(0x000000FF000000FF)
_EVEN_PAIRS, _ODD_PAIRS = np.uint64(100 + (10**6 << 32)), np.uint64(1 + (10**4 << 32))
_INFINITE = np.uint64(0x7FF << 52)


def _five_power(q: int) -> int:
    """Return the first 128 bits of ``5^q``: rounded down, of reciprocals up."""
    power: int = 5 ** abs(q)
    if q >= 0:
        return power << 128 >> power.bit_length()
    return (1 << (127 + power.bit_length())) // power + 1


_FIVES = [_five_power(q) for q in range(_LEAST, _LARGEST + 1)]
_UPPER = np.array([power >> 64 for power in _FIVES], np.uint64)
_LOWER = np.array([power & (2**64 - 1) for power in _FIVES], np.uint64)

Step = Callable[[ir.IRBuilder, Sequence[ir.Value]], ir.Value]


def _word_step(step: Step, operands: int) -> Any:
    """Return the function of words of 64 bits that is one step of the processor."""

    def code(context: object, builder: ir.IRBuilder, signature: object, words: Any) -> ir.Value:
        return step(builder, words)

    signature = types.uint64(*[types.uint64] * operands)
    if operands == 1:
        return intrinsic(lambda typing, a: (signature, code))
    return intrinsic(lambda typing, a, b: (signature, code))


def _wide(builder: ir.IRBuilder, words: Sequence[ir.Value]) -> ir.Value:
    """Return the upper half of a product."""
    wide, half = ir.IntType(128), ir.IntType(64)
    a, b = (builder.zext(word, wide) for word in words)
    return builder.trunc(builder.lshr(builder.mul(a, b), ir.Constant(wide, 64)), half)


_NO = ir.Constant(ir.IntType(1), 0)  # zero is a word like others
_zeros_below = _word_step(lambda builder, words: builder.cttz(words[0], _NO), 1)
_zeros_above = _word_step(lambda builder, words: builder.ctlz(words[0], _NO), 1)
_upper_half = _word_step(_wide, 2)


@_jit
def _after_blanks(text, i):  # type: ignore[no-untyped-def]
    """Return where the next character is that is no blank; a line end is none."""
    while text[i] == _SPACE or text[i] == _TAB:
        i += _ONE
    if text[i] == _RETURN and text[i + _ONE] == _NEWLINE:
        i += _ONE
    return i


@_jit
def _next(text, i):  # type: ignore[no-untyped-def]
    """Return where the next number or the end of the line is, `_NONE` if a number goes on here."""
    if text[i] == _SPACE and text[i + _ONE] > _SPACE:
        return i + _ONE
    if text[i] == _NEWLINE:
        return i
    after = _after_blanks(text, i)
    return after if after > i else _NONE


@_jit
def _number(eight):  # type: ignore[no-untyped-def]
    """Return what eight digits are, one in each byte."""
    eight = eight * _TEN + (eight >> _EIGHT)
    even, odd = eight & _PAIRS, eight >> np.uint64(16) & _PAIRS
    return (even * _EVEN_PAIRS + odd * _ODD_PAIRS) >> np.uint64(32)


@_jit
def _digits(words, i, w):  # type: ignore[no-untyped-def]
    """Return ``w`` with the digits from a place on appended, and where they end."""
    while True:
        at, shift = i >> np.uint64(3), (i & np.uint64(7)) << np.uint64(3)
        eight = words[at] >> shift | words[at + _ONE] << _ONE << (np.uint64(63) - shift)
        eight ^= _ZEROS  # each byte is its digit, others are above nine
        other = (eight + _ABOVE_NINE | eight) & _HIGHEST
        if other == 0:  # asked rather than computed with: the processor goes on ahead
            w = w * _TENS[8] + _number(eight)
            i += _EIGHT
            continue
        if other & np.uint64(0x80):
            return w, i
        count = _zeros_below(other) >> np.uint64(3)
        unused = (_EIGHT - count) << np.uint64(3)
        return w * _TENS[count] + _number(eight << unused), i + count  # zeros before the digits


@_jit
def _whole(text, words, i):  # type: ignore[no-untyped-def]
    """Return a whole number and where it ends, `_NONE` if it is none."""
    negative = text[i] == _MINUS
    i += np.uint64(negative | (text[i] == _PLUS))
    start = i
    w, i = _digits(words, i, np.uint64(0))
    number = np.int64(w)
    if i == start or i - start >= np.uint64(_MOST_DIGITS):
        return number, _NONE
    return (-number if negative else number), i


@_jit
def _exponent(text, i):  # type: ignore[no-untyped-def]
    """Return a whole number of few digits and where it ends, `_NONE` if it is none."""
    negative = text[i] == _MINUS
    if negative or text[i] == _PLUS:
        i += _ONE
    start, number = i, np.int64(0)
    while 0 <= np.int64(text[i]) - _ZERO <= 9:
        number = 10 * number + (np.int64(text[i]) - _ZERO)
        i += _ONE
    if i == start or i - start >= np.uint64(_MOST_DIGITS):
        return number, _NONE
    return (-number if negative else number), i


@_jit
def _nearest(w, q):  # type: ignore[no-untyped-def]
    """Return the bits of the double nearest to ``w 10^q``, ``w < 2^64``: algorithm 1 of Lemire."""
    if w == 0 or q < _LEAST:
        return np.uint64(0)
    if q > _LARGEST:
        return _INFINITE
    shift = _zeros_above(w)
    w <<= shift
    upper = _UPPER[q - _LEAST]
    high, low = _upper_half(w, upper), w * upper
    if high & np.uint64(0x1FF) == np.uint64(0x1FF):  # what is left out might carry
        more = _upper_half(w, _LOWER[q - _LEAST])
        low += more
        high += np.uint64(low < more)
    top = high >> np.uint64(63)
    dropped = top + np.uint64(9)
    bits = high >> dropped  # 54 of them: one more than are kept
    exponent = (217706 * q >> 16) + 1086 + np.int64(top) - np.int64(shift)  # log2(10) = 217706/2^16
    if exponent <= 0:  # fewer are kept
        bits = bits >> np.uint64(1 - exponent) if exponent > -63 else np.uint64(0)
        exponent = 1
    elif low <= 1 and -4 <= q <= 23 and bits & np.uint64(3) == 1 and bits << dropped == high:
        bits ^= _ONE  # half way between two doubles: to the even one
    bits = (bits + (bits & _ONE)) >> _ONE
    return min(bits + (np.uint64(exponent - 1) << np.uint64(52)), _INFINITE)


@_jit
def _leading(text, start, stop):  # type: ignore[no-untyped-def]
    """Return the first digits of many, the power of ten that is left, and whether some are."""
    w, q, kept = np.uint64(0), 0, 0
    point, cut = False, False
    for i in range(start, stop):
        if text[i] == _POINT:
            point = True
        elif kept < _MOST_DIGITS:
            w = _TEN * w + np.uint64(text[i] - _ZERO)
            kept += w != 0
            q -= point
        else:
            cut |= text[i] != _ZERO
            q += not point
    return w, q, cut


@_jit
def _real(text, words, i):  # type: ignore[no-untyped-def]
    """Return the bits of a real, where it ends (`_NONE` if it is none), and if it is certain."""
    negative = text[i] == _MINUS
    i += np.uint64(negative | (text[i] == _PLUS))
    start, point, q, cut = i, np.uint64(0), np.int64(0), False
    w = np.uint64(text[i]) - np.uint64(_ZERO)
    if w <= np.uint64(9) and text[i + _ONE] == _POINT:  # as a rule: known before it is read
        i += _ONE
    else:
        w, i = _digits(words, i, np.uint64(0))
    if text[i] == _POINT:
        point, first = _ONE, i + _ONE
        w, i = _digits(words, first, w)
        q = np.int64(first) - np.int64(i)
    digits = i - start - point
    if digits == 0:
        return _NONE, _NONE, True
    if digits > np.uint64(_MOST_DIGITS):
        w, q, cut = _leading(text, start, i)
    letter = text[i] | 32
    if letter == 100 or letter == 101:  # d, e
        exponent, i = _exponent(text, i + _ONE)
        if i == _NONE:
            return _NONE, _NONE, True
        q += min(max(exponent, -100000), 100000)
    number = _nearest(w, q)
    certain = not cut or number == _nearest(w + _ONE, q)
    return number | np.uint64(negative) << np.uint64(63), i, certain


def _read_lines(text, words, indices, values, real, doubtful):  # type: ignore[no-untyped-def]
    """Read all lines; return how many hold numbers and how many of these are doubtful.

    Parameters
    ----------
    text : array of uint8
        Whole lines, the last one ended, and 16 characters more.
    words : array of uint64
        The same.
    indices : array of int64 (a, p)
        Takes the first numbers of each line.
    values : array of uint64 (p, b)
        Takes the others: bits of float64 or, unless `real`, of int64.
    doubtful : array of int64 (q, 4)
        Takes line and column of reals that are left to others, and where they begin and end.

    Returns
    -------
    int, int
        The first is -1 if a line is not plain, or there are more doubtful numbers than fit.
    """
    entry, doubts = 0, 0
    i, n = np.uint64(0), np.uint64(len(text) - 16)
    while True:
        i = _after_blanks(text, i)
        while i < n and text[i] == _NEWLINE:
            i = _after_blanks(text, i + _ONE)
        if i >= n:
            return entry, doubts
        for axis in range(indices.shape[0]):
            indices[axis, entry], i = _whole(text, words, i)
            if i == _NONE:
                return -1, 0
            i = _next(text, i)
            if i == _NONE:
                return -1, 0
        for column in range(values.shape[1]):
            start = i
            if real:
                values[entry, column], i, certain = _real(text, words, i)
            else:
                number, i = _whole(text, words, i)
                values[entry, column], certain = np.uint64(number), True
            if i == _NONE:
                return -1, 0
            if not certain:
                if doubts == len(doubtful):
                    return -1, 0
                doubtful[doubts, 0], doubtful[doubts, 1] = entry, column
                doubtful[doubts, 2], doubtful[doubts, 3] = start, i
                doubts += 1
            i = _next(text, i)
            if i == _NONE:
                return -1, 0
        if text[i] != _NEWLINE:
            return -1, 0
        entry += 1


def _kept(loop: Callable[..., object]) -> Any:
    """Return a loop that is compiled once for all processes, if there is a place to keep it."""
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(loop)
    except RuntimeError:
        return _jit(loop)


read_lines = _kept(_read_lines)


def read_compiled(text: bytes, form: LineForm, lines: int) -> Numbers | None:
    """Return indices and values of all lines, None if the text is not plain."""
    indices = np.empty((form.indices, lines), np.int64)
    values = np.empty((lines, form.values), form.dtype)
    doubtful = np.empty((values.size // _MOST_DOUBTFUL + 10, 4), np.int64)
    padded = text + b"\n" * (16 + -len(text) % 8)
    codes, words = np.frombuffer(padded, np.uint8), np.frombuffer(padded, np.uint64)
    bits, real = values.view(np.uint64), form.dtype.kind == "f"
    entries, doubts = read_lines(codes, words, indices, bits, real, doubtful)
    if entries < 0:
        return None
    indices, values = indices[:, :entries], values[:entries]
    if form.dtype.kind == "u" and values.view(np.int64).min(initial=0) < 0:
        return None
    for line, column, start, stop in doubtful[:doubts].tolist():
        values[line, column] = float(text[start:stop].lower().replace(b"d", b"e"))
    return indices, values
