"""Dense tensors: two matrix products across the middle, whose results all modes share."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from ..backend.array import (
    Array,
    block_bytes,
    compute_dtype,
    cuts,
    is_off_host,
    moved,
    namespace,
)
from ..numerics.cores import (
    Core,
    absorb_left,
    absorb_right,
    grow_left,
    grow_right,
    side_by_side,
    trivial_interface,
)
from ..numerics.linalg import product
from ._tensor_base import Contraction, TensorBlock, TensorSource

TENSOR_BLOCK_BYTES = 128_000_000


class DenseTensorSource(TensorSource):
    """An array of any order in memory; worked on in slabs of its first mode."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self.shape = tuple(int(n) for n in array.shape)
        self.dtype = compute_dtype(array.dtype)
        self.off_host = is_off_host(array)
        self.nbytes = math.prod(self.shape) * getattr(array.dtype, "itemsize", 8)
        self._kept: dict[tuple[int, int], DenseTensorBlock] = {}

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, ...], TensorBlock]]:
        """Yield slabs, which live on from pass to pass; none of a tensor without entries."""
        if 0 in self.shape:
            return
        slab = max(1, math.prod(self.shape[1:]) * np.dtype(self.dtype).itemsize)
        step = max(1, (limit or block_bytes(self.array, TENSOR_BLOCK_BYTES)) // slab)
        rest = (0,) * (len(self.shape) - 1)
        for part in cuts(self.shape[0], step):
            if (part.start, step) not in self._kept:
                self._kept[part.start, step] = DenseTensorBlock(self.array[part, ...])
            yield (part.start, *rest), self._kept[part.start, step]


class DenseTensorBlock(TensorBlock):
    """A dense tensor in memory."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self.shape = tuple(int(n) for n in array.shape)
        self.dtype = compute_dtype(array.dtype)
        self.nbytes = math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def like(self) -> Array:
        """Return the array."""
        return self.array

    def brought(self, like: Array) -> DenseTensorBlock:
        """Return the tensor where `like` is."""
        return DenseTensorBlock(moved(self.array, like))

    def between(self, rights: Sequence[Core]) -> Contraction:
        """Begin a contraction: the data are read twice, each time in one matrix product."""
        return self.between_each([rights])[0]

    def between_some(self, rights: Sequence[Core], modes: range) -> Contraction:
        """Begin a contraction that is cut before the modes or behind them: in one product."""
        cut = modes.start if modes.start else min(modes.stop, len(self.shape) - 1)
        return DenseContraction(self.array, rights, cut)

    def between_each(self, tests: Sequence[Sequence[Core]]) -> list[Contraction]:
        """Begin contractions, whose first products are one where they cut the data alike."""
        begun = [
            DenseContraction(self.array, rights, _best_cut(self.shape, rights)) for rights in tests
        ]
        for cut in sorted({contraction.cut for contraction in begun} - {0}):
            _multiply([contraction for contraction in begun if contraction.cut == cut])
        return [*begun]

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the first index that holds NaN or infinity."""
        xp = namespace(self.array)
        bad = xp.reshape(xp.logical_not(xp.isfinite(self.array)), (-1,))
        if not bad.shape[0] or not bool(xp.any(bad)):
            return None
        flat = int(xp.argmax(xp.astype(bad, xp.int8)))
        return tuple(int(i) for i in np.unravel_index(flat, self.shape))


class DenseContraction(Contraction):
    """A dense tensor as one matrix, cut at a bond s near its middle.

    All modes before s see the product with the right interface at s, all others the product with
    the left one: two matrix products with N entries, and all else is small. N (r + l) operations.
    The first one is left to `_multiply`, or until a mode before the cut is asked for.
    """

    def __init__(self, array: Array, rights: Sequence[Core], cut: int) -> None:
        xp = namespace(array)
        self._shape = tuple(int(n) for n in array.shape)
        self._mode, self.cut = 0, cut
        self.matrix = xp.reshape(array, (math.prod(self._shape[: self.cut]), -1))
        self._left = trivial_interface(array)  # (B, rows, l) before the cut, (B, l, rest) behind
        self._rights = {len(self._shape) - 1: self._left}
        for mode in range(len(self._shape) - 1, self.cut, -1):
            self._rights[mode - 1] = grow_right(self._rights[mode], rights[mode].array())
        self._cores, self._half = rights, dict[int, Array]()
        if self.cut == 0:
            self._cross()

    @property
    def interface(self) -> Array:
        """The right test tensor at the cut, (columns of the matrix, B r)."""
        return side_by_side(self._at_cut)

    @functools.cached_property
    def _at_cut(self) -> Array:
        return grow_right(self._rights[self.cut], self._cores[self.cut].array())

    def take(self, z: Array) -> None:
        """Take the product of the matrix with the interface, and find all ``T_k X_k`` before it.

        These are (B, n_0 ... n_k, r).
        """
        xp = namespace(z)
        blocks = self._at_cut.shape[0]
        z = xp.permute_dims(xp.reshape(z, (z.shape[0], blocks, -1)), (1, 0, 2))
        self._half[self.cut - 1] = z
        for mode in range(self.cut - 1, 0, -1):
            split = xp.reshape(z, (z.shape[0], -1, self._shape[mode], z.shape[2]))
            z = absorb_right(split, self._cores[mode].array())
            self._half[mode - 1] = z

    def _cross(self) -> None:
        """Go over the cut: contract the data with the left interface."""
        xp = namespace(self.matrix)
        blocks, _, columns = self._left.shape
        y = product(xp.matrix_transpose(side_by_side(self._left)), self.matrix)
        self._left = xp.reshape(y, (blocks, columns, -1))

    def seen(self) -> Array:
        """Return what the mode sees."""
        xp = namespace(self.matrix)
        n = self._shape[self._mode]
        if self._mode < self.cut:
            if not self._half:
                self.take(product(self.matrix, self.interface))
            left, right = side_by_side(self._left), side_by_side(self._half[self._mode])
            wide = xp.reshape(right, (left.shape[0], -1))
            return xp.reshape(product(xp.matrix_transpose(left), wide), (-1, n, right.shape[1]))
        right = side_by_side(self._rights[self._mode])
        tall = xp.reshape(self._left, (-1, right.shape[0]))
        return xp.reshape(product(tall, right), (-1, n, right.shape[1]))

    def advance(self, core: Core) -> None:
        """Extend the left interface, or absorb the core once the data are contracted with it."""
        xp = namespace(self.matrix)
        if self._mode < self.cut:
            self._left = grow_left(self._left, core.array())
            self._mode += 1
            if self._mode == self.cut:
                self._cross()
            return
        blocks, columns, _ = self._left.shape
        split = xp.reshape(self._left, (blocks, columns, self._shape[self._mode], -1))
        self._left = absorb_left(split, core.array())
        self._mode += 1


def _best_cut(shape: tuple[int, ...], rights: Sequence[Core]) -> int:
    """Return the bond, as the mode behind it, where the data meet the fewest columns."""

    def cost(cut: int) -> int:
        before, behind = math.prod(shape[:cut]), math.prod(shape[cut:])
        width = rights[cut].outer_size
        return width * (before * behind + (before + behind) * width)

    return min(range(1, len(shape)), key=cost, default=0)


def _multiply(begun: Sequence[DenseContraction]) -> None:
    """Multiply the data with all test tensors at the cut that contractions share."""
    interfaces = [contraction.interface for contraction in begun]
    z = product(begun[0].matrix, namespace(*interfaces).concat(interfaces, axis=1))
    start = 0
    for contraction, interface in zip(begun, interfaces, strict=True):
        contraction.take(z[:, start : start + interface.shape[1]])
        start += int(interface.shape[1])
