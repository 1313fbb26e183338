"""Dense arrays of any array library, layout and precision."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..backend.array import (
    Array,
    compute_dtype,
    cuts,
    dtype_name,
    is_complex,
    is_off_host,
    moved,
    namespace,
    to_host,
)
from ..errors import ShapeError
from ..numerics.factor_rows import FactorRows
from ..numerics.kernels import there_and_back, thin_product
from ..numerics.linalg import adjoint, frobenius_norm
from ._base import MatrixBlock, Window


def no_matrix(shape: tuple[int, ...]) -> ShapeError:
    """Return the refusal of an array of another order than two."""
    if len(shape) == 1 and not shape[0]:
        return ShapeError("expected a matrix, got an empty list or array, with no rows to sketch")
    advice = "reshape a vector to one row or one column"
    if len(shape) > 2:
        advice = "merge axes, as by a.reshape(len(a), -1), or take tensor_train"
    return ShapeError(f"expected a matrix, got an array of {len(shape)} axes, {shape}; {advice}")


def sum_of_squares(x: Array) -> Array:
    """Return the sum of the squares of each column, real."""
    xp = namespace(x)
    squares = xp.vecdot(x, x, axis=-2)
    return xp.real(squares) if is_complex(dtype_name(x.dtype)) else squares


class DenseSource(MatrixBlock):
    """A matrix in memory that a matrix product reads in place, C and Fortran order alike."""

    def __init__(self, array: Array) -> None:
        if array.ndim != 2:
            raise no_matrix(tuple(array.shape))
        self.array = array
        self.shape = (int(array.shape[0]), int(array.shape[1]))
        self.dtype = compute_dtype(array.dtype)
        self.off_host = is_off_host(array)
        self.nbytes = math.prod(self.shape) * getattr(array.dtype, "itemsize", 8)
        flags = array.flags if isinstance(array, np.ndarray) else None
        self.column_chunk = int(flags is not None and flags.f_contiguous and not flags.c_contiguous)

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield the matrix itself, or rows of it where a limit asks for less at once."""
        if limit is None or self.nbytes <= limit:
            yield (0, 0), self
            return
        for rows in cuts(self.shape[0], max(1, limit * self.shape[0] // self.nbytes)):
            yield (rows.start, 0), DenseSource(self.array[rows, :])

    def brought(self, like: Array) -> DenseSource:
        """Return the matrix where `like` is."""
        return DenseSource(moved(self.array, like))

    def window(self, rows: slice, columns: slice) -> Window:
        """Return some rows and columns."""
        return self.array[rows, columns], 0.0

    def right(self, omega: FactorRows) -> Array:
        """Return ``(A Omega)^T``."""
        few, a = omega.structured(self.dtype), self.array
        summed = None if few is None else few.product_of_dense(a.T)
        return thin_product(omega.array(a), a.T) if summed is None else summed

    def left(self, psi: FactorRows) -> Array:
        """Return ``Psi^* A``."""
        few, a = psi.structured(self.dtype), self.array
        summed = None if few is None else few.conj().product_of_dense(a)
        return thin_product(adjoint(psi.array(a)).T, a) if summed is None else summed

    def right_and_back(self, omega: FactorRows, width: int) -> tuple[Array, Array]:
        """Return ``Y^T = (A Omega)^T`` and ``Y_w^* A``, a panel of rows after the other."""
        few = omega.structured(self.dtype)
        if few is not None or not isinstance(self.array, np.ndarray):
            return super().right_and_back(omega, width)
        return there_and_back(to_host(omega.array(self.array)), self.array, width)

    def left_and_back(self, psi: FactorRows, width: int) -> tuple[Array, Array]:
        """Return ``W = Psi^* A`` and ``(A W_w^*)^T``, a panel of columns after the other."""
        few = psi.structured(self.dtype)
        if few is not None or not isinstance(self.array, np.ndarray) or is_complex(self.dtype):
            return super().left_and_back(psi, width)
        w, back = there_and_back(to_host(psi.array(self.array)).conj(), self.array.T, width)
        return w, back.conj()

    def norm(self) -> float:
        """Return the Frobenius norm."""
        return frobenius_norm(self.array)

    def column_squares(self) -> Array:
        """Return the sum of the squares of each column."""
        return sum_of_squares(self.array)

    def find_nonfinite(self) -> tuple[int, int] | None:
        """Return the first row and column that hold NaN or infinity."""
        if 0 in self.shape:
            return None
        xp = namespace(self.array)
        bad = xp.logical_not(xp.isfinite(self.array))
        flat = int(xp.argmax(xp.astype(xp.reshape(bad, (-1,)), xp.int8)))
        row, col = divmod(flat, self.shape[1])
        return (row, col) if bool(bad[row, col]) else None
