"""A completed matrix in other forms: a labelled data set, a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..backend.array import HostArray
from ..formats import Seeded, axes_of_result
from ..numerics.known_rows import Reals
from ..pictures import html
from ._error import ErrorEstimate

if TYPE_CHECKING:
    from xarray import Dataset


class CompletedForms(Seeded):
    """The part of `Completed` that hands its factors to whatever else takes them."""

    rmse: ErrorEstimate
    n_rows: int
    n_short: int
    dtype: str
    rows: Reals | None

    if TYPE_CHECKING:

        @property
        def shape(self) -> tuple[int, int]: ...
        @property
        def rank(self) -> int: ...
        @property
        def penalty(self) -> float: ...
        @property
        def mean(self) -> HostArray: ...
        @property
        def U(self) -> HostArray: ...
        @property
        def s(self) -> HostArray: ...
        @property
        def Vh(self) -> HostArray: ...

    def to_xarray(self) -> Dataset:
        """Return the factors with the names and labels of the data, as a Dataset of xarray.

        Returns
        -------
        xarray.Dataset
            ``U``, ``s`` and ``Vh`` as those of a `LowRank`, and ``mean`` over the axes of the
            columns; no ``U`` where the factors of the rows are not at hand.

        Raises
        ------
        SketchError
            If xarray is not installed.
        ArgumentError
            If something in the data has a name that the result needs.

        Examples
        --------
        >>> import numpy as np, sketch, xarray
        >>> field = np.where(np.eye(9, 4) > 0, np.nan, 1.0)
        >>> rows = xarray.DataArray(field, {"place": list("abcd")}, ("time", "place"))
        >>> made = sketch.complete(rows, rank=1).to_xarray()
        >>> made["mean"].dims, made.Vh.dims
        (('place',), ('component', 'place'))
        """
        axes, over = axes_of_result(self), ("component",)
        variables = {"s": (over, self.s), "Vh": (over + axes.columns, self.Vh)}
        variables["mean"] = (axes.columns, self.mean)
        if self.rows is not None:
            variables["U"] = (axes.rows + over, self.U)
        attributes = {"rmse": self.rmse.value, "rmse_method": self.rmse.method}
        return axes.dataset(variables, {"component": len(self.s)}, attributes)

    def _repr_html_(self) -> str:
        m, n = self.shape
        facts = {
            "shape": f"{m} x {n}, {self.dtype}",
            "rank": f"{self.rank}, ridge {self.penalty:.3g}",
            "short rows": f"{self.n_short} of {self.n_rows}",
            "rmse": str(self.rmse),
        }
        return html.card("Completed", facts, html.values_picture([float(x) for x in self.s]))
