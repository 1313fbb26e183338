"""Linear operators: matrices known by their products alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..backend.array import (
    Array,
    HostArray,
    compute_dtype,
    dtype_name,
    is_array,
    is_complex,
    quiet,
    to_host,
)
from ..backend.plain import plain
from ..errors import DtypeError
from ..numerics.factor_rows import FactorRows
from ._base import MatrixBlock, Window
from ._windows import whole_rows, window_by_products


def is_operator(x: object) -> bool:
    """Whether `x` is a `scipy.sparse.linalg.LinearOperator`."""
    module = sys.modules.get("scipy.sparse.linalg")
    return module is not None and isinstance(x, module.LinearOperator)


_NO_ADJOINT = (
    "the operator has no adjoint, which all methods need; give LinearOperator a function rmatvec, "
    "the product with the conjugate transpose"
)


class OperatorSource(MatrixBlock):
    """A `LinearOperator`, by its ``matmat`` and ``rmatmat``.

    Raises
    ------
    DtypeError
        If it has no adjoint, or its products are complex and its dtype is real.
    """

    by_products = True

    def __init__(self, operator: Any) -> None:
        if _lacks_adjoint(operator):
            raise DtypeError(_NO_ADJOINT)
        self.operator = operator
        self.shape = (int(operator.shape[0]), int(operator.shape[1]))
        self.dtype = compute_dtype(np.dtype(operator.dtype or "float64"))
        self.nbytes = 0
        self._like = np.empty(0, self.dtype)

    def row_blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield the rows, from products with columns of the identity."""
        return whole_rows(self, limit)

    def window(self, rows: slice, columns: slice) -> Window:
        """Return some rows and columns, from products with columns of the identity."""
        return window_by_products(self, rows, columns), 0.0

    def right(self, omega: FactorRows) -> Array:
        """Return ``(A Omega)^T``."""
        return self._times(to_host(omega.array(self._like))).T

    def left(self, psi: FactorRows) -> Array:
        """Return ``Psi^* A = (A^* Psi)^*``."""
        return self._adjoint_times(to_host(psi.array(self._like))).conj().T

    def find_nonfinite(self) -> tuple[int, int] | None:
        """Return where a product with zeros shows a row and a column that are not finite."""
        rows, columns = (np.zeros((n, 1), self.dtype) for n in self.shape)
        with quiet():
            bad = np.flatnonzero(~np.isfinite(self._times(columns)))
            across = np.flatnonzero(~np.isfinite(self._adjoint_times(rows)))
        return (int(bad[0]), int(across[0])) if bad.size and across.size else None

    def _times(self, x: HostArray) -> HostArray:
        return self._checked(self.operator.matmat(x))

    def _adjoint_times(self, x: HostArray) -> HostArray:
        try:
            return self._checked(self.operator.rmatmat(x))
        except (NotImplementedError, TypeError) as error:
            raise DtypeError(f"{_NO_ADJOINT} ({error})") from error

    def _checked(self, product: object) -> HostArray:
        """Return a product as an array, which must be of the field that the operator says."""
        made: Array = plain(product if is_array(product) else np.asarray(product))
        name = dtype_name(made.dtype)
        if is_complex(name) and not is_complex(self.dtype):
            raise DtypeError(
                f"the operator's dtype is {self.dtype}, but its products are {name}; make it with "
                f"dtype={name!r}"
            )
        return np.array(to_host(made))  # of its own: sums are added into it


def _lacks_adjoint(operator: object) -> bool:
    """Whether an operator, or one that it is made of, was made without a function for it."""
    private = "_CustomLinearOperator__"
    functions = [
        getattr(operator, private + name, operator) for name in ("rmatvec_impl", "rmatmat_impl")
    ]
    parts = [part for part in getattr(operator, "args", ()) if is_operator(part)]
    return all(function is None for function in functions) or any(map(_lacks_adjoint, parts))
