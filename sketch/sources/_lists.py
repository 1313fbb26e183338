"""Python lists: numbers in lists are an array; what a list of arrays means is for its user to say.

For matrices, arrays of two axes are chunks of rows, one below the other (see `_chunked`), and
arrays of one axis are rows. Tensors have no such habit: their lists of arrays are refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend.array import Array, HostArray, is_array, namespace
from ..backend.plain import plain
from ..errors import DtypeError, ShapeError


def is_list(x: object) -> bool:
    """Whether `x` is a list or a tuple."""
    return isinstance(x, list | tuple)


def array_of_rows(a: Any) -> Array:
    """Return the matrix of a list of lists of numbers, or of a list of rows."""
    rows = [plain(row) for row in a]
    if rows and all(is_array(row) for row in rows):
        shapes = {tuple(row.shape) for row in rows}
        if len(shapes) > 1:
            raise ShapeError(f"a list of rows must have rows of equal length, got shapes {shapes}")
        return namespace(*rows).stack(rows)
    return _array(rows)


def array_of_numbers(t: Any) -> Array:
    """Return the tensor of nested lists of numbers."""
    inner = t
    while is_list(inner) and inner:
        inner = inner[0]
    if getattr(inner, "shape", ()):
        raise DtypeError(
            "a list of arrays may mean many tensors, and none is guessed; give np.stack(list) for "
            "slices along a new first mode, np.concatenate(list) for blocks along the first mode, "
            "TensorTrain(list) for cores, CPTensor(None, list) for factors"
        )
    return _array(t)


def _array(numbers: object) -> HostArray:
    try:
        return np.asarray(numbers)
    except ValueError as error:
        raise DtypeError(f"a list of lists must have rows of equal length ({error})") from error
