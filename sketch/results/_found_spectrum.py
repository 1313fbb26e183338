"""What a sketch tells of all singular values of the data: those it found, and what it missed."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..files.archive import Header
from ..numerics.linalg import rescaled
from ._error import ErrorEstimate
from ._laws import Regression, probed_excess

Floats = NDArray[np.float64]
Relation = Literal["projection", "semidefinite", "regression", "any"]


class Missed(NamedTuple):
    """Bounds that hold together: of the norms of E, of the noise of a regression, and of both."""

    outside: float
    noise: float
    both: float


@dataclass(frozen=True)
class FoundSpectrum:
    """Singular values that a sketch found, with what bounds those of the data.

    The data are A, the approximation before any truncation is Ahat, of rank R at most.

    Attributes
    ----------
    values : tuple of float
        Singular values of Ahat, descending.
    relation : {"projection", "semidefinite", "regression", "any"}
        ``Ahat = Q Q^* A`` and ``E = A - Ahat``; ``E = A - Ahat`` is positive semidefinite, as Ahat
        is; ``Ahat = Q (Q^* A + N)`` with noise N, and ``E = A - Q Q^* A``; or ``E = A - Ahat``
        without more.
    probed : float
        ``||E G||_2 / sqrt(p)`` for p Gaussian columns that are independent of E; infinite where
        there are none.
    size : float
        ``||E G||_F / sqrt(p)``.
    degrees : int
        Of freedom of a column's squared norm: p, twice that where G is complex.
    certain : float
        What ``||A - Ahat||_F`` is at most; infinite where that is not known. Of a regression with
        half of the chance to miss.
    noise : (float, float)
        ``||C^+||_2`` and ``||C^+||_F`` of a regression, ``N = C^+ G' E`` with another Gaussian G'.
    beyond : float
        Norm of further singular values of Ahat that are not among `values`.
    floor : float
        Rounding errors of the values.

    Notes
    -----
    With v the leading right singular vector of E, ``||E G||_2 >= ||E||_2 ||v^* G||``, a chi
    variable of p degrees; with u any left one the noise has ``E ||C^+ G' E||_2 <= ||C^+||_2
    ||E||_F + ||C^+||_F ||E||_2`` [2]_, and exceeds that by ``t ||C^+||_2 ||E||_2`` with a
    probability of ``exp(-t^2 / 2)`` at most. Each event takes its share of what may be missed.

    References
    ----------
    .. [1] J. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Streaming low-rank matrix approximation
       with an application to scientific simulation", SISC 41 (2019), arXiv:1902.08651, section 6.
    .. [2] N. Halko, P.-G. Martinsson, J. Tropp, "Finding structure with randomness", SIAM Rev. 53
       (2011) 217-288, arXiv:0909.4061, propositions 10.1 and 10.3.
    .. [3] C. Davis, W. Kahan, "The rotation of eigenvectors by a perturbation. III", SIAM J. Numer.
       Anal. 7 (1970) 1-46, doi:10.1137/0707001.
    """

    values: tuple[float, ...]
    relation: Relation
    probed: float = math.inf
    size: float = math.inf
    degrees: int = 0
    certain: float = math.inf
    noise: tuple[float, float] = (0.0, 0.0)
    beyond: float = 0.0
    floor: float = 0.0

    @classmethod
    def of_error(
        cls, values: tuple[float, ...], error: ErrorEstimate, confidence: float
    ) -> FoundSpectrum:
        """Return what the Frobenius norm of the error alone tells, at one confidence."""
        is_noisy = isinstance(error.law, Regression)
        projected = error.orthogonal and not error.losses and not is_noisy
        _, most = dataclasses.replace(error, truncation=0.0).interval(confidence)
        return cls(
            values,
            "projection" if projected else "any",
            certain=max(0.0, most - error.floor),
            beyond=error.truncation,
        )

    # ---- what was missed --------------------------------------------------------------------

    def missed(self, confidence: float) -> Missed:
        """Return what was missed at most, all with one confidence."""
        most = self.certain
        if self.relation != "regression":
            outside = min(most, self._above(self.probed, 1 - confidence))
            return Missed(outside, 0.0, outside)
        share = (1 - confidence) / 6
        outside, size = (self._above(x, share) for x in (self.probed, self.size))
        largest, total = self.noise
        spread = math.sqrt(2 * math.log(1 / share))
        noise = largest * size + (total + spread * largest) * outside
        return Missed(min(most, outside), min(most, noise), min(most, math.hypot(outside, noise)))

    def _above(self, probed: float, share: float) -> float:
        """Return what a norm that was probed is at most, but for a share of the cases."""
        return probed * probed_excess(self.degrees, share) if self.degrees else math.inf

    # ---- what follows -----------------------------------------------------------------------

    def interval(self, confidence: float) -> tuple[Floats, Floats]:
        """Return both ends for the leading singular values of A, as many as are known."""
        low, high = self._ends(np.asarray(self.values), self.missed(confidence))
        return np.maximum(low - self.floor, 0.0), high + self.floor

    def _ends(self, s: Floats, missed: Missed) -> tuple[Floats, Floats]:
        if self.relation == "semidefinite":
            return s, s + missed.outside
        if self.relation == "any":
            return s - missed.outside, s + missed.outside
        high = np.minimum(np.hypot(s + missed.noise, missed.outside), s + missed.both)
        return s - missed.noise, high

    def further(self, confidence: float) -> float:
        """Return what all singular values of A beyond those of `interval` are at most."""
        outside = self.missed(confidence).outside
        if self.relation == "any":
            return outside + self.beyond + self.floor
        return math.hypot(outside, self.beyond) + self.floor

    def spectral_error(self, rank: int, confidence: float) -> tuple[float, float]:
        """Return both ends for ``||A - Ahat_k||_2``, Ahat_k of so many values."""
        is_known = rank < len(self.values)
        left_out = self.values[rank] if is_known else self.beyond
        low, high = self._ends(np.asarray([left_out]), self.missed(confidence))
        least = max(0.0, float(low[0]) - self.floor) if is_known else 0.0
        return least, float(high[0]) + self.floor

    def sines(self, confidence: float) -> tuple[Floats, Floats]:
        """Return bounds of the sines of the angles to the singular vectors of A, left and right.

        By the gap between each value and what all other singular values of A can be [3]_: of the
        residuals of ``A A^*`` and ``A^* A`` for a projection, else of A.
        """
        s, missed = np.asarray(self.values), self.missed(confidence)
        low, high = self.interval(confidence)
        above = np.append(math.inf, low)[: len(s)]  # of what each other value is at least, or most
        below = np.append(high[1:], self.further(confidence))[: len(s)]
        outside = missed.outside + self.floor
        if self.relation == "projection":
            gap = np.minimum((above - s) * (above + s), (s - below) * (s + below))
            rounding = self.floor * (high[:1].max(initial=0.0) + s)
            return _ratio(s * outside + rounding, gap), _ratio(outside**2 + rounding, gap)
        gap = np.minimum(above - s, s - below)
        if self.relation == "semidefinite":
            both = _ratio(outside + 0 * s, gap)
        else:
            both = _of_pair(_ratio(missed.both + self.floor + 0 * s, np.minimum(gap, s)))
        return both, both

    # ---- what was done to the result --------------------------------------------------------

    def rescaled(self, exponent: int) -> FoundSpectrum:
        """Return what is known where the data were multiplied by ``2**exponent``."""
        return dataclasses.replace(
            self,
            values=tuple(float(rescaled(x, exponent)) for x in self.values),
            probed=float(rescaled(self.probed, exponent)),
            size=float(rescaled(self.size, exponent)),
            certain=float(rescaled(self.certain, exponent)),
            beyond=float(rescaled(self.beyond, exponent)),
            floor=float(rescaled(self.floor, exponent)),
        )

    def to_header(self) -> Header:
        """Describe it in plain values, for a file."""
        return dataclasses.asdict(self)

    @classmethod
    def from_header(cls, header: Header) -> FoundSpectrum:
        """Rebuild it from `to_header`."""
        lists = {name: tuple(header[name]) for name in ("values", "noise")}
        return cls(**{**header, **lists})


def _ratio(size: Floats, gap: Floats) -> Floats:
    """Return ``size / gap``, at most 1, which tells nothing."""
    return np.where(gap > size, size / np.where(gap > size, gap, 1.0), 1.0)


def _of_pair(sine: Floats) -> Floats:
    """Return the sine for u or v alone, from that for ``(u, v) / sqrt(2)`` of both together.

    Whose cosine is the mean of both, so that each is at least twice the cosine less 1.
    """
    cosine = np.maximum(0.0, 2 * np.sqrt(1 - np.square(sine)) - 1)
    both: Floats = np.sqrt(1 - np.square(cosine))
    return both
