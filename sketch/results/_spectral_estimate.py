"""A largest singular value that was estimated, with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .._checks import checked_share
from ._estimated import Estimated
from ._laws import probed_excess


@dataclass(frozen=True)
class SpectralEstimate(Estimated):
    """An estimate of the spectral norm ``||A||_2``, the largest singular value.

    Attributes
    ----------
    value : float
        The estimate: what A makes of some unit vector, so never too large but for rounding.
    ratio : float
        ``||T(A / value) G||_2 / sqrt(w)`` for the Chebyshev polynomial T and w Gaussian columns G.
    degree : int
        Of the polynomial, odd.
    freedom : int
        Degrees of freedom of the squared norm of a row of G; 0 where the value is exact.
    floor : float
        By how much the value may be off by rounding, relative to it.
    n_products : int
        Products of A or its adjoint with a vector that were taken.

    Raises
    ------
    ValueError
        Of an interval with a confidence that is not between 0 and 1.

    Notes
    -----
    Costs nothing more: what was paid for it are `n_products`.

    References
    ----------
    .. [1] J. Kuczynski, H. Wozniakowski, "Estimating the largest eigenvalue by the power and
       Lanczos algorithms with a random start", SIAM J. Matrix Anal. Appl. 13 (1992) 1094-1122,
       doi:10.1137/0613066.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> found = sketch.spectral_norm(np.diag(1 / np.arange(1.0, 701)))
    >>> low, high = found.interval()
    >>> bool(low <= 1 <= high < 1.05 * low)
    True
    """

    value: float
    ratio: float
    degree: int
    freedom: int
    floor: float
    n_products: int

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return an interval that holds the norm with at least the given probability.

        Parameters
        ----------
        confidence : float
            Between 0 and 1.

        Returns
        -------
        low, high : float

        Raises
        ------
        ValueError
            If `confidence` is not in (0, 1).

        Notes
        -----
        With v the right singular vector of the norm, ``||T(A / value) G||_2 >= T(||A|| / value)
        ||v^* G||``, whose last factor is a chi variable: the growth of T beyond 1 does the rest.
        """
        confidence = checked_share(confidence, "confidence")
        above = 1.0
        if self.freedom:
            most = self.ratio * probed_excess(self.freedom, 1 - confidence)
            above = math.cosh(math.acosh(max(1.0, most)) / self.degree)
        return self.value * (1 - self.floor), self.value * above * (1 + self.floor)
