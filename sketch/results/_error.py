"""An error estimate: a value, where it comes from, and how far it can be trusted."""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["exact", "unbiased", "conservative", "heuristic"]
_Draws = NDArray[np.float64]

_DRAWS = 4_000


@dataclass(frozen=True)
class ErrorEstimate:
    """An estimate of the Frobenius norm of (data - result).

    Attributes
    ----------
    residual : float
        The estimated part: what the sketch did not see.
    truncation : float
        The known part: what the truncation to the final rank left out.
    norm : float
        Frobenius norm of the data, itself estimated where unknown.
    kind : {"exact", "unbiased", "conservative", "heuristic"}
        ``exact`` up to rounding; ``unbiased`` in the mean of the square; ``conservative`` too large
        in the mean; ``heuristic`` without any guarantee and without an interval.
    method : str
        The estimator, in a word.
    floor : float
        Below this, rounding hides the error.
    dof : float
        Degrees of freedom of the worst-case law of ``residual**2``, see Notes.
    leverage : tuple of float
        Weights of the noise that a least-squares problem added to the error, see Notes.
    overlap, drift : tuple of float
        By rank of the result, in units of ``residual**2``: how much of that noise the truncation
        took away again, and how uncertain this is; see Notes.
    bonds : tuple of int
        Of tensor-train probes: the rank behind each step of their contraction, see Notes.
    blocks : int
        Of tensor-train probes: how many are independent.
    one_sided : bool
        Whether only the upper end of the interval is known; the lower one is then the truncation.

    Notes
    -----
    The squared estimate is a quadratic form in Gaussian variables. Its spread is largest for a
    residual of rank one [2]_, for which ``residual**2 / truth`` follows

        (chi2_dof / dof) * (1 + sum(leverage)) / (1 + sum_j leverage_j z_j),   z_j ~ chi2_1,

    with no leverage for independent probes [1]_. For `blocks` tensor-train probes the first factor
    is the mean over the blocks of products of such factors, one for each mode, with the ranks of
    the `bonds` for dof. Intervals come from that law, so they cover the truth at least as often as
    they say whatever the residual.

    Errors of an orthogonal projection and of its truncation add up in squares. The noise N of a
    least-squares problem is not orthogonal to the part T that is truncated:

        value**2 = residual**2 (1 - overlap) + truncation**2,   overlap residual**2 = 2 E <N, T>,

    which Stein's identity [3]_ gives without bias; ``drift residual**2`` is the standard deviation
    of ``2 <N, T>``.

    References
    ----------
    .. [1] J. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Streaming low-rank matrix approximation
       with an application to scientific simulation", SISC 41 (2019), section 6, arXiv:1902.08651.
    .. [2] E. Hallman, "Extremal bounds for Gaussian trace estimation", 2024, arXiv:2411.15454.
    .. [3] E. Candès, C. Sing-Long, J. Trzasko, "Unbiased risk estimates for singular value
       thresholding and spectral estimators", IEEE Trans. Signal Process. 61 (2013) 4643-4657,
       arXiv:1210.4139.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> res = sketch.svd(np.diag(0.5 ** np.arange(40.0)), rank=5)
    >>> bool(np.isclose(res.error.value, 0.5**5 / np.sqrt(0.75), rtol=1e-2)), res.error.kind
    (True, 'exact')
    """

    residual: float
    norm: float
    kind: Kind
    method: str
    floor: float
    truncation: float = 0.0
    dof: float = math.inf
    leverage: tuple[float, ...] = field(default=(), repr=False)
    overlap: tuple[float, ...] = field(default=(), repr=False)
    drift: tuple[float, ...] = field(default=(), repr=False)
    bonds: tuple[int, ...] = ()
    blocks: int = 1
    one_sided: bool = False

    @property
    def _dofs(self) -> tuple[float, ...]:
        return self.bonds or (self.dof,)

    @property
    def value(self) -> float:
        """The estimate, absolute."""
        if not self.overlap or self.residual == 0:
            return math.hypot(self.residual, self.truncation)
        ratio = self.truncation / self.residual
        return self.residual * math.sqrt(max(0.0, 1 - self.overlap[-1] + ratio * ratio))

    @property
    def relative(self) -> float:
        """The estimate relative to the norm of the data; 0 for zero data."""
        return self.value / self.norm if self.norm > 0 else 0.0

    def __float__(self) -> float:
        return self.value

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return an interval that holds the error with at least the given probability.

        Parameters
        ----------
        confidence : float
            Between 0 and 1.

        Returns
        -------
        low, high : float
            Absolute. Both allow for the floor; ``low`` is 0 where the floor hides the error.

        Raises
        ------
        ValueError
            If the estimate is heuristic, so that no law is known, or `confidence` is not in (0, 1).
        """
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must be between 0 and 1, got {confidence}")
        if self.kind == "heuristic":
            raise ValueError(
                f"the estimate by {self.method} is heuristic: no law is known for it, hence no "
                "interval. Sketch with error_probes=10 for one that has an interval"
            )
        low, high = self._law((1 - confidence) / 2)
        rounding = self.floor
        if self.kind == "exact" and self.residual > 0:  # the floor of a difference of squares
            rounding *= self.floor / self.norm
        hidden = self.value <= self.floor
        return 0.0 if hidden else max(0.0, low - rounding), high + rounding

    def _law(self, tail: float) -> tuple[float, float]:
        """Return both quantiles of the error under the worst-case law."""
        if self.residual == 0:
            return self.truncation, self.truncation
        if self.kind == "exact":
            hidden = min(1.0, self.floor / self.residual)
            low = self.residual * math.sqrt((1 - hidden) * (1 + hidden))
            high = math.hypot(self.residual, self.floor)
            return math.hypot(low, self.truncation), math.hypot(high, self.truncation)
        if self.overlap and self.truncation:
            return self._noisy_law(tail)
        below, above = _truth_over_estimate(self._dofs, self.blocks, self.leverage, tail)
        low = 0.0 if self.one_sided else self.residual * below
        high = self.residual * above
        return math.hypot(low, self.truncation), math.hypot(high, self.truncation)

    def _noisy_law(self, tail: float) -> tuple[float, float]:
        """Return both quantiles for a truncation that is not orthogonal to the residual."""
        spread, noise, normal = _draws(self._dofs, self.blocks, self.leverage)
        ratio = self.truncation / self.residual
        squares = spread * (noise - self.overlap[-1]) + ratio * ratio
        squares -= self.drift[-1] * np.sqrt(spread) * normal
        outside = spread / (1 + sum(self.leverage))  # of the range, which nothing takes away
        low, high = np.sqrt(np.quantile(np.maximum(squares, outside), [tail, 1 - tail]))
        return self.residual * float(low), self.residual * float(high)

    def truncated(self, tail: float, rank: int) -> ErrorEstimate:
        """Return the estimate after a further truncation to `rank` that leaves out `tail`."""
        return dataclasses.replace(
            self,
            truncation=math.hypot(self.truncation, tail),
            overlap=self.overlap[: rank + 1],
            drift=self.drift[: rank + 1],
        )

    def to_header(self) -> dict[str, Any]:
        """Describe the estimate in plain values, for a file."""
        header = dataclasses.asdict(self)
        header["dof"] = None if math.isinf(self.dof) else self.dof
        return header

    @classmethod
    def from_header(cls, header: dict[str, Any]) -> ErrorEstimate:
        """Rebuild an estimate from `to_header`."""
        dof = math.inf if header["dof"] is None else header["dof"]
        by_rank = {name: tuple(header[name]) for name in ("leverage", "overlap", "drift", "bonds")}
        return cls(**{**header, **by_rank, "dof": dof})


def rounding_floor(norm: float, columns: int, roundoff: float) -> float:
    """Return the size of errors that rounding makes in a sketch of so many columns.

    The backward error of an SVD of k columns grows like ``sqrt(k)`` roundoffs, and is no smaller
    for a few columns than for some ten.
    """
    return 10 * math.sqrt(columns + 16) * roundoff * norm


@functools.lru_cache(maxsize=64)
def _truth_over_estimate(
    dofs: tuple[float, ...], blocks: int, leverage: tuple[float, ...], tail: float
) -> tuple[float, float]:
    """Return both quantiles of truth / estimate (not squared) under the worst-case law."""
    from scipy.special import gammaincinv

    if dofs == (math.inf,):  # a bound, not a draw
        return 1.0, 1.0
    if not leverage and len(dofs) == blocks == 1:
        upper, lower = (2 * gammaincinv(dofs[0] / 2, p) for p in (tail, 1 - tail))
        return math.sqrt(dofs[0] / lower), math.sqrt(dofs[0] / upper)
    spread, noise, _ = _draws(dofs, blocks, leverage)
    low, high = np.sqrt(np.quantile(spread * noise, [tail, 1 - tail]))
    return float(low), float(high)


@functools.lru_cache(maxsize=16)
def _draws(
    dofs: tuple[float, ...], blocks: int, leverage: tuple[float, ...]
) -> tuple[_Draws, _Draws, _Draws]:
    """Draw the factors of truth / estimate (both squared): of the probes, of the noise.

    And standard normal numbers beside them. The law is fixed, so is its simulation.
    """
    rng = np.random.default_rng(0)
    product = np.ones((blocks, _DRAWS))
    for dof in dofs:
        product *= rng.chisquare(dof, product.shape) / dof
    estimate = np.mean(product, axis=0)
    normal = rng.standard_normal(_DRAWS)
    noise = 1 + np.asarray(leverage) @ rng.standard_normal((len(leverage), _DRAWS)) ** 2
    return 1 / estimate, noise / (1 + sum(leverage)), normal
