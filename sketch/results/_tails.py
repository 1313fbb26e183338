"""Tail probabilities of sums of gamma variates and of products of chi-squares.

Both by integrals of ``exp(K(s)) / s`` over a line through the saddle point of the cumulant
generating function K, which keep their relative accuracy however small the probability.

References
----------
.. [1] S. Rice, "Distribution of quadratic forms in normal random variables - evaluation by
   numerical integration", SIAM J. Sci. Stat. Comput. 1 (1980) 438-448, doi:10.1137/0901032.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from ..backend.array import HostArray

_Values = HostArray
_NODES = np.arange(0.04, 9.0, 0.08, dtype=np.float64)  # midpoints; t = scale * sinh(node)
_FAR = -60.0  # logarithm of densities that are left out
_EDGES = 800  # of a grid for sums of products
_PLACES = 400  # at which the density of a product is known
_STEPS = 0.2 * np.arange(0.5, 60.0)  # standard deviations, in the integral for it


class GammaSum:
    """``Y = a + sum(G_j / poles_j)`` for independent gamma variates G_j of shapes `powers`.

    Of the cumulant generating function ``K(s) = a s - sum(powers * log(1 - s / poles))``.
    """

    def __init__(self, a: float, poles: _Values, powers: _Values) -> None:
        self._a, self._poles, self._powers = a, poles, powers
        self._low = float(np.max(poles[poles < 0], initial=-math.inf))
        self._high = float(np.min(poles[poles > 0], initial=math.inf))

    def tails(self, *, exact: bool) -> tuple[float, float]:
        """Return ``P(Y < 0), P(Y > 0)``, or the saddle-point approximation of Lugannani and Rice.

        The latter is right to a few per cent of the smaller of the two.
        """
        if self._low == -math.inf and self._a >= 0:
            return 0.0, 1.0
        if self._high == math.inf and self._a <= 0:
            return 1.0, 0.0
        if exact:
            return _both_tails(self._cumulants, self._slope, self._curvature, self._low, self._high)
        saddle = _root(self._slope, self._curvature, self._low, self._high)
        depth = -float(self._cumulants(np.array([saddle]))[0])
        w = math.copysign(math.sqrt(2 * max(0.0, depth)), saddle)
        if abs(w) < 1e-3:
            return 0.5, 0.5
        u = saddle * math.sqrt(self._curvature(saddle))
        correction = math.exp(-depth) / math.sqrt(2 * math.pi) * (1 / u - 1 / w)
        above = math.erfc(w / math.sqrt(2)) / 2 + correction
        below = math.erfc(-w / math.sqrt(2)) / 2 - correction
        return max(below, 0.0), max(above, 0.0)

    def _cumulants(self, s: _Values) -> _Values:
        return np.asarray(self._a * s - np.log(1 - s[:, None] / self._poles) @ self._powers)

    def _slope(self, s: float) -> float:
        return float(self._a + np.sum(self._powers / (self._poles - s)))

    def _curvature(self, s: float) -> float:
        return float(np.sum(self._powers / (self._poles - s) ** 2))


def _both_tails(
    cumulants: Callable[[_Values], _Values],
    slope: Callable[[float], float],
    curvature: Callable[[float], float],
    low: float,
    high: float,
) -> tuple[float, float]:
    """Return ``P(Y < 0), P(Y > 0)`` from K on the strip (low, high) where it is finite."""
    spread = 1 / math.sqrt(curvature(0.0))
    saddle = _root(slope, curvature, low, high)
    least = 0.3 * min(spread, -low, high)  # away from the pole at 0
    if abs(saddle) < least:
        saddle = math.copysign(least, saddle)
    if not curvature(saddle):  # all of the mass is at one end
        return (1.0, 0.0) if saddle > 0 else (0.0, 1.0)
    scale = 1 / math.sqrt(curvature(saddle))
    s = saddle + 1j * scale * np.sinh(_NODES)
    weights = scale * np.cosh(_NODES) * (_NODES[1] - _NODES[0]) / math.pi
    inner = float(np.real(np.sum(weights * np.exp(cumulants(s)) / s)))
    probability = min(1.0, max(0.0, abs(inner)))
    return (1 - probability, probability) if saddle > 0 else (probability, 1 - probability)


def _root(
    slope: Callable[[float], float], curvature: Callable[[float], float], low: float, high: float
) -> float:
    """Return the zero of an increasing function on an open interval around 0: Newton, guarded."""
    s, widest = 0.0, 1 / math.sqrt(curvature(0.0))
    for _ in range(100):
        value = slope(s)
        low, high = (s, high) if value < 0 else (low, s)
        bend = curvature(s)
        new = s - value / bend if bend else math.inf
        if not low < new < high:  # so far that both ends are finite on that side, or a doubling
            end = high if value < 0 else low
            widest *= 2
            new = (s + end) / 2 if math.isfinite(end) else s + math.copysign(widest, end)
        if abs(new - s) <= 1e-6 * abs(new):
            return new
        s = new
    return s


class ProductMean:
    """The mean over blocks of products of independent ``chi2_r / r``, one factor for each rank."""

    def __init__(self, ranks: tuple[int, ...], blocks: int) -> None:
        self._blocks = blocks
        self._logs, self._masses = _product(ranks)
        self._sums = _upper_tail(ranks, blocks)

    def tails(self, y: float) -> tuple[float, float]:
        """Return ``P(mean < y), P(mean > y)``."""
        above = math.exp(float(np.interp(math.log(y * self._blocks), *self._sums)))
        return (self._below(y), above) if above > 0.5 else (1 - above, above)

    def _below(self, y: float) -> float:
        if self._blocks == 1:
            within = np.cumsum(self._masses) - self._masses / 2
            return math.exp(float(np.interp(math.log(y), self._logs, np.log(within))))
        shifted = (np.exp(self._logs) - y) / self._blocks

        def cumulants(s: _Values) -> _Values:
            exponents = np.outer(s, shifted)
            top = np.max(np.real(exponents), axis=1)
            sums = np.log(np.exp(exponents - top[:, None]) @ self._masses)
            return np.asarray(self._blocks * (top + sums))

        def moments(s: float) -> tuple[float, float]:
            exponents = s * shifted
            tilted = self._masses * np.exp(exponents - np.max(exponents))
            tilted /= np.sum(tilted)
            mean = float(tilted @ shifted)
            return self._blocks * mean, self._blocks * float(tilted @ (shifted - mean) ** 2)

        return _both_tails(
            cumulants, lambda s: moments(s)[0], lambda s: moments(s)[1], -math.inf, math.inf
        )[0]


@functools.lru_cache(maxsize=16)
def _upper_tail(ranks: tuple[int, ...], blocks: int) -> tuple[_Values, _Values]:
    """Return logarithms of values of the sum over blocks, and of the chance that it is larger.

    By convolution on a logarithmic grid: large values have no moment generating function.
    """
    logs, masses = _product(ranks)
    edges = np.linspace(logs[0], logs[-1] + math.log(blocks), _EDGES)
    middles = np.exp((edges[1:] + edges[:-1]) / 2)
    beyond = np.log(np.cumsum(masses[::-1])[::-1] - masses / 2 + 1e-300)

    def added(x: _Values, y: _Values) -> _Values:
        """Return the tail of a sum of two independent variables from theirs."""
        parts, sums = -np.diff(np.exp(x)), []
        for some in np.split(edges, _EDGES // 50):  # which keeps arrays small
            left = np.exp(some)[:, None] - middles
            logs_left = np.log(np.where(left > 0, left, 1e-300))
            chances = np.where(left > 0, np.exp(np.interp(logs_left, edges, y)), 1.0)
            sums.append(chances @ parts)
        return np.log(np.concatenate(sums) + math.exp(x[-1]) + 1e-300)

    power: _Values = np.interp(edges, logs, beyond, right=-690.0)
    total: _Values | None = None
    power[0] = 0.0
    while blocks:
        if blocks % 2:
            total = power if total is None else added(total, power)
        blocks //= 2
        power = added(power, power) if blocks else power
    return edges, np.asarray(total)


@functools.lru_cache(maxsize=16)
def _product(ranks: tuple[int, ...]) -> tuple[_Values, _Values]:
    """Return logarithms of values of the product, evenly spaced, and their probabilities.

    From the Mellin transform, ``E X^s = prod Gamma(r / 2 + s) / Gamma(r / 2) (2 / r)^s``.
    """
    from scipy.special import loggamma, psi

    sizes, counts = np.unique(np.asarray(ranks) / 2, return_counts=True)

    def cumulants(s: _Values) -> _Values:
        gammas = loggamma(sizes + s[..., None]) - loggamma(sizes) - s[..., None] * np.log(sizes)
        return np.asarray(gammas @ counts)

    smallest = float(sizes[0])
    left = smallest * (np.geomspace(1e-7, 1, 200) - 1)
    saddles = np.concatenate([left, np.geomspace(1e-3, 1e6, 300)])
    logs = (psi(sizes + saddles[:, None]) - np.log(sizes)) @ counts
    inside = np.flatnonzero(cumulants(saddles) - saddles * logs > _FAR)
    logs, saddles = logs[inside], saddles[inside]
    places = np.linspace(logs[0], logs[-1], _PLACES)
    real = np.interp(places, logs, saddles)
    spread = np.sqrt(np.interp(places, logs, np.gradient(logs, saddles)))
    s = real[:, None] + 1j * _STEPS / spread[:, None]
    density = np.real(np.exp(cumulants(s) - s * places[:, None])).sum(axis=1) * 0.2 / spread
    masses = np.maximum(density, 0.0)
    return places, masses / masses.sum()
