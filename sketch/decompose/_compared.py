"""Trains that are compared with the data they were made of, where this costs less than probes."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from .._checks import checked_size
from ..backend.array import dtype_name, quiet, to_host, unit_roundoff
from ..errors import NonFiniteError
from ..formats import CPTensor, TensorTrain, as_exact_train, distance_and_norm, rounded_from
from ..numerics.linalg import column_norms
from ..results import ErrorEstimate, known_square, rounding_floor, warn_inaccurate_train, warn_unmet
from ..sketches import TrainResidual, entrywise_error
from ..sources import SparseTensorSource, TensorSource

Measure = Callable[[TensorTrain], ErrorEstimate]

_CANCELLED = 1e6  # by which an error has to exceed the rounding of what it is the difference of
_EXACT_RANK = 100  # up to which the error of a structured tensor is computed, not estimated


def is_compared(source: TensorSource, probes: object, tol: float | None) -> bool:
    """Whether data and result are compared where they can be: not where probes are asked for.

    Nor where a rank is chosen by what probes tell of every other one.
    """
    number = None if probes is None else checked_size(probes, "error_probes")
    chosen = tol is not None or number is not None
    return number != 0 and not (isinstance(source, SparseTensorSource) and chosen)


def measure(
    a: object, source: TensorSource, memory: int | str | None
) -> tuple[TensorSource, Measure | None]:
    """Return what tells the exact error of a train, where that costs less than probes.

    Before it comes the source to sketch: that of a sparse tensor serves both.
    """
    with quiet():  # what is not finite is found in the products
        exact = as_exact_train(a, _EXACT_RANK)
        size, dtype = (0.0, source.dtype) if exact is None else rounded_from(a)
    if exact is not None:
        return source, (
            lambda train: _by_products(train, a, dtype) or exact_error(train, exact, size, dtype)
        )
    if isinstance(source, SparseTensorSource):
        summed = source.without_duplicates()
        return summed, (
            lambda train: entrywise_error(TrainResidual.of(train), summed, memory=memory)
        )
    return source, None


def exactly_known(train: TensorTrain, measured: Measure, tol: float | None) -> TensorTrain:
    """Return a train with its exact error, and warn of what that says."""
    known = train.with_error(measured(train))
    if tol is None:
        warn_inaccurate_train(known, measured)
    elif train.error.meets(tol):  # else it was said already
        warn_unmet(known.error, tol, f"rank {known.ranks}")
    return known


def _by_products(train: TensorTrain, data: object, dtype: str) -> ErrorEstimate | None:
    """Return the error from a CP tensor's squares, or None where too much of them cancels."""
    if not isinstance(data, CPTensor):
        return None
    sizes = [np.asarray(column_norms(factor)) for factor in data.factors]
    try:
        with quiet():
            terms = functools.reduce(np.multiply, sizes, np.abs(to_host(data.weights)))
            squares = complex(data.dot(data)).real
            lost = squares - 2 * complex(data.dot(train)).real + train.norm() ** 2
            rounding = data.ndim * unit_roundoff(dtype) * float(np.sum(terms)) ** 2
    except (NonFiniteError, OverflowError):  # squares are out of range where the tensor is not
        return None
    if not _CANCELLED * rounding < lost < math.inf:
        return None
    return known_square(lost, rounding, math.sqrt(squares))


def exact_error(train: TensorTrain, data: TensorTrain, size: float, dtype: str) -> ErrorEstimate:
    """Return the error from the norm of the difference of two trains.

    Rounding errors in them are relative to the `size` of what they were added up from, in a dtype.
    """
    distance, norm, blur = distance_and_norm(train, data)
    columns = max(map(sum, zip(train.ranks, data.ranks, strict=True)), default=1)
    roundoff = unit_roundoff(max(dtype, dtype_name(train.dtype), key=unit_roundoff))
    floor = math.sqrt(data.ndim) * rounding_floor(max(norm, size), columns, roundoff)
    return ErrorEstimate(
        residual=0.0,
        truncation=distance,
        norm=norm,
        kind="exact",
        method="norm of the difference",
        floor=math.hypot(floor, blur * distance),
    )
