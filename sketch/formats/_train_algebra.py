"""Sums and inner products of tensor trains, as functions on their cores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..backend.array import Array, beside, cast, is_complex, namespace
from ..errors import NonFiniteError
from ..numerics.linalg import multiple, product

Cores = Sequence[Array]


def summed(parts: Sequence[Cores], dtype: str) -> list[Array]:
    """Return the cores of the sum of trains: block diagonal ones, filled once."""
    if len(parts) == 1:
        return [cast(core, dtype) for core in parts[0]]
    order = len(parts[0])
    if order == 1:
        total = cast(parts[0][0], dtype)
        for (core,) in parts[1:]:
            total = total + cast(core, dtype)
        return [total]
    xp = namespace(*(cores[0] for cores in parts))
    first = xp.concat([cast(cores[0], dtype) for cores in parts], axis=2)
    last = xp.concat([cast(cores[-1], dtype) for cores in parts], axis=0)
    inner = [_diagonal([cores[mode] for cores in parts], dtype) for mode in range(1, order - 1)]
    return [first, *inner, last]


def _diagonal(cores: Cores, dtype: str) -> Array:
    """Return the core that holds others along its diagonal."""
    xp = namespace(*cores)
    rows = sum(int(core.shape[0]) for core in cores)
    columns = sum(int(core.shape[2]) for core in cores)
    total = xp.zeros((rows, cores[0].shape[1], columns), **beside(cores[0], dtype))
    row = column = 0
    for core in cores:
        a, _, b = core.shape
        total[row : row + a, :, column : column + b] = cast(core, dtype)
        row, column = row + a, column + b
    return total


def constant(cores: Cores, number: complex) -> list[Array]:
    """Return the cores of a constant of the shape of a train, of rank 1."""
    xp = namespace(cores[0])
    ones = [xp.ones((1, core.shape[1], 1), **beside(core)) for core in cores]
    return [multiple(ones[0], number), *ones[1:]]


def hadamard(x: Cores, y: Cores) -> list[Array]:
    """Return the cores of the entrywise product, whose ranks are products."""
    xp = namespace(x[0], y[0])
    cores = []
    for u, v in zip(x, y, strict=True):
        (a, n, b), (c, _, d) = u.shape, v.shape
        both = u[:, None, :, :, None] * v[None, :, :, None, :]  # (a, c, n, b, d)
        cores.append(xp.reshape(both, (a * c, n, b * d)))
    return cores


def transposed(cores: Cores) -> list[Array]:
    """Return the cores of the tensor whose modes come in the opposite order."""
    return [namespace(core).permute_dims(core, (2, 1, 0)) for core in reversed(cores)]


def mode_multiplied(core: Array, matrix: Array) -> Array:
    """Return a core (a, m, b) for the product of a matrix (m, n) with the mode of a core.

    For a vector (n,) the mode is gone: a matrix (a, b).
    """
    (a, n, b), rows = core.shape, matrix.shape[:-1]
    xp = namespace(core)
    flat = xp.reshape(xp.permute_dims(core, (1, 0, 2)), (n, a * b))
    moved = product(xp.reshape(matrix, (-1, n)), flat)
    if not rows:
        return xp.reshape(moved, (a, b))
    return xp.permute_dims(xp.reshape(moved, (rows[0], a, b)), (1, 0, 2))


def chained(parts: Sequence[Array]) -> Any:
    """Return the cores of a chain in which matrices stand for modes that are gone.

    Where all are gone, the number that is left.
    """
    xp = namespace(parts[0])
    kept: list[Array] = []
    carried: Array | None = None  # product of the matrices on the way
    for part in parts:
        if carried is not None:
            moved = product(carried, xp.reshape(part, (part.shape[0], -1)))
            part = xp.reshape(moved, (-1, *part.shape[1:]))
        carried = part if part.ndim == 2 else None
        if carried is None:
            kept.append(part)
    if not kept and carried is not None:
        return carried[0, 0]
    if carried is not None:
        a, n, b = kept[-1].shape
        kept[-1] = xp.reshape(product(xp.reshape(kept[-1], (a * n, b)), carried), (a, n, -1))
    return kept


def representable(value: complex, exponent: int, what: str) -> Any:
    """Return ``value * 2**exponent`` or say by how much it is out of range."""
    size = abs(value)
    if size == 0 or not math.isfinite(size):
        return value
    log2 = math.log2(size) + exponent
    if not -1074 < log2 < 1024:
        raise NonFiniteError(
            f"{what} is 2**{log2:.1f}, beyond the range of double precision; scale a core"
        )
    half = exponent // 2
    scaled = value * math.ldexp(1.0, half) * math.ldexp(1.0, exponent - half)
    return scaled if is_complex(type(value).__name__) else float(scaled.real)
