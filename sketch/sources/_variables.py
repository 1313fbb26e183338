"""Variables of scientific files: packed numbers are decoded, missing ones are masked.

As the CF conventions say [1]_, for every container that carries their attributes (HDF5, Zarr,
netCDF, xarray): ``scale_factor``, ``add_offset``, ``_FillValue``, ``missing_value``, ``valid_min``,
``valid_max``, ``valid_range`` and ``_Unsigned``.

References
----------
.. [1] B. Eaton et al., "NetCDF Climate and Forecast (CF) Metadata Conventions", version 1.11,
   section 8.1, cfconventions.org.
"""

from __future__ import annotations

import base64
import functools
import struct
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..backend.array import HostArray, compute_dtype, is_array, is_dask, promote
from ..backend.protocols import Stored
from ..errors import DtypeError
from ._tiles import is_stored

Attributes = Mapping[str, Any]

_SCALING = ("scale_factor", "add_offset")
_FILLS = ("_FillValue", "missing_value")
_LIMITS = ("valid_min", "valid_max", "valid_range")
_NAMES = (*_SCALING, *_FILLS, *_LIMITS, "_Unsigned")


def as_variable(x: Any) -> object:
    """Return what decodes a variable of a scientific file; anything else as it is."""
    kind, module = type(x).__name__, type(x).__module__
    if module.startswith("netCDF4") and kind in ("Variable", "_Variable"):
        return _self_decoding(x)
    if module.startswith("scipy.io") and kind == "netcdf_variable":
        return with_attributes(x.data, _chosen(vars(x)["_attributes"]))
    xarray = sys.modules.get("xarray")
    if xarray is not None and isinstance(x, xarray.DataArray | xarray.Variable):
        return _labelled(x)
    return with_attributes(x, _attributes(x))


class Variable:
    """An array that is read by slicing, each slice decoded.

    Attributes
    ----------
    shape : tuple of int
    ndim : int
    dtype : numpy.dtype
        Of decoded numbers.
    chunks : tuple of int or None
        In which the numbers are stored.
    kind : str
        What the stored array calls itself.
    """

    def __init__(self, stored: Stored, attributes: Attributes, dtype: str) -> None:
        self._stored, self._attributes = stored, attributes
        self.shape = tuple(int(n) for n in stored.shape)
        self.ndim, self.dtype = len(self.shape), np.dtype(dtype)
        self.chunks = getattr(stored, "chunks", None)
        self.kind = type(stored).__name__

    def __getitem__(self, window: object) -> object:
        """Return a decoded slice, a masked array where values are missing."""
        tile = self._stored[window]
        tile = tile if is_array(tile) else np.asarray(tile)
        return decoded(tile, self._attributes) if self._attributes else tile


def decoded(stored: object, attributes: Attributes) -> HostArray:
    """Return stored numbers as what they stand for, masked where they stand for nothing."""
    raw = np.asarray(stored)
    values = _unsigned(raw, attributes)
    missing = np.zeros(raw.shape, bool)
    for name in _FILLS:
        for fill in _numbers(attributes, name, raw.dtype):
            missing |= np.isnan(raw) if fill != fill else raw == fill
    numbers = values
    if any(name in attributes for name in _SCALING):
        scale, offset = (_scalar(attributes, *pair) for pair in zip(_SCALING, (1, 0), strict=True))
        numbers = values.astype(_decoded_dtype(values.dtype, attributes)) * scale + offset
    missing |= _outside(values, numbers, attributes)
    return np.ma.masked_array(numbers, missing) if missing.any() else numbers


def _unsigned(values: HostArray, attributes: Attributes) -> HostArray:
    """Return integers as unsigned ones, where an attribute says that they are."""
    if values.dtype.kind != "i" or str(attributes.get("_Unsigned", "")).lower() != "true":
        return values
    return values.view(values.dtype.str.replace("i", "u"))


def _outside(values: HostArray, numbers: HostArray, attributes: Attributes) -> HostArray:
    """Return which values are outside of the valid range, given in the type of either."""
    outside = np.zeros(values.shape, bool)
    for name in _LIMITS:
        if name not in attributes:
            continue
        limits = _unsigned(_numbers(attributes, name, None), attributes)
        packed = limits.dtype.kind in "iu" or values.dtype.kind == "f"
        compared = values if packed else numbers
        if name != "valid_max":
            outside |= compared < limits[0]
        if name != "valid_min":
            outside |= compared > limits[-1]
    return outside


