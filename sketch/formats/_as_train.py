"""Structured tensors as exact tensor trains, where their ranks are small."""

from __future__ import annotations

from ._norms import exact_cores
from ._sum import Summable
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
