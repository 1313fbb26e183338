"""The methods by name, a line each: one-call functions, the command line and errors read them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict

from .._checks import Ranks
from ..errors import ArgumentError
from ..maps import TensorFamilyName, TestTensorFamily
from ._generalized_nystrom import GeneralizedNystrom
from ._hmt import HMT
from ._krylov import BlockKrylov
from ._nystrom import Nystrom
from ._otts import OTTS
from ._stta import STTA
from ._tt_hmt import TTHMT

MatrixMethod = Literal["hmt", "nystrom", "nystrom-psd", "krylov"]
TensorMethod = Literal["stta", "otts", "tt-hmt", "tt-svd"]


class TensorOptions(TypedDict, total=False):
    """What `tensor_train` passes on to its methods, as far as they take it."""

    sketch_rank: Ranks | None
    corange_rank: Ranks | None
    error_probes: int | None
    test_tensor: TestTensorFamily | TensorFamilyName


Methods = Mapping[str, type[Any]]

MATRIX_METHODS: Methods = {
    "hmt": HMT,
    "nystrom": GeneralizedNystrom,
    "nystrom-psd": Nystrom,
    "krylov": BlockKrylov,
}
TENSOR_METHODS: Methods = {
    "stta": STTA,
    "otts": OTTS,
    "tt-hmt": TTHMT,
}
_OF_THE_CALL = ("shape", "rank", "seed", "dtype", "device")  # not options of a method


def method_of(methods: Methods, name: object, *others: str) -> type[Any]:
    """Return the class of the sketches of a method.

    Raises
    ------
    ArgumentError
        Naming all methods, and `others` that the caller knows beside them.
    """
    if not isinstance(name, str) or name not in methods:
        raise ArgumentError(f"method must be one of {[*methods, *others]}, got {name!r}")
    return methods[name]


def options_of(made: Callable[..., object]) -> list[str]:
    """Return the names of what a method can be told beside sizes, seed, dtype and device."""
    return [name for name in _parameters(made) if name not in _OF_THE_CALL]


@functools.cache
def _parameters(made: Callable[..., object]) -> tuple[str, ...]:
    return tuple(inspect.signature(made).parameters)