def _decoded_dtype(dtype: object, attributes: Attributes) -> str:
    """Return the dtype that holds scaled numbers: at least that of the factor and the offset."""
    kinds = [compute_dtype(dtype)]
    for name in _SCALING:
        if name in attributes:
            kinds.append(compute_dtype(_numbers(attributes, name, None).dtype))
    return promote(*kinds)


def _scalar(attributes: Attributes, name: str, default: float) -> object:
    return _numbers(attributes, name, None)[0] if name in attributes else default


def _numbers(attributes: Attributes, name: str, dtype: np.dtype[np.generic] | None) -> HostArray:
    """Return the values of an attribute, of a dtype where one is given; none where it is absent."""
    given = attributes.get(name, ())
    try:
        if isinstance(given, str | bytes) and dtype is not None and dtype.kind == "f":
            given = _from_text(given if isinstance(given, str) else given.decode())
        found = np.ravel(np.asarray(given, dtype=None if len(np.ravel(given)) else "f8"))
        if found.dtype.kind not in "iuf":
            raise TypeError(f"{found.dtype} is no dtype of numbers")
        if dtype is None or not found.size:
            return found
        with np.errstate(all="ignore"):
            same = found.astype(dtype)
        return same if dtype.kind == "f" else same[same == found]  # others are never met
    except (TypeError, ValueError, OverflowError, struct.error) as error:
        raise DtypeError(
            f"the attribute {name}={given!r} of a stored variable cannot be read as a number "
            f"({error}); open the variable with xarray, which decodes it, and give what it returns"
        ) from error


def _from_text(text: str) -> float:
    """Return a number from its text, or from its bytes as Zarr keeps them."""
    try:
        return float(text)
    except ValueError:
        return float(struct.unpack("<d", base64.b64decode(text, validate=True))[0])


def _attributes(x: Any) -> Attributes:
    """Return the attributes of a stored array that change what its numbers mean."""
    attrs: Any = getattr(x, "attrs", None)
    named = hasattr(attrs, "__getitem__") and hasattr(attrs, "__contains__")
    if not (named and is_stored(x)):
        return {}
    found = {name: attrs[name] for name in _NAMES if name in attrs}
    # xarray keeps the fill value of a variable in the header of a Zarr array of the older format
    older = getattr(getattr(x, "metadata", None), "zarr_format", 3) == 2
    if older and "_ARRAY_DIMENSIONS" in attrs and x.fill_value is not None:
        found.setdefault("_FillValue", x.fill_value)
    return found


def _chosen(attributes: Attributes) -> Attributes:
    return {name: attributes[name] for name in _NAMES if name in attributes}


def with_attributes(stored: Any, attributes: Attributes) -> Any:
    """Return a stored array, decoded where it has attributes that ask for it."""
    attributes = _chosen(attributes)
    if not attributes:
        return stored
    scaled = any(name in attributes for name in _SCALING)
    dtype = _decoded_dtype(stored.dtype, attributes) if scaled else compute_dtype(stored.dtype)
    if is_dask(stored):
        decode = functools.partial(decoded, attributes=attributes)
        meta = np.empty((0,) * stored.ndim, dtype)
        return stored.map_blocks(decode, dtype=np.dtype(dtype), meta=meta)
    return Variable(stored, attributes, dtype)


def _self_decoding(variable: Any) -> Variable:
    """Return a variable of netCDF4, which decodes and masks its slices unless told not to."""
    attributes = {name: variable.getncattr(name) for name in variable.ncattrs() if name in _NAMES}
    if attributes and not (variable.scale and variable.mask):
        raise DtypeError(
            f"a netCDF4 variable with {', '.join(attributes)} was told not to decode them; call "
            "its set_auto_maskandscale(True), or give its numbers as they are stored, x[...]"
        )
    return Variable(variable, {}, _decoded_dtype(variable.dtype, attributes))


def _labelled(x: Any) -> object:
    """Return the numbers of a labelled array: those in memory, in chunks, or read by slicing."""
    variable, attributes = x.variable if hasattr(x, "coords") else x, _chosen(x.attrs)
    on_disk = type(getattr(variable, "_data", None)).__module__.startswith("xarray")
    if not on_disk:
        return with_attributes(variable.data, attributes)
    if attributes:
        return with_attributes(variable, attributes)
    return Variable(variable, {}, compute_dtype(variable.dtype))
