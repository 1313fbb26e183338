"""Whole rows of what does not come in rows: windows of it, made dense one after the other.

Terms of lazy sums overlap and operators give products alone. Their rows are had in blocks, or
their columns, where these are fewer and only products tell the entries.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..backend.array import (
    Array,
    accumulator_dtype,
    beside,
    cuts,
    dtype_name,
    namespace,
    quiet,
    widened,
)
from ..numerics.factor_rows import DenseRows, FactorRows
from ..numerics.linalg import adjoint, frobenius_norm, product, rescaled
from ._base import MatrixBlock, MatrixSource
from ._dense import DenseSource, sum_of_squares
from ._tiles import BLOCK_BYTES


def whole_rows(
    source: MatrixSource, limit: int | None
) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
    """Yield the rows of a source that gives windows, in dense blocks of at most `limit` bytes."""
    m, n = source.shape
    assert m is not None
    entries = max(1, (limit or BLOCK_BYTES) // np.dtype(source.dtype).itemsize)
    if source.by_products and n < m:
        yield (0, 0), ColumnwiseBlock(source, max(1, entries // m))
        return
    for rows in cuts(m, max(1, entries // max(1, n))):
        window, rounding = source.window(rows, slice(0, n))
        block = DenseSource(window)
        block.rounding = rounding
        yield (rows.start, 0), block


class ColumnwiseBlock(MatrixBlock):
    """A matrix about the mean of its rows, or about zero, read some columns at a time.

    Parameters
    ----------
    source : MatrixSource
        Gives windows.
    step : int
        Columns that are held at once; all of them are kept where no more are needed.
    shift : array, shape (n,), optional
        Subtracted from each row.
    exponent : int
        The matrix is divided by two to that power.
    """

    def __init__(
        self, source: MatrixSource, step: int, shift: Array | None = None, exponent: int = 0
    ) -> None:
        m, n = source.shape
        assert m is not None
        self.shape, self.dtype, self.nbytes = (m, n), accumulator_dtype(source.dtype), source.nbytes
        self._source, self._step = source, step
        self._shift, self._exponent = shift, exponent
        self._only: Array | None = None  # the one window that holds all

    def widened(self) -> ColumnwiseBlock:
        """Return the matrix itself, whose windows are in double precision."""
        return self

    def about_mean(self) -> tuple[ColumnwiseBlock, Array]:
        """Return the matrix about the mean of its rows, and that mean in double precision."""
        means = [column_mean(window) for _, window in self._windows()]
        mean = namespace(*means).concat(means)
        new = ColumnwiseBlock(self._source, self._step, mean, self._exponent)
        new.rounding = self.rounding
        return new, mean

    def rescaled(self, exponent: int) -> ColumnwiseBlock:
        """Return the matrix times ``2**exponent``."""
        shift = None if self._shift is None else rescaled(self._shift, exponent)
        return ColumnwiseBlock(self._source, self._step, shift, self._exponent - exponent)

    def right(self, omega: FactorRows) -> Array:
        """Return ``(A Omega)^T``."""
        parts = (product(x, omega.array(x)[c, :]).T for c, x in self._windows())
        total = next(parts)
        for part in parts:
            total = total + part
        return total

    def left(self, psi: FactorRows) -> Array:
        """Return ``Psi^* A``."""
        parts = [product(adjoint(psi.array(x)), x) for _, x in self._windows()]
        return namespace(*parts).concat(parts, axis=1)

    def norm(self) -> float:
        """Return the Frobenius norm."""
        return math.hypot(*(frobenius_norm(x) for _, x in self._windows()))

    def column_squares(self) -> Array:
        """Return the sum of the squares of each column."""
        parts = [sum_of_squares(x) for _, x in self._windows()]
        return namespace(*parts).concat(parts)

    def find_nonfinite(self) -> tuple[int, int] | None:
        """Return the position of a NaN or an infinity."""
        for columns, x in self._windows():
            found = DenseSource(x).find_nonfinite()
            if found is not None:
                return found[0], columns.start + found[1]
        return None

    def _windows(self) -> Iterator[tuple[slice, Array]]:
        m, n = self.shape
        for columns in cuts(n, self._step):
            whole = columns.stop - columns.start == n
            x = self._only if whole else None
            if x is None:
                x, rounding = self._source.window(slice(0, m), columns)
                share = math.sqrt(n / max(1, columns.stop - columns.start))
                self.rounding = max(self.rounding, rescaled(rounding * share, -self._exponent))
                x = rescaled(widened(x), -self._exponent)
                x = x if self._shift is None else x - self._shift[columns]
            if whole:
                self._only = x
            yield columns, x


class UnitRows(DenseRows):
    """Columns of the identity in the role of a test matrix: products with them are entries."""

    def __init__(self, size: int, columns: slice) -> None:
        self._size, self._columns = size, columns

    def array(self, like: Array) -> Array:
        """Return the columns as a dense array, shape (size, number)."""
        start, stop = self._columns.start, self._columns.stop
        return namespace(like).eye(self._size, stop - start, k=-start, **beside(like))


def window_by_products(block: MatrixBlock, rows: slice, columns: slice) -> Array:
    """Return a window of a matrix that is known by its products."""
    (m, n), (start, stop) = block.shape, (columns.start, columns.stop)
    with quiet():  # infinity times zero, which shows in the entries
        if stop - start == n and rows.stop - rows.start < m:
            return block.left(UnitRows(m, rows))
        return block.right(UnitRows(n, columns)).T[rows, :]


def column_mean(rows: Array) -> Array:
    """Return the mean of rows in double precision."""
    xp, wide = namespace(rows), accumulator_dtype(dtype_name(rows.dtype))
    return xp.sum(rows, axis=0, dtype=getattr(xp, wide)) / max(1, int(rows.shape[0]))
