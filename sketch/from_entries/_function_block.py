"""A block of entries of a function: called, checked, and where it fails, the first one named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..backend.array import HostArray, compute_dtype, to_host
from ..backend.plain import plain
from ..errors import DtypeError, EvaluationError, NonFiniteError, ShapeError
from ..numerics.index_keys import Points

Values = HostArray
Function: TypeAlias = Callable[[Any], object]
"""Of one multi-index, a tuple of integers, or of all of them, an array."""


class FunctionBlock:
    """What a worker does: multi-indices (p, d) to checked values (p,). Can be pickled if f can.

    Parameters
    ----------
    f : callable
    vectorized : bool
        Whether f takes all multi-indices at once; else it takes one, a tuple of integers.
    """

    def __init__(self, f: Function, vectorized: bool) -> None:
        self._f = f
        self._vectorized = vectorized

    def __call__(self, points: Points) -> Values:
        """Return the values at the points.

        Raises
        ------
        EvaluationError
            If f raises.
        ShapeError, DtypeError, NonFiniteError
            If what f returns are no finite numbers, one for each multi-index.
        """
        values = self._called(points) if self._vectorized else self._one_by_one(points)
        if values.dtype.kind not in "biufc":
            raise DtypeError(
                f"f returned dtype {values.dtype} for multi-indices from {_named(points[0])} on; "
                "expected numbers"
            )
        compute_dtype(values.dtype)  # which refuses kinds that are not computed with
        finite = np.isfinite(values)
        if not finite.all():
            bad = int(np.argmin(finite))
            raise NonFiniteError(
                f"f returned {values[bad]} at multi-index {_named(points[bad])}; a train needs "
                "finite values everywhere: mend f there, or leave the index out of its mode"
            )
        return values

    def _called(self, points: Points) -> Values:
        try:
            found = self._f(points.copy())  # f may change what it is given
        except Exception as error:  # whatever f may raise
            bad = points[self._first_failure(points)]
            raise _failure(bad, error, f"in a block of {len(points)}") from error
        values = _array(found)
        if values.shape != (len(points),):
            raise ShapeError(
                f"f returned shape {values.shape} for multi-indices of shape {points.shape}, the "
                f"first of them {_named(points[0])}; expected {(len(points),)}, or "
                "vectorized=False for a function of one multi-index"
            )
        return values

    def _one_by_one(self, points: Points) -> Values:
        values = []
        for point in points:
            try:
                found = self._f(tuple(point.tolist()))
            except Exception as error:  # whatever f may raise
                raise _failure(point, error, "alone") from error
            value = _array(found)
            if value.shape != ():
                raise ShapeError(
                    f"f returned shape {value.shape} at multi-index {_named(point)}; expected one "
                    "number, or vectorized=True for a function of many multi-indices"
                )
            values.append(value)
        return np.stack(values)

    def _first_failure(self, points: Points) -> int:
        """Return the first point that f fails at alone or with those before, by halving."""
        start, stop = 0, len(points)
        while stop - start > 1:
            middle = (start + stop) // 2
            try:
                self._f(points[start:middle].copy())
                start = middle
            except Exception:  # as before
                stop = middle
        return start


def _array(values: Any) -> Values:
    """Return what f gave as an array of NumPy; masked values are NaN."""
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.result_type(values, np.float32)), np.nan)
    values = plain(values)
    if hasattr(values, "shape"):
        return to_host(values)
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ShapeError(
            f"f returned a {type(values).__name__} that is no array: {error}"
        ) from error


def _named(point: Points) -> tuple[int, ...]:
    return tuple(point.tolist())


def _failure(point: Points, error: Exception, how: str) -> EvaluationError:
    return EvaluationError(
        f"f failed at multi-index {_named(point)}, {how}: {type(error).__name__}: {error}"
    )
