"""Cores of test tensors, and the steps of a contraction with them.

A test tensor is a stack of B independent tensor trains. Its core of a mode has the shape
(B, inner, n, outer): `inner` is the rank on the side where contractions begin, `outer` the one they
go to. Where the inner side is one train that all blocks share, what is contracted with it has one
block and is broadcast.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..backend.array import (
    Array,
    beside,
    namespace,
)
from .linalg import product


class Core(Protocol):
    """The core of one mode, or of a window of it, drawn when it is asked for."""

    @property
    def outer_size(self) -> int:
        """Columns of the interface behind the core: all blocks together."""

    def array(self) -> Array:
        """Return all slices, shape (B, inner, n, outer)."""

    def slices(self, indices: NDArray[np.intp]) -> Array:
        """Return the slices at sorted indices, shape (B, inner, len(indices), outer)."""


class FixedCore:
    """A core that is known, of shape (inner, n, outer): one block."""

    def __init__(self, core: Array) -> None:
        self._core = core

    @property
    def outer_size(self) -> int:
        """Columns of the interface behind the core."""
        return int(self._core.shape[2])

    def array(self) -> Array:
        """Return the core."""
        return self._core[None, ...]

    def slices(self, indices: NDArray[np.intp]) -> Array:
        """Return the slices at the indices."""
        xp = namespace(self._core)
        return xp.take(self._core, xp.asarray(indices, **beside(self._core, "int64")), axis=1)[
            None, ...
        ]


def absorb_left(x: Array, core: Array) -> Array:
    """Contract (B, inner, n, rest) with a core of a left test tensor to (B, outer, rest)."""
    xp = namespace(x)
    blocks, inner, n, outer = core.shape
    shared, rest = x.shape[0] == 1, x.shape[3]
    x = xp.reshape(x, (x.shape[0], inner * n, rest))
    if shared:  # one product for all blocks
        columns = xp.reshape(xp.permute_dims(core, (0, 3, 1, 2)), (blocks * outer, inner * n))
        return xp.reshape(product(columns, x[0, ...]), (blocks, outer, rest))
    return product(xp.matrix_transpose(xp.reshape(core, (blocks, inner * n, outer))), x)


def absorb_right(x: Array, core: Array) -> Array:
    """Contract (B, rest, n, inner) with a core of a right test tensor to (B, rest, outer)."""
    xp = namespace(x)
    blocks, inner, n, outer = core.shape
    rest = x.shape[1]
    rows = xp.permute_dims(core, (0, 2, 1, 3))
    return product(
        xp.reshape(x, (-1, rest, n * inner)), xp.reshape(rows, (blocks, n * inner, outer))
    )


def grow_left(x: Array, core: Array) -> Array:
    """Extend an interface matrix (B, rows, inner) by a mode behind: (B, rows n, outer)."""
    xp = namespace(x)
    blocks, inner, n, outer = core.shape
    longer = product(x, xp.reshape(core, (blocks, inner, n * outer)))
    return xp.reshape(longer, (blocks, -1, outer))


def grow_right(x: Array, core: Array) -> Array:
    """Extend an interface matrix (B, rows, inner) by a mode before: (B, n rows, outer)."""
    xp = namespace(x)
    blocks, _, n, outer = core.shape
    longer = product(x[:, None, :, :], xp.permute_dims(core, (0, 2, 1, 3)))  # (B, n, rows, outer)
    return xp.reshape(longer, (blocks, n * x.shape[1], outer))


def side_by_side(x: Array) -> Array:
    """Return the blocks (B, rows, r) as one matrix (rows, B r)."""
    xp = namespace(x)
    if x.shape[0] == 1:
        return x[0, ...]
    return xp.reshape(xp.permute_dims(x, (1, 0, 2)), (x.shape[1], -1))


def trivial_interface(like: Array) -> Array:
    """Return the interface before the first mode, and behind the last one: 1 of shape (1, 1, 1)."""
    return namespace(like).ones((1, 1, 1), **beside(like))
