"""Random multi-indices at which the error of a train is measured, and how much each counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._checks import checked_size
from ..backend.array import silent, to_host, unit_roundoff
from ..errors import ShapeError
from ..formats import TensorTrain, sampled_points
from ..numerics.index_keys import Points, random_points
from ..numerics.linalg import frobenius_norm
from ..numerics.random import uniform_rows
from ..results import ErrorEstimate, held_out_error, rounding_floor
from ._function_block import Values

_LARGEST_MODE = 2**63 - 1  # indices are integers of 64 bits
_EVEN, _LARGE = 7, 8  # streams, beside those of test matrices


@dataclass(frozen=True)
class HeldOutPoints:
    """Multi-indices, and numbers whose mean square after multiplication is that of all entries.

    Attributes
    ----------
    indices : array, shape (p, d)
    scales : array, shape (p,)
        ``1 / sqrt(q)`` for points that were drawn with probability q.
    is_every : bool
        Whether these are all multi-indices.
    """

    indices: Points
    scales: NDArray[np.float64]

    is_every: bool = False

    @silent
    def error(self, tt: TensorTrain, size: float, values: Values, dtype: str) -> ErrorEstimate:
        """Return the error of a train from the values (p,) of the function at the points.

        Parameters
        ----------
        tt : TensorTrain
            In double precision.
        size : float
            Its norm.
        values : array, shape (p,)
        dtype : str
            The precision of the values.
        """
        fitted, root = tt.entries(self.indices), math.sqrt(len(values))
        sampled = (frobenius_norm(x * self.scales) / root for x in (values, fitted))
        norm = _norm(size, *sampled)
        floor = rounding_floor(norm, max(tt.ranks, default=1), unit_roundoff(dtype))
        residuals = (values - fitted) * self.scales
        if not self.is_every:
            return held_out_error(residuals, norm, floor)
        return ErrorEstimate(
            residual=0.0,
            truncation=frobenius_norm(residuals) / root,
            norm=norm,
            kind="exact",
            method="every entry",
            floor=floor,
        )


def _norm(train: float, values: float, fitted: float) -> float:
    """Return the norm of a function: of its train, and what samples of both differ by."""
    if not train:
        return values
    square = 1 + (values - fitted) / train * ((values + fitted) / train)
    return train * math.sqrt(square) if square > 0 else values


def even_points(seed: int, start: int, stop: int, shape: tuple[int, ...]) -> HeldOutPoints:
    """Return multi-indices ``start:stop`` of an endless uniform sample."""
    indices = random_points(seed, _EVEN, start, stop, shape)
    return HeldOutPoints(indices, np.full(len(indices), root_size(shape)))


def points_where_large(
    seed: int, start: int, stop: int, lost: TensorTrain, size: float
) -> HeldOutPoints:
    """Return multi-indices of which half are uniform, half drawn where a train is large.

    Where the residual is large at few entries, as that of smooth functions with a peak or an edge
    is, uniform points say little of it. What a rounding has lost is known, and mostly large where
    the whole error is. Points of both kinds count ``1 / q`` for the mean q of both probabilities
    [1]_: no estimate is spoilt by where the train is small.

    Parameters
    ----------
    seed, start, stop : int
    lost : TensorTrain
    size : float
        Its norm, which is not zero.

    References
    ----------
    .. [1] E. Veach, L. Guibas, "Optimally combining sampling techniques for Monte Carlo rendering",
       SIGGRAPH 1995, doi:10.1145/218380.218498: the balance heuristic.
    """
    middle = (start + stop + 1) // 2
    even = random_points(seed, _EVEN, start, middle, lost.shape)
    uniform = uniform_rows(seed, _LARGE, middle, stop, lost.ndim)
    indices = np.concatenate([even, sampled_points(lost.cores, uniform)])
    share = (middle - start) / (stop - start)
    ratio = np.abs(to_host(lost.entries(indices))) / size * root_size(lost.shape)
    scales = root_size(lost.shape) / np.sqrt(share + (1 - share) * ratio**2)
    return HeldOutPoints(indices, scales)


def every_point(shape: tuple[int, ...]) -> HeldOutPoints:
    """Return all multi-indices."""
    indices = np.indices(shape).reshape(len(shape), -1).T
    return HeldOutPoints(indices, np.full(len(indices), root_size(shape)), is_every=True)


def root_size(shape: Sequence[int]) -> float:
    """Return the root of the number of entries."""
    root = math.prod(map(math.sqrt, shape))
    if math.isfinite(root):
        return root
    raise ShapeError(
        f"about 10^{sum(map(math.log10, shape)):.0f} entries are so many that norms are beyond "
        "the range of doubles; take fewer or smaller modes"
    )


def checked_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes of the modes as integers of at least 1."""
    try:
        sizes = tuple(checked_size(n, "a size in the shape", least=1) for n in shape)
    except TypeError:
        sizes = ()
    if not sizes:
        raise ShapeError(f"shape must be a sequence of the sizes of the modes, got {shape!r}")
    if max(sizes) > _LARGEST_MODE:
        raise ShapeError(f"a mode may have 2**63 - 1 indices at most, got the shape {sizes}")
    root_size(sizes)
    return sizes
