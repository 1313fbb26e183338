"""Blocks about a shift of their columns: a mean far above the spread cancels in no product.

In double precision, whatever the data are in: sums of squares see half of the digits only.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from ..backend.array import (
    Array,
    beside,
    dtype_name,
    is_complex,
    moved,
    namespace,
    quiet,
    unit_roundoff,
    widened,
)
from ..errors import DtypeError
from ..numerics.factor_rows import FactorRows
from ..numerics.linalg import adjoint, product, rescaled, safe_exponent
from ._base import MatrixBlock
from ._dense import DenseSource
from ._device_sparse import DeviceSparseSource
from ._factored import FactoredSource, product_rounding
from ._sparse import SparseSource
from ._windows import ColumnwiseBlock, column_mean

_HEADROOM = 32  # binary digits by which numbers are made smaller where their differences overflow
_PRODUCT = 32.0  # roundoffs in a product by BLAS, all of whose terms may have one sign
_SEQUENTIAL = 8.0  # terms that are added one after the other, for each further one
_FULL = 0.5  # share of entries from which a column's mean may be larger than its spread


@dataclass(frozen=True)
class CentredBlock:
    """The matrix ``2**-exponent (A - 1 shift)`` of a block A.

    Attributes
    ----------
    block : MatrixBlock
        The matrix itself, of a size whose squares are safe.
    shift : array, shape (n,)
        What was subtracted from each row, in double precision.
    exponent : int
    norm : float
        Frobenius norm of the matrix.
    roundoff : float
        Rounding errors of sums of products of its entries, relative to their sizes.
    rounding : float
        Frobenius norm of rounding errors of the entries themselves.
    """

    block: MatrixBlock
    shift: Array
    exponent: int
    norm: float
    roundoff: float
    rounding: float


def centred(block: MatrixBlock, shift: Array | None = None) -> CentredBlock:
    """Return a block about a shift near the given one, or about its mean.

    Dense columns are shifted entry by entry. Sparse ones are only where more than half of them is
    filled, and are made dense for it: the mean of others is no larger than their spread. Of a
    product of factors the left one is shifted.

    Raises
    ------
    DtypeError
        If the norm of the block cannot be had.
    """
    with quiet():
        moved_block, used, norm, step = _shifted(block, shift, 0)
        if not math.isfinite(norm):  # where the data are finite, their differences are not
            moved_block, used, norm, step = _shifted(block, shift, _HEADROOM)
        exponent = _unsafe_exponent(norm, block.dtype)
        used = rescaled(used, step)
        small = scaled_down(moved_block, exponent)
    norm, terms = rescaled(norm, -exponent), _longest_sum(block)
    roundoff = unit_roundoff(small.dtype) * (_PRODUCT + terms / _SEQUENTIAL)
    rounding = max(rescaled(block.rounding, -step), moved_block.rounding)
    rounding = rescaled(rounding, -exponent)
    return CentredBlock(small, used, step + exponent, norm, roundoff, rounding)


def _shifted(
    block: MatrixBlock, shift: Array | None, step: int
) -> tuple[MatrixBlock, Array, float, int]:
    smaller = None if shift is None else rescaled(shift, -step)
    result, used = _less(scaled_down(block, step), smaller)
    norm = result.norm()
    if norm is None:
        raise DtypeError(
            "this method adds up squares and needs whole rows, each of them once; these blocks "
            "cannot give them. Convert the data to an array, a sparse matrix or a file of rows"
        )
    return result, used, norm, step


def _unsafe_exponent(norm: float, dtype: str) -> int:
    """Return the exponent of a norm, 0 where squares of the entries are safe as they are."""
    if norm == 0 or not math.isfinite(norm):
        return 0
    exponent = math.frexp(norm)[1]
    return exponent if abs(exponent) > safe_exponent(dtype) else 0


# ---- each kind of block less a shift -----------------------------------------------------------


@functools.singledispatch
def _less(block: MatrixBlock, shift: Array | None) -> tuple[MatrixBlock, Array]:
    """Return a block less a shift near the given one, or less its mean, and that shift."""
    raise DtypeError(f"rows of a {type(block).__name__} cannot be shifted; convert the data first")


@_less.register
def _(block: DenseSource, shift: Array | None) -> tuple[MatrixBlock, Array]:
    rows = block.array
    near = column_mean(rows) if shift is None else _near(moved(shift, rows), rows)
    return DenseSource(rows - near), near  # in double precision, as the shift is


@_less.register
def _(block: FactoredSource, shift: Array | None) -> tuple[MatrixBlock, Array]:
    """Centre the left factor, with an orthonormal right one beside it, in double precision."""
    left, right = widened(block.left_factor.array), widened(block.right_factor.array)
    q, r = namespace(right).linalg.qr(adjoint(right), mode="reduced")
    inner, center = _less(DenseSource(product(left, adjoint(r))), None)
    assert isinstance(inner, DenseSource)
    result = FactoredSource(inner.array, adjoint(q))
    result.rounding = product_rounding(left, adjoint(r))
    return result, product(center[None, :], adjoint(q))[0, :]


@_less.register(SparseSource)
@_less.register(DeviceSparseSource)
def _(block: SparseSource | DeviceSparseSource, shift: Array | None) -> tuple[MatrixBlock, Array]:
    """Shift the fullest columns by their means, which others do not need."""
    rest, full, places = block.widened().split(_FULL)
    columns, center = _less(DenseSource(full), None)
    assert isinstance(columns, DenseSource)
    shift = namespace(center).zeros(block.shape[1], **beside(center))
    shift[places] = center
    return (SplitBlock(rest, columns, places) if len(places) else rest), shift


@_less.register
def _(block: ColumnwiseBlock, shift: Array | None) -> tuple[MatrixBlock, Array]:
    return block.about_mean()


def _near(shift: Array, rows: Array) -> Array:
    """Return a shift for rows, real where they are."""
    real = is_complex(dtype_name(shift.dtype)) and not is_complex(dtype_name(rows.dtype))
    return namespace(shift).real(shift) if real else shift


@functools.singledispatch
def _longest_sum(block: MatrixBlock) -> int:
    """Return how many products are added one after the other, where no BLAS adds them."""
    return 0


@_longest_sum.register
def _(block: SparseSource) -> int:
    return block.longest_line


class SplitBlock(MatrixBlock):
    """A sparse matrix whose fullest columns stand beside it as a dense one.

    Parameters
    ----------
    rest : MatrixBlock
        Of the whole shape, zero in those columns.
    columns : DenseSource
    places : array of int
        Which columns they are.
    """

    def __init__(self, rest: MatrixBlock, columns: DenseSource, places: Array) -> None:
        self.rest, self.columns, self.places = rest, columns, places
        self.shape, self.dtype, self.nbytes = rest.shape, rest.dtype, rest.nbytes

    def right(self, omega: FactorRows) -> Array:
        """Return ``(A Omega)^T``."""
        chosen = omega.array(self.columns.array)[self.places, :]
        both: Array = self.rest.right(omega) + product(self.columns.array, chosen).T
        return both

    def left(self, psi: FactorRows) -> Array:
        """Return ``Psi^* A``."""
        summed = self.rest.left(psi)
        summed[:, self.places] += self.columns.left(psi)
        return summed

    def norm(self) -> float | None:
        """Return the Frobenius norm."""
        norm = self.rest.norm()
        return None if norm is None else math.hypot(norm, self.columns.norm())

    def column_squares(self) -> Array:
        """Return the sum of the squares of each column."""
        squares = self.rest.column_squares()
        squares[self.places] += self.columns.column_squares()
        return squares


# ---- each kind of block, smaller by a power of two ---------------------------------------------


def scaled_down(block: MatrixBlock, exponent: int) -> MatrixBlock:
    """Return ``2**-exponent A``, exactly."""
    return block if exponent == 0 else _rescaled(block, -exponent)


@functools.singledispatch
def _rescaled(block: MatrixBlock, exponent: int) -> MatrixBlock:
    raise DtypeError(f"rows of a {type(block).__name__} cannot be scaled; convert the data first")


@_rescaled.register
def _(block: DenseSource, exponent: int) -> MatrixBlock:
    return DenseSource(rescaled(widened(block.array), exponent))


@_rescaled.register
def _(block: FactoredSource, exponent: int) -> MatrixBlock:
    return FactoredSource(
        rescaled(widened(block.left_factor.array), exponent), block.right_factor.array
    )


@_rescaled.register(SparseSource)
@_rescaled.register(DeviceSparseSource)
@_rescaled.register(ColumnwiseBlock)
def _(block: SparseSource | DeviceSparseSource | ColumnwiseBlock, exponent: int) -> MatrixBlock:
    return block.widened().rescaled(exponent)


@_rescaled.register
def _(block: SplitBlock, exponent: int) -> MatrixBlock:
    columns = _rescaled(block.columns, exponent)
    assert isinstance(columns, DenseSource)
    return SplitBlock(_rescaled(block.rest, exponent), columns, block.places)
