"""What tensors with a factor for each mode have in common, CP and Tucker tensors alike."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from ..backend.array import (
    Array,
    cast,
    compute_dtype,
    cuts,
    dtype_name,
    is_array,
    namespace,
    promote,
    qr_triangle,
)
from ..backend.plain import plain
from ..errors import ShapeError
from ..numerics.index_keys import Points
from ._frozen import FrozenList
from ._sum import Summable

_BLOCK_ENTRIES = 2_000_000  # of the arrays that entries are computed from at once


class FactoredTensor(Summable):
    """A tensor that holds one factor (n_k, m_k) for each mode, and how these are joined."""

    factors: list[Array]

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the modes."""
        return tuple(int(f.shape[0]) for f in self.factors)

    @property
    def ndim(self) -> int:
        """Number of modes."""
        return len(self.factors)

    def matrix_factors(self) -> tuple[Array, Array]:
        """Return the two factors of a tensor of order 2, so that matrix methods take it.

        Returns
        -------
        left, right : array, shapes (m, r) and (r, n)

        Raises
        ------
        ShapeError
            If the order is not 2.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> cp = sketch.CPTensor([2.0, 1.0], [np.eye(3, 2), np.ones((4, 2))])
        >>> left, right = cp.matrix_factors()
        >>> bool(np.allclose(left @ right, cp.to_array()))
        True
        """
        if self.ndim != 2:
            raise ShapeError(
                f"expected a matrix, got a {type(self).__name__} of shape {self.shape}"
            )
        return self._left_factor(), self.factors[1].T

    @abstractmethod
    def _left_factor(self) -> Array:
        """Return what stands before the last factor of a tensor of order 2."""

    def _triangles(self) -> list[Array]:
        """Return factors of the same Gram matrices with no more rows than columns."""
        return [qr_triangle(f) if f.shape[0] > f.shape[1] else f for f in self.factors]

    def _at_points(self, points: Points) -> Array:
        step = max(1, _BLOCK_ENTRIES // max(1, self._numbers_of_an_entry))
        blocks = [self._entries(points[block]) for block in cuts(len(points), step)]
        return namespace(self.factors[0]).concat(blocks)

    @property
    @abstractmethod
    def _numbers_of_an_entry(self) -> int:
        """How many numbers a single entry is computed from at once."""

    @abstractmethod
    def _entries(self, points: Points) -> Array:
        """Return the entries at some points at once."""


def plain_array(x: object) -> Array:
    """Return weights, a core or a factor as an array of numbers."""
    x = plain(x)
    return x if is_array(x) else np.asarray(x)


def jointly_cast(first: Array, factors: Sequence[Array]) -> tuple[Array, list[Array]]:
    """Return weights or a core, and factors, in the floating dtype that holds them all."""
    arrays = [first, *factors]
    dtype = promote(*(compute_dtype(dtype_name(x.dtype)) for x in arrays))
    first, *kept = (cast(x, dtype) for x in arrays)
    return first, FrozenList(kept)
