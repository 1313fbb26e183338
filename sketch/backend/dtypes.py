"""Dtypes by their plain names, whichever library they are of."""

from __future__ import annotations

import contextlib
import functools

import numpy as np

from ..errors import DtypeError

COMPUTED = ("float32", "float64", "complex64", "complex128")
"""Dtypes that data are computed in as they are, without conversion."""

_COMPUTE_DTYPE = {
    **{name: name for name in COMPUTED},
    "float16": "float32",
    "bfloat16": "float32",
    "bool": "float64",
    **{f"{sign}int{bits}": "float64" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


@functools.lru_cache(maxsize=256, typed=True)  # dtypes of two libraries are not compared
def dtype_name(dtype: object) -> str:
    """Return the plain name of a dtype of any library: ``"float32"``."""
    if isinstance(dtype, np.dtype):
        return dtype.name
    if isinstance(dtype, type) and issubclass(dtype, np.generic | complex):
        return np.dtype(dtype).name
    return str(dtype).rsplit(".", maxsplit=1)[-1]


def compute_dtype(dtype: object) -> str:
    """Return the name of the floating dtype in which data of a dtype are computed.

    Integers and booleans are computed in float64, half precision in float32.

    Raises
    ------
    DtypeError
        If the dtype is not numeric.
    """
    name = dtype_name(dtype)
    if name not in _COMPUTE_DTYPE:
        raise DtypeError(
            f"data of dtype {name} cannot be sketched; convert to one of float32, float64, "
            "complex64, complex128 (integers, booleans and float16 are converted for you)"
        )
    return _COMPUTE_DTYPE[name]


@functools.lru_cache(maxsize=256)
def promote(*names: str) -> str:
    """Return the smallest computing dtype that holds all of the given ones."""
    return str(np.result_type(*names).name)


@functools.lru_cache(maxsize=64)
def is_complex(name: str) -> bool:
    """Whether the dtype of that name is complex."""
    return name.startswith("complex")


@functools.lru_cache(maxsize=64)
def accumulator_dtype(name: str) -> str:
    """Return the dtype in which sums of chunk products are kept."""
    return "complex128" if is_complex(name) else "float64"


@functools.lru_cache(maxsize=16)
def unit_roundoff(name: str) -> float:
    """Return the unit roundoff of a computing dtype."""
    return float(np.finfo(name).eps) / 2


def smallest_normal(name: str) -> float:
    """Return the smallest number of a computing dtype that has all its digits."""
    return float(np.finfo(name).smallest_normal)


def target_dtype(dtype: object, before: object) -> str:
    """Return the name of the dtype that a result of dtype `before` shall have.

    Raises
    ------
    DtypeError
        If it is not one that results have, or would lose imaginary parts.
    """
    named = dtype
    if isinstance(dtype, str) or (isinstance(dtype, type) and dtype in (float, complex)):
        with contextlib.suppress(TypeError):  # of a name that is none of NumPy's
            named = np.dtype(dtype)
    try:
        name = dtype_name(named)
    except TypeError:  # an array, say
        name = repr(dtype)
    if name not in COMPUTED:
        raise DtypeError(
            f"a result is of float32, float64, complex64 or complex128, not of {dtype!r}"
        )
    if is_complex(dtype_name(before)) and not is_complex(name):
        raise DtypeError(
            f"a complex result as {name} would lose its imaginary parts; take complex64 or "
            "complex128"
        )
    return name
