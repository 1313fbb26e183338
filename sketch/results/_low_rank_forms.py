"""A low-rank matrix in other forms: as an operator, a labelled data set, a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..backend.array import Array, HostArray, brought, dtype_name, to_host
from ..backend.protocols import DType
from ..formats import axes_of_result
from ..pictures import drawing, html
from ._spectral_bounds import SpectralBounds

if TYPE_CHECKING:
    from matplotlib.axes import Axes as PlotAxes
    from scipy.sparse.linalg import LinearOperator
    from xarray import Dataset


class LowRankForms(SpectralBounds):
    """The part of `LowRank` that hands its factors to whatever else takes them."""

    U: Array
    Vh: Array
    residuals: Array | None

    if TYPE_CHECKING:

        @property
        def dtype(self) -> DType: ...
        @property
        def H(self) -> LowRankForms: ...
        def __matmul__(self, x: Array) -> Array: ...

    def plot(self, axes: object = None) -> tuple[PlotAxes, PlotAxes]:
        """Draw the singular values, and the error after truncation to every smaller rank.

        Parameters
        ----------
        axes : two matplotlib Axes, optional
            Where to draw; new ones by default.

        Returns
        -------
        tuple of two matplotlib Axes

        Raises
        ------
        SketchError
            If matplotlib is not installed.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> left, right = sketch.svd(np.diag(0.5 ** np.arange(40.0)), rank=5).plot()
        >>> right.get_xlabel()
        'rank'
        """
        left, right = drawing.fresh_axes(axes, 2, (9, 3.6))
        self.scree().plot(left)
        found = drawing.relative_errors(self.errors_by_rank(), self.rank, self.error.norm)
        drawing.draw_errors(right, *found)
        return left, right

    def _repr_html_(self) -> str:
        m, n = self.shape
        facts = {
            "shape": f"{m} x {n}, {dtype_name(self.dtype)}",
            "rank": f"{self.rank}",
            "error": str(self.error),
        }
        values = [float(x) for x in to_host(self.s)]
        return html.card("LowRank", facts, html.values_picture(values))

    def to_xarray(self) -> Dataset:
        """Return U, s and Vh with the names and labels of the data, as a Dataset of xarray.

        Returns
        -------
        xarray.Dataset
            ``U`` over the axes of the rows and ``component``, ``s`` over ``component``, ``Vh`` over
            ``component`` and the axes of the columns; `residuals` where there are some. Coordinates
            are those of the data: xarray's, an index and columns, names of observations and
            variables, or what a file has. Axes without a name are ``dim_0``, ``dim_1``.

        Raises
        ------
        SketchError
            If xarray is not installed.
        ArgumentError
            If something in the data has a name that the result needs.

        Examples
        --------
        >>> import numpy as np, sketch, xarray
        >>> field = xarray.DataArray(np.ones((4, 3)), {"time": [1, 2, 3, 4]}, ("time", "place"))
        >>> made = sketch.svd(field, rank=1).to_xarray()
        >>> made.U.dims, made.Vh.dims, made.U.sel(time=3).shape
        (('time', 'component'), ('component', 'place'), (1,))
        """
        axes, over = axes_of_result(self), ("component",)
        variables = {"U": (axes.rows + over, self.U), "s": (over, self.s)}
        variables["Vh"] = (over + axes.columns, self.Vh)
        if self.residuals is not None:
            variables["residuals"] = (over, self.residuals)
        return axes.dataset(variables, {"component": self.rank}, self.error.attributes)

    def aslinearoperator(self) -> LinearOperator:
        """Return a SciPy `LinearOperator`, which takes and gives NumPy's arrays.

        Returns
        -------
        scipy.sparse.linalg.LinearOperator, shape (m, n)

        Examples
        --------
        >>> import numpy as np, sketch
        >>> operator = sketch.svd(np.ones((5, 3)), rank=1).aslinearoperator()
        >>> operator.matvec(np.ones(3)).shape, operator.rmatvec(np.ones(5)).shape
        ((5,), (3,))
        """
        from scipy.sparse.linalg import LinearOperator

        flipped = self.H
        return LinearOperator(
            shape=self.shape,
            dtype=dtype_name(self.dtype),
            matvec=lambda x: self._on_host(x.reshape(-1)),
            rmatvec=lambda x: flipped._on_host(x.reshape(-1)),
            matmat=self._on_host,
            rmatmat=flipped._on_host,
        )

    def _on_host(self, x: HostArray) -> HostArray:
        """Return the product with an array of NumPy as one."""
        return to_host(self @ brought(x, self.s))
