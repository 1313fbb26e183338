"""Warnings of what an estimate says about a result."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from .._checks import warn_missed
from ..errors import AccuracyWarning, warn
from ..formats import RoundedTrain, TensorTrain
from ._error import ErrorEstimate
from ._foreseen import foreseen_growth


def warn_unmet(
    error: ErrorEstimate,
    tol: float | None,
    what: str,
    halved: Callable[[], tuple[int, float]] | None = None,
) -> None:
    """Warn where a result misses its tolerance, or may well do so.

    `halved` tells its rank, and the relative error of a result of half of that: by how errors fell
    so far the warning names ranks that would do.
    """
    if tol is None or error.meets(tol):
        return
    needed = None
    if halved is not None:
        rank, half = halved()
        excess = error.relative_bound / tol if tol else math.inf
        growth = foreseen_growth(half, error.relative, excess)
        needed = rank * growth[0], rank * growth[1]
    warn_missed(tol, error.relative, what, needed)


def is_worse_than_zero(error: ErrorEstimate) -> bool:
    """Whether the zero matrix is closer to the data, by the estimate."""
    return error.value > max(error.norm, error.floor)


def warn_worse_than_zero(
    error: ErrorEstimate, rank: object, others: Iterable[tuple[int, float]]
) -> None:
    """Warn of a result that is worse than zero, and name the best of other ranks.

    Parameters
    ----------
    error : ErrorEstimate
    rank : int or sequence
        Of the result.
    others : iterable of (int, float)
        Other ranks and their estimated relative errors; rank 0 has 1.
    """
    best, least = min([(0, 1.0), *others], key=lambda pair: (pair[1], pair[0]))
    remedy = f"rank {best} has the least estimated error, {least:.3g} relative"
    if best == 0:
        remedy = "rank 0, zero itself, has the least estimated error"
    warn(
        f"the result of rank {rank} is estimated to be further from the data than zero is: "
        f"relative error {error.relative:.3g}; {remedy}. Widen the sketch, or use a method of more "
        "passes",
        AccuracyWarning,
    )


def warn_inaccurate_train(
    tt: TensorTrain, error_of: Callable[[TensorTrain], ErrorEstimate]
) -> None:
    """Warn of a train that is worse than zero, and name the best of smaller ranks."""
    if not tt.ranks or not is_worse_than_zero(tt.error):
        return
    ranks, others = max(tt.ranks) // 2, []
    while ranks:
        smaller = RoundedTrain.of(tt, (ranks,) * len(tt.ranks), None).train
        others.append((ranks, error_of(smaller).relative))
        ranks //= 2
    warn_worse_than_zero(tt.error, max(tt.ranks), others)
