"""The algebra of linear sketches: sums, differences and multiples of sketches of one spec."""

from __future__ import annotations

import cmath
import numbers
from abc import ABC, abstractmethod
from typing import Any, Self

from ..errors import NonFiniteError


class VectorSpace(ABC):
    """Operators built on `merge` and on a scaled copy."""

    @abstractmethod
    def merge(self, other: Self) -> None:
        """Add another sketch of the same spec."""

    @abstractmethod
    def _scaled(self, factor: complex) -> Self:
        """Return an independent sketch, every part multiplied by a number."""

    def copy(self) -> Self:
        """Return an independent copy."""
        return self._scaled(1.0)

    def __add__(self, other: Any) -> Self:
        if isinstance(other, int) and other == 0:  # sum([...]) begins with 0
            return self.copy()
        if not isinstance(other, VectorSpace):
            return NotImplemented
        total = self.copy()
        total.merge(other)  # type: ignore[arg-type]
        return total

    __radd__ = __add__

    def __sub__(self, other: Any) -> Self:
        if not isinstance(other, VectorSpace):
            return NotImplemented
        return self + -other

    def __neg__(self) -> Self:
        return self._scaled(-1.0)

    def __mul__(self, factor: Any) -> Self:
        if not isinstance(factor, numbers.Number):
            return NotImplemented
        if not cmath.isfinite(factor):  # type: ignore[arg-type]
            raise NonFiniteError(f"a sketch cannot be scaled by {factor}")
        return self._scaled(factor)  # type: ignore[arg-type]

    __rmul__ = __mul__
