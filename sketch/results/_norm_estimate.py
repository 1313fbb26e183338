"""A norm that was estimated, with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .._checks import checked_share
from ._estimated import Estimated


@dataclass(frozen=True)
class NormEstimate(Estimated):
    """An estimate of ``||A||_p``, the p-th root of a sum of p-th powers of singular values.

    Attributes
    ----------
    value : float
        The estimate.
    p : float
    kind : {"exact", "heuristic"}
        ``exact`` up to rounding, from all singular values; ``heuristic`` where the interval is that
        of Student for the spread between probes.
    spread : float
        Standard error of ``value**p``, relative to it.
    freedom : int
        Its degrees of freedom: one less than there were probes.
    floor : float
        By how much ``value**p`` may be off besides, relative to it: by rounding, and by the
        quadrature.
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
    .. [1] S. Ubaru, J. Chen, Y. Saad, "Fast estimation of tr(f(A)) via stochastic Lanczos
       quadrature", SIAM J. Matrix Anal. Appl. 38 (2017) 1075-1099, doi:10.1137/16M1104974.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> found = sketch.schatten_norm(np.diag(1 / np.arange(1.0, 701)), products=400)
    >>> low, high = found.interval()
    >>> bool(low < np.sum(1 / np.arange(1.0, 701)) < high < 1.1 * low)
    True
    """

    value: float
    p: float
    kind: Literal["exact", "heuristic"]
    spread: float
    freedom: int
    floor: float
    n_products: int

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return an interval that holds the norm with about the given probability.

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
        """
        confidence = checked_share(confidence, "confidence")
        half = self.floor
        if self.spread:
            from scipy.special import stdtrit

            half += self.spread * float(stdtrit(self.freedom, (1 + confidence) / 2))
        low, high = max(0.0, 1 - half), 1 + half
        return self.value * low ** (1 / self.p), self.value * high ** (1 / self.p)

    def __str__(self) -> str:
        return f"{super().__str__()} ({self.kind})"
