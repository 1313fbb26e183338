"""Cores of trains that are made from nothing: ones, and random ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np

from .._checks import checked_size, each_bond
from ..backend.array import Array, Device, cast, is_complex, moved, place
from ..errors import ShapeError
from ..numerics.random import normal_rows
from ..numerics.seeds import checked_seed

_STREAM = 4 << 32  # beside those of test tensors, one for each core


def ones_cores(shape: Sequence[int], dtype: str, device: Device) -> list[Array]:
    """Return the cores of the train of ones."""
    return [_placed(np.ones((1, n, 1)), dtype, device) for n in checked_sizes(shape)]


def random_cores(
    shape: Sequence[int], rank: object, seed: int | None, dtype: str, device: Device
) -> list[Array]:
    """Return Gaussian cores (r, n, s) of variance ``1 / r``, so that entries have mean square 1."""
    sizes, seed = checked_sizes(shape), checked_seed(seed)
    bonds = (1, *each_bond(rank, len(sizes) - 1, "rank"), 1)
    cores = []
    for mode, (n, (r, s)) in enumerate(zip(sizes, itertools.pairwise(bonds), strict=True)):
        rows = normal_rows(seed, _STREAM + mode, 0, n, 2 * r * s)  # so that longer modes go on
        numbers = rows[:, : r * s]
        if is_complex(dtype):
            numbers = (numbers + 1j * rows[:, r * s :]) / math.sqrt(2)
        core = np.moveaxis(numbers.reshape(n, r, s), 0, 1) / math.sqrt(r)
        cores.append(_placed(np.ascontiguousarray(core), dtype, device))
    return cores


def checked_sizes(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes of the modes of a train as integers of at least 1."""
    if not isinstance(shape, Iterable):
        raise ShapeError(f"shape must be a sequence of the sizes of the modes, got {shape!r}")
    sizes = tuple(checked_size(n, "a size of a mode", least=1) for n in shape)
    if not sizes:
        raise ShapeError("a tensor train needs a mode at least")
    return sizes


def _placed(core: Array, dtype: str, device: Device) -> Array:
    home = place(device)
    return cast(core if home is None else moved(core, home), dtype)
