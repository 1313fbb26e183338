"""Structured tensors as exact tensor trains, where their ranks are small."""

from __future__ import annotations

from typing import Any

from ..backend.array import dtype_name, unit_roundoff
from ._norms import exact_cores
from ._sum import Summable, TensorSum
from ._tensor_train import TensorTrain


def as_exact_train(t: object, limit: int) -> TensorTrain | None:
    """Return a train that equals a structured tensor, or a sum of such tensors.

    None where the input has no such form, or its ranks would be more than `limit`.
    """
    if not isinstance(t, Summable):
        return None
    if isinstance(t, TensorTrain):
        return t if max(t.ranks, default=1) <= limit else None
    cores = exact_cores(t, limit)
    return None if cores is None else TensorTrain(cores)


def rounded_from(t: Any) -> tuple[float, str]:
    """Return what rounding errors of a structured tensor's train are relative to.

    Returns
    -------
    size : float
        The norms of its terms together, of which much may cancel; 0 where it is no sum.
    dtype : str
        Of the least precise of them.
    """
    if not isinstance(t, TensorSum):
        return 0.0, dtype_name(t.dtype)
    sizes, dtypes = zip(*map(rounded_from, t.terms), strict=True)
    terms = zip(t.coefficients, t.terms, sizes, strict=True)
    size = sum(abs(c) * (size or term.norm()) for c, term, size in terms)
    return float(size), max(dtypes, key=unit_roundoff)
