"""Arrays as plain numbers: masks, units and gradients are told from them, or refused by name."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from .._checks import MISSING_HINT
from ..errors import DtypeError, NonFiniteError
from .array import Array, HostArray, changeable, is_array


@overload
def plain(x: Array, at: Sequence[int] = (), kind: str = "") -> Array: ...
@overload
def plain(x: object, at: Sequence[int] = (), kind: str = "") -> object: ...
def plain(x: object, at: Sequence[int] = (), kind: str = "") -> object:
    """Return an array as the numbers that its own library says it holds; other objects as they are.

    Parameters
    ----------
    x : array
        Of NumPy without subclass or mask, of PyTorch without gradients, and of JAX as NumPy's.
    at : sequence of int, optional
        Where the array begins within the data, for the message.
    kind : str, optional
        What the array was read from, for the message.

    Raises
    ------
    NonFiniteError
        If entries are masked.
    DtypeError
        If the array is more than numbers.
    """
    if isinstance(x, np.ndarray):
        return x if type(x) in (np.ndarray, np.memmap) else _without_class(x, at, kind)
    return changeable(x) if is_array(x) else x


def _without_class(x: Any, at: Sequence[int], kind: str) -> HostArray:
    """Return the numbers of a subclass of NumPy's arrays."""
    mask = getattr(x, "mask", None)
    if mask is not None:
        _refuse_masked(kind or type(x).__name__, np.broadcast_to(np.asarray(mask), x.shape), at)
        x = x.data if isinstance(x, np.ma.MaskedArray) else getattr(x, "unmasked", x)
    unit = getattr(x, "unit", getattr(x, "units", None))
    if unit is not None and str(unit) not in ("", "dimensionless"):
        raise DtypeError(
            f"a {type(x).__name__} in {unit} is more than its numbers, and results have no unit; "
            "give the numbers alone (its .value, or np.asarray of it)"
        )
    return np.asarray(x)


def _refuse_masked(kind: str, mask: HostArray, at: Sequence[int]) -> None:
    """Raise where an entry is masked, and say how many are and which is the first."""
    if mask.dtype.names:
        raise DtypeError(f"a {kind} of records cannot be sketched; give one of its fields")
    count = int(np.count_nonzero(mask))
    if not count:
        return
    first = np.unravel_index(int(np.argmax(mask)), mask.shape)
    place = tuple(map(operator.add, map(int, first), at or (0,) * mask.ndim))
    raise NonFiniteError(
        f"{count} of {mask.size} entries of a {kind} are masked or missing, the first at index "
        f"{place}; fill them (.filled(value)), leave their rows or columns out, or, {MISSING_HINT}"
    )
