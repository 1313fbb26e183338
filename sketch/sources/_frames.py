"""Frames of pandas and polars, and annotated matrices: their numbers, where all are numbers."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..errors import DtypeError
from ._foreign_sparse import with_fill


def is_pandas(x: object) -> bool:
    """Whether `x` is a frame of pandas."""
    library = sys.modules.get("pandas")
    return library is not None and isinstance(x, library.DataFrame)


def is_polars(x: object) -> bool:
    """Whether `x` is a frame of polars."""
    library = sys.modules.get("polars")
    return library is not None and isinstance(x, library.DataFrame)


def is_annotated(x: object) -> bool:
    """Whether `x` is an annotated matrix, as AnnData has it."""
    return all(hasattr(x, name) for name in ("obs_names", "var_names", "X"))


def as_numbers(x: Any) -> object:
    """Return the numbers of a frame or of an annotated matrix; anything else as it is.

    Missing values are NaN, as the libraries have them. Frames whose columns are all sparse stay so.

    Raises
    ------
    DtypeError
        If a column holds something else than numbers, or an annotated matrix has none.
    """
    if is_pandas(x):
        is_numeric = sys.modules["pandas"].api.types.is_numeric_dtype
        _check_columns(x, [key for key, dtype in x.dtypes.items() if not is_numeric(dtype)])
        if len(x.columns) and all(hasattr(dtype, "fill_value") for dtype in x.dtypes):
            return _sparse_columns(x)
        values = x.to_numpy()
        return values if values.dtype != object else x.to_numpy("float64", na_value=np.nan)
    if is_polars(x):
        others = {key: kind for key, kind in x.schema.items() if not kind.is_numeric()}
        _check_columns(x, [key for key, kind in others.items() if str(kind) != "Boolean"])
        return x.to_numpy()
    if is_annotated(x):
        if x.X is None:
            raise DtypeError(f"an {type(x).__name__} without X; give one of its layers")
        return x.X
    return x


def _sparse_columns(x: Any) -> object:
    """Return a frame of sparse columns, each with its fill value."""
    columns = [x.iloc[:, number].array for number in range(len(x.columns))]
    rows = [column.sp_index.indices for column in columns]
    values = np.concatenate([column.sp_values for column in columns])
    fills = [0 if len(at) == len(x) else c.fill_value for at, c in zip(rows, columns, strict=True)]
    places = np.concatenate(rows), np.repeat(np.arange(len(columns)), [len(at) for at in rows])
    return with_fill(values, places, tuple(x.shape), np.asarray(fills, values.dtype))


def _check_columns(x: object, others: list[object]) -> None:
    if others:
        shown = ", ".join(map(str, others[:8])) + (" ..." if len(others) > 8 else "")
        raise DtypeError(f"the columns {shown} of a {type(x).__name__} hold no numbers; drop them")
