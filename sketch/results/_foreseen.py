"""How much wider a sketch must be for a tolerance, from how its errors fell so far."""

from __future__ import annotations

import math


def foreseen_growth(half: float, whole: float, excess: float) -> tuple[float, float]:
    """Return how many times wider a sketch must be, were its errors to go on to fall so.

    Parameters
    ----------
    half, whole : float
        Errors of results of half the rank, and of all of it.
    excess : float
        How many times smaller the latter shall become.

    Returns
    -------
    least, most : float
        Were they to fall like an exponential, and like a power; infinite where they do not fall.
    """
    if not (0 < excess < math.inf and 0 < whole < half < math.inf):
        return math.inf, math.inf
    steps = math.log(excess) / math.log(half / whole)
    return 1 + steps / 2, 2.0**steps if steps < 1000 else math.inf
