"""The last steps of every finalize: the rank to keep, the scale, the precision."""

from __future__ import annotations

import dataclasses
import warnings

from .._array import Array
from .._linalg import rescaled
from ..errors import RankError, ToleranceWarning
from ..results import ErrorEstimate, LowRank
from ._spec import MatrixSpec, checked_size


def check_request(rank: int | None, tol: float | None, spec: MatrixSpec) -> int:
    """Return the rank to keep at most, checked before any work is done."""
    if tol is not None and not tol >= 0:
        raise ValueError(f"tol must be a relative error of at least 0, got {tol}")
    if rank is None:
        return spec.rank if tol is None else spec.range_size
    keep = checked_size(rank, "rank")
    if keep > spec.range_size < spec.full:
        raise RankError(
            f"rank={keep} was asked for, but the sketch is {spec.range_size} columns wide; make "
            f"one with rank={keep}, or with sketch_rank of at least {keep}"
        )
    return keep


def truncated(result: LowRank, rank: int, tol: float | None) -> LowRank:
    """Truncate a result to the rank that was asked for, and warn where it misses the tolerance."""
    short = result.truncate(rank=rank, tol=tol)
    if tol is not None and not short.error.relative <= tol:
        warnings.warn(
            f"tol={tol:g} is out of reach: rank {short.rank} has an estimated relative error of "
            f"{short.error.relative:.3g}; sketch with a larger rank",
            ToleranceWarning,
            stacklevel=3,
        )
    return short


def lifted(u: Array, core: LowRank, exponent: int, dtype: str) -> LowRank:
    """Return the core with its left factor U, in the precision of the data, its scaling undone."""
    error = scaled_error(core.error, exponent)
    s = rescaled(core.s, exponent)
    return LowRank(u, s, core.Vh, error).astype(dtype)


def scaled_error(error: ErrorEstimate, exponent: int) -> ErrorEstimate:
    """Return the estimate for data multiplied by ``2**exponent``."""
    return dataclasses.replace(
        error,
        residual=rescaled(error.residual, exponent),
        truncation=rescaled(error.truncation, exponent),
        norm=rescaled(error.norm, exponent),
        floor=rescaled(error.floor, exponent),
    )
