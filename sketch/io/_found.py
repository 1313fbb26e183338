"""What a reader hands back, and what all readers refuse alike."""

from __future__ import annotations

import difflib
import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..backend.protocols import Stored
from ..errors import StateFileError

_SHOWN = 20  # names in a message
_LARGEST_CLAIM = 10**14  # bytes: a day of reading at a gigabyte a second
_DOUBTED_CLAIM = 10**11  # bytes from which a claim is compared with what is there
_BEST_COMPRESSION = 10**5

Dims = tuple[str | None, ...]
Labels = Sequence[Any]  # of each axis an array, or None


@dataclass(frozen=True)
class Found:
    """The array that a name means in a file.

    Attributes
    ----------
    data : array, sparse matrix, entry file, or stored array
        A stored array has `shape` and `dtype` and is read by slicing. What it reads may be masked.
    dims : tuple, optional
        Names of the axes, None for each that has none.
    labels : callable, optional
        Reads the labels of the axes.
    """

    data: Any
    dims: Dims | None = None
    labels: Callable[[], Labels] | None = None


def needed(module: str, path: str, extra: str = "files") -> Any:
    """Return a module that a format needs.

    Raises
    ------
    StateFileError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        install = f"'sketch-lowrank[{extra}]'" if extra else package
        raise StateFileError(
            f"{path}: reading it needs {package}; pip install {install}"
        ) from error


def only_name(arrays: Mapping[str, Sequence[int] | None], path: str) -> str:
    """Return the name that is meant where none is given: of the only matrix or tensor.

    Parameters
    ----------
    arrays : mapping of str to sequence of int or None
        The shapes of all arrays of numbers, None where it is not known.
    """
    wide = [name for name, shape in arrays.items() if shape is None or _is_wide(shape)]
    names = wide or list(arrays)
    if len(names) == 1:
        return names[0]
    if not names:
        raise StateFileError(f"{path}: holds no array of numbers")
    raise StateFileError(f"{path}: name one of its arrays as {path}::NAME: {listed(names)}")


def _is_wide(shape: Sequence[int]) -> bool:
    """Whether an array is more than a number (which MATLAB keeps as a matrix) or a list."""
    return len(shape) > 1 and math.prod(shape) != 1


def no_such_name(name: str, names: Sequence[str], path: str) -> StateFileError:
    """Return the refusal of a name that is not there, with those that could be meant."""
    if not names:
        return StateFileError(f"{path}: no array named {name!r}, nor any other array of numbers")
    close = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {close[0]}? " if close else ""
    return StateFileError(
        f"{path}: no array named {name!r}; {hint}name one of its arrays as {path}::NAME: "
        f"{listed(names)}"
    )


def listed(names: Sequence[str]) -> str:
    """Return names for a message, the first ones of many."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def is_numeric(dtype: object) -> bool:
    """Whether entries are numbers."""
    return getattr(dtype, "kind", "O") in "biufc"


def check_numbers(data: Stored, where: str) -> None:
    """Refuse an array that has no values, or other values than numbers."""
    if data.shape is None:
        raise StateFileError(f"{where}: is empty: it has a dtype, but no shape and no values")
    if getattr(data.dtype, "names", None):
        fields = listed([n for n in data.dtype.names if is_numeric(data.dtype[n])])
        raise StateFileError(f"{where}: holds records; name one of their fields: {fields}")
    if not is_numeric(data.dtype):
        raise StateFileError(f"{where}: holds {_described(data.dtype)}, not numbers")


def _described(dtype: object) -> str:
    kinds = {"O": "objects or text", "S": "text", "U": "text", "T": "text", "M": "dates"}
    kinds["m"] = "time spans"
    return kinds.get(getattr(dtype, "kind", "O"), f"values of dtype {dtype}")


def check_claim(
    shape: Sequence[int], dtype: DTypeLike, stored: Callable[[], int], where: str
) -> None:
    """Refuse an array that claims to be far larger than what is stored of it.

    Parameters
    ----------
    stored : callable
        Returns the bytes that are there; asked for large claims only.
    """
    claimed = math.prod(shape) * np.dtype(dtype).itemsize
    if claimed < _DOUBTED_CLAIM:
        return
    if claimed > _LARGEST_CLAIM or claimed > _BEST_COMPRESSION * stored():
        raise StateFileError(
            f"{where}: claims shape {tuple(shape)}, {claimed:.3g} bytes, which is far more than "
            "is stored; the file is damaged, or one of its axes is not what it should be"
        )


def check_labels(labels: Labels, shape: tuple[int, ...], where: str) -> None:
    """Refuse labels of an axis that are more or fewer than its entries."""
    for axis, (names, size) in enumerate(zip(labels, shape, strict=False)):
        count = size if names is None else len(np.asarray(names))
        if count != size:
            raise StateFileError(
                f"{where}: {count} labels for the {size} entries of axis {axis}; the files do not "
                "belong together, or are damaged"
            )
