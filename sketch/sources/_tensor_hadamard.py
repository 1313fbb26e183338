"""Entrywise products of two trains, contracted through their pairs of cores."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..backend.array import Array, cast, dtype_name, namespace
from ..numerics.cores import Core
from ..numerics.linalg import product
from ._factored import compute_dtype_of
from ._tensor_base import Contraction, TensorBlock
from ._tensor_chain import ChainContraction
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
        links = [HadamardLink(x, y) for x, y in self.pairs]
        return ChainContraction(links, self.like(), rights)

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the slice of the first pair of cores that is not finite, zero elsewhere."""
        firsts, seconds = zip(*self.pairs, strict=True)
        return first_bad_slice(firsts) or first_bad_slice(seconds)


class HadamardLink:
    """A pair of cores A (a, n, b) and C (c, n, d), of the core (a c, n, b d) that is not formed."""

    def __init__(self, first: Array, second: Array) -> None:
        self.first, self.second = first, second

    def from_right(self, right: Array) -> Array:
        """Return ``A(i) R C(i)^T`` for all slices: (B, a c, n, r) from (B, b d, r)."""
        xp, x, y = namespace(self.first), self.first, self.second
        (a, n, b), (c, _, d) = x.shape, y.shape
        blocks, _, r = right.shape
        columns = xp.permute_dims(xp.reshape(right, (blocks, b, d, r)), (1, 2, 0, 3))
        moved = product(xp.reshape(x, (a * n, b)), xp.reshape(columns, (b, d * blocks * r)))
        moved = xp.permute_dims(xp.reshape(moved, (a, n, d, blocks * r)), (1, 2, 0, 3))
        moved = product(xp.permute_dims(y, (1, 0, 2)), xp.reshape(moved, (n, d, a * blocks * r)))
        split = xp.reshape(moved, (n, c, a, blocks, r))
        return xp.reshape(xp.permute_dims(split, (3, 2, 1, 0, 4)), (blocks, a * c, n, r))

    def from_left(self, left: Array) -> Array:
        """Return ``A(i)^T L C(i)`` for all slices: (B, l, n, b d) from (B, l, a c)."""
        xp, x, y = namespace(self.first), self.first, self.second
        (a, n, b), (c, _, d) = x.shape, y.shape
        blocks, columns, _ = left.shape
        rows = xp.permute_dims(xp.reshape(left, (blocks * columns, a, c)), (0, 2, 1))
        moved = product(xp.reshape(rows, (-1, a)), xp.reshape(x, (a, n * b)))
        moved = xp.permute_dims(xp.reshape(moved, (blocks * columns, c, n, b)), (2, 0, 3, 1))
        moved = product(xp.reshape(moved, (n, -1, c)), xp.permute_dims(y, (1, 0, 2)))
        split = xp.reshape(moved, (n, blocks * columns, b * d))
        return xp.reshape(xp.permute_dims(split, (1, 0, 2)), (blocks, columns, n, b * d))
