"""Products, norms and exact scaling of arrays of any backend, safe from overflow."""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from typing import overload

import numpy as np

from .._checks import is_scalar
from ..backend.array import (
    Array,
    DeviceSparse,
    HostArray,
    cast,
    cuts,
    dtype_name,
    is_complex,
    namespace,
    promote,
    quiet,
    to_host,
)
from ..backend.protocols import Namespace, Number
from ..errors import DtypeError, NonFiniteError

_NORM_COLUMNS = 8192  # whose squares are added in the precision of the array
_SAFE_EXPONENT = {4: 40, 8: 200}  # by bytes of a real: squares within 2**-e and 2**e are safe


def product(x: Array, y: Array) -> Array:
    """Return ``x @ y``, the real factor raised to complex where the other one is."""
    names = dtype_name(x.dtype), dtype_name(y.dtype)
    if names[0] != names[1]:
        joint = promote(*names)
        x, y = cast(x, joint), cast(y, joint)
    return x @ y


def product_into(out: Array, x: Array, y: Array) -> None:
    """Write ``x @ y`` into an array of its dtype, by NumPy without a temporary."""
    if isinstance(out, np.ndarray):
        np.matmul(to_host(x), to_host(y), out=out)
    else:
        out[...] = x @ y


def multiple(x: Array, number: Number) -> Array:
    """Return an array times a number, complex where either is."""
    plain = plain_number(number)
    if isinstance(plain, complex):
        x = cast(x, promote(dtype_name(x.dtype), "complex64"))
    return x * plain


def plain_number(number: Number) -> complex | float:
    """Return a Python number, real where the imaginary part is zero.

    Raises
    ------
    DtypeError
        If it is masked or a time.
    """
    if not is_scalar(number):
        raise DtypeError(f"{number!r} is no number to compute with")
    plain = complex(number)
    return plain if plain.imag else plain.real


def finite_factor(number: Number) -> complex | float:
    """Return a Python number to multiply with.

    Raises
    ------
    NonFiniteError
        If it is NaN or infinite.
    """
    plain = plain_number(number)
    if not cmath.isfinite(plain):
        raise NonFiniteError(f"nothing can be scaled by {number}; give a finite number")
    return plain


@overload
def adjoint(x: HostArray) -> HostArray: ...
@overload
def adjoint(x: Array) -> Array: ...
def adjoint(x: Array) -> Array:
    """Return the conjugate transpose of a matrix."""
    return namespace(x).conj(x.T) if is_complex(dtype_name(x.dtype)) else x.T


def frobenius_norm(x: Array) -> float:
    """Return the Frobenius norm, safe from overflow and underflow."""
    xp = namespace(x)
    if math.prod(x.shape) == 0:
        return 0.0
    norm = _plain_norm(xp, x)
    dtype = dtype_name(x.dtype)
    lost = math.isnan(norm) and not is_complex(dtype)  # which squares of large complex numbers are
    if lost or (0 < norm < math.inf and abs(math.log2(norm)) < safe_exponent(dtype)):
        return norm
    exponent = scale_exponent(x)
    return _ldexp(_plain_norm(xp, rescaled(x, -exponent)), exponent)


def column_norms(x: Array) -> list[float]:
    """Return the norm of each column; 0 for those whose squares vanish beside the largest entry."""
    exponent = scale_exponent(x)
    norms = namespace(x).linalg.vector_norm(rescaled(x, -exponent), axis=0)
    return [_ldexp(float(norm), exponent) for norm in to_host(norms)]


def _plain_norm(xp: Namespace, x: Array) -> float:
    """Square root of the sum of squares: exact products of rows, summed in double precision."""
    rows = xp.reshape(x, (-1, x.shape[-1])) if x.ndim != 2 else x
    flags = getattr(rows, "flags", None)
    if flags is not None and flags.f_contiguous and rows.shape[0] > 1:  # a row is both
        rows = rows.T  # lies in memory row by row
    total = 0.0
    with quiet():
        for part in cuts(int(rows.shape[1]), _NORM_COLUMNS):
            squares = xp.vecdot(rows[:, part], rows[:, part])
            squares = xp.real(squares) if is_complex(dtype_name(x.dtype)) else squares
            total += float(xp.sum(xp.astype(squares, xp.float64)))
    return math.sqrt(total)


def _ldexp(value: float, exponent: int) -> float:
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.inf


def scale_exponent(*arrays: Array) -> int:
    """Return the exponent e for which the largest entry is in [2**(e-1), 2**e).

    0 where squares and products of the entries are safe without scaling.
    """
    filled = [x for x in arrays if math.prod(x.shape)]
    top = max(map(_largest, filled), default=0.0)
    exponent = math.frexp(top)[1]
    safe = min([safe_exponent(dtype_name(x.dtype)) for x in filled], default=0)
    if not math.isfinite(top) or abs(exponent) < safe // 2:
        return 0
    return exponent


def has_safe_squares(x: Array) -> bool:
    """Whether products of two entries that matter neither overflow nor vanish."""
    top = _largest(x) if math.prod(x.shape) else 0.0
    return math.isfinite(top) and abs(math.frexp(top)[1]) <= safe_exponent(dtype_name(x.dtype))


def safe_exponent(dtype: str) -> int:
    """Return up to which power of two, and down to which, squares in a dtype are safe."""
    return _SAFE_EXPONENT[8 if dtype in ("float64", "complex128") else 4]


def _largest(x: Array) -> float:
    xp = namespace(x)
    if not is_complex(dtype_name(x.dtype)):
        return max(float(xp.max(x)), -float(xp.min(x)))  # without a copy for the absolute value
    return max(_largest(xp.real(x)), _largest(xp.imag(x)))


@overload
def rescaled(x: HostArray, exponent: int) -> HostArray: ...
@overload
def rescaled(x: Array, exponent: int) -> Array: ...
@overload
def rescaled(x: DeviceSparse, exponent: int) -> DeviceSparse: ...
@overload
def rescaled(x: float, exponent: int) -> float: ...
@overload
def rescaled(x: complex, exponent: int) -> complex: ...
def rescaled(x: Array | DeviceSparse | complex, exponent: int) -> Array | DeviceSparse | complex:
    """Return an array or a number times ``2**exponent``, exactly.

    In two steps or more, since the power itself may overflow.
    """
    steps = max(2, math.ceil(abs(exponent) / 1000)) if exponent else 0
    for step in range(steps):
        x = x * math.ldexp(1.0, (exponent + step) // steps)
    return x


def rescaled_evenly(factors: Sequence[Array], exponent: int) -> list[Array]:
    """Return arrays whose product is ``2**exponent`` times as large, each with an equal part."""
    each, rest = divmod(exponent, len(factors))
    return [rescaled(factor, each + (k < rest)) for k, factor in enumerate(factors)]


def as_floats(s: Array) -> tuple[float, ...]:
    """Return the entries of a real vector as numbers."""
    return tuple(float(x) for x in to_host(s))


def tail_norms(s: Sequence[float]) -> list[float]:
    """Return ``[sqrt(sum(s[k:]**2)) for k in 0..len(s)]``: the cost of truncating at every rank."""
    tails = [0.0]
    for value in reversed(s):
        tails.append(math.hypot(tails[-1], value))
    return tails[::-1]
