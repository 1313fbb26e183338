"""Principal components with the variance they explain, enclosed from both sides."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from .._checks import checked_size, checked_tol, require_rank_or_tol
from ..backend.array import (
    Array,
    beside,
    cast,
    dtype_name,
    moved,
    namespace,
    to_host,
    unit_roundoff,
)
from ..backend.dtypes import target_dtype
from ..errors import RankError
from ..files import archive
from ..formats import Seeded, axes_of_result, carrying_seeds, write_result
from ..numerics.linalg import tail_norms
from ..pictures import drawing, html
from ._directions import Directions
from ._error import ErrorEstimate
from ._left_out import LeftOut
from ._mapped_rows import map_rows
from ._variances import divisor, enclosed, nearer, variances
from ._warnings import warn_unmet


@carrying_seeds("truncate", "whitened", "astype")
@dataclass(frozen=True, eq=False)
class PrincipalComponents(Seeded):
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
        norm = self.error.norm
        return (self.singular_values / norm) ** 2 if norm > 0 else 0 * self.singular_values

    @property
    def explained_variance(self) -> Array:
        """Variance along each component, descending; a lower bound of the exact one."""
        return variances(self.singular_values, self.n_samples)

    def explained_variance_interval(self, confidence: float = 0.95) -> tuple[Array, Array]:
        """Return both ends of an interval that holds every exact explained variance.

        What the sketch missed is positive semidefinite: the lower ends hold always. Its trace is
        known, and bounds the upper ends always; its norm is much smaller where it has many
        directions, and is estimated by leaving out columns of the sketch. Rounding errors are
        allowed for at both ends.

        Parameters
        ----------
        confidence : float
            Between 0 and 1, with which they hold. With 1 by the trace alone, and always.

        Returns
        -------
        low, high : array, shape (k,)

        Raises
        ------
        ValueError
            If `confidence` is not in (0, 1], or the components come from rows with missing entries,
            of which there are no bounds.
        """
        if not 0 < confidence <= 1:
            raise ValueError(f"confidence must be between 0 and 1, got {confidence}")
        if self.error.kind == "heuristic":
            raise ValueError(
                "components of rows with missing entries have no bounds; found.error tells what a "
                "model of them leaves of entries that were held out"
            )
        s, n_samples = self.singular_values, self.n_samples
        low, high = enclosed(s, n_samples, self.floor, self.missed_variance)
        if self.left_out is None or confidence == 1:
            return low, high
        probable = moved(self.left_out.ceiling(self.rank, confidence), high)
        return low, nearer(
            low, high, probable, high - self.missed_variance - variances(s, n_samples)
        )

    def to_xarray(self) -> Any:
        """Return the components with the names and labels of the columns, as a Dataset of xarray.

        Returns
        -------
        xarray.Dataset
            ``components`` over ``component`` and the axes of the columns, ``mean`` and ``scale``
            over the latter, ``explained_variance`` and its ratio over ``component``. See
            `LowRank.to_xarray`.

        Raises
        ------
        SketchError
            If xarray is not installed.
        ArgumentError
            If something in the data has a name that the result needs.

        Examples
        --------
        >>> import pandas, sketch
        >>> frame = pandas.DataFrame({"height": [1.0, 2.0, 4.0], "width": [2.0, 1.0, 3.0]})
        >>> made = sketch.pca(frame, rank=1).to_xarray()
        >>> made.components.dims, float(made["mean"].sel(dim_1="width"))
        (('component', 'dim_1'), 2.0)
        """
        axes, over = axes_of_result(self), ("component",)
        variables: dict[str, Any] = {"components": (over + axes.columns, self.components)}
        variables |= {"mean": (axes.columns, self.mean), "scale": (axes.columns, self.scale)}
        for name in ("singular_values", "explained_variance", "explained_variance_ratio"):
            variables[name] = (over, getattr(self, name))
        return axes.dataset(variables, {"component": self.rank}, self.error.attributes)

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
        spread = self.explained_variance**0.5 if self.whiten else None
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
        tails = tail_norms([float(x) for x in self.singular_values])
        errors = [self.error.truncated(tails[k], k) for k in range(keep + 1)]
        if tol is not None:
            keep = next((k for k, error in enumerate(errors) if error.meets(tol)), keep)
        half = errors[keep // 2].relative
        warn_unmet(errors[keep], tol, f"rank {keep}", lambda: (keep, half))
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

    def plot(self, rows: object = None, axes: object = None) -> Any:
        """Draw the explained variance with its bounds, the leading components, and scores.

        Parameters
        ----------
        rows : whatever `transform` takes, optional
            Whose coordinates along the first two components are drawn.
        axes : matplotlib Axes, optional
            Two of them, three with `rows`; new ones by default.

        Returns
        -------
        tuple of matplotlib Axes

        Raises
        ------
        SketchError
            If matplotlib is not installed.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> rows = np.random.default_rng(0).standard_normal((50, 6)) * [9, 5, 1, 1, 1, 1]
        >>> len(sketch.pca(rows, rank=2).plot(rows))
        3
        """
        count = 2 if rows is None else 3
        drawn = drawing.fresh_axes(axes, count, (4.4 * count, 3.6))
        total = self.total_variance or 1.0
        value = np.asarray(to_host(self.explained_variance), float) / total
        low = high = value
        if self.error.kind != "heuristic":
            ends = (np.asarray(to_host(x), float) for x in self.explained_variance_interval())
            low, high = (x / total for x in ends)
        drawing.draw_variances(drawn[0], value, low, high)
        drawing.draw_components(drawn[1], np.asarray(to_host(self.components)).real)
        if rows is not None:
            drawing.draw_scores(drawn[2], np.asarray(to_host(self.transform(rows))).real)
        return tuple(drawn)

    def _repr_html_(self) -> str:
        share = float(namespace(self.components).sum(self.explained_variance_ratio))
        facts = {
            "components": f"{self.rank} of {int(self.mean.shape[0])} columns",
            "samples": f"{self.n_samples:g}",
            "explained": f"{100 * share:.3g} % of the variance",
            "error": str(self.error),
        }
        values = [float(x) for x in to_host(self.singular_values)]
        return html.card("PrincipalComponents", facts, html.values_picture(values))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to a file for `sketch.load`; `numpy.load` reads its arrays too.

        Parameters
        ----------
        path : path-like
            A file that is there is replaced, whole or not at all.

        Raises
        ------
        StateFileError
            If the path names something else than a regular file.
        """
        header = {name: getattr(self, name) for name in _FACTS}
        header |= {"error": self.error.to_header()}
        arrays = {n: to_host(getattr(self, n)) for n in (*_ARRAYS, "explained_variance")}
        if self.left_out is not None:
            header["left_out"] = self.left_out.to_header()
            arrays["left_out"] = to_host(self.left_out.variances)
        write_result(path, self, header, arrays, of_rows=False)

    @classmethod
    def from_archive(cls, header: archive.Header, arrays: archive.Arrays) -> PrincipalComponents:
        """Rebuild a result from what `save` wrote.

        Parameters
        ----------
        header : dict
            What the file says besides arrays.
        arrays : dict of array

        Returns
        -------
        PrincipalComponents
        """
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
