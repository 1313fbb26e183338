"""Quantiles: where the tail of a law of errors is as large as asked.

A tail is given as a function of x, truth in units of the estimate; `ratio` is that of a known
truncation to the estimate, and sets the scale in which tails change smoothly.
"""

from __future__ import annotations

import math
from collections.abc import Callable

_LEAST_STEP = 1e-12  # of x, that can be told apart
_WIDEST = 300.0  # logarithm of truth / estimate: a tail that is so long has no end


def quantile(chance: Callable[[float], float], ratio: float, tail: float, side: int) -> float:
    """Return where the chance of one tail, 0 below and 1 above, is as large as `tail`."""
    sign, wanted = 1 - 2 * side, _normal(tail)

    def excess(log: float) -> float:  # increases
        return sign * (_normal(chance(math.exp(log))) - wanted)

    near, step = math.log(math.hypot(1.0, ratio)), 0.2 / (1 + ratio)
    precise = max(1e-15, 1e-6 / (1 + ratio * ratio))  # of what the residual makes of the whole
    toward = -1.0 if excess(near) > 0 else 1.0
    far = near + toward * step
    while excess(far) * toward < 0 and step < _WIDEST:
        near, step = far, 2 * step
        far = near + toward * step
    return math.exp(_zero(excess, near, far, precise)) if step < _WIDEST else 0.0


def corrected_quantile(chance: Callable[..., float], ratio: float, tail: float, side: int) -> float:
    """Return the same of a chance that can be had ``exact``, which is evaluated once or twice.

    Found by the approximation, and corrected by how far this is off there.
    """
    x = quantile(chance, ratio, tail, side)
    beside = 1 + 1e-2 / (1 + ratio * ratio)  # in which scale of x the chance changes smoothly
    if beside - 1 < _LEAST_STEP:  # the residual is lost in the truncation
        return x
    slope = (_normal(chance(x * beside)) - _normal(chance(x))) / math.log(beside)
    off = _normal(chance(x, exact=True)) - _normal(tail)
    if abs(off) < 0.2 < abs(slope):
        return x * math.exp(-off / slope)
    return quantile(lambda x: chance(x, exact=True), ratio, tail, side)


def _normal(chance: float) -> float:
    """Return the normal quantile of a chance: nearly a straight line over the logarithm of x."""
    from scipy.special import ndtri

    return float(ndtri(min(max(chance, 1e-300), 1 - 1e-16)))


def _zero(f: Callable[[float], float], a: float, b: float, precise: float) -> float:
    """Return the zero of a nearly straight function between two places of opposite sign.

    Regula falsi where an end that stays counts for half, and half again (Illinois). SciPy's
    optimizers would take 26 MB and a fifth of a second to import.
    """
    at_a, at_b = f(a), f(b)
    precise += 1e-15 * abs(b)
    for _ in range(100):
        step = at_b * (b - a) / (at_b - at_a) if at_b else 0.0
        c = b - step
        at_c = f(c)
        if at_c * at_b < 0:
            a, at_a = b, at_b
        else:
            at_a /= 2
        b, at_b = c, at_c
        if min(abs(step), abs(b - a)) <= precise or at_c == 0:
            break
    return b
