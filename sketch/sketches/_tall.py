"""Sums that follow the rows of the data, and all that a method may ask of them.

Rows may be many: such a sum is in memory (`TallArray`), or in blocks that stay on the workers of a
cluster (`RowBlocks`). Methods are written once, on the protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

from ..backend.array import Array, apart, cast, namespace
from ..finalize import SketchedBasis
from ..maps import DrawnMatrix
from ..numerics.factorizations import (
    leading_basis,
    orthonormal_basis,
    triangle,
    triangle_outside,
)
from ..numerics.linalg import adjoint, frobenius_norm, rescaled
from ._row_blocks import RowBlocks


class Basis(Protocol):
    """Orthonormal columns Q, in whichever form they are at hand."""

    def seen_by(self, matrix: DrawnMatrix) -> Array:
        """Return ``Psi^* Q`` for a test matrix Psi."""

    def times(self, x: Array, dtype: str) -> Array:
        """Return ``Q X`` in a dtype, as an array of the kind that results hold."""


class Tall(Basis, Protocol):
    """A matrix Y (m, k) of few columns."""

    @property
    def columns(self) -> int:
        """Number of columns k."""

    def rescaled(self, exponent: int) -> Tall:
        """Return the matrix times ``2**exponent``, exactly."""

    def basis(self, width: int | None = None) -> Tall:
        """Return an orthonormal basis of the columns, or of their `width` leading directions."""

    def sketched_basis(
        self, psi: DrawnMatrix, sketch: Callable[[], Array | None]
    ) -> tuple[Basis, Array]:
        """Return an orthonormal basis Q of the columns, and ``Psi^* Q``.

        `sketch` returns ``Psi^* Y`` where it is at hand, with which a basis is cheaper.
        """

    def inside(self, basis: Self) -> Array:
        """Return ``Q^* Y`` for a basis Q in the same form."""

    def triangle(self) -> Array:
        """Return R with ``R^* R = Y^* Y``."""

    def beside(self, other: Self) -> Tall:
        """Return the matrix with the columns of another in the same form beside it."""

    def multiplied(self, x: Array) -> Tall:
        """Return ``Y X`` in the same form."""

    def norm(self) -> float:
        """Return the Frobenius norm."""

    def outside(self, basis: Self, inside: Array) -> Array:
        """Return R with ``R^* R = Z^* Z`` for ``Z = Y - Q (Q^* Y)``."""

    def copy(self) -> Tall:
        """Return the matrix apart from others that it was made with."""

    def array(self) -> Array:
        """Return the whole matrix in memory."""


@dataclass(frozen=True, eq=False)
class TallArray:
    """A tall matrix in memory."""

    y: Array

    @property
    def columns(self) -> int:
        """Number of columns."""
        return int(self.y.shape[1])

    def rescaled(self, exponent: int) -> TallArray:
        """Return the matrix times ``2**exponent``."""
        return TallArray(rescaled(self.y, exponent))

    def basis(self, width: int | None = None) -> TallArray:
        """Return an orthonormal basis of the columns, or of their leading directions."""
        y = self.y
        return TallArray(orthonormal_basis(y) if width is None else leading_basis(y, width))

    def sketched_basis(
        self, psi: DrawnMatrix, sketch: Callable[[], Array | None]
    ) -> tuple[Basis, Array]:
        """Return an orthonormal basis Q and ``Psi^* Q``."""
        near = sketch()
        found = None if near is None else SketchedBasis.found(self.y, near)
        if found is not None:
            return found, found.sketch
        q = self.basis()
        return q, q.seen_by(psi)

    def seen_by(self, matrix: DrawnMatrix) -> Array:
        """Return ``Psi^* Y``."""
        return matrix.adjoint_product(self.y)

    def times(self, x: Array, dtype: str) -> Array:
        """Return ``Y X`` in a dtype."""
        return cast(self.y @ x, dtype)

    def inside(self, basis: TallArray) -> Array:
        """Return ``Q^* Y``."""
        return adjoint(basis.y) @ self.y

    def triangle(self) -> Array:
        """Return R with ``R^* R = Y^* Y``."""
        return triangle(self.y)

    def beside(self, other: TallArray) -> TallArray:
        """Return the matrix with the columns of another beside it."""
        return TallArray(namespace(self.y).concat([self.y, other.y], axis=1))

    def multiplied(self, x: Array) -> TallArray:
        """Return ``Y X``."""
        return TallArray(self.y @ x)

    def norm(self) -> float:
        """Return the Frobenius norm."""
        return frobenius_norm(self.y)

    def outside(self, basis: TallArray, inside: Array) -> Array:
        """Return R with ``R^* R = Z^* Z`` for ``Z = Y - Q (Q^* Y)``."""
        return triangle_outside(basis.y, self.y, inside)

    def copy(self) -> TallArray:
        """Return the matrix without what it was made with, copied if it is a part of that."""
        return TallArray(apart(self.y))

    def array(self) -> Array:
        """Return the matrix."""
        return self.y


def as_tall(held: RowBlocks | Array) -> Tall:
    """Return what a state holds in the form that methods work with."""
    return held if isinstance(held, RowBlocks) else TallArray(held)


def held(tall: Tall) -> Tall | Array:
    """Return a tall matrix in the form that a state holds."""
    return tall.y if isinstance(tall, TallArray) else tall
