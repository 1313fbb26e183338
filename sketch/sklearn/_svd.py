"""The truncated SVD as an estimator."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._checks import checked_size
from ..decompose import pca
from ..errors import RankError
from ..results import PrincipalComponents
from ._components import Components


class SketchSVD(Components):
    """Truncated SVD without centring, for `TruncatedSVD` of scikit-learn.

    Parameters
    ----------
    n_components : int
        How many singular vectors.
    passes : int, optional
        Readings of the data at most; see `sketch.pca`.
    random_state : int, RandomState or None
        Seed of the test matrices.

    Attributes
    ----------
    components_ : array, shape (k, n)
        Right singular vectors; of each the entry of largest modulus is positive.
    singular_values_ : array, shape (k,)
    explained_variance_ : array, shape (k,)
        Variance of the coordinates about their mean, by m.
    explained_variance_ratio_ : array, shape (k,)
        Their share in the variance of all columns.
    n_features_in_, n_passes_ : int
    error_ : ErrorEstimate
        Of the projection, relative to the rows.
    result_ : PrincipalComponents
        All of it.

    Raises
    ------
    RankError
        If there cannot be so many components.

    Notes
    -----
    Costs of `sketch.pca`.

    References
    ----------
    .. [1] N. Halko, P.-G. Martinsson, J. Tropp, "Finding structure with randomness", SIAM Rev. 53
       (2011) 217-288, arXiv:0909.4061.

    Examples
    --------
    >>> import scipy.sparse
    >>> from sketch.sklearn import SketchSVD
    >>> counts = scipy.sparse.random_array((300, 80), density=0.1, rng=0)
    >>> SketchSVD(n_components=5).fit_transform(counts).shape
    (300, 5)
    """

    def __init__(
        self, n_components: int = 2, *, passes: int | None = None, random_state: object = 0
    ) -> None:
        self.n_components = n_components
        self.passes = passes
        self.random_state = random_state

    def _found(self, rows: Any) -> PrincipalComponents:
        rank = checked_size(self.n_components, "n_components", least=1)
        if rank > rows.shape[1]:
            raise RankError(f"n_components({rank}) must be <= n_features({rows.shape[1]}).")
        return pca(rows, rank, center=False, passes=self.passes, seed=self._seed())

    def _hold(self, found: PrincipalComponents, rows: Any) -> None:
        super()._hold(found, rows)
        unit = found.error.norm or 1.0  # so that squares are within the range of numbers
        mean = np.asarray(rows.mean(axis=0), dtype=np.float64).ravel() / unit
        squares = (np.asarray(found.singular_values, np.float64) / unit) ** 2 / found.n_samples
        variance = squares - (np.asarray(found.components, np.float64) @ mean) ** 2
        variance, total = np.maximum(variance, 0), 1 / found.n_samples - float(mean @ mean)
        self.explained_variance_ratio_ = variance / (total if total > 0 else 1.0)
        with np.errstate(over="ignore", under="ignore"):
            self.explained_variance_ = variance * unit * unit
