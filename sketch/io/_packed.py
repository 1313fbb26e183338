"""Packed variables: scale, offset and fill values by the conventions of netCDF (CF)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._found import is_numeric, needed

_SCALING = ("scale_factor", "add_offset", "_Unsigned", "_FillValue", "missing_value")
_LIMITS = ("valid_min", "valid_max", "valid_range")
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


def packed(raw: Any, attributes: Mapping[str, Any], path: str, netcdf: bool = False) -> Any:
    """Return a stored array that decodes what it reads, or the array itself where it is plain.

    Parameters
    ----------
    raw : stored array
    attributes : mapping
        Of the variable.
    path : str
    netcdf : bool
        Whether values that were never written can be told from others.
    """
    if not is_numeric(raw.dtype):
        return raw
    given = {name: attributes[name] for name in (*_SCALING, *_LIMITS) if name in attributes}
    never = None
    if netcdf and "_FillValue" not in given:
        never = _NEVER_WRITTEN.get(np.dtype(raw.dtype).str[1:])
    if not given and never is None:
        return raw
    return PackedArray(raw, given, never, path)


class PackedArray:
    """A stored array that is decoded block by block; missing entries come masked."""

    def __init__(
        self, raw: Any, attributes: Mapping[str, Any], never: float | None, path: str
    ) -> None:
        self.raw = raw
        self.shape, self.chunks = tuple(raw.shape), getattr(raw, "chunks", None)
        self.strides = getattr(raw, "strides", None)
        self._scaling = {n: _plain(x) for n, x in attributes.items() if n in _SCALING}
        holes = [_plain(attributes[n]) for n in ("_FillValue", "missing_value") if n in attributes]
        self._holes = [
            x for hole in [*holes, never] for x in np.ravel(hole) if isinstance(x, np.number)
        ]
        if len(np.ravel(self._scaling.get("missing_value", 0))) != 1 or "_FillValue" in attributes:
            self._scaling.pop("missing_value", None)  # masked here; one value is enough there
        self._least, self._most = _limits(attributes)
        self._xarray = needed("xarray", path) if self._scaling else None
        self.dtype = self._decoded(np.empty((0,) * len(self.shape), raw.dtype)).dtype

    def __getitem__(self, window: Any) -> Any:
        block = np.asarray(self.raw[window])
        mask = np.zeros(block.shape, bool)
        for hole in self._holes:
            mask |= block == (hole.astype(block.dtype) if block.dtype.kind in "fc" else hole)
        if self._least is not None:
            mask |= self._counts(block) < self._least
        if self._most is not None:
            mask |= self._counts(block) > self._most
        values = self._decoded(block)
        if self._scaling and values.dtype.kind in "fc":
            mask |= np.isnan(values)
        return np.ma.MaskedArray(values, mask if mask.any() else np.ma.nomask)

    def _counts(self, block: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return stored numbers with the sign that they have."""
        unsigned = self._scaling.get("_Unsigned") == "true" and block.dtype.kind == "i"
        return block.view(block.dtype.str.replace("i", "u")) if unsigned else block

    def _decoded(self, block: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if self._xarray is None:
            return block
        dims = [f"axis_{k}" for k in range(block.ndim)]
        variable = self._xarray.Variable(dims, block, dict(self._scaling))
        decoded = self._xarray.conventions.decode_cf_variable(
            "x", variable, concat_characters=False, decode_times=False, decode_timedelta=False
        )
        return np.asarray(decoded.values)


def _plain(value: Any) -> Any:
    """Return an attribute as a text or as numbers of the machine's byte order."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        return value
    array = array.astype(array.dtype.newbyteorder("="))
    return array.reshape(-1)[0] if array.size == 1 else array


def _limits(attributes: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the least and the most that a stored number may be, None where it is not said."""
    both = np.ravel(attributes.get("valid_range", []))
    if both.size == 2:
        return both[0], both[1]
    least, most = (attributes.get(name) for name in ("valid_min", "valid_max"))
    return (
        None if least is None else np.ravel(least)[0],
        None if most is None else np.ravel(most)[0],
    )
