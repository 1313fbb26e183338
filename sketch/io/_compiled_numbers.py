"""Lines of numbers, compiled by numba. Imported only where it pays.

A decimal ``w 10^e`` with up to 19 digits is multiplied out in twice the working precision; where
what is known of the product does not settle how it rounds, the number is left to others. So every
number that is given is the double nearest to what is written.

References
----------
T. J. Dekker, A floating-point technique for extending the available precision, Numerische
Mathematik 18, 1971. DOI 10.1007/BF01397083. A. Ziv, Fast evaluation of elementary mathematical
functions with correctly rounded last bit, ACM TOMS 17, 1991. DOI 10.1145/114697.116813.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from ..backend.array import HostArray

if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
    raise ImportError("loops are not compiled under NUMBA_DISABLE_JIT")

_jit = numba.njit(nogil=True, error_model="numpy")  # into `read_lines`, which is kept
_MOST_DOUBTFUL = 50  # of as many lines

_LARGEST = 250  # exponents of ten up to which no product over- or underflows, nor its rest
_POWERS = [Fraction(10) ** e for e in range(-_LARGEST, _LARGEST + 1)]
_HIGH = np.array([float(power) for power in _POWERS])
_LOW = np.array([float(p - Fraction(float(p))) for p in _POWERS])
_SPLIT = 134217729.0  # 2^27 + 1 cuts a double into halves whose products are exact
_UPPER_HALF = _SPLIT * _HIGH - (_SPLIT * _HIGH - _HIGH)
_EXACT = 9007199254740992  # 2^53: whole numbers up to here are doubles
_UNSURE, _UNSURE_CUT = 2.0**-98, 2.0**-59  # relative error of a product; with digits left out
_MOST_DIGITS = 19  # of a whole number that fits 64 bits for certain
_SPACE, _TAB, _NEWLINE, _RETURN = 32, 9, 10, 13
_ONE = np.uint64(1)  # places have no sign: those that do might count from the end, and are asked
_NONE = np.uint64(0)  # where no number ends
_PLUS, _MINUS, _POINT, _ZERO = 43, 45, 46, 48


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
def _digits(text, i, w):  # type: ignore[no-untyped-def]
    """Return ``w`` with the digits from a place on appended, and where they end."""
    digit = np.uint64(text[i]) - np.uint64(_ZERO)
    while digit <= np.uint64(9):
        w = np.uint64(10) * w + digit
        i += _ONE
        digit = np.uint64(text[i]) - np.uint64(_ZERO)
    return w, i


@_jit
def _whole(text, i):  # type: ignore[no-untyped-def]
    """Return a whole number and where it ends, `_NONE` if it is none."""
    negative = text[i] == _MINUS
    if negative or text[i] == _PLUS:
        i += _ONE
    start = i
    w, i = _digits(text, i, np.uint64(0))
    number = np.int64(w)
    if i == start or i - start >= _MOST_DIGITS:
        return number, _NONE
    return (-number if negative else number), i


@_jit
def _product(w, e, cut):  # type: ignore[no-untyped-def]
    """Return the double nearest to ``w 10^e`` and whether it is certain."""
    if w <= _EXACT and -22 <= e <= 22 and not cut:  # both exact, one rounding
        if e < 0:
            return np.float64(w) / _HIGH[_LARGEST - e], True
        return np.float64(w) * _HIGH[_LARGEST + e], True
    if e < -_LARGEST or e > _LARGEST:
        return 0.0, False
    high = np.float64(w)
    low = np.float64(np.int64(w - np.uint64(high)))
    power, rest = _HIGH[e + _LARGEST], _LOW[e + _LARGEST]
    product = high * power
    x, b = _SPLIT * high, _UPPER_HALF[e + _LARGEST]
    a = x - (x - high)
    c, d = high - a, power - b
    error = ((a * b - product) + a * d + c * b) + c * d
    error += high * rest + low * power
    nearest = product + error
    error -= nearest - product
    unsure = nearest * (_UNSURE_CUT if cut else _UNSURE)
    return nearest, nearest + (error - unsure) == nearest + (error + unsure)


@_jit
def _leading(text, start, stop):  # type: ignore[no-untyped-def]
    """Return the first digits of many, the power of ten that is left, and whether some are."""
    w, e, kept = np.uint64(0), 0, 0
    point, cut = False, False
    for i in range(start, stop):
        if text[i] == _POINT:
            point = True
        elif kept < _MOST_DIGITS:
            w = np.uint64(10) * w + np.uint64(text[i] - _ZERO)
            kept += w != 0
            e -= point
        else:
            cut |= text[i] != _ZERO
            e += not point
    return w, e, cut


@_jit
def _real(text, i):  # type: ignore[no-untyped-def]
    """Return a real number, where it ends (`_NONE` if it is none), and whether it is certain."""
    negative = text[i] == _MINUS
    if negative or text[i] == _PLUS:
        i += _ONE
    start, point, e, cut = i, np.uint64(0), np.int64(0), False
    w, i = _digits(text, i, np.uint64(0))
    if text[i] == _POINT:
        point, first = _ONE, i + _ONE
        w, i = _digits(text, first, w)
        e = np.int64(first) - np.int64(i)
    digits = i - start - point
    if digits == 0:
        return 0.0, _NONE, True
    if digits > _MOST_DIGITS:
        w, e, cut = _leading(text, start, i)
    letter = text[i] | 32
    if letter == 100 or letter == 101:  # d, e
        exponent, i = _whole(text, i + _ONE)
        if i == _NONE:
            return 0.0, _NONE, True
        e += min(max(exponent, -100000), 100000)
    if w == 0:
        return 0.0, i, True
    number, certain = _product(w, e, cut)
    return (-number if negative else number), i, certain


def _read_lines(text, indices, integers, reals, doubtful):  # type: ignore[no-untyped-def]
    """Read all lines; return how many hold numbers and how many of these are doubtful.

    Parameters
    ----------
    text : array of uint8
        Whole lines, the last one ended, and one character more.
    indices, integers, reals : array of int64 (p, a), int64 (p, b) and float64 (p, c)
        Take the numbers of each line in this order.
    doubtful : array of int64 (q, 4)
        Takes line and column of reals that are left to others, and where they begin and end.

    Returns
    -------
    int, int
        The first is -1 if a line is not plain, or there are more doubtful numbers than fit.
    """
    entry, doubts = 0, 0
    i, n = np.uint64(0), np.uint64(len(text) - 1)
    while True:
        i = _after_blanks(text, i)
        while i < n and text[i] == _NEWLINE:
            i = _after_blanks(text, i + _ONE)
        if i >= n:
            return entry, doubts
        for column in range(indices.shape[1]):
            indices[entry, column], i = _whole(text, i)
            if i == _NONE:
                return -1, 0
            i = _next(text, i)
            if i == _NONE:
                return -1, 0
        for column in range(integers.shape[1]):
            integers[entry, column], i = _whole(text, i)
            if i == _NONE:
                return -1, 0
            i = _next(text, i)
            if i == _NONE:
                return -1, 0
        for column in range(reals.shape[1]):
            start = i
            number, i, certain = _real(text, i)
            if i == _NONE:
                return -1, 0
            if not certain:
                if doubts == len(doubtful):
                    return -1, 0
                doubtful[doubts, 0], doubtful[doubts, 1] = entry, column
                doubtful[doubts, 2], doubtful[doubts, 3] = start, i
                doubts += 1
            reals[entry, column] = number
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


def read_compiled(text: bytes, indices: NDArray[np.int64], values: HostArray) -> int | None:
    """Read indices and values of all lines; return how many, None if the text is not plain.

    Parameters
    ----------
    text : bytes
        Whole lines.
    indices, values : array (p, d), array (p, v)
        Take the numbers.
    """
    real = values.dtype.kind == "f"
    doubtful = np.empty((values.size // _MOST_DOUBTFUL + 10, 4), np.int64)
    integers = np.empty((0, 0), np.int64) if real else values.view(np.int64)
    reals = values if real else np.empty((0, 0))
    codes = np.frombuffer(text + b"\n", np.uint8)
    entries, doubts = read_lines(codes, indices, integers, reals, doubtful)
    if entries < 0 or (values.dtype.kind == "u" and integers[:entries].min(initial=0) < 0):
        return None
    for line, column, start, stop in doubtful[:doubts].tolist():
        values[line, column] = float(text[start:stop].lower().replace(b"d", b"e"))
    return int(entries)
