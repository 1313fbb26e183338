"""Structured tensors as exact tensor trains, where their ranks are small."""

from __future__ import annotations

from typing import Any

from ._factored import CPTensor, TuckerTensor
from ._hadamard import HadamardProduct
from ._operator_product import OperatorProduct
from ._sum import TensorSum
from ._tensor_train import TensorTrain


def as_exact_train(t: Any, limit: int) -> TensorTrain | None:
    """Return a train that equals a train, CP or Tucker tensor, or a sum of these.

    None where the input has no such form, or its ranks would be more than `limit`.
    """
    if isinstance(t, TensorTrain):
        train = t
    elif isinstance(t, CPTensor):
        if t.weights.shape[0] > limit:
            return None
        train = t.to_tensor_train()
    elif isinstance(t, TuckerTensor):
        if max(t.core.shape, default=1) > limit:
            return None
        train = t.to_tensor_train()
    elif isinstance(t, HadamardProduct):
        if max(t.ranks, default=1) > limit:
            return None
        train = t.first.hadamard(t.second)
    elif isinstance(t, OperatorProduct):
        if max(t.ranks, default=1) > limit:
            return None
        train = t.to_tensor_train()
    elif isinstance(t, TensorSum):
        return _exact_sum(t, limit)
    else:
        return None
    return train if max(train.ranks, default=1) <= limit else None


def _exact_sum(total: TensorSum, limit: int) -> TensorTrain | None:
    whole: TensorTrain | None = None
    for coefficient, term in zip(total.coefficients, total.terms, strict=True):
        train = as_exact_train(term, limit)
        if train is None:
            return None
        whole = coefficient * train if whole is None else whole + coefficient * train
        if max(whole.ranks, default=1) > limit:
            return None
    return whole
