"""What the methods of tensors share: contractions of a block, ranks, and the last steps."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping, Sequence

from .._checks import checked_tol, each_bond
from ..backend.array import Array, namespace
from ..errors import RankError
from ..formats import RoundedTrain, TensorTrain
from ..maps import TensorTrainMap
from ..numerics.cores import Core, absorb_left, absorb_right
from ..numerics.linalg import frobenius_norm, rescaled
from ..results import (
    ErrorEstimate,
    TrainProbes,
    rounding_floor,
    warn_inaccurate_train,
    warn_unmet,
)
from ..sources import Contraction, TensorBlock, as_tensor_source
from ._finish import with_rounding
from ._sums import Sums
from ._tensor_spec import Sizes, TensorSpec

_UNKNOWN = ErrorEstimate(
    residual=math.nan,
    norm=math.nan,
    kind="heuristic",
    method="none (error_probes=0)",
    floor=0.0,
)


def cores_of(
    maps: Mapping[str, TensorTrainMap], name: str, block: TensorBlock, at: tuple[int, ...]
) -> Sequence[Core]:
    """Return the cores of a test tensor for a block of the data."""
    return maps[name].cores(at, block.shape, block.like())


def both_sides(
    left: TensorTrainMap,
    right: TensorTrainMap,
    cores: Sequence[Core],
    contraction: Contraction,
    modes: range,
) -> Iterator[tuple[int, Array, Array | None]]:
    """Yield for some modes what they see between both test tensors, and their bonds behind.

    Psi_k of shape (l_{k-1}, n_k, r_k) and Omega_k (l_k, r_k), None behind the last mode. The
    contraction is with the right test tensor; `cores` are those of the left one.
    """
    for mode in range(modes.stop):
        if mode in modes:
            seen = right.wanted(contraction.seen(), mode + 1, 2)
            last = mode == len(cores) - 1
            omega = None if last else left.wanted(behind(seen, cores[mode]), mode + 1, 0)
            yield mode, left.wanted(seen, mode, 0), omega
        if mode + 1 < modes.stop:
            contraction.advance(cores[mode])


def behind(seen: Array, core: Core) -> Array:
    """Return Omega behind a mode, (l_k, r): what the mode sees, contracted with its left core."""
    xp = namespace(seen)
    values = core.array()
    blocks, inner, n, outer = values.shape
    split = xp.reshape(seen, (seen.shape[0] // inner, inner, n, seen.shape[2]))
    return xp.reshape(absorb_left(split, values), (blocks * outer, seen.shape[2]))


# ---- error probes ------------------------------------------------------------------------------


def probed(maps: Mapping[str, TensorTrainMap], block: TensorBlock, at: tuple[int, ...]) -> Array:
    """Return the contractions of a block with all error probes, shape (P R, 1)."""
    cores = cores_of(maps, "error", block, at)
    return probed_by(cores, block.between(cores))


def probed_by(cores: Sequence[Core], contraction: Contraction) -> Array:
    """Return the same from a contraction with the cores of the probes that has begun."""
    seen = contraction.seen()  # (1, n_0, P r_1)
    core = cores[0].array()
    xp = namespace(seen)
    split = xp.reshape(seen, (seen.shape[1], -1, core.shape[1]))
    split = xp.permute_dims(split, (1, 0, 2))[:, None, :, :]  # (P, 1, n_0, r_1)
    return xp.reshape(absorb_right(split, core), (-1, 1))


def error_of(
    sums: Sums, tt: TensorTrain, data: Array | None, exponent: int, norm: float | None = None
) -> ErrorEstimate:
    """Return the estimate of a train's error by what the probes see of the data.

    Parameters
    ----------
    sums : Sums
    tt : TensorTrain
    data : array or None
        What the probes saw, to be scaled by ``2**-exponent`` as the train is.
    exponent : int
    norm : float, optional
        Of the train, where it is known.
    """
    spec = sums.spec
    if data is None:
        return _UNKNOWN
    norm = tt.norm() if norm is None else norm
    data = rescaled(data, -exponent)
    residual = data
    for at, block in as_tensor_source(tt).blocks():  # none of a train without entries
        residual = residual - probed(sums.maps, block, at)
    count = math.sqrt(spec.error_probes * spec.error_rank)
    value = frobenius_norm(residual) / count
    if value > 0.1 * norm:  # the approximation is no measure of the data
        norm = frobenius_norm(data) / count
    columns = max((1, *spec.right_sizes))
    roundoff = sums.roundoff(rescaled(norm, exponent))
    return ErrorEstimate(
        residual=value,
        norm=norm,
        kind="unbiased",
        method="tensor-train probes",
        floor=math.sqrt(spec.order) * rounding_floor(norm, columns, roundoff),
        law=TrainProbes(
            bonds=tuple(bond.rank for bond in sums.maps["error"].bonds[:-1]),
            blocks=spec.error_probes,
        ),
    )


# ---- ranks and the last steps ------------------------------------------------------------------


def checked_ranks(spec: TensorSpec, rank: object, tol: float | None) -> Sizes:
    """Return the ranks to round to at most, checked before any work is done."""
    tol = checked_tol(tol)
    if rank is None:
        return spec.rank if tol is None else spec.left_sizes
    wanted = each_bond(rank, spec.order - 1, "rank")
    for bond, (r, size, most) in enumerate(zip(wanted, spec.left_sizes, spec.full, strict=True)):
        if r > size < most:
            raise RankError(
                f"rank={r} was asked for at bond {bond}, but the sketch holds {size} there; "
                f"make one with rank={r}, or with sketch_rank of at least {r}"
            )
    return wanted


def rounded(
    sums: Sums,
    whole: TensorTrain,
    data: Array | None,
    ranks: Sizes,
    tol: float | None,
    exponent: int,
) -> TensorTrain:
    """Round to ranks and a tolerance, estimate the error, undo the scaling.

    Parameters
    ----------
    sums : Sums
    whole : TensorTrain
        The approximation as it was sketched, scaled by ``2**-exponent``.
    data : array or None
        What the error probes saw of the data.
    ranks, tol, exponent
    """
    estimate = functools.partial(error_of, sums, data=data, exponent=exponent)
    if 0 in whole.shape:
        return _finished(sums, RoundedTrain(whole, whole), None, data, exponent)
    if tol is None:
        short = RoundedTrain.of(whole, ranks, None)
        wide = estimate(whole, norm=short.norm_before) if short.lost else None
        return _finished(sums, short, wide, data, exponent)
    wide = estimate(whole)
    slack = wide.slack(tol)
    short = RoundedTrain.of(whole, ranks, slack)
    if not wide.meets(tol):
        warn_unmet(wide, tol, "the sketch")
    elif short.lost * short.norm_before > slack * wide.norm:  # the ranks were too small
        warn_unmet(short.error_after(wide), tol, f"rank {short.train.ranks}")
    return _finished(sums, short, wide, data, exponent)


def _finished(
    sums: Sums, short: RoundedTrain, wide: ErrorEstimate | None, data: Array | None, exponent: int
) -> TensorTrain:
    norm = short.norm if short.lost else None  # where rounding found it
    error = error_of(sums, short.train, data, exponent, norm)
    if wide is not None and short.lost and error.kind != "heuristic":
        known = dataclasses.replace(short.error_after(wide), method="known rounding")
        error = error.known_besides(known)
    tt = short.train.with_error(error)
    warn_inaccurate_train(tt, lambda other: error_of(sums, other, data, exponent))
    error = error.rescaled(exponent)
    if data is not None:
        error = with_rounding(error, sums, max((1, *sums.spec.right_sizes)))
    return scaled_train(tt, exponent).with_error(error).astype(sums.dtype)


def scaled_train(tt: TensorTrain, exponent: int) -> TensorTrain:
    """Undo a scaling by a power of two: one core carries it."""
    if exponent == 0:
        return tt
    cores = list(tt.cores)
    cores[0] = rescaled(cores[0], exponent)
    return TensorTrain(cores)
