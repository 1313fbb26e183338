"""The last steps of every finish: the rank to keep, the scale, the signs, the precision."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from .._checks import checked_size, checked_tol
from ..backend.array import Array, namespace
from ..errors import NonFiniteError, RankError
from ..numerics.linalg import rescaled
from ..results import (
    ErrorEstimate,
    LowRank,
    is_worse_than_zero,
    rank_to_meet,
    rounding_floor,
    warn_unmet_at,
    warn_worse_than_zero,
)
from ._spec import MatrixSpec
from ._sums import Sums
from ._tall import Basis

_NEARLY_LARGEST = 0.999  # entries of a vector that may decide its sign


def check_request(rank: object, tol: float | None, spec: MatrixSpec) -> int:
    """Return the rank to keep at most, checked before any work is done."""
    tol = checked_tol(tol)
    if rank is None:
        return spec.rank if tol is None else spec.range_size
    keep = checked_size(rank, "rank")
    if keep > spec.range_size < spec.full:
        raise RankError(
            f"rank={keep} was asked for, but the sketch is {spec.range_size} columns wide; make "
            f"one with rank={keep}, or with sketch_rank of at least {keep}"
        )
    return keep


def truncated(
    result: LowRank,
    rank: int,
    tol: float | None,
    shape: tuple[int, ...],
    measured: Callable[[int], ErrorEstimate] | None = None,
) -> LowRank:
    """Truncate to the rank that was asked for, and warn where the result is of little use.

    The shape is that of the data, which a result that is not lifted yet does not have. Its error is
    `measured` for its rank where it can be, else bounded by that of the whole.
    """
    by_rank = result.errors_by_rank()
    keep = rank_to_meet(tol, min(rank, result.rank), by_rank)
    short = result.truncate(rank=keep)
    warn_unmet_at(keep, min(shape), tol, by_rank)
    error = by_rank if measured is None else measured
    if measured is not None:
        short = dataclasses.replace(short, error=measured(short.rank))
    if short.rank and is_worse_than_zero(short.error):
        others = ((k, error(k).relative) for k in range(result.rank + 1))
        warn_worse_than_zero(short.error, short.rank, others)
    return short


def lifted(q: Basis, core: LowRank, exponent: int, sums: Sums) -> LowRank:
    """Return the core in a basis Q, in the precision of the data, its scaling undone."""
    dtype = sums.dtype
    turned = phases(core.Vh)
    s = rescaled(core.s, exponent)
    result = LowRank(
        q.times(core.U * turned, dtype),
        s,
        namespace(s).conj(turned)[:, None] * core.Vh,
        with_rounding(core.error.rescaled(exponent), sums, int(core.U.shape[0])),
        spectrum=core.spectrum and core.spectrum.rescaled(exponent),
    )
    _refuse_overflow(s, dtype)
    return result.astype(dtype)


def phases(rows: Array) -> Array:
    """Return numbers of modulus 1, by which rows are divided to have their sign.

    The entry of largest modulus becomes positive: the first one, where several come within a
    thousandth of it. So signs depend on the data alone and not on how these were cut.
    """
    xp = namespace(rows)
    if not rows.shape[0] or not rows.shape[1]:
        return xp.ones((rows.shape[0],), dtype=rows.dtype, device=rows.device)
    size = xp.abs(rows)
    large = size >= _NEARLY_LARGEST * xp.max(size, axis=1, keepdims=True)
    first = xp.argmax(xp.astype(large, xp.int8), axis=1)
    starts = xp.arange(rows.shape[0], device=rows.device) * rows.shape[1]
    entry = xp.take(xp.reshape(rows, (-1,)), starts + first, axis=0)
    modulus = xp.abs(entry)
    one = xp.ones_like(entry)
    return xp.where(modulus > 0, entry / xp.where(modulus > 0, modulus, xp.ones_like(modulus)), one)


def with_rounding(error: ErrorEstimate, sums: Sums, columns: int) -> ErrorEstimate:
    """Return an estimate whose floor covers what larger data left behind that cancelled."""
    least = rounding_floor(sums.state.rounding, columns, 1.0)
    return dataclasses.replace(error, floor=max(error.floor, least))


def _refuse_overflow(s: Array, dtype: str) -> None:
    xp = namespace(s)
    if s.shape[0] and not float(s[0]) <= float(xp.finfo(getattr(xp, dtype)).max):
        raise NonFiniteError(
            f"the largest singular value {float(s[0]):.3g} is beyond the range of {dtype}; scale "
            "the data down, or sketch with dtype='float64'"
        )
