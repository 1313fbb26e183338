"""Estimators for scikit-learn: principal components and truncated SVD of anything that is read."""

from __future__ import annotations

import numbers
import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ._checks import checked_size
from .backend.array import is_dask
from .decompose import pca
from .errors import ArgumentError, RankError, SpectrumWarning
from .results import PrincipalComponents
from .sketches import GramNystrom

_SHARE_RANK = 20  # whose default width is searched for a share of the variance, of a stream
_SHARE_WIDTH = 100  # directions among which a share of the variance is looked for first
_GROWTH = 4  # and how many more each time


class _Components(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What both estimators share: coordinates of rows along components that were found."""

    def transform(self, X: object) -> Any:
        """Return the coordinates of rows.

        Parameters
        ----------
        X : array, sparse matrix, DataFrame or Dask collection, shape (m, n)

        Returns
        -------
        array, shape (m, k)
            In the precision of X; of a Dask collection a Dask array, not computed yet.
        """
        check_is_fitted(self)
        return self.result_.transform(self._rows(X, reset=False))

    def inverse_transform(self, X: object) -> Any:
        """Return the rows of coordinates.

        Parameters
        ----------
        X : array, sparse matrix or Dask array, shape (m, k)

        Returns
        -------
        array, shape (m, n)
        """
        check_is_fitted(self)
        return self.result_.inverse_transform(X)

    @property
    def _n_features_out(self) -> int:
        return self.result_.rank

    def _rows(self, X: object, reset: bool, least: int = 1) -> Any:
        """Return checked rows; Dask collections as Dask arrays."""
        if hasattr(X, "to_dask_array"):
            X = X.to_dask_array(lengths=True)
        if not is_dask(X):
            return validate_data(
                self,
                X,
                reset=reset,
                accept_sparse=("csr", "csc"),
                dtype=(np.float64, np.float32),
                ensure_min_samples=least,
            )
        if reset:
            self.n_features_in_ = int(X.shape[1])
        elif X.shape[1] != self.n_features_in_:
            raise ArgumentError(
                f"X has {X.shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        return X

    def _seed(self) -> int:
        """Return the seed that `random_state` gives."""
        if isinstance(self.random_state, numbers.Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31))

    def _hold(self, found: PrincipalComponents) -> None:
        """Show a result under the names of scikit-learn."""
        self.result_ = found
        self.components_ = found.components
        self.singular_values_ = found.singular_values
        self.n_passes_ = found.n_passes
        self.error_ = found.error

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class SketchPCA(_Components):
    """Principal components, for `PCA` and `IncrementalPCA` of scikit-learn.

    Sparse data are centred without being made dense, Dask arrays stay where they are, `partial_fit`
    holds no more than a sketch of the rows, and its result does not depend on the batches.

    Parameters
    ----------
    n_components : int, float or None
        How many; a number between 0 and 1 is the share of the variance to explain; None keeps all.
    whiten : bool
        Whether coordinates have unit variance.
    scale : bool or array_like, shape (n,)
        Divide each column by its standard deviation, or by given numbers; see `sketch.pca`.
    passes : int, optional
        Readings of the data at most; see `sketch.pca`.
    random_state : int, RandomState or None
        Seed of the test matrices.

    Attributes
    ----------
    components_ : array, shape (k, n)
        Orthonormal rows; of each the entry of largest modulus is positive.
    explained_variance_, explained_variance_ratio_, singular_values_ : array, shape (k,)
    mean_, scale_ : array, shape (n,)
    noise_variance_ : float
        Mean variance of the directions left out.
    n_components_, n_samples_, n_features_in_, n_passes_ : int
    error_ : ErrorEstimate
        Of the projection, relative to the centred rows.
    result_ : PrincipalComponents
        All of it, with the intervals of the variances.

    Raises
    ------
    RankError
        If there cannot be so many components, or too few of them can be whitened.

    Notes
    -----
    Costs of `sketch.pca`; of `partial_fit` those of `GramNystrom`, and ``8 n (4 k + 20)`` bytes.

    References
    ----------
    .. [1] N. Halko, P.-G. Martinsson, Y. Shkolnisky, M. Tygert, "An algorithm for the principal
       component analysis of large data sets", SISC 33 (2011) 2580-2594, arXiv:1007.5510.

    Examples
    --------
    >>> import numpy as np
    >>> from sketch.sklearn import SketchPCA
    >>> rows = np.random.default_rng(0).standard_normal((500, 6)) * [9, 5, 1, 1, 1, 1] + 100
    >>> SketchPCA(n_components=2).fit_transform(rows).shape
    (500, 2)
    >>> SketchPCA(n_components=0.9).fit(rows).n_components_
    2
    """

    def __init__(
        self,
        n_components: object = None,
        *,
        whiten: bool = False,
        scale: object = False,
        passes: int | None = None,
        random_state: object = 0,
    ) -> None:
        self.n_components = n_components
        self.whiten = whiten
        self.scale = scale
        self.passes = passes
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the components of rows.

        Parameters
        ----------
        X : array, sparse matrix, DataFrame or Dask collection, shape (m, n)
        y : object
            Ignored.
        """
        rows = self._rows(X, reset=True)
        self.__dict__.pop("sketch_", None)
        options: dict[str, Any] = {
            "scale": self.scale,
            "passes": self.passes,
            "seed": self._seed(),
        }
        most = min(rows.shape)
        wanted = _wanted(self.n_components, most)
        if isinstance(wanted, float):
            found = _explaining(wanted, rows, most, options)
        else:
            with _silent(self.n_components is None):
                found = pca(rows, wanted, **options)
        self._hold(found)
        return self

    def partial_fit(self, X: object, y: object = None) -> Self:
        """Find the components of all rows that came so far.

        Parameters
        ----------
        X : array, sparse matrix, DataFrame or Dask collection, shape (m, n)
            Further rows.
        y : object
            Ignored.
        """
        first = not hasattr(self, "sketch_")
        rows = self._rows(X, reset=first)
        n = self.n_features_in_
        wanted = _wanted(self.n_components, n)
        if first:
            rank = min(n, _SHARE_RANK) if isinstance(wanted, float) else wanted
            self.sketch_ = GramNystrom(n, rank, scale=self.scale, seed=self._seed())
        self.sketch_.update(rows)
        whole = self.sketch_.whole()
        most = min(whole.rank, whole.shape[0])
        if isinstance(wanted, float):
            found = _share_of(whole.truncate(most), wanted)
        else:
            found = whole.truncate(min(wanted, most))
        self._hold(found.astype(rows.dtype.name))
        return self

    def _hold(self, found: PrincipalComponents) -> None:
        super()._hold(found.whitened() if self.whiten else found)
        self.explained_variance_ = found.explained_variance
        self.explained_variance_ratio_ = found.explained_variance_ratio
        self.mean_, self.scale_ = found.mean, found.scale
        self.n_components_, self.n_samples_ = found.rank, found.shape[0]
        rest = found.total_variance - float(sum(found.explained_variance))
        others = min(found.shape) - found.rank
        self.noise_variance_ = max(0.0, rest) / others if others > 0 else 0.0


class SketchSVD(_Components):
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

    def fit(self, X: object, y: object = None) -> Self:
        """Find the singular vectors of rows.

        Parameters
        ----------
        X : array, sparse matrix, DataFrame or Dask collection, shape (m, n)
        y : object
            Ignored.

        Raises
        ------
        RankError
            If there cannot be so many components.
        """
        rows = self._rows(X, reset=True)
        rank = checked_size(self.n_components, "n_components", least=1)
        if rank > rows.shape[1]:
            raise RankError(f"n_components({rank}) must be <= n_features({rows.shape[1]}).")
        found = pca(rows, rank, center=False, passes=self.passes, seed=self._seed())
        self._hold(found)
        mean = np.asarray(rows.mean(axis=0), dtype=np.float64).ravel()
        squares = np.asarray(found.singular_values) ** 2 / found.n_samples
        variance = squares - (np.asarray(found.components, np.float64) @ mean) ** 2
        total = found.error.norm**2 / found.n_samples - float(mean @ mean)
        self.explained_variance_ = np.maximum(variance, 0)
        self.explained_variance_ratio_ = self.explained_variance_ / (total if total > 0 else 1.0)
        return self


def _wanted(n_components: object, most: int) -> int | float:
    """Return the number of components, or the share of the variance, that was asked for."""
    if n_components is None:
        return most
    if isinstance(n_components, float | np.floating) and 0 < n_components < 1:
        return float(n_components)
    rank = checked_size(n_components, "n_components", least=1)
    if rank > most:
        raise RankError(
            f"n_components={rank} must be between 1 and {most}, the smaller of samples and "
            "features, or a share of the variance between 0 and 1"
        )
    return rank


def _explaining(share: float, rows: Any, most: int, options: dict[str, Any]) -> PrincipalComponents:
    """Return the fewest components that explain a share of the variance."""
    width = min(most, _SHARE_WIDTH)
    while True:
        with _silent():
            whole = pca(rows, width, **options)
        if width == most or float(sum(whole.explained_variance_ratio)) > share:
            return _share_of(whole, share)
        width = min(most, _GROWTH * width)


def _share_of(whole: PrincipalComponents, share: float) -> PrincipalComponents:
    """Return the fewest components that explain a share, all where they do not."""
    explained = np.cumsum([float(x) for x in whole.explained_variance_ratio])
    return whole.truncate(min(whole.rank, int(np.searchsorted(explained, share)) + 1))


def _silent(silent: bool = True) -> warnings.catch_warnings[None]:
    """Silence what is said of components below rounding where nobody asked for them."""
    if not silent:
        return warnings.catch_warnings()
    return warnings.catch_warnings(action="ignore", category=SpectrumWarning)
