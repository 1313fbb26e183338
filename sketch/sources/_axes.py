"""The names of axes and the labels that data come with."""

from __future__ import annotations

import sys
from typing import Any, TypeVar

from ..formats import Axes, with_axes
from ._base import MatrixSource
from ._frames import is_annotated, is_pandas, is_polars
from ._opened import OpenedData, opened
from ._tensor_base import TensorSource

Result = TypeVar("Result")


def with_axes_of(data: object, result: Result) -> Result:
    """Return a result that is new, with the named axes of its data where they have some."""
    return with_axes(result, axes_of(data))


def axes_of(data: Any) -> Axes | None:
    """Return the named axes of labelled data, None where nothing is named.

    Of xarray all coordinates, of frames their index and columns, of AnnData the names of
    observations and variables, of files what `sketch.open` reads of them. Labels that a file has
    and that cannot be read are left out.
    """
    if isinstance(data, MatrixSource | TensorSource):
        return data.axes
    data = opened(data)
    if isinstance(data, OpenedData):
        return data.axes()
    xarray = sys.modules.get("xarray")
    if xarray is not None and isinstance(data, xarray.DataArray):
        return Axes(tuple(data.dims), tuple(data.shape), data.coords.to_dataset())
    if is_pandas(data):
        labels = data.index, data.columns
        return Axes.named([x.name for x in labels], data.shape, [x.to_numpy() for x in labels])
    if is_polars(data):
        return Axes.named([None, None], data.shape, [None, list(data.columns)])
    if is_annotated(data):
        names = data.obs_names.to_numpy(), data.var_names.to_numpy()
        return Axes.named(["obs", "var"], data.shape, names)
    return None
