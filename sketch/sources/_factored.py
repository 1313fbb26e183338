"""Matrices given as a product of two thin factors: results of `sketch`, order-2 tensors."""

from __future__ import annotations

import math

from ..backend.array import (
    Array,
    compute_dtype,
    dtype_name,
    namespace,
    promote,
    unit_roundoff,
    widened,
)
from ..numerics.factor_rows import FactorRows
from ..numerics.linalg import adjoint, frobenius_norm, product
from ._base import MatrixBlock, Window
from ._dense import DenseSource, sum_of_squares

_DOUBLE = unit_roundoff("float64")


class FactoredSource(MatrixBlock):
    """The matrix ``left_factor @ right_factor`` of shapes (m, k) and (k, n), never formed."""

    def __init__(self, left_factor: Array, right_factor: Array) -> None:
        self.left_factor, self.right_factor = DenseSource(left_factor), DenseSource(right_factor)
        self.shape = (self.left_factor.shape[0], self.right_factor.shape[1])
        names = (dtype_name(left_factor.dtype), dtype_name(right_factor.dtype))
        self.dtype = compute_dtype_of(*names)
        self.nbytes = self.left_factor.nbytes + self.right_factor.nbytes

    def window(self, rows: slice, columns: slice) -> Window:
        """Return some rows and columns, multiplied out in double precision."""
        left = widened(self.left_factor.array[rows, :])
        right = widened(self.right_factor.array[:, columns])
        return product(left, right), product_rounding(left, right)

    def right(self, omega: FactorRows) -> Array:
        """Return ``(A Omega)^T = (R Omega)^T L^T``."""
        return product(self.right_factor.right(omega), self.left_factor.array.T)

    def left(self, psi: FactorRows) -> Array:
        """Return ``Psi^* A = (Psi^* L) R``."""
        return product(self.left_factor.left(psi), self.right_factor.array)

    def norm(self) -> float:
        """Return the Frobenius norm from the triangular factors of both sides."""
        xp = namespace(self.left_factor.array)
        t1 = xp.linalg.qr(self.left_factor.array, mode="reduced")[1]
        t2 = xp.linalg.qr(adjoint(self.right_factor.array), mode="reduced")[1]
        return frobenius_norm(product(t1, adjoint(t2)))

    def column_squares(self) -> Array:
        """Return the sum of the squares of each column."""
        left = self.left_factor.array
        triangle = namespace(left).linalg.qr(left, mode="reduced")[1]
        return sum_of_squares(product(triangle, self.right_factor.array))

    def find_nonfinite(self) -> tuple[int, int] | None:
        """Return the first entry of a row or a column whose factor is not finite."""
        found, across = self.left_factor.find_nonfinite(), self.right_factor.find_nonfinite()
        return (found[0], 0) if found else (0, across[1]) if across else None


def product_rounding(left: Array, right: Array) -> float:
    """Return about the Frobenius norm of the rounding errors of a product in double precision."""
    terms = max(1, int(right.shape[0]))
    return math.sqrt(terms) * _DOUBLE * frobenius_norm(left) * frobenius_norm(right)


def compute_dtype_of(*names: str) -> str:
    """Return the computing dtype that holds all of the given ones."""
    return promote(*(compute_dtype(name) for name in names))
