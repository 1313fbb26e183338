"""What sketches without one of their columns miss: a bound of eigenvalues that costs nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..backend.array import Array, beside, namespace
from ..files.archive import Header


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Variances that one reading found, and how far below the exact ones they may be.

    What the sketch missed is positive semidefinite, so that no exact variance is further above
    than its Frobenius norm, which leaving out one column after the other estimates.

    Attributes
    ----------
    variances : array, shape (k,)
        Descending.
    size : float
        Root mean square, over the columns, of what sketches without a column miss of its product.
    degrees : int
        Of freedom: the columns, twice as many where they are complex.

    References
    ----------
    .. [1] E. Epperly, J. Tropp, "Efficient error and variance estimation for randomized matrix
       computations", SISC 46 (2024), doi:10.1137/23M1558537, arXiv:2207.06342, section 2.
    """

    variances: Array
    size: float
    degrees: int

    def ceiling(self, rank: int, confidence: float) -> Array:
        """Return upper ends of the leading exact variances, shape (rank,)."""
        from scipy.stats import chi2

        xp, known = namespace(self.variances), int(self.variances.shape[0])
        least = float(chi2.ppf(1 - confidence, self.degrees))
        above = self.size * math.sqrt(self.degrees / least) if least > 0 else math.inf
        more = xp.zeros((max(0, rank - known),), **beside(self.variances))
        return xp.concat([self.variances[:rank], more]) + above

    def to_header(self) -> Header:
        """Describe the estimate in plain values, beside its variances."""
        return {"size": self.size, "degrees": self.degrees}
