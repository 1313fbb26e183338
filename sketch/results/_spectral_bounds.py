"""What low-rank results tell of the singular values and vectors of the data."""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Callable

import numpy as np

from .._checks import checked_share
from ..backend.array import Array, HostArray, brought, silent
from ..numerics.linalg import as_floats
from ._error import ErrorEstimate
from ._found_spectrum import FoundSpectrum
from ._laws import Regression
from ._scree import Scree


class SpectralBounds:
    """The part of `LowRank` that compares it with the data, singular value by singular value."""

    s: Array
    error: ErrorEstimate
    spectrum: FoundSpectrum | None

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """``(m, n)``."""

    @property
    @abstractmethod
    def rank(self) -> int:
        """Number of singular values."""

    @abstractmethod
    def errors_by_rank(self) -> Callable[[int], ErrorEstimate]:
        """Return the estimate of the error after a truncation, as a function of the rank.

        Returns
        -------
        callable
            From ranks to `ErrorEstimate`.
        """

    @silent
    def singular_value_interval(self, confidence: float = 0.95) -> tuple[Array, Array]:
        """Return both ends of an interval that holds every exact singular value at once.

        Parameters
        ----------
        confidence : float
            Between 0 and 1.

        Returns
        -------
        low, high : array, shape (k,)
            For the k leading singular values of the data.

        Raises
        ------
        ValueError
            If the error estimate is heuristic, or `confidence` is not in (0, 1).

        Notes
        -----
        Let e bound the spectral norm of what the sketch missed before truncation: by probes, whose
        products are of the size of that norm or larger, and by the Frobenius norm where it is
        known. Where the data were projected, as HMT does, ``s_i**2 <= sigma_i**2 <= s_i**2 +
        e**2``, since ``A^* A = B^* B + E^* E``; of semidefinite data by `Nystrom` ``s_i <= sigma_i
        <= s_i + e``; else Weyl's inequality gives ``abs(sigma_i - s_i) <= e``, and both parts of
        generalized Nyström's error count apart. All hold for the worst residual.

        References
        ----------
        .. [1] J. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Streaming low-rank matrix approximation
           with an application to scientific simulation", SISC 41 (2019), arXiv:1902.08651,
           section 6.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> res = sketch.svd(np.diag(0.5 ** np.arange(40.0)), rank=5)
        >>> low, high = res.singular_value_interval()
        >>> bool(np.all(low <= 0.5 ** np.arange(5)) and np.all(high >= 0.5 ** np.arange(5)))
        True
        """
        confidence = checked_share(confidence, "confidence")
        low, high = self._found(confidence).interval(confidence)
        return self._beside_s(low), self._beside_s(high)

    @silent
    def spectral_error_interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return both ends of an interval that holds the spectral norm of (data - result).

        The largest error of a product with a unit vector. It costs no reading; see `spectral_norm`
        for a narrower one from data at hand.

        Parameters
        ----------
        confidence : float
            Between 0 and 1.

        Returns
        -------
        low, high : float
            Absolute. `low` is at least the first singular value that was left out, less noise.

        Raises
        ------
        ValueError
            If the error estimate is heuristic, or `confidence` is not in (0, 1).

        Examples
        --------
        >>> import numpy as np, sketch
        >>> res = sketch.svd(np.diag(0.5 ** np.arange(40.0)), rank=5)
        >>> low, high = res.spectral_error_interval()
        >>> low <= 0.5**5 <= high < 1.001 * 0.5**5
        True
        """
        confidence = checked_share(confidence, "confidence")
        low, high = self._found(confidence).spectral_error(self.rank, confidence)
        if self.error.kind == "exact":  # of at most so many singular values
            low = max(low, self.error.interval()[0] / max(1, min(self.shape)) ** 0.5)
            high = min(high, self.error.interval()[1])
        return min(low, high), high

    @silent
    def angle_bounds(self, confidence: float = 0.95) -> tuple[Array, Array]:
        """Return how far singular vectors may be from those of the data: bounds of sines.

        Parameters
        ----------
        confidence : float
            Between 0 and 1, with which all of them hold at once.

        Returns
        -------
        left, right : array, shape (k,)
            Of the angle between each left or right singular vector and that of the data with the
            same number. 1 where nothing is known: where singular values are too close to each other
            to tell their vectors apart.

        Raises
        ------
        ValueError
            If the error estimate is heuristic, or `confidence` is not in (0, 1).

        Notes
        -----
        The residual over the gap [1]_. For a projection with ``||E|| <= e``, ``A^* u = s v`` and
        ``||A v - s u|| <= e``; for the gap g between ``s**2`` and the squares of what all other
        singular values can be, the sines are at most ``s e / g`` and ``e**2 / g``.

        References
        ----------
        .. [1] C. Davis, W. Kahan, "The rotation of eigenvectors by a perturbation. III", SIAM J.
           Numer. Anal. 7 (1970) 1-46, doi:10.1137/0707001.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> res = sketch.svd(np.diag(0.5 ** np.arange(40.0)), rank=5)
        >>> left, right = res.angle_bounds()
        >>> bool(left[0] < 1e-3 and right[0] < 1e-3)
        True
        """
        confidence = checked_share(confidence, "confidence")
        left, right = self._found(confidence).sines(confidence)
        return self._beside_s(left), self._beside_s(right)

    @silent
    def scree(self, confidence: float = 0.95) -> Scree:
        """Return all singular values that the sketch found with intervals, to choose a rank by.

        Parameters
        ----------
        confidence : float
            Between 0 and 1.

        Returns
        -------
        Scree
            Prints as a table; its `plot` draws.

        Raises
        ------
        ValueError
            If `confidence` is not in (0, 1).

        Examples
        --------
        >>> import numpy as np, sketch
        >>> found = sketch.svd(np.diag(0.5 ** np.arange(40.0)), rank=2).scree()
        >>> print(found)  # doctest: +ELLIPSIS
        rank       value    95 % interval             relative error
           1           1    [1, 1]                          0.5
           2         0.5    [0.5, 0.5]                     0.25
        ...
        """
        confidence = checked_share(confidence, "confidence")
        s = np.asarray(as_floats(self.s))
        by_rank = self.errors_by_rank()
        left = np.array([by_rank(rank).relative for rank in range(self.rank + 1)])
        if self.error.kind == "heuristic":
            return Scree(s, s, s, 0.0, left, 0.0, confidence)
        found = self._found(confidence)
        low, high = found.interval(confidence)
        is_all = len(found.values) >= min(self.shape)
        further = 0.0 if is_all else found.further(confidence)
        whole = dataclasses.replace(self.error, truncation=found.beyond).interval(confidence)[1]
        values = np.asarray(found.values)
        return Scree(values, low, high, further, left, whole, confidence)

    def _found(self, confidence: float) -> FoundSpectrum:
        """Return what is known of the singular values of the data at a confidence."""
        known = self.spectrum
        if known is None:
            known = FoundSpectrum.of_error(as_floats(self.s), self.error, confidence)
        elif known.relation == "regression" and isinstance(self.error.law, Regression):
            whole = dataclasses.replace(self.error, truncation=0.0)
            at_end = min((1 + confidence) / 2, math.nextafter(1.0, 0.0))
            known = dataclasses.replace(known, certain=whole.interval(at_end)[1])
        return dataclasses.replace(known, floor=max(known.floor, self.error.floor))

    def _beside_s(self, x: HostArray) -> Array:
        """Return one number for each singular value, from those of all that are known."""
        return brought(x[: self.rank], self.s)
