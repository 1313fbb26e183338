"""Probabilistic principal components: the Gaussian that components and the rest stand for."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RankError
from ..results import PrincipalComponents
from ..sources import is_sparse

_ROUNDING = 1e-12  # of the total variance, beside which a difference of sums tells nothing


@dataclasses.dataclass(frozen=True)
class GaussianModel:
    """A normal distribution with covariance ``D (W^T diag(v - noise) W + noise I) D``.

    Of Tipping and Bishop; D are the scales that columns were divided by.
    """

    found: PrincipalComponents
    noise: float

    @property
    def _parts(self) -> tuple[NDArray[np.float64], ...]:
        """W (k, n), v (k,) and the scales (n,), on the host."""
        found = self.found
        parts = (found.components, found.explained_variance, found.scale)
        return tuple(np.asarray(part, np.float64) for part in parts)

    def covariance(self) -> NDArray[np.float64]:
        """Return it, shape (n, n)."""
        w, v, d = self._parts
        inner: NDArray[np.float64] = (w.T * (v - self.noise)) @ w
        return d[:, None] * (inner + self.noise * np.eye(len(d))) * d

    def precision(self) -> NDArray[np.float64]:
        """Return its inverse, shape (n, n)."""
        w, v, d = self._parts
        self._require_regular(len(d), v)
        if len(v) == len(d):
            inner: NDArray[np.float64] = (w.T / v) @ w
        else:
            inner = (np.eye(len(d)) - (w.T * (1 - self.noise / v)) @ w) / self.noise
        return inner / d[:, None] / d

    def log_likelihood(self, rows: object) -> Any:
        """Return that of each row (m, n), shape (m,)."""
        _, v, d = self._parts
        n, k = len(d), len(v)
        self._require_regular(n, v)
        coordinates: Any = dataclasses.replace(self.found, whiten=False).transform(rows)
        squares = (coordinates**2 / v).sum(axis=1)
        logarithm = float(np.log(v).sum()) + 2 * float(np.log(d).sum())
        if k < n:
            left = self._squared_norms(rows) - (coordinates**2).sum(axis=1)
            squares = squares + np.maximum(left, 0) / self.noise
            logarithm += (n - k) * math.log(self.noise)
        return -0.5 * (n * math.log(2 * math.pi) + logarithm + squares)

    def _squared_norms(self, rows: Any) -> Any:
        """Return those of the rows about the mean, in units of the scales."""
        mean, weights = np.asarray(self.found.mean), np.asarray(self.found.scale) ** -2.0
        if not is_sparse(rows):
            return ((rows - mean) ** 2 * weights).sum(axis=1)
        squares = rows.multiply(rows) @ weights - 2 * (rows @ (mean * weights))
        return squares + float(mean**2 @ weights)

    def _require_regular(self, n: int, v: NDArray[np.float64]) -> None:
        if not (v > 0).all() or (
            len(v) < n and self.noise <= _ROUNDING * self.found.total_variance
        ):
            raise RankError(
                f"the covariance of {n} columns is singular: nothing varies beside {len(v)} "
                "components; keep fewer, so that some variance is left, or leave out columns"
            )
