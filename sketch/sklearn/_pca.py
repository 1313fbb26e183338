"""Principal components as an estimator."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from .._checks import checked_flag, checked_size
from ..decompose import pca
from ..errors import RankError, SpectrumWarning
from ..results import PrincipalComponents
from ..sketches import GramNystrom
from ._components import Components
from ._gaussian_model import GaussianModel

_SHARE_RANK = 20  # whose default width is searched for a share of the variance, of a stream
_SHARE_WIDTH = 100  # directions among which a share of the variance is looked for first
_GROWTH = 4  # and how many more each time


class SketchPCA(Components):
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
    .. [2] M. Tipping, C. Bishop, "Probabilistic principal component analysis", J. R. Stat. Soc. B
       61 (1999) 611-622, doi:10.1111/1467-9868.00196: `score` and `get_covariance`.

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

    def _found(self, rows: Any) -> PrincipalComponents:
        self.__dict__.pop("sketch_", None)
        options: dict[str, Any] = {"scale": self.scale, "passes": self.passes, "seed": self._seed()}
        most = min(rows.shape)
        wanted = _wanted(self.n_components, most)
        if isinstance(wanted, float):
            return _explaining(wanted, rows, most, options)
        with _silent(self.n_components is None):
            return pca(rows, wanted, **options)

    def partial_fit(self, X: object, y: object = None) -> Self:
        """Find the components of all rows that came so far.

        Parameters
        ----------
        X : array, sparse matrix, DataFrame or Dask collection, shape (m, n)
            Further rows.
        y : object
            Ignored.

        Raises
        ------
        RankError
            If there cannot be so many components, or the sketch that the first batch began holds
            fewer.
        """
        first = not hasattr(self, "sketch_")
        rows = self._rows(X, reset=first)
        n = self.n_features_in_
        wanted = _wanted(self.n_components, n)
        if first:
            rank = min(n, _SHARE_RANK) if isinstance(wanted, float) else wanted
            self.sketch_ = GramNystrom(n, rank, scale=self.scale, seed=self._seed())
        held = self.sketch_.spec.range_size
        if wanted > held:
            raise RankError(
                f"n_components={wanted} is more than the {held} that the sketch of the first batch "
                "holds; begin with more, or anew by fit"
            )
        self.sketch_.update(rows)
        whole = self.sketch_.whole()
        most = min(whole.rank, whole.shape[0])
        if isinstance(wanted, float):
            found = _share_of(whole.truncate(most), wanted)
        else:
            found = whole.truncate(min(wanted, most))
        self._hold(found.astype(rows.dtype.name), rows)
        self.n_samples_seen_ = self.n_samples_
        return self

    def get_covariance(self) -> NDArray[np.float64]:
        """Return the covariance that the components and the noise beside them stand for.

        Returns
        -------
        array, shape (n, n)
            ``W^T diag(explained_variance_ - noise_variance_) W + noise_variance_ I``, in units of
            the data.

        Examples
        --------
        >>> import numpy as np
        >>> from sketch.sklearn import SketchPCA
        >>> rows = np.random.default_rng(0).standard_normal((500, 6)) * [9, 5, 1, 1, 1, 1]
        >>> model = SketchPCA(2).fit(rows)
        >>> bool(np.allclose(model.get_covariance(), np.cov(rows.T), atol=0.7))
        True
        """
        check_is_fitted(self)
        return GaussianModel(self.result_, self.noise_variance_).covariance()

    def get_precision(self) -> NDArray[np.float64]:
        """Return the inverse of `get_covariance`, by its structure.

        Returns
        -------
        array, shape (n, n)

        Raises
        ------
        RankError
            If it has none: no variance is left beside fewer components than columns.

        Examples
        --------
        >>> import numpy as np
        >>> from sketch.sklearn import SketchPCA
        >>> rows = np.random.default_rng(0).standard_normal((500, 6)) * [9, 5, 1, 1, 1, 1]
        >>> model = SketchPCA(2).fit(rows)
        >>> bool(np.allclose(model.get_precision() @ model.get_covariance(), np.eye(6)))
        True
        """
        check_is_fitted(self)
        return GaussianModel(self.result_, self.noise_variance_).precision()

    def score_samples(self, X: object) -> Any:
        """Return the log-likelihood of each row under the model of `get_covariance`.

        Parameters
        ----------
        X : array, sparse matrix, DataFrame or Dask collection, shape (m, n)

        Returns
        -------
        array, shape (m,)
            Of a Dask collection a Dask array, not computed yet.

        Raises
        ------
        RankError
            If the covariance is singular.

        Notes
        -----
        ``2 k n`` operations a row; no matrix of n by n is formed.

        Examples
        --------
        >>> import numpy as np
        >>> from sketch.sklearn import SketchPCA
        >>> rows = np.random.default_rng(0).standard_normal((500, 6)) * [9, 5, 1, 1, 1, 1]
        >>> SketchPCA(2).fit(rows).score_samples(rows).shape
        (500,)
        """
        check_is_fitted(self)
        rows = self._rows(X, reset=False)
        return GaussianModel(self.result_, self.noise_variance_).log_likelihood(rows)

    def score(self, X: object, y: object = None) -> float:
        """Return the mean log-likelihood of rows, by which cross-validation chooses.

        Parameters
        ----------
        X : array, sparse matrix, DataFrame or Dask collection, shape (m, n)
        y : object
            Ignored.

        Returns
        -------
        float

        Raises
        ------
        RankError
            If the covariance is singular.

        Examples
        --------
        >>> import numpy as np
        >>> from sketch.sklearn import SketchPCA
        >>> rows = np.random.default_rng(0).standard_normal((500, 6)) * [9, 5, 1, 1, 1, 1]
        >>> one, two = (SketchPCA(k).fit(rows[:400]).score(rows[400:]) for k in (1, 2))
        >>> one < two
        True
        """
        return float(self.score_samples(X).mean())

    def _hold(self, found: PrincipalComponents, rows: object) -> None:
        white = checked_flag(self.whiten, "whiten")
        super()._hold(found.whitened() if white else found, rows)
        self.explained_variance_ = found.explained_variance
        self.explained_variance_ratio_ = found.explained_variance_ratio
        self.mean_, self.scale_ = found.mean, found.scale
        self.n_components_, self.n_samples_ = found.rank, found.shape[0]
        rest = found.total_variance - float(sum(found.explained_variance))
        others = min(found.shape) - found.rank
        self.noise_variance_ = max(0.0, rest) / others if others > 0 else 0.0


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
