"""Dense tensors: contracted one mode after the other, the partial results shared by all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from .._array import Array, compute_dtype, dtype_name, is_blas_ready, namespace
from ._dense import _converted, _product
from ._tensor_base import TensorBlock, TensorSource

TENSOR_BLOCK_BYTES = 128_000_000


class DenseTensorSource(TensorSource):
    """An array of any order, in memory or mapped; worked on in slabs of its first mode."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self.shape = tuple(int(n) for n in array.shape)
        self.dtype = compute_dtype(array.dtype)
        self.nbytes = math.prod(self.shape) * getattr(array.dtype, "itemsize", 8)

    def blocks(self) -> Iterator[tuple[tuple[int, ...], TensorBlock]]:
        """Yield slabs in the computing dtype."""
        slab = max(1, math.prod(self.shape[1:]) * np.dtype(self.dtype).itemsize)
        step = max(1, TENSOR_BLOCK_BYTES // slab)
        rest = (0,) * (len(self.shape) - 1)
        for start in range(0, max(1, self.shape[0]), step):
            part = self.array[start : start + step, ...]
            yield (start, *rest), DenseTensorBlock(_ready(part, self.dtype))


def _ready(part: Array, dtype: str) -> Array:
    exact = dtype_name(part.dtype) == dtype and not isinstance(part, np.memmap)
    return part if exact and is_blas_ready(part) else _converted(part, dtype)


class DenseTensorBlock(TensorBlock):
    """A dense tensor. Right interfaces are the partly contracted tensor, left ones their cores."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self.shape = tuple(int(n) for n in array.shape)
        self.dtype = compute_dtype(array.dtype)
        self.nbytes = math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def like(self) -> Array:
        """Return the array."""
        return self.array

    def right_interfaces(self, cores: Sequence[Array]) -> list[Array]:
        """Return ``T_k X_k`` as tensors (n_0, ..., n_k, r); N r operations for the first."""
        xp = namespace(self.array)
        z = xp.reshape(self.array, (*self.shape, 1))
        interfaces = [z]
        for mode in range(len(self.shape) - 1, 0, -1):
            before, n, behind = cores[mode].shape
            flat = xp.reshape(cores[mode], (before, n * behind))
            z = _product(xp.reshape(z, (-1, n * behind)), flat.T)
            z = xp.reshape(z, (*self.shape[:mode], before))
            interfaces.append(z)
        return interfaces[::-1]

    def left_start(self) -> list[Array]:
        """Return no cores."""
        return []

    def extend_left(self, left: list[Array], mode: int, core: Array) -> list[Array]:
        """Return the cores and one more."""
        return [*left, core]

    def psi(self, mode: int, left: list[Array], right: Array) -> Array:
        """Contract the leading modes of a right interface, the first one first."""
        xp = namespace(self.array)
        n, r = self.shape[mode], right.shape[-1]
        x = xp.reshape(right, (1, -1))
        for core in left:
            before, size, behind = core.shape
            flat = xp.reshape(core, (before * size, behind))
            x = _product(flat.T, xp.reshape(x, (before * size, -1)))
        return xp.reshape(x, (-1, n, r))

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the first index that holds NaN or infinity."""
        xp = namespace(self.array)
        bad = xp.reshape(~xp.isfinite(self.array), (-1,))
        if not bad.shape[0] or not bool(xp.any(bad)):
            return None
        flat = int(xp.argmax(xp.astype(bad, xp.int8)))
        return tuple(int(i) for i in np.unravel_index(flat, self.shape))
