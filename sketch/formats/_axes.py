"""Names of the axes of data and coordinates along them, which results of labelled data keep."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .._checks import imported
from ..backend.array import HostArray, is_dask, to_host
from ..errors import ArgumentError

if TYPE_CHECKING:
    from xarray import Dataset

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
    coords: Mapping[Hashable, Any]
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
    def column_labels(self) -> list[HostArray | None]:
        """What lies along each axis of the columns under its own name, None where nothing does."""
        return [as_labels(self.coords[dim]) if dim in self.coords else None for dim in self.columns]

    @property
    def swapped(self) -> Axes:
        """The axes of the transpose of a matrix: what were columns are rows."""
        dims, sizes, k = self.dims, self.sizes, self.n_rows
        return Axes(dims[k:] + dims[:k], sizes[k:] + sizes[:k], self.coords, len(dims) - k)

    @property
    def reversed(self) -> Axes:
        """The axes of the transpose of a tensor."""
        return Axes(self.dims[::-1], self.sizes[::-1], self.coords)

    def of_columns(self) -> Axes | None:
        """Return the names and labels of the columns alone, of rows of any number."""
        coords: Any = self.coords
        if isinstance(coords, Mapping) and not hasattr(coords, "drop_dims"):
            coords = {k: v for k, v in coords.items() if set(v[0]) <= set(self.columns)}
        else:
            coords = coords.drop_dims([dim for dim in self.rows if dim in coords.dims])
        return Axes(self.dims, (0,) * self.n_rows + self.sizes[self.n_rows :], coords, self.n_rows)

    def with_rows(self, m: int) -> Axes:
        """Return the axes of so many rows, of which only the columns have labels."""
        return Axes(self.dims, (m, *self.sizes[1:]), self.coords)

    def fit(self, shape: Sequence[int]) -> bool:
        """Whether these are the axes of a tensor, or of a matrix, of that shape."""
        k = self.n_rows
        matrix = math.prod(self.sizes[:k]), math.prod(self.sizes[k:])
        return tuple(shape) in (self.sizes, matrix)

    def dataset(
        self, variables: Variables, sizes: Mapping[Hashable, int], attrs: object
    ) -> Dataset:
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
        along = along.drop_dims([d for d in along.dims if d not in used])
        labelled: Dataset = made.assign_coords(along.coords)
        return labelled


def as_labels(coordinate: object) -> HostArray:
    """Return the values of a coordinate of one axis."""
    return np.asarray(coordinate[1] if isinstance(coordinate, tuple) else coordinate)


def check_columns(known: Axes | None, found: Axes | None, where: str) -> None:
    """Refuse columns with other names than those that are known, or the same in another order.

    Raises
    ------
    ArgumentError
    """
    if known is not None and found is not None and known is not found:
        check_labels(known.column_labels, found.column_labels, where)


def check_labels(known: Sequence[object], found: Sequence[object], where: str) -> None:
    """Refuse labels that are others than those that are known, or in another order.

    Parameters
    ----------
    known, found : sequence of array or None
        One for each axis. Those that number an axis from 0 do not name it.
    where : str
        What the labels that were found belong to.

    Raises
    ------
    ArgumentError
    """
    for ours, theirs in zip(known, found, strict=False):
        if ours is None or theirs is None:
            continue
        here, there = np.asarray(ours), np.asarray(theirs)
        if len(here) != len(there) or _only_numbers(here) or _only_numbers(there):
            continue
        unlike = np.flatnonzero(~_alike(here, there))
        if len(unlike):
            k = int(unlike[0])
            raise ArgumentError(
                f"column {k} of {where} is {there[k]!s}, and was {here[k]!s} in what came before; "
                "put the columns in one order, or give their values without names"
            )


def _only_numbers(labels: HostArray) -> bool:
    return labels.dtype.kind in "iu" and bool(np.all(labels == np.arange(len(labels))))


def _alike(ours: HostArray, theirs: HostArray) -> HostArray:
    """Return which labels are the same; floating ones up to the rounding of single precision."""
    if ours.dtype.kind in "fiu" and theirs.dtype.kind in "fiu":
        return np.isclose(ours, theirs, rtol=1e-6, equal_nan=True)
    if ours.dtype.kind != theirs.dtype.kind:  # texts of either kind
        ours, theirs = ours.astype(object), theirs.astype(object)
    same: HostArray = ours == theirs
    return same


def with_axes(result: Result, axes: Axes | None) -> Result:
    """Return a result that is new, with the axes of its data where these fit."""
    if axes is not None and axes.fit(result.shape):  # type: ignore[attr-defined]
        object.__setattr__(result, "_axes", axes)
    return result


def axes_of_result(result: Any) -> Axes:
    """Return the axes of a result's data, numbered where they had no names."""
    known: Axes | None = result._axes
    return known or Axes.named([None] * len(result.shape), result.shape)
