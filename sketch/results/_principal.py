"""Principal components with the variance they explain, enclosed from both sides."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

from .. import _archive
from .._array import Array, brought, cast, dtype_name, is_array, namespace, to_host
from .._linalg import adjoint, product
from ..errors import RankError, ShapeError
from ._error import ErrorEstimate


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """The leading principal components of rows, and what they leave out.

    Attributes
    ----------
    components : array, shape (k, n)
        Orthonormal rows, the directions of largest variance.
    explained_variance : array, shape (k,)
        Variance along each of them, descending; a lower bound of the exact one.
    mean : array, shape (n,)
        Mean of the rows that was subtracted; zeros where the data were not centred.
    total_variance : float
        Of all directions together.
    n_samples : float
        Rows, as they are weighted.
    missed_variance : float
        At most so much of the total variance lies in directions that the sketch did not see.
    error : ErrorEstimate
        Of the Frobenius norm of (centred rows - their projection), between two bounds that hold
        always.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> rows = np.random.default_rng(0).standard_normal((500, 6)) * [9, 5, 1, 1, 1, 1] + 100
    >>> found = sketch.pca(rows, rank=2)
    >>> found.transform(rows).shape, float(found.explained_variance_ratio.sum()) > 0.9
    ((500, 2), True)
    """

    components: Array
    explained_variance: Array
    mean: Array
    total_variance: float
    n_samples: float
    missed_variance: float
    error: ErrorEstimate

    @property
    def shape(self) -> tuple[int, int]:
        """``(samples, n)``, those of the rows."""
        return round(self.n_samples), int(self.mean.shape[0])

    @property
    def dtype(self) -> Any:
        """The dtype of the components."""
        return self.components.dtype

    @property
    def rank(self) -> int:
        """Number of components."""
        return int(self.components.shape[0])

    @property
    def explained_variance_ratio(self) -> Array:
        """The share of each component in the total variance."""
        total = self.total_variance
        return self.explained_variance / total if total > 0 else 0 * self.explained_variance

    @property
    def singular_values(self) -> Array:
        """Singular values of the centred rows."""
        return namespace(self.components).sqrt(self.explained_variance * _divisor(self.n_samples))

    def explained_variance_interval(self) -> tuple[Array, Array]:
        """Return both ends of an interval that holds every exact explained variance, always.

        What the sketch missed is positive semidefinite and its trace is known.

        Returns
        -------
        low, high : array, shape (k,)
        """
        return self.explained_variance, self.explained_variance + self.missed_variance

    def transform(self, rows: Any) -> Array:
        """Return the coordinates of rows, shape (m, k)."""
        x = self._as_rows(rows, int(self.mean.shape[0]))
        return product(x - self.mean, adjoint(self.components))

    def inverse_transform(self, coordinates: Any) -> Array:
        """Return the rows of given coordinates (m, k), shape (m, n)."""
        return product(self._as_rows(coordinates, self.rank), self.components) + self.mean

    def truncate(self, rank: int) -> PrincipalComponents:
        """Return the leading components alone.

        Raises
        ------
        RankError
            If `rank` is negative or more than there are.
        """
        if not 0 <= rank <= self.rank:
            raise RankError(f"rank must be within 0 and {self.rank}, got {rank}")
        left_out = float(namespace(self.components).sum(self.explained_variance[rank:]))
        tail = math.sqrt(max(0.0, left_out) * _divisor(self.n_samples))
        return PrincipalComponents(
            self.components[:rank, :],
            self.explained_variance[:rank],
            self.mean,
            self.total_variance,
            self.n_samples,
            self.missed_variance,
            self.error.truncated(tail, rank),
        )

    def __repr__(self) -> str:
        share = float(namespace(self.components).sum(self.explained_variance_ratio))
        return (
            f"PrincipalComponents(rank={self.rank}, n={int(self.mean.shape[0])}, "
            f"samples={self.n_samples:g}, explained variance {100 * share:.3g} %)"
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to a file for `sketch.load`; `numpy.load` reads its arrays too."""
        header = {name: getattr(self, name) for name in _NUMBERS}
        header |= {"kind": "PrincipalComponents", "error": self.error.to_header()}
        arrays = {n: to_host(getattr(self, n)) for n in _ARRAYS}
        _archive.write(path, header, arrays)

    @classmethod
    def from_archive(cls, header: _archive.Header, arrays: _archive.Arrays) -> PrincipalComponents:
        """Rebuild a result from what `save` wrote."""
        fields: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
        fields |= {name: header[name] for name in _NUMBERS}
        return cls(**fields, error=ErrorEstimate.from_header(header["error"]))

    def astype(self, dtype: str) -> PrincipalComponents:
        """Return the components and the mean in another precision."""
        return PrincipalComponents(
            cast(self.components, dtype),
            self.explained_variance,
            cast(self.mean, dtype),
            self.total_variance,
            self.n_samples,
            self.missed_variance,
            self.error,
        )

    def _as_rows(self, x: Any, width: int) -> Array:
        if not is_array(x):
            import numpy as np

            x = brought(np.asarray(x, dtype_name(self.components.dtype)), self.components)
        if x.ndim != 2 or int(x.shape[1]) != width:
            raise ShapeError(f"expected rows of {width} entries, got shape {tuple(x.shape)}")
        return x


_NUMBERS = ("total_variance", "n_samples", "missed_variance")
_ARRAYS = ("components", "explained_variance", "mean")


def _divisor(n_samples: float) -> float:
    """Return by what sums of squares are divided to give a variance."""
    return max(n_samples - 1, 1.0)
