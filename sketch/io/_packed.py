"""Packed variables in files: decoded by the conventions of netCDF, whatever holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..sources import with_attributes

# What netCDF libraries leave where nothing was ever written; bytes have no such value.
_NEVER_WRITTEN = {
    "i2": -32767,
    "u2": 65535,
    "i4": -2147483647,
    "u4": 4294967295,
    "i8": -9223372036854775806,
    "u8": 18446744073709551614,
    "f4": 9.969209968386869e36,
    "f8": 9.969209968386869e36,
}


def packed(raw: Any, attributes: Mapping[str, object], netcdf: bool = False) -> Any:
    """Return a stored array that decodes what it reads, or the array itself where it is plain.

    Parameters
    ----------
    raw : stored array
    attributes : mapping
        Of the variable.
    netcdf : bool
        Whether values that were never written can be told from others.
    """
    given = {name: _plain(value) for name, value in attributes.items()}
    never = _NEVER_WRITTEN.get(np.dtype(raw.dtype).str[1:])
    if netcdf and never is not None:
        given.setdefault("_FillValue", never)
    return with_attributes(raw, given)


def _plain(value: object) -> object:
    """Return an attribute as a text, or as numbers of the machine's byte order."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    array = np.asarray(value)
    return array.astype(array.dtype.newbyteorder("=")) if array.dtype.kind in "iuf" else value
