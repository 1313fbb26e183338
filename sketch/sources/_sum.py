"""Lazy sums: the blocks of one term after the other, scaled."""

from __future__ import annotations

import cmath
from collections.abc import Iterator, Sequence

import numpy as np

from ..backend.array import Array, promote, unit_roundoff, widened
from ..errors import DtypeError, NonFiniteError
from ..numerics.factor_rows import FactorRows
from ..numerics.linalg import frobenius_norm, multiple, plain_number
from ._base import MatrixBlock, MatrixSource, Window
from ._windows import whole_rows


class ScaledBlock(MatrixBlock):
    """The matrix ``coefficient * A``."""

    def __init__(self, coefficient: complex, block: MatrixBlock) -> None:
        self.coefficient = coefficient
        self.block = block
        self.shape, self.nbytes = block.shape, block.nbytes
        self.dtype = scaled_dtype(coefficient, block.dtype)

    def window(self, rows: slice, columns: slice) -> Window:
        """Return some rows and columns as a dense array."""
        return _scaled_window(self.coefficient, self.block.window(rows, columns))

    def right(self, omega: FactorRows) -> Array:
        """Return ``(c A Omega)^T``."""
        return multiple(self.block.right(omega), self.coefficient)

    def left(self, psi: FactorRows) -> Array:
        """Return ``Psi^* c A``."""
        return multiple(self.block.left(psi), self.coefficient)

    def find_nonfinite(self) -> tuple[int, int] | None:
        """Return where the block is not finite."""
        return self.block.find_nonfinite()


class SumSource(MatrixSource):
    """A linear combination of sources of one shape; each term is sketched on its own."""

    def __init__(self, coefficients: Sequence[complex], sources: Sequence[MatrixSource]) -> None:
        self.coefficients = finite_numbers(coefficients)
        self.sources = sources
        self.shape = sources[0].shape
        dtypes = [source.dtype for source in sources]
        self.dtype = promote(*map(scaled_dtype, self.coefficients, dtypes))
        self.nbytes = sum(source.nbytes for source in sources)
        self.on_disk = any(source.on_disk for source in sources)
        self.by_products = any(source.by_products for source in sources)

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield the scaled blocks of every term."""
        for coefficient, source in zip(self.coefficients, self.sources, strict=True):
            for at, block in source.blocks(limit):
                yield at, ScaledBlock(coefficient, block)

    def row_blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield the rows of the sum, dense ones."""
        return whole_rows(self, limit)

    def window(self, rows: slice, columns: slice) -> Window:
        """Return some rows and columns of the sum as a dense array, in double precision."""
        pairs = zip(self.coefficients, self.sources, strict=True)
        windows = (_scaled_window(c, source.window(rows, columns)) for c, source in pairs)
        total, rounding = next(windows)
        for array, more in windows:
            total = total + array
            rounding += more + unit_roundoff("float64") * frobenius_norm(total)
        return total, rounding


def _scaled_window(coefficient: complex, window: Window) -> Window:
    """Return a window times a number, in double precision."""
    array, rounding = window
    scaled = multiple(widened(array), coefficient)
    return scaled, abs(coefficient) * rounding + unit_roundoff("float64") * frobenius_norm(scaled)


def finite_numbers(coefficients: Sequence[complex]) -> list[complex | float]:
    """Return the coefficients of a sum as Python numbers.

    Raises
    ------
    NonFiniteError
        If one is NaN or infinite.
    """
    numbers = [plain_number(c) for c in coefficients]
    bad = [c for c in numbers if not cmath.isfinite(c)]
    if bad:
        raise NonFiniteError(f"the coefficients of a sum must be finite, got {bad[0]}")
    return numbers


def scaled_dtype(coefficient: complex, dtype: str) -> str:
    """Return the dtype of data times a coefficient.

    Raises
    ------
    DtypeError
        If numbers of that dtype cannot hold the coefficient.
    """
    held = np.finfo(dtype)
    if coefficient and not float(held.tiny) <= abs(coefficient) <= float(held.max):
        raise DtypeError(
            f"the coefficient {coefficient} of a sum is beyond the numbers of its {dtype} term; "
            "convert the term to float64"
        )
    return promote(dtype, "complex64") if isinstance(coefficient, complex) else dtype
