"""Tensor trains: their errors against tensors of any kind, our methods, and TensorLy's."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..decompose import tensor_train
from ..formats import TensorTrain
from ._work import Data, Method

if TYPE_CHECKING:  # old packages, which run this too, have other modules
    from ..backend.array import HostArray
    from ..sketches import TensorMethod
Error = Callable[[Any], float]


def square_root(side: int, order: int = 4) -> HostArray:
    """Return the square root of the sum of the coordinates, which are in (0, 1]."""
    x = np.arange(1, side + 1) / side
    return np.asarray(np.sqrt(functools.reduce(np.add, np.ix_(*[x] * order))))


def cores_of(result: Any) -> list[HostArray]:
    """Return the cores of a train of whichever library; those of quimb have no outer bonds."""
    if hasattr(result, "arrays"):
        first, *inner, last = result.arrays
        result = [first[None], *inner, last[:, :, None]]
    return [np.asarray(c) for c in getattr(result, "cores", getattr(result, "factors", result))]


def dense_error(t: HostArray) -> Error:
    """Return the relative error against an array, slice by slice."""

    def error(result: object) -> float:
        first, *rest = cores_of(result)
        tail = functools.reduce(lambda x, core: np.tensordot(x, core, (-1, 0)), rest)
        tail = tail.reshape(tail.shape[0], -1)
        lost = [np.linalg.norm(x @ tail - y.ravel()) for x, y in zip(first[0], t, strict=True)]
        return float(np.linalg.norm(lost) / np.linalg.norm(t))

    return error


def train_error(t: TensorTrain) -> Error:
    """Return the relative error against a train, by the norm of the difference."""
    norm = t.norm()
    return lambda result: (TensorTrain(cores_of(result)) - t).norm() / norm


def entries_error(t: Data) -> Error:
    """Return the relative error against a sparse tensor, by norms and an inner product."""
    total = t.copy()  # of which entries at one place add up
    total.sum_duplicates()
    places, squares = np.stack(total.coords, axis=1), float(np.sum(total.data**2))

    def error(result: object) -> float:
        train = TensorTrain(cores_of(result))
        inner = float(np.sum(train.entries(places) * total.data))
        return math.sqrt(max(0.0, squares - 2 * inner + train.norm() ** 2) / squares)

    return error


def our_train(rank: int, method: TensorMethod = "stta", **options: Any) -> Method:
    """Return `tensor_train` with options."""
    return Method(lambda t: lambda: tensor_train(t, rank, method=method, **options))


def tensorly(rank: int, **options: object) -> Method:
    """Return TensorLy's TT-SVD, or with ``svd="randomized_svd"`` its randomized one."""

    def prepare(t: HostArray) -> Callable[[], object]:
        from tensorly.decomposition import tensor_train as theirs

        return lambda: list(theirs(t, [1, *[rank] * (t.ndim - 1), 1], **options))

    return Method(prepare, "tensorly")
