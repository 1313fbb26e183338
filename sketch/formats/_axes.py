"""Names of the axes of data and coordinates along them, which results of labelled data keep."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .._checks import imported
from ..backend.array import is_dask, to_host
from ..errors import ArgumentError

Variables = Mapping[str, tuple[tuple[Hashable, ...], Any]]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Axes:
    """The named axes of a matrix or tensor.

    Attributes
    ----------
    dims : tuple of hashable
        One name for each axis of the data, all different.
    sizes : tuple of int
    coords : mapping, or Dataset of xarray
        What lies along the axes by its name: its axes and its values.
    n_rows : int
        How many of the axes are the rows of a matrix; all others are its columns.
    """

    dims: tuple[Hashable, ...]
    sizes: tuple[int, ...]
    coords: Mapping[Any, Any]
    n_rows: int = 1

    @classmethod
    def named(
        cls, dims: Sequence[object], sizes: Sequence[int], labels: Sequence[object] = ()
    ) -> Axes:
        """Return axes by their names, those without one numbered, with labels where there are some.

        Of two axes with one name, both are numbered.
        """
        known = list(dims)
        told = tuple(
            f"dim_{k}" if dim is None or known.count(dim) > 1 else dim
            for k, dim in enumerate(known)
        )
        each = zip(told, labels, strict=False)
        coords = {dim: ((dim,), values) for dim, values in each if values is not None}
        return cls(told, tuple(int(n) for n in sizes), coords)

    @property
    def rows(self) -> tuple[Hashable, ...]:
        """Names of the axes that are the rows."""
        return self.dims[: self.n_rows]

    @property
    def columns(self) -> tuple[Hashable, ...]:
        """Names of the axes that are the columns."""
        return self.dims[self.n_rows :]

    @property
    def swapped(self) -> Axes:
        """The axes of the transpose of a matrix: what were columns are rows."""
        dims, sizes, k = self.dims, self.sizes, self.n_rows
        return Axes(dims[k:] + dims[:k], sizes[k:] + sizes[:k], self.coords, len(dims) - k)

    @property
    def reversed(self) -> Axes:
        """The axes of the transpose of a tensor."""
        return Axes(self.dims[::-1], self.sizes[::-1], self.coords)

    def fit(self, shape: Sequence[int]) -> bool:
        """Whether these are the axes of a tensor, or of a matrix, of that shape."""
        k = self.n_rows
        matrix = math.prod(self.sizes[:k]), math.prod(self.sizes[k:])
        return tuple(shape) in (self.sizes, matrix)

    def dataset(self, variables: Variables, sizes: Mapping[Hashable, int], attrs: object) -> Any:
        """Return a dataset of xarray: variables over these axes and over others of known sizes.

        Raises
        ------
        SketchError
            If xarray is not installed.
        ArgumentError
            If an axis of the data, or what lies along it, has a name that the result needs.
        """
        xarray = imported("xarray", "to_xarray()")
        clash = {*self.dims, *self.coords} & {*variables, *sizes}
        if clash:
            raise ArgumentError(
                f"the data have something named {', '.join(map(repr, sorted(map(str, clash))))}, "
                "as the result has; rename it before"
            )
        size = dict(zip(self.dims, self.sizes, strict=True)) | dict(sizes)
        shaped = {}
        for name, (dims, values) in variables.items():
            values = values if is_dask(values) else to_host(values)
            shaped[name] = (dims, values.reshape(tuple(size[dim] for dim in dims)))
        used = {dim for dims, _ in variables.values() for dim in dims}
        made = xarray.Dataset(shaped, attrs=attrs)
        coords = getattr(self.coords, "coords", self.coords)
        along = xarray.Dataset(coords=coords)
        return made.assign_coords(along.drop_dims([d for d in along.dims if d not in used]).coords)


def with_axes(result: Result, axes: Axes | None) -> Result:
    """Return a result that is new, with the axes of its data where these fit."""
    if axes is not None and axes.fit(result.shape):  # type: ignore[attr-defined]
        object.__setattr__(result, "_axes", axes)
    return result


def axes_of_result(result: Any) -> Axes:
    """Return the axes of a result's data, numbered where they had no names."""
    known: Axes | None = result._axes
    return known or Axes.named([None] * len(result.shape), result.shape)
