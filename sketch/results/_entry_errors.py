"""Errors of single entries: quantiles that hold whatever their distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._checks import checked_share


@dataclass(frozen=True, eq=False)
class EntryErrors:
    """Errors of entries of a result that were drawn at random, independently of each other.

    Attributes
    ----------
    errors : array, shape (p,)
        Absolute values of data less result, ascending.
    points : array, shape (p, d)
        Where they were drawn, in the same order.

    Raises
    ------
    ValueError
        Of a share or a confidence that is not between 0 and 1.

    Notes
    -----
    Holds ``p (d + 1)`` numbers. Intervals are those of order statistics, for any distribution.

    References
    ----------
    .. [1] H. David, H. Nagaraja, "Order statistics", 3rd edition, Wiley 2003, section 7.1,
       doi:10.1002/0471722162.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> a = np.random.default_rng(0).standard_normal((300, 200))
    >>> found = sketch.entry_errors(sketch.svd(a, rank=20), a)
    >>> low, high = found.interval(0.9)  # of all entries nine in ten are off by less
    >>> bool(low <= found.quantile(0.9) <= high < 1.2 * low)
    True
    """

    errors: NDArray[np.float64]
    points: NDArray[np.int64]

    def quantile(self, share: float) -> float:
        """Return what a share of all entries are off by at most, as far as the sample tells.

        Parameters
        ----------
        share : float
            Between 0 and 1.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If `share` is not in (0, 1).
        """
        share = checked_share(share, "share")
        return float(np.quantile(self.errors, share))

    def interval(self, share: float, confidence: float = 0.95) -> tuple[float, float]:
        """Return an interval that holds that quantile of all entries.

        By order statistics: how many of the drawn entries lie below a quantile is binomial, however
        errors are distributed.

        Parameters
        ----------
        share : float
            Between 0 and 1.
        confidence : float
            Between 0 and 1.

        Returns
        -------
        low, high : float
            0 or infinite where the sample is too small to tell.

        Raises
        ------
        ValueError
            If `share` or `confidence` is not in (0, 1).
        """
        share = checked_share(share, "share")
        confidence = checked_share(confidence, "confidence")
        from scipy.stats import binom

        count, tail = len(self.errors), (1 - confidence) / 2
        below, above = int(binom.ppf(tail, count, share)), int(binom.isf(tail, count, share)) + 1
        low = float(self.errors[below - 1]) if below else 0.0
        return low, float(self.errors[above - 1]) if above <= count else float("inf")

    def __str__(self) -> str:
        low, high = self.interval(0.95)
        return (
            f"of {len(self.errors)} entries, 19 in 20 are off by less than "
            f"{self.quantile(0.95):.4g}, 95 % interval [{low:.4g}, {high:.4g}]"
        )
