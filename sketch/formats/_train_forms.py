"""A train in other forms: dense, as factors, for other libraries, as a picture."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from ..backend.array import Array, dtype_name, namespace, silent
from ..backend.protocols import DType
from ..errors import ShapeError
from ..pictures import drawing, html
from ._axes import axes_of_result
from ._interchange import quimb_state, tensorly_train, torchtt_train
from ._sum import MAX_DENSE_BYTES, refuse_large

if TYPE_CHECKING:
    from matplotlib.axes import Axes as PlotAxes
    from xarray import Dataset


class TrainForms:
    """The part of `TensorTrain` that hands its cores to whatever else takes them."""

    if TYPE_CHECKING:

        @property
        def cores(self) -> list[Array]: ...
        @property
        def shape(self) -> tuple[int, ...]: ...
        @property
        def ndim(self) -> int: ...
        @property
        def ranks(self) -> tuple[int, ...]: ...
        @property
        def dtype(self) -> DType: ...
        @property
        def error(self) -> Any: ...

    @silent
    def to_array(self, *, max_bytes: int = MAX_DENSE_BYTES) -> Array:
        """Return the dense tensor.

        Parameters
        ----------
        max_bytes : int
            By default 2 GB.

        Returns
        -------
        array, shape (n_1, ..., n_d)

        Raises
        ------
        ShapeError
            If it would be larger than `max_bytes`.
        """
        refuse_large("tensor", self.shape, dtype_name(self.dtype), max_bytes)
        xp = namespace(self.cores[0])
        dense = xp.reshape(self.cores[0], (-1, self.cores[0].shape[2]))
        for core in self.cores[1:]:
            a, n, b = core.shape
            dense = xp.reshape(dense @ xp.reshape(core, (a, n * b)), (-1, b))
        return xp.reshape(dense, self.shape)

    @silent
    def matrix_factors(self) -> tuple[Array, Array]:
        """Return the two factors of a train of order 2, so that matrix methods take it.

        Returns
        -------
        left, right : array, shapes (m, r) and (r, n)

        Raises
        ------
        ShapeError
            If the order is not 2.
        """
        if self.ndim != 2:
            raise ShapeError(f"expected a matrix, got a tensor train of shape {self.shape}")
        return self.cores[0][0, :, :], self.cores[1][:, :, 0]

    def to_xarray(self) -> Dataset:
        """Return the cores with the names and labels of the data, as a Dataset of xarray.

        Returns
        -------
        xarray.Dataset
            ``core_0`` over ``bond_0``, the first axis of the data and ``bond_1``, and so on. See
            `LowRank.to_xarray`.

        Raises
        ------
        SketchError
            If xarray is not installed.
        ArgumentError
            If something in the data has a name that the result needs.

        Examples
        --------
        >>> import sketch, xarray
        >>> sketch.TensorTrain.ones((3, 4)).to_xarray().core_0.dims
        ('bond_0', 'dim_0', 'bond_1')
        """
        axes = axes_of_result(self)
        sizes: dict[Hashable, int] = {f"bond_{k}": r for k, r in enumerate((1, *self.ranks, 1))}
        variables = {
            f"core_{k}": ((f"bond_{k}", dim, f"bond_{k + 1}"), core)
            for k, (dim, core) in enumerate(zip(axes.dims, self.cores, strict=True))
        }
        attributes = {} if self.error is None else self.error.attributes
        return axes.dataset(variables, sizes, attributes)

    def to_tensorly(self) -> Any:
        """Return a ``TTTensor`` of TensorLy, of the same arrays.

        Returns
        -------
        tensorly.tt_tensor.TTTensor

        Raises
        ------
        SketchError
            If TensorLy is not installed.
        """
        return tensorly_train(self.cores)

    def to_torchtt(self) -> Any:
        """Return a ``torchtt.TT``: of the same tensors of PyTorch, or of copies of other arrays.

        Returns
        -------
        torchtt.TT

        Raises
        ------
        SketchError
            If torchTT is not installed.
        DeviceError
            If PyTorch is not installed.

        Examples
        --------
        >>> import sketch
        >>> sketch.TensorTrain.random((3, 4, 5), rank=2).to_torchtt().R  # doctest: +SKIP
        [1, 2, 2, 1]
        """
        return torchtt_train(self.cores)

    def to_quimb(self) -> Any:
        """Return a ``MatrixProductState`` of quimb, of the same arrays.

        Returns
        -------
        quimb.tensor.MatrixProductState

        Raises
        ------
        SketchError
            If quimb is not installed.

        Examples
        --------
        >>> import sketch
        >>> sketch.TensorTrain.random((2,) * 5, rank=3).to_quimb().bond_sizes()  # doctest: +SKIP
        [3, 3, 3, 3]
        """
        return quimb_state(self.cores)

    def plot(self, axes: object = None) -> PlotAxes:
        """Draw the train as a tensor diagram with its ranks and sizes; long ones by their ranks.

        Parameters
        ----------
        axes : matplotlib Axes, optional
            Where to draw; new ones by default.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        SketchError
            If matplotlib is not installed.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> sketch.tt_svd(np.ones((3, 4, 5)), rank=1).plot().get_title()
        'Tensor train: ranks and sizes'
        """
        (ax,) = drawing.fresh_axes(axes, 1, (max(4.0, 1.1 * min(self.ndim, 12)), 2.2))
        drawing.draw_train(ax, self.shape, self.ranks)
        return ax

    def _repr_html_(self) -> str:
        kept, size = sum(math.prod(core.shape) for core in self.cores), math.prod(self.shape)
        entries = f"{size:,}"
        if size >= 10**15:
            entries = f"about 10^{round(sum(map(math.log10, self.shape)))}"
        facts = {
            "order": f"{self.ndim}, {dtype_name(self.dtype)}",
            "numbers": f"{kept:,} for {entries} entries",
        }
        if self.error is not None:
            facts["error"] = str(self.error)
        return html.card("TensorTrain", facts, html.train_picture(self.shape, self.ranks))
