"""Linear operators: matrices known by their products alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from .._array import Array, compute_dtype
from ._base import DrawnRows, MatrixBlock
from ._windows import whole_rows, window_by_products


def is_operator(x: object) -> bool:
    """Whether `x` is a `scipy.sparse.linalg.LinearOperator`."""
    module = sys.modules.get("scipy.sparse.linalg")
    return module is not None and isinstance(x, module.LinearOperator)


class OperatorSource(MatrixBlock):
    """A `LinearOperator`, by its ``matmat`` and ``rmatmat``."""

    by_products = True

    def __init__(self, operator: Any) -> None:
        self.operator = operator
        self.shape = (int(operator.shape[0]), int(operator.shape[1]))
        self.dtype = compute_dtype(np.dtype(operator.dtype or "float64"))
        self.nbytes = 0
        self._like = np.empty(0, self.dtype)

    def row_blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield the rows, from products with columns of the identity."""
        return whole_rows(self, limit)

    def window(self, rows: slice, columns: slice) -> Array:
        """Return some rows and columns, from products with columns of the identity."""
        return window_by_products(self, rows, columns)

    def right(self, omega: DrawnRows) -> Array:
        """Return ``(A Omega)^T``."""
        return np.asarray(self.operator.matmat(omega.array(self._like))).T

    def left(self, psi: DrawnRows) -> Array:
        """Return ``Psi^* A = (A^* Psi)^*``."""
        return np.asarray(self.operator.rmatmat(psi.array(self._like))).conj().T
