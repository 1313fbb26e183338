"""Checks of ranks, tolerances and optional libraries: one of each, with one text."""

from __future__ import annotations

import importlib
import math
import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .errors import (
    ArgumentError,
    NonFiniteError,
    RankError,
    SketchError,
    ToleranceError,
    ToleranceWarning,
    warn,
)

Ranks: TypeAlias = SupportsIndex | Sequence[SupportsIndex] | NDArray[np.integer[Any]]
"""One rank for all bonds of a train, or one for each."""

MISSING_HINT = (
    "where they stand for missing entries, sketch.complete predicts these (complete_train those of "
    'a tensor; sketch complete), and sketch.open(path, missing="zero") or missing="mean" fills '
    "them in a file (--missing)"
)
"""What to say of NaN and masks: the choices."""


def nonfinite_entry(index: tuple[int, ...]) -> NonFiniteError:
    """Return the refusal of data that hold NaN or infinity, first at an index."""
    return NonFiniteError(
        f"the chunk holds NaN or infinity, first at index {index} of the data; clean them, or, "
        f"{MISSING_HINT}; check_finite=False lets them through"
    )


def checked_size(value: Any, name: str, least: int = 0) -> int:
    """Return a rank or another size as an int of at least `least`.

    Raises
    ------
    RankError
        If it is no integer (2.0 is none), or smaller.
    """
    try:
        size = operator.index(value)
    except TypeError:
        raise RankError(f"{name} must be an integer, got {value!r}") from None
    if size < least:
        raise RankError(f"{name} must be at least {least}, got {size}")
    return size


def each_bond(value: Any, bonds: int, name: str) -> tuple[int, ...]:
    """Return a size of at least 1 for every bond, from one integer or a sequence of them."""
    is_one = isinstance(value, str | bytes) or getattr(value, "ndim", None) == 0
    if not is_one and hasattr(value, "__len__"):
        if len(value) != bonds:
            raise RankError(f"{name} needs one entry for each of the {bonds} bonds, got {value!r}")
        return tuple(checked_size(v, name, least=1) for v in value)
    return (checked_size(value, name, least=1),) * bonds


def imported(module: str, what: str, install: str | None = None) -> Any:
    """Return an optional library that something needs.

    Raises
    ------
    SketchError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise SketchError(f"{what} needs {package}; pip install {install or package}") from error


def checked_tol(tol: object) -> float | None:
    """Return a tolerance as a float, None where there is none.

    Raises
    ------
    ToleranceError
        If it is no real number, negative, infinite or NaN.
    """
    if tol is None:
        return None
    value = as_number(tol)
    if not 0 <= value < math.inf:
        raise ToleranceError(f"tol must be a relative error of at least 0, got {tol!r}")
    return value


def as_number(value: Any) -> float:
    """Return a real number as a float, NaN for what is none: text, truth values, times, masked."""
    try:
        no_number = isinstance(value, str | bytes | bool) or not is_scalar(value)
        no_number = no_number or any(kind in _kind(value) for kind in ("bool", "complex"))
        return math.nan if no_number else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def is_scalar(value: object) -> bool:
    """Whether an object may stand for its number: neither a time nor masked."""
    return value is not np.ma.masked and "time" not in _kind(value)


def _kind(value: object) -> str:
    return str(getattr(value, "dtype", ""))


def checked_flag(value: object, name: str) -> bool:
    """Return a truth value, of Python or of an array library, as a bool.

    Raises
    ------
    ArgumentError
        If it is none: text, say, would count as true.
    """
    if getattr(value, "shape", ()) != () or value not in (True, False):
        raise ArgumentError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def checked_share(value: object, name: str, *, whole: bool = False) -> float:
    """Return a number between 0 and 1 as a float; 1 itself is one where `whole`.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    share = as_number(value)
    if not (0 < share < 1 or (whole and share == 1)):
        raise ArgumentError(f"{name} must be a share between 0 and 1, got {value!r}")
    return share


def checked_list(value: Any, name: str, expected: str) -> list[Any]:
    """Return a sequence of arrays, tensors or numbers as a list.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    try:
        none = isinstance(value, str | bytes | type)
        items = None if none else list(value)
    except TypeError:
        items = None
    if items is None:
        raise ArgumentError(f"{name} must be a sequence of {expected}, got {value!r}")
    return items


def check_callable(value: object, name: str, expected: str) -> None:
    """Refuse what cannot be called.

    Raises
    ------
    ArgumentError
    """
    if not callable(value):
        raise ArgumentError(f"{name} must be {expected}, got {value!r}")


def require_rank_or_tol(rank: object, tol: object) -> None:
    """Refuse a request that says neither how large nor how accurate a result should be."""
    if rank is None and tol is None:
        raise RankError("give a rank, a tolerance, or both: rank=20, or tol=1e-3")


def warn_missed(
    tol: float, relative: float, what: str, remedy: str = "sketch with a larger rank"
) -> None:
    """Warn that a result misses the tolerance, and say what to do."""
    warn(
        f"tol={tol:g} is out of reach: {what} has an estimated relative error of {relative:.3g}; "
        f"{remedy}",
        ToleranceWarning,
    )
