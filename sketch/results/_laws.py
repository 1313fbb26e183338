"""Worst-case laws of errors: how far the truth may be from an estimate, at every confidence.

A squared estimate is a quadratic form in Gaussian variables. Its spread is largest for a residual
of rank one [1]_, so these laws are those of such residuals.

References
----------
.. [1] E. Hallman, "Extremal bounds for Gaussian trace estimation", 2024, arXiv:2411.15454.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..backend.array import quiet
from ..files.archive import Header
from ._quantiles import corrected_quantile, quantile
from ._tails import GammaSum, ProductMean

Ends = tuple[float, float]

_LEAST_WEIGHT = 1e-18  # of noise, below which it is lost in rounding


@dataclass(frozen=True)
class Law:
    """The law of truth / estimate, both of the residual.

    `ratio` is that of a known truncation to the estimate; squares add up unless a law says
    otherwise.
    """

    def tails(self, x: float, ratio: float) -> Ends:
        """Return ``P(truth < x), P(truth > x)`` for the whole error in units of the estimate."""
        raise NotImplementedError

    def interval(self, ratio: float, tail: float) -> Ends:
        """Return both quantiles of the whole error in units of the estimate."""
        return _interval(self, ratio, tail)

    def exceeds(self, x: float, ratio: float) -> float:
        """Return the probability that the whole error is more than x estimates."""
        return self.tails(x, ratio)[1]

    def taken(self, ratio: float) -> float:
        """Return what a truncation takes away from the squared residual, in its own units."""
        return 0.0

    def truncated(self, rank: int) -> Law:
        """Return the law after a truncation to a rank."""
        return self

    def from_above(self) -> Law:
        """Return the law of a truth that may be smaller by an unknown amount."""
        raise NotImplementedError


def probed_excess(degrees: float, tail: float) -> float:
    """Return how many times larger than probed a norm may be, but for a tail of the cases.

    The square of what so many normal numbers see of it is a chi-square variate over its degrees.
    """
    from scipy.special import gammaincinv

    smallest = float(gammaincinv(degrees / 2, tail))
    return math.sqrt(degrees / 2 / smallest) if smallest > 0 else math.inf


@dataclass(frozen=True)
class Certain(Law):
    """The estimate is the truth, up to the share `blur` of its square that rounding may take."""

    blur: float = 0.0

    def interval(self, ratio: float, tail: float) -> Ends:
        """Return the ends for every confidence."""
        low, high = math.sqrt(max(0.0, 1 - self.blur)), math.sqrt(1 + self.blur)
        return math.hypot(low, ratio), math.hypot(high, ratio)

    def exceeds(self, x: float, ratio: float) -> float:
        """Return 0 or 1."""
        return float(math.hypot(1, ratio) > x)

    def from_above(self) -> Law:
        """Return the law of a bound; what rounding may add to it goes into the floor."""
        return Bound()


@dataclass(frozen=True)
class Bound(Law):
    """The truth is at most the estimate; nothing is known from below but the truncation."""

    def interval(self, ratio: float, tail: float) -> Ends:
        """Return the ends for every confidence."""
        return ratio, math.hypot(1, ratio)

    def exceeds(self, x: float, ratio: float) -> float:
        """Return 0 or 1."""
        return float(math.hypot(1, ratio) > x)

    def from_above(self) -> Law:
        """Return the same law."""
        return self


@dataclass(frozen=True)
class Between(Law):
    """The truth is known to lie between two multiples of the estimate."""

    low: float
    high: float

    def interval(self, ratio: float, tail: float) -> Ends:
        """Return the ends for every confidence."""
        return math.hypot(self.low, ratio), math.hypot(self.high, ratio)

    def exceeds(self, x: float, ratio: float) -> float:
        """Return 1 where that is possible."""
        return float(math.hypot(self.high, ratio) > x)

    def from_above(self) -> Law:
        """Return the law without a lower end."""
        return dataclasses.replace(self, low=0.0)


@dataclass(frozen=True)
class ChiSquare(Law):
    """Independent Gaussian probes: ``estimate**2 / truth**2 ~ chi2_dof / dof``.

    With `one_sided` for estimates that are too large by an unknown amount.
    """

    dof: float
    one_sided: bool = False

    def tails(self, x: float, ratio: float) -> Ends:
        """Return both tails."""
        from scipy.special import gammainc, gammaincc

        if x <= ratio:
            return 0.0, 1.0
        half = self.dof / 2
        z = half / ((x - ratio) * (x + ratio))
        below = 0.0 if self.one_sided else float(gammaincc(half, z))
        return below, float(gammainc(half, z))

    def from_above(self) -> Law:
        """Return the law without a lower end."""
        return dataclasses.replace(self, one_sided=True)

    def interval(self, ratio: float, tail: float) -> Ends:
        """Return both quantiles."""
        from scipy.special import gammainccinv

        half = self.dof / 2
        low = 0.0 if self.one_sided else math.sqrt(half / gammainccinv(half, tail))
        high = probed_excess(self.dof, tail)
        return math.hypot(low, ratio), math.hypot(high, ratio)


@dataclass(frozen=True)
class SemidefiniteProbes(Law):
    """Independent Gaussian probes of a semidefinite residual, to which a semidefinite part adds.

    The inner product of both is not negative: ``residual**2 + truncation**2 <= truth**2 <=
    (residual + truncation)**2``.

    Attributes
    ----------
    dof : float
        See `ChiSquare`.
    cross : tuple of float
        By rank of the result: twice that inner product, in units of the squared residual, as the
        probes tell it.
    one_sided : bool
        See `ChiSquare`.
    """

    dof: float
    cross: tuple[float, ...] = ()
    one_sided: bool = False

    def taken(self, ratio: float) -> float:
        """Return what the inner product adds, with a minus."""
        return -min(self.cross[-1], 2 * ratio) if self.cross and ratio else 0.0

    def truncated(self, rank: int) -> Law:
        """Return the law after a truncation to a rank."""
        return dataclasses.replace(self, cross=self.cross[: rank + 1])

    def from_above(self) -> Law:
        """Return the law without a lower end."""
        return dataclasses.replace(self, one_sided=True)

    def exceeds(self, x: float, ratio: float) -> float:
        """Return the probability that the whole error may be more than x estimates."""
        return ChiSquare(self.dof).exceeds(x - ratio, 0.0) if x > ratio else 1.0

    def interval(self, ratio: float, tail: float) -> Ends:
        """Return both quantiles."""
        low, high = ChiSquare(self.dof, self.one_sided).interval(0.0, tail)
        return math.hypot(low, ratio), high + ratio


@dataclass(frozen=True)
class TrainProbes(Law):
    """Probes by tensor trains: the mean over blocks of products, one factor for each bond's rank.

    ``estimate**2 / truth**2 ~ mean_blocks prod_bonds chi2_r / r``.
    """

    bonds: tuple[int, ...]
    blocks: int

    def tails(self, x: float, ratio: float) -> Ends:
        """Return both tails."""
        if x <= ratio:
            return 0.0, 1.0
        below, above = _product_mean(self.bonds, self.blocks).tails(1 / ((x - ratio) * (x + ratio)))
        return above, below


@dataclass(frozen=True)
class Regression(Law):
    """The residual of a least-squares problem, whose noise is part of the error.

    ``truth**2 / estimate**2 ~ (dof / chi2_dof) (1 + sum_j leverage_j z_j) / (1 + sum leverage)``
    with ``z_j ~ chi2_1``, for a result that was not truncated.

    Attributes
    ----------
    dof : float
        Degrees of freedom of the residual.
    leverage : tuple of float
        Weights of the noise.
    overlap, drift : tuple of float
        By rank of the result, in units of the squared estimate: how much of the noise the
        truncation took away again, and how uncertain this is.

    Notes
    -----
    The noise N is not orthogonal to the part T that is truncated:

        error**2 = residual**2 - overlap residual**2 + truncation**2,
        overlap residual**2 = 2 <N, T>,

    whose mean Stein's identity [1]_ gives without bias; ``drift residual**2`` is the standard
    deviation of what this misses.

    References
    ----------
    .. [1] E. Candès, C. Sing-Long, J. Trzasko, "Unbiased risk estimates for singular value
       thresholding and spectral estimators", IEEE Trans. Signal Process. 61 (2013) 4643-4657,
       arXiv:1210.4139.
    """

    dof: float
    leverage: tuple[float, ...]
    overlap: tuple[float, ...] = ()
    drift: tuple[float, ...] = ()

    def taken(self, ratio: float) -> float:
        """Return the overlap at the rank of the result, 0 where nothing was truncated."""
        return self.overlap[-1] if self.overlap and ratio else 0.0

    def truncated(self, rank: int) -> Law:
        """Return the law after a truncation to a rank."""
        return dataclasses.replace(
            self, overlap=self.overlap[: rank + 1], drift=self.drift[: rank + 1]
        )

    def tails(self, x: float, ratio: float, *, exact: bool = True) -> Ends:
        """Return both tails: of ``(a + sum_j l_j z_j) / u + ratio**2 - drift g / sqrt(u)``.

        Where a is what the overlap leaves, u ~ chi2_dof / dof and g normal. Times u, this less
        ``x**2`` has a cumulant generating function of logarithms. The part of the residual outside
        of the range bounds it from below.
        """
        from scipy.special import gammainc, gammaincc

        weights = np.asarray(self.leverage)
        total, half = 1 + float(np.sum(weights)), self.dof / 2
        weights = weights[weights > _LEAST_WEIGHT * total]
        drift = self.drift[-1] if self.drift and ratio else 0.0
        poles = np.concatenate([total / (2 * weights), self._poles(x, ratio, drift)])
        powers = np.where(np.arange(len(poles)) < len(weights), 0.5, half)
        rest = GammaSum(1 / total - self.taken(ratio), poles, powers)
        below, above = rest.tails(exact=exact)
        outside = half / (total * x * x)
        low, high = float(gammaincc(half, outside)), float(gammainc(half, outside))
        return min(below, low), max(above, high)

    def interval(self, ratio: float, tail: float) -> Ends:
        """Return both quantiles, found by the approximation and corrected by how far it is off."""
        return _corrected(self, ratio, tail)

    def _poles(self, x: float, ratio: float, drift: float) -> object:
        """Return the zeros of ``1 + (2 / dof) (x**2 - ratio**2) s - (drift**2 / dof) s**2``."""
        gap = (x - ratio) * (x + ratio)
        if drift == 0:
            return np.array([-self.dof / (2 * gap)] if gap else [])
        root = gap + math.copysign(math.hypot(gap, math.sqrt(self.dof) * drift), gap)
        return np.array([root / drift**2, -self.dof / root])


_ALL = (Certain, Bound, Between, ChiSquare, SemidefiniteProbes, TrainProbes, Regression)
LAWS: dict[str, Callable[..., Law]] = {law.__name__: law for law in _ALL}


def law_to_header(law: Law) -> dict[str, object]:
    """Describe a law in plain values, for a file."""
    return {"name": type(law).__name__, **dataclasses.asdict(law)}


def law_from_header(header: Header) -> Law:
    """Rebuild a law from `law_to_header`."""
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in header.items() if k != "name"}
    return LAWS[header["name"]](**values)


@functools.lru_cache(maxsize=16)
def _product_mean(bonds: tuple[int, ...], blocks: int) -> ProductMean:
    return ProductMean(tuple(sorted(bonds)), blocks)


@functools.lru_cache(maxsize=256)
def _interval(law: Law, ratio: float, tail: float) -> Ends:
    """Return the x beyond which each tail is as large as `tail`."""
    with quiet():
        low = quantile(lambda x: law.tails(x, ratio)[0], ratio, tail, 0)
        return low, quantile(lambda x: law.tails(x, ratio)[1], ratio, tail, 1)


@functools.lru_cache(maxsize=256)
def _corrected(law: Regression, ratio: float, tail: float) -> Ends:
    """Return the same from one exact tail for each end."""

    def end(side: int) -> float:
        def chance(x: float, exact: bool = False) -> float:
            return law.tails(x, ratio, exact=exact)[side]

        return corrected_quantile(chance, ratio, tail, side)

    with quiet():
        return end(0), end(1)
