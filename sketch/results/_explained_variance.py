"""The variance that principal components explain, enclosed from both sides, and how it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import checked_share
from ..backend.array import Array, moved, namespace, silent, to_host
from ..formats import axes_of_result
from ..pictures import drawing, html
from ._error import ErrorEstimate
from ._left_out import LeftOut
from ._variances import enclosed, nearer, variances

if TYPE_CHECKING:
    from matplotlib.axes import Axes as PlotAxes
    from xarray import Dataset


class ExplainedVariance:
    """The part of `PrincipalComponents` that tells of variances, in numbers and in pictures."""

    components: Array
    singular_values: Array
    mean: Array
    scale: Array
    total_variance: float
    n_samples: float
    missed_variance: float
    error: ErrorEstimate
    floor: float
    left_out: LeftOut | None

    if TYPE_CHECKING:

        @property
        def rank(self) -> int: ...
        def transform(self, rows: object) -> Array: ...

    @property
    @silent
    def explained_variance_ratio(self) -> Array:
        """The share of each component in the total variance."""
        norm = self.error.norm
        return (self.singular_values / norm) ** 2 if norm > 0 else 0 * self.singular_values

    @property
    def explained_variance(self) -> Array:
        """Variance along each component, descending; a lower bound of the exact one."""
        return variances(self.singular_values, self.n_samples)

    @silent
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
        confidence = checked_share(confidence, "confidence", whole=True)
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

    def to_xarray(self) -> Dataset:
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

    def plot(self, rows: object = None, axes: object = None) -> tuple[PlotAxes, ...]:
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
