"""Rows in coordinates of directions about a mean, and back."""

from __future__ import annotations

from dataclasses import dataclass

from ..backend.array import Array, cast, dtype_name, moved, promote
from ..numerics.linalg import adjoint, product, rescaled
from ..sources import MatrixBlock, centred
from ._mapped_rows import times


@dataclass(frozen=True, eq=False)
class Directions:
    """Orthonormal directions about a mean, in units of the columns.

    Attributes
    ----------
    components : array, shape (k, n)
    mean, scale : array, shape (n,)
        What is subtracted from rows, and what they are divided by then.
    spread : array, shape (k,), or None
        What coordinates are divided by.
    """

    components: Array
    mean: Array
    scale: Array
    spread: Array | None

    def coordinates(self, block: MatrixBlock) -> Array:
        """Return the coordinates of a block, its mean taken off before they are rounded."""
        rows = centred(block, self.mean)
        directions = adjoint(self.components) / self.scale[:, None]
        inner = times(rows.block, directions)
        rest = moved(self.mean, rows.shift) - rows.shift
        offset = product(rest[None, :], moved(directions, rest))
        wide = rescaled(inner, rows.exponent) - offset
        if self.spread is not None:
            wide = wide / moved(self.spread, wide)
        return self._rounded(wide, block)

    def rows_at(self, block: MatrixBlock) -> Array:
        """Return the rows of coordinates that a block holds."""
        directions = self.components * self.scale
        if self.spread is not None:
            directions = self.spread[:, None] * directions
        inner = times(block, directions)
        return self._rounded(inner + moved(self.mean, inner), block)

    def _rounded(self, result: Array, block: MatrixBlock) -> Array:
        """Return a result in the precision of a block and the components."""
        return cast(result, promote(block.dtype, dtype_name(self.components.dtype)))
