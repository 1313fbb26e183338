"""A block Krylov space with its products, as the steps of the iteration hand it on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from ..backend.array import Array, namespace
from ..finalize import combined_norms
from ._tall import Tall, held


@dataclass(frozen=True, eq=False)
class Space:
    """A block Krylov space.

    Attributes
    ----------
    v : array, shape (n, L)
        Orthonormal columns.
    squares : array, shape (n, L)
        ``A^* A V``.
    range : Tall
        ``A V``.
    x, z : array, shape (n, b)
        The last block, and ``A^* A X``.
    exponent : int
        Of a power of two that A was divided by: 0 for most data. Squares of others, which are near
        the ends of the range, would be beyond it.
    norms : array, shape (L,)
        Of the columns of ``A V``, or of those that they were combined of: rounding errors go by
        them.
    """

    v: Array
    squares: Array
    range: Tall
    x: Array
    z: Array
    exponent: int
    norms: Array

    def restarted(self, lead: Array) -> Space:
        """Return the space of some combinations of its columns."""
        return dataclasses.replace(
            self,
            v=self.v @ lead,
            squares=self.squares @ lead,
            range=self.range.multiplied(lead),
            norms=combined_norms(self.norms, lead),
        )

    def kept(self) -> dict[str, Any]:
        """Return what a state keeps of it."""
        arrays = {"space": self.v, "squares": self.squares, "range": held(self.range)}
        arrays["norms"] = self.norms
        return {**arrays, "exponent": namespace(self.v).asarray(float(self.exponent))}
