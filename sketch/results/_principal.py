"""Principal components with the variance they explain, enclosed from both sides."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, overload

from .._checks import checked_size, checked_tol, require_rank_or_tol
from ..backend.array import (
    Array,
    HostArray,
    beside,
    cast,
    dtype_name,
    namespace,
    to_host,
    unit_roundoff,
)
from ..backend.dtypes import target_dtype
from ..backend.protocols import DType
from ..errors import RankError
from ..files import archive
from ..formats import Seeded, carrying_seeds
from ..numerics.linalg import as_floats, tail_norms
from ._directions import Directions
from ._error import ErrorEstimate
from ._explained_variance import ExplainedVariance
from ._left_out import LeftOut
from ._mapped_rows import map_rows
from ._variances import divisor, spreads
from ._warnings import rank_to_meet, warn_unmet_at


@carrying_seeds("truncate", "whitened", "astype")
@dataclass(frozen=True, eq=False)
class PrincipalComponents(ExplainedVariance, Seeded):
    """The leading principal components of rows, and what they leave out.

    Attributes
    ----------
    components : array, shape (k, n)
        Orthonormal rows, the directions of largest variance.
    singular_values : array, shape (k,)
        Of the centred rows along each of them, descending; lower bounds of the exact ones, up to
        `floor`.
    mean : array, shape (n,)
        Mean of the rows that was subtracted, in double precision; zeros where the data were not
        centred.
    total_variance : float
        Of all directions together.
    n_samples : float
        Rows, as they are weighted.
    missed_variance : float
        At most so much of the total variance lies in directions that the sketch did not see.
    error : ErrorEstimate
        Of the Frobenius norm of (centred rows - their projection), between two bounds that hold
        always.
    floor : float
        Singular values below it are rounding errors: of the products in the sums, and of what was
        taken away from them again.
    scale : array, shape (n,)
        By which the columns of the centred rows were divided, in double precision; ones where they
        were not. Variances are in these units.
    whiten : bool
        Whether `transform` gives coordinates of unit variance.
    left_out : LeftOut, optional
        What leaving out columns of the sketch tells of the variances, where it does.

    Raises
    ------
    ShapeError
        Of rows of another length.

    Notes
    -----
    ``k n + 2 n`` numbers. `transform` and `inverse_transform` cost ``2 k n`` operations a row.

    References
    ----------
    .. [1] I. Jolliffe, J. Cadima, "Principal component analysis: a review and recent developments",
       Phil. Trans. R. Soc. A 374 (2016) 20150202, doi:10.1098/rsta.2015.0202.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> rows = np.random.default_rng(0).standard_normal((500, 6)) * [9, 5, 1, 1, 1, 1] + 100
    >>> found = sketch.pca(rows, rank=2)
    >>> found.transform(rows).shape, float(found.explained_variance_ratio.sum()) > 0.9
    ((500, 2), True)
    """

    _keeps_rows: ClassVar[bool] = False

    components: Array
    singular_values: Array
    mean: Array
    total_variance: float
    n_samples: float
    missed_variance: float
    error: ErrorEstimate
    floor: float = 0.0
    scale: Array = None  # type: ignore[assignment]  # ones, in __post_init__
    whiten: bool = False
    left_out: LeftOut | None = None

    def __post_init__(self) -> None:
        if self.scale is None:
            ones = namespace(self.mean).ones(self.mean.shape, **beside(self.mean, "float64"))
            object.__setattr__(self, "scale", ones)

    def __array__(self, dtype: object = None, copy: bool | None = None) -> HostArray:
        """Refuse: components with their variances are no array."""
        raise TypeError(
            "principal components are no array; take np.asarray(found.components), or "
            "found.transform(rows) for the coordinates of rows"
        )

    @property
    def shape(self) -> tuple[int, int]:
        """``(samples, n)``, those of the rows."""
        return round(self.n_samples), int(self.mean.shape[0])

    @property
    def dtype(self) -> DType:
        """The dtype of the components."""
        return self.components.dtype

    @property
    def rank(self) -> int:
        """Number of components."""
        return int(self.components.shape[0])

    def transform(self, rows: object) -> Array:
        """Return the coordinates of rows about the mean.

        Parameters
        ----------
        rows : array, sparse matrix, stored dataset, Dask array, or iterable of row chunks
            Whatever `pca` takes, of shape (m, n).

        Returns
        -------
        array, shape (m, k)
            In the precision of the rows; of a Dask array one that is not computed yet.

        Raises
        ------
        ShapeError
            If the rows have another length.
        ArgumentError
            If their columns have other names, or the same in another order.
        """
        return map_rows(
            self._directions.coordinates,
            rows,
            int(self.mean.shape[0]),
            self.components.T,
            self._axes,
        )

    def inverse_transform(self, coordinates: object) -> Array:
        """Return the rows of given coordinates, which come in any form that `transform` takes.

        Parameters
        ----------
        coordinates : array, sparse matrix, stored dataset, Dask array, or iterable of row chunks
            Of shape (m, k).

        Returns
        -------
        array, shape (m, n)

        Raises
        ------
        ShapeError
            If there is another number of coordinates than of components.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> rows = np.outer(np.arange(9.0), np.ones(4)) + 5
        >>> found = sketch.pca(rows, rank=1)
        >>> bool(np.allclose(found.inverse_transform(found.transform(rows)), rows))
        True
        """
        return map_rows(self._directions.rows_at, coordinates, self.rank, self.components)

    @property
    def _directions(self) -> Directions:
        spread = spreads(self.singular_values, self.n_samples) if self.whiten else None
        return Directions(self.components, self.mean, self.scale, spread)

    @overload
    def truncate(self, rank: int | None, tol: float | None = None) -> PrincipalComponents: ...
    @overload
    def truncate(self, *, tol: float | None) -> PrincipalComponents: ...
    def truncate(self, rank: int | None = None, tol: float | None = None) -> PrincipalComponents:
        """Return the leading components alone.

        Parameters
        ----------
        rank : int, optional
            So many of them.
        tol : float, optional
            The fewest whose projection error, relative to the norm of the centred rows, is at most
            `tol`, but for one case in 20.

        Raises
        ------
        RankError
            If `rank` is negative or more than there are, or neither is given.
        ToleranceError
            If `tol` is negative or no number.

        Warns
        -----
        ToleranceWarning
            If no number of components meets `tol`.
        """
        require_rank_or_tol(rank, tol)
        keep = self.rank if rank is None else checked_size(rank, "rank")
        if keep > self.rank:
            raise RankError(f"rank must be within 0 and {self.rank}, got {keep}")
        tol = checked_tol(tol)
        tails = tail_norms(as_floats(self.singular_values))
        errors = [self.error.truncated(tails[k], k) for k in range(keep + 1)]
        keep = rank_to_meet(tol, keep, errors.__getitem__)
        warn_unmet_at(keep, max(keep, min(self.shape)), tol, errors.__getitem__)
        return dataclasses.replace(
            self,
            components=self.components[:keep, :],
            singular_values=self.singular_values[:keep],
            error=errors[keep],
        )

    def whitened(self) -> PrincipalComponents:
        """Return the components with coordinates of unit variance.

        Raises
        ------
        RankError
            If some variances are rounding errors, by which nothing is divided.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> rows = np.random.default_rng(0).standard_normal((500, 6)) * [9, 5, 1, 1, 1, 1]
        >>> white = sketch.pca(rows, rank=2).whitened()
        >>> bool(np.allclose(white.transform(rows).std(axis=0, ddof=1), 1, rtol=1e-3))
        True
        """
        hidden = sum(float(s) <= self.floor for s in self.singular_values)
        if hidden:
            raise RankError(
                f"whiten=True divides by the spread along each component, but {hidden} of "
                f"{self.rank} have a spread below rounding errors, {self.floor:.3g}; keep "
                f"{self.rank - hidden} or fewer"
            )
        return dataclasses.replace(self, whiten=True)

    def __repr__(self) -> str:
        share = float(namespace(self.components).sum(self.explained_variance_ratio))
        return (
            f"PrincipalComponents(rank={self.rank}, n={int(self.mean.shape[0])}, "
            f"samples={self.n_samples:g}, explained variance {100 * share:.3g} %)"
        )

    def _archived(self) -> tuple[archive.Header, archive.Arrays]:
        header = {name: getattr(self, name) for name in _FACTS}
        header |= {"error": self.error.to_header()}
        arrays = {n: to_host(getattr(self, n)) for n in (*_ARRAYS, "explained_variance")}
        if self.left_out is not None:
            header["left_out"] = self.left_out.to_header()
            arrays["left_out"] = to_host(self.left_out.variances)
        return header, arrays

    @classmethod
    def from_archive(cls, header: archive.Header, arrays: archive.Arrays) -> PrincipalComponents:
        """Rebuild a result from what `save` wrote."""
        if "singular_values" not in arrays:  # of a version that kept their squares
            squares = arrays["explained_variance"] * divisor(header["n_samples"])
            arrays = {**arrays, "singular_values": squares**0.5}
        fields: dict[str, Any] = {name: arrays[name] for name in _ARRAYS if name in arrays}
        fields |= {name: header[name] for name in _FACTS if name in header}
        if "left_out" in header:
            fields["left_out"] = LeftOut(arrays["left_out"], **header["left_out"])
        return cls(**fields, error=ErrorEstimate.from_header(header["error"]))

    def astype(self, dtype: object) -> PrincipalComponents:
        """Return the components in another precision; the mean stays in double precision.

        Parameters
        ----------
        dtype : str or dtype
            ``"float32"``, ``"float64"``, ``"complex64"`` or ``"complex128"``.

        Raises
        ------
        DtypeError
            If it is no floating dtype of single or double precision, or would lose imaginary parts.
        """
        dtype = target_dtype(dtype, self.dtype)
        error = self.error
        if unit_roundoff(dtype) > unit_roundoff(dtype_name(self.dtype)):
            error = error.rounded(2 * unit_roundoff(dtype) * error.norm)  # of what is projected
        return dataclasses.replace(self, components=cast(self.components, dtype), error=error)


_FACTS = ("total_variance", "n_samples", "missed_variance", "floor", "whiten")
_ARRAYS = ("components", "singular_values", "mean", "scale")
