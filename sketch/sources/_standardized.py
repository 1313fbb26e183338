"""A matrix about the mean of its rows, in units of its columns, without a copy of it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..backend.array import (
    Array,
    brought,
    cast,
    dtype_name,
    moved,
    namespace,
    quiet,
    to_host,
    widened,
)
from ..numerics.factor_rows import DenseRows, FactorRows
from ..numerics.linalg import product, rescaled, safe_exponent
from ..running.tasks import with_column_values
from ._base import MatrixBlock, MatrixSource
from ._centred import centred, scaled_down
from ._dense import DenseSource
from ._registry import as_matrix_source
from ._rows import RowsSource

_WHOLE = 2**62  # bytes of a block: a chunk is one


class StandardizedSource(MatrixSource):
    """The matrix ``(A - 1 mean) / scale`` of a source A that can be read again.

    Parameters
    ----------
    source : MatrixSource
    mean, scale : array, shape (n,)
        In double precision.
    far : bool
        Whether the mean is so far from zero that products about zero would lose digits: blocks are
        then shifted before they are multiplied. Elsewhere they stay as they are, and ``1 (mean X)``
        is taken from the products, as it is from those of an operator.

    Attributes
    ----------
    shifts_rows : bool
        Whether blocks are shifted before they are multiplied.
    """

    def __init__(self, source: MatrixSource, mean: Array, scale: Array, far: bool) -> None:
        self.shape, self.dtype, self.nbytes = source.shape, source.dtype, source.nbytes
        self.single_use, self.on_disk = source.single_use, source.on_disk
        self.off_host = source.off_host
        self.sparse, self.widens = source.sparse, source.widens
        by_itself = source.by_products and isinstance(source, MatrixBlock)
        self._mean, self._scale, self.shifts_rows = mean, scale, far and not by_itself
        self._exponent = 0 if by_itself else _unsafe_exponent(scale, source.dtype)
        self._source = source if by_itself else RowsSource(source)
        if self._source.dask_array is not None:
            values = to_host(mean), to_host(scale)
            self.dask_array = with_column_values(self._source.dask_array, self.of_chunk, *values)

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield blocks of whole rows, each row in one of them."""
        for at, block in self._source.blocks(limit):
            yield at, self._standardized(block, self._mean, self._scale)

    def of_chunk(self, chunk: object, mean: Array, scale: Array) -> MatrixBlock:
        """Return the block of a chunk of a Dask array."""
        (_, block), *_ = RowsSource(as_matrix_source(chunk)).blocks(_WHOLE)
        return self._standardized(block, mean, scale)

    def _standardized(self, block: MatrixBlock, mean: Array, scale: Array) -> MatrixBlock:
        """Return a block of whole rows about a mean and in units of its columns."""
        with quiet():  # what is lost is lost beside larger columns
            return self._in_units(block, mean, scale)

    def _in_units(self, block: MatrixBlock, mean: Array, scale: Array) -> MatrixBlock:
        """Return the same, over a power of two where products would lose digits."""
        exponent, rows = self._exponent, block
        if self.shifts_rows and isinstance(block, DenseSource) and not exponent:
            near = brought(mean, block.array)
            rows, mean = DenseSource(block.array - near), moved(mean, near) - widened(near)
        elif self.shifts_rows:
            about = centred(block, mean)
            rows, exponent = about.block, about.exponent
            mean = moved(mean, about.shift) - about.shift  # what the precision of rows left
        else:
            rows = scaled_down(block, exponent)
        return StandardizedBlock(block, rows, rescaled(mean, -exponent), rescaled(scale, -exponent))


def _unsafe_exponent(scale: Array, dtype: str) -> int:
    """Return the exponent of a scale, 0 where products with numbers as large lose no digits."""
    largest = float(namespace(scale).max(scale)) if scale.shape[0] else 1.0
    least = float(namespace(scale).min(scale)) if scale.shape[0] else 1.0
    exponents = math.frexp(largest)[1], math.frexp(least)[1]
    return exponents[0] if max(map(abs, exponents)) > safe_exponent(dtype) else 0


class StandardizedBlock(MatrixBlock):
    """The matrix ``(X - 1 mean) / scale``.

    Parameters
    ----------
    block : MatrixBlock
        The rows as they came.
    rows : MatrixBlock
        The matrix X: less a shift perhaps, and over a power of two, as mean and scale are.
    mean, scale : array, shape (n,)
    """

    def __init__(self, block: MatrixBlock, rows: MatrixBlock, mean: Array, scale: Array) -> None:
        self.shape, self.dtype, self.nbytes = block.shape, block.dtype, block.nbytes
        self.sparse, self.rounding = block.sparse, rows.rounding
        self._block, self._rows = block, rows
        self._mean, self._scale = mean, scale

    def brought(self, like: Array) -> MatrixBlock:
        """Return the matrix where `like` is."""
        block, rows = self._block.brought(like), self._rows.brought(like)
        return StandardizedBlock(block, rows, self._mean, self._scale)

    def right(self, omega: FactorRows) -> Array:
        """Return ``(A Omega)^T``."""
        seen = self._rows.right(_InUnits(omega, self._scale))
        mean = moved(self._mean / self._scale, seen)
        offset = product(mean[None, :], widened(omega.array(seen)))
        return seen - cast(offset.T, dtype_name(seen.dtype))

    def left(self, psi: FactorRows) -> Array:
        """Return ``Psi^* A``."""
        seen = self._rows.left(psi)
        xp, mean, scale = namespace(seen), moved(self._mean, seen), moved(self._scale, seen)
        weights = xp.conj(xp.sum(widened(psi.array(seen)), axis=0))
        return cast((seen - weights[:, None] * mean) / scale, dtype_name(seen.dtype))

    def find_nonfinite(self) -> tuple[int, int] | None:
        """Return where the rows are not finite."""
        return self._block.find_nonfinite()


class _InUnits(DenseRows):
    """Rows of a test matrix, each divided by a number."""

    def __init__(self, rows: FactorRows, scale: Array) -> None:
        self._rows, self._scale = rows, scale

    def array(self, like: Array) -> Array:
        """Return the rows as a dense array."""
        rows = self._rows.array(like)
        return cast(rows / moved(self._scale, rows)[:, None], dtype_name(rows.dtype))
