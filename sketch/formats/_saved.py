"""The labels of axes, as files of results and states keep them."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Any

import numpy as np

from ..backend.array import HostArray
from ..files import archive
from ._axes import Axes

_FIELD, _PREFIX = "labels", "label_"
_KEPT = "biufcUMm"  # dtypes of labels that are kept as they are: numbers, text, dates and spans


def split_labels(
    header: archive.Header, arrays: archive.Arrays
) -> tuple[Axes | None, archive.Arrays]:
    """Return the axes that a file tells of, None for none, and the arrays that are no labels.

    Raises
    ------
    ValueError
        If labels and axes do not fit each other.
    """
    about = header.get(_FIELD)
    if about is None:
        return None, arrays
    sizes = dict(zip(about["dims"], about["sizes"], strict=True))
    coords = {}
    for k, coord in enumerate(about["coords"]):
        values = arrays[label_name(k)]
        if values.shape != tuple(sizes[dim] for dim in coord["dims"]):
            raise ValueError(f"labels {coord['name']} of shape {values.shape} do not fit the axes")
        coords[coord["name"]] = (tuple(coord["dims"]), values, coord["attrs"])
    if len(sizes) < len(about["dims"]) or len(coords) < len(about["coords"]):
        raise ValueError("two axes or two kinds of labels have one name")
    axes = Axes(tuple(sizes), tuple(sizes.values()), coords, about["n_rows"])
    return axes, {name: array for name, array in arrays.items() if not is_label(name)}


def label_name(k: int) -> str:
    """Return the name of the array of the labels of some number."""
    return f"{_PREFIX}{k}"


def is_label(name: str) -> bool:
    """Whether an array of a result holds labels."""
    return name.startswith(_PREFIX)


def kept_labels(axes: Axes, along: Collection[Hashable]) -> tuple[archive.Header, archive.Arrays]:
    """Return what a file says of axes, and the labels along some of them as arrays."""
    about: list[archive.Header] = []
    labels = {}
    for name, dims, values, attrs in _coordinates(axes):
        if set(dims) <= set(map(str, along)):
            labels[label_name(len(about))] = _as_kept(values)
            about.append({"name": name, "dims": dims, "attrs": _plain(attrs)})
    told = {"dims": list(map(str, axes.dims)), "sizes": list(axes.sizes), "n_rows": axes.n_rows}
    return {_FIELD: told | {"coords": about}}, labels


def _coordinates(axes: Axes) -> Iterator[tuple[str, list[str], Any, Mapping[Hashable, object]]]:
    """Yield labels by name, with their axes, values and attributes."""
    coords: Any = axes.coords
    if hasattr(coords, "indexes"):  # a dataset of xarray; indexes of several levels as their levels
        several = [name for name, index in coords.indexes.items() if index.nlevels > 1]
        for name, found in coords.reset_index(several).coords.items():
            yield str(name), list(map(str, found.dims)), found.values, found.attrs
        return
    for name, (dims, values, *attrs) in coords.items():
        yield str(name), list(map(str, dims)), values, attrs[0] if attrs else {}


def _as_kept(values: object) -> HostArray:
    """Return labels as an array that can be stored; what is no number or date as text."""
    array = np.asarray(values)
    if array.dtype.kind in _KEPT and array.dtype.names is None:
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    texts = [x.decode("utf-8", "replace") if isinstance(x, bytes) else str(x) for x in array.flat]
    return np.array(texts, dtype=str).reshape(array.shape)


def _plain(attrs: Mapping[object, object]) -> dict[str, Any]:
    """Return the attributes that a header can hold: text and finite numbers."""
    items = {str(name): x.item() if isinstance(x, np.generic) else x for name, x in attrs.items()}
    return {
        name: x
        for name, x in items.items()
        if isinstance(x, str | int) or (isinstance(x, float) and math.isfinite(x))
    }
