"""What the estimators share: checked rows, components of them, and coordinates along these."""

from __future__ import annotations

import numbers
from abc import abstractmethod
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ..backend.array import is_dask
from ..backend.plain import plain
from ..errors import ArgumentError, DtypeError
from ..results import PrincipalComponents
from ..sources import is_sparse


class Components(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What both estimators share: coordinates of rows along components that were found."""

    @abstractmethod
    def _found(self, rows: object) -> PrincipalComponents:
        """Return the components of checked rows."""

    def fit(self, X: object, y: object = None) -> Self:
        """Find the components of rows.

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
        self._hold(self._found(rows), rows)
        return self

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

    def _rows(self, X: object, reset: bool) -> Any:
        """Return checked rows; Dask collections as Dask arrays."""
        if hasattr(X, "to_dask_array"):
            X = X.to_dask_array(lengths=True)
        if not is_dask(X):
            X = _as_told(X)
            return validate_data(
                self,
                X,
                reset=reset,
                accept_sparse=("csr", "csc"),
                dtype=(np.float64, np.float32),
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

    def _hold(self, found: PrincipalComponents, rows: object) -> None:
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


def _as_told(X: Any) -> Any:
    """Return rows whose numbers scikit-learn takes for what they are, or refuse them by name.

    It drops masks, counts times in their units, and adds up narrow integers as they are.
    """
    if is_sparse(X):
        return X.astype(np.float64) if X.dtype.kind in "biu" else X
    kinds = getattr(X, "dtypes", getattr(X, "dtype", ""))
    if any("time" in str(kind) for kind in (kinds if hasattr(kinds, "__iter__") else [kinds])):
        raise DtypeError(f"a {type(X).__name__} of times holds no numbers; give those of a unit")
    return plain(X)
