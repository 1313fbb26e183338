"""Warnings of what an estimate says about a result."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from .._checks import warn_missed
from ..errors import AccuracyWarning, warn
from ..formats import RoundedTrain, TensorTrain
from ._error import ErrorEstimate
from ._foreseen import foreseen_growth

_MOST_FORESEEN = 1e6  # of ranks, beyond which none is named

_EVEN_ODDS = 0.5  # of an interval


def warn_unmet(error: ErrorEstimate, tol: float | None, what: str) -> None:
    """Warn where a result misses its tolerance, or may well do so."""
    if tol is not None and not error.meets(tol):
        warn_missed(tol, error.relative, what)


def rank_to_meet(tol: float | None, limit: int, error_of: Callable[[int], ErrorEstimate]) -> int:
    """Return the smallest rank that meets a tolerance, or the limit."""
    if tol is None:
        return limit
    return next((k for k in range(limit + 1) if error_of(k).meets(tol)), limit)


def warn_unmet_at(
    rank: int, full: int, tol: float | None, error_of: Callable[[int], ErrorEstimate]
) -> None:
    """Warn where a matrix of a rank misses its tolerance, and name ranks that would do.

    As far as errors fell so far tell, and none beyond the `full` one of its shape.
    """
    error, half = error_of(rank), error_of(rank // 2)
    if tol is None or error.meets(tol):
        return
    excess = error.relative_bound / tol if tol else math.inf
    least, most = (rank * x for x in foreseen_growth(half.relative, error.relative, excess))
    what, most = f"rank {rank}", min(most, full, _MOST_FORESEEN)
    if rank >= full:
        remedy = "no rank is larger: widen the sketch, or use a method of more passes"
        warn_missed(tol, error.relative, what, remedy)
    elif least < most:
        remedy = (
            f"sketch with a larger rank: {math.ceil(least)} if errors go on to fall as they did "
            f"like an exponential, {math.ceil(most)} if like a power"
        )
        warn_missed(tol, error.relative, what, remedy)
    else:
        warn_missed(tol, error.relative, what)


def is_worse_than_zero(error: ErrorEstimate) -> bool:
    """Whether the zero matrix is closer to the data, by the estimate."""
    return error.value > max(error.norm, error.floor)


def is_likely_worse_than_zero(error: ErrorEstimate) -> bool:
    """Whether that is so even if the estimate is somewhat too large."""
    if not is_worse_than_zero(error):
        return False
    return error.interval(_EVEN_ODDS)[0] > error.norm


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
    """Warn of a train that is likely worse than zero, and name the best of smaller ranks."""
    if not tt.ranks or not is_likely_worse_than_zero(tt.error):
        return
    ranks, others = max(tt.ranks) // 2, []
    while ranks:
        smaller = RoundedTrain.of(tt, (ranks,) * len(tt.ranks), None).train
        others.append((ranks, error_of(smaller).relative))
        ranks //= 2
    warn_worse_than_zero(tt.error, max(tt.ranks), others)
