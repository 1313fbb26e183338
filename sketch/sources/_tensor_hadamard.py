"""Entrywise products of two trains, contracted through their pairs of cores."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..backend.array import (
    Array,
    beside,
    cast,
    dtype_name,
    namespace,
)
from ..numerics.cores import Core, absorb_left, absorb_right, side_by_side
from ..numerics.linalg import product
from ._factored import compute_dtype_of
from ._tensor_base import Contraction, TensorBlock
from ._tensor_structured import first_bad_slice

_Pair = tuple[Array, Array]


class HadamardBlock(TensorBlock):
    """The entrywise product of trains with cores A (a, n, b) and C (c, n, d)."""

    def __init__(self, first: Sequence[Array], second: Sequence[Array]) -> None:
        cores = [*first, *second]
        self.dtype = compute_dtype_of(*(dtype_name(core.dtype) for core in cores))
        self.pairs: list[_Pair] = [
            (cast(x, self.dtype), cast(y, self.dtype)) for x, y in zip(first, second, strict=True)
        ]
        self.shape = tuple(int(core.shape[1]) for core in first)
        self.nbytes = sum(math.prod(core.shape) * 8 for core in cores)

    def like(self) -> Array:
        """Return a core."""
        return self.pairs[0][0]

    def between(self, rights: Sequence[Core]) -> Contraction:
        """Begin a contraction; ``n r (a b d + a d c)`` operations a mode."""
        return HadamardContraction(self.pairs, rights)

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the slice of the first pair of cores that is not finite, zero elsewhere."""
        firsts, seconds = zip(*self.pairs, strict=True)
        return first_bad_slice(firsts) or first_bad_slice(seconds)


class HadamardContraction(Contraction):
    """Interfaces are matrices: (B, l, a c) on the left and (B, b d, r) on the right."""

    def __init__(self, pairs: Sequence[_Pair], rights: Sequence[Core]) -> None:
        self._pairs, self._mode = pairs, 0
        xp = namespace(pairs[0][0])
        one = xp.ones((1, 1, 1), **beside(pairs[0][0]))
        right = one
        self._rights = [right]
        for (x, y), core in zip(pairs[:0:-1], rights[:0:-1], strict=True):
            right = absorb_right(_from_right(x, y, right), core.array())
            self._rights.append(right)
        self._rights.reverse()
        self._move(one)

    def _move(self, left: Array) -> None:
        """Multiply the pair of cores from the left, to (B, l, n, b d)."""
        self._moved = _from_left(*self._pairs[self._mode], left)

    def seen(self) -> Array:
        """Return what the mode sees."""
        xp = namespace(self._moved)
        blocks, columns, n, b = self._moved.shape
        right = side_by_side(self._rights[self._mode])
        seen = product(xp.reshape(self._moved, (-1, b)), right)
        return xp.reshape(seen, (blocks * columns, n, right.shape[1]))

    def advance(self, core: Core) -> None:
        """Contract the multiplied pair with the test tensor's core."""
        self._mode += 1
        self._move(absorb_left(self._moved, core.array()))


def _from_right(x: Array, y: Array, right: Array) -> Array:
    """Return ``A(i) R C(i)^T`` for all slices: (B, a c, n, r) from the interface (B, b d, r)."""
    xp = namespace(x)
    (a, n, b), (c, _, d) = x.shape, y.shape
    blocks, _, r = right.shape
    columns = xp.permute_dims(xp.reshape(right, (blocks, b, d, r)), (1, 2, 0, 3))
    moved = product(xp.reshape(x, (a * n, b)), xp.reshape(columns, (b, d * blocks * r)))
    moved = xp.permute_dims(xp.reshape(moved, (a, n, d, blocks * r)), (1, 2, 0, 3))
    moved = product(xp.permute_dims(y, (1, 0, 2)), xp.reshape(moved, (n, d, a * blocks * r)))
    split = xp.reshape(moved, (n, c, a, blocks, r))
    return xp.reshape(xp.permute_dims(split, (3, 2, 1, 0, 4)), (blocks, a * c, n, r))


def _from_left(x: Array, y: Array, left: Array) -> Array:
    """Return ``A(i)^T L C(i)`` for all slices: (B, l, n, b d) from the interface (B, l, a c)."""
    xp = namespace(x)
    (a, n, b), (c, _, d) = x.shape, y.shape
    blocks, columns, _ = left.shape
    rows = xp.permute_dims(xp.reshape(left, (blocks * columns, a, c)), (0, 2, 1))
    moved = product(xp.reshape(rows, (-1, a)), xp.reshape(x, (a, n * b)))
    moved = xp.permute_dims(xp.reshape(moved, (blocks * columns, c, n, b)), (2, 0, 3, 1))
    moved = product(xp.reshape(moved, (n, -1, c)), xp.permute_dims(y, (1, 0, 2)))
    split = xp.reshape(moved, (n, blocks * columns, b * d))
    return xp.reshape(xp.permute_dims(split, (1, 0, 2)), (blocks, columns, n, b * d))
