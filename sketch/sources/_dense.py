"""Dense arrays of any array library, layout and precision."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .._array import Array, cast, compute_dtype, dtype_name, is_blas_ready, namespace
from .._linalg import adjoint, frobenius_norm, product
from ..errors import ShapeError
from ._base import DrawnRows, MatrixBlock

BLOCK_BYTES = 32_000_000
"""Size of the pieces in which data are converted or read from a file."""


class DenseSource(MatrixBlock):
    """A matrix in memory, or memory-mapped.

    What a matrix product can read in place is used as it is, C and Fortran order alike. Anything
    else (integers, foreign byte order, strided views, mapped files) is converted or read in row or
    column blocks, never as a whole.
    """

    def __init__(self, array: Array) -> None:
        if array.ndim != 2:
            raise ShapeError(
                f"expected a matrix, got an array with {array.ndim} axes and shape "
                f"{tuple(array.shape)}; reshape a vector to one row or one column"
            )
        self.array = array
        self.shape = (int(array.shape[0]), int(array.shape[1]))
        self.dtype = compute_dtype(array.dtype)
        self.nbytes = math.prod(self.shape) * getattr(array.dtype, "itemsize", 8)

    def blocks(self) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield the array itself, or converted blocks along its slower axis."""
        if self._is_ready():
            yield (0, 0), self
            return
        axis = _slow_axis(self.array)
        line = max(1, self.shape[1 - axis] * np.dtype(self.dtype).itemsize)
        step = max(1, BLOCK_BYTES // line)
        for start in range(0, self.shape[axis], step):
            cut: list[Any] = [slice(None), slice(None)]
            cut[axis] = slice(start, start + step)
            block = _converted(self.array[tuple(cut)], self.dtype)
            yield ((start, 0) if axis == 0 else (0, start)), DenseSource(block)

    def right(self, omega: DrawnRows) -> Array:
        """Return ``(A Omega)^T`` in the form that BLAS runs fastest: (k, n) times (n, m)."""
        a = self.array
        return product(omega.array(a).T, a.T)

    def left(self, psi: DrawnRows) -> Array:
        """Return ``Psi^* A``."""
        a = self.array
        return product(adjoint(psi.array(a)), a)

    def norm(self) -> float:
        """Return the Frobenius norm."""
        return frobenius_norm(self.array)

    def find_nonfinite(self) -> tuple[int, int] | None:
        """Return the first row and column that hold NaN or infinity."""
        xp = namespace(self.array)
        bad = ~xp.isfinite(self.array)
        flat = int(xp.argmax(xp.astype(xp.reshape(bad, (-1,)), xp.int8)))
        row, col = divmod(flat, max(1, self.shape[1]))
        return (row, col) if self.shape[0] and bool(bad[row, col]) else None

    def _is_ready(self) -> bool:
        exact = dtype_name(self.array.dtype) == self.dtype
        return exact and is_blas_ready(self.array) and not isinstance(self.array, np.memmap)


def _slow_axis(array: Array) -> int:
    strides = getattr(array, "strides", None)
    return 1 if strides is not None and abs(strides[1]) > abs(strides[0]) else 0


def _converted(block: Array, dtype: str) -> Array:
    """Return a block that BLAS can read: plain memory, native order, the computing dtype."""
    if isinstance(block, np.ndarray):
        order: Any = "F" if _slow_axis(block) else "C"
        return np.asarray(block).astype(dtype, order=order, copy=False)
    return cast(block, dtype)
