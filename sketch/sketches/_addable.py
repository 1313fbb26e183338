"""Sums, differences and multiples of sketches: their states', where their specs are equal."""

from __future__ import annotations

from typing import Any, Self

from ..errors import IncompatibleSketchError
from ..formats import is_number
from ..numerics.linalg import finite_factor, plain_number
from ._accumulator import Accumulator
from ._method import AnyMethod


class Addable:
    """What holds an accumulator, and adds up as its states do.

    Attributes
    ----------
    spec : Method
    accumulator : Accumulator
    """

    spec: AnyMethod
    accumulator: Accumulator

    def merge(self, other: Self, *, again: bool = False) -> None:
        """Add another sketch of the same spec: the sketch of the sum of both data.

        Parameters
        ----------
        other : Sketch
            Of several passes: in the same pass, after equal ones.
        again : bool
            Whether data that are in both may count twice.

        Raises
        ------
        IncompatibleSketchError
            If the specs differ, and with them the test matrices, or the passes so far; or if both
            hold the same share of the data, a state and a copy of it for example.
        """
        self._check_compatible(other)
        self.accumulator.merge(other.accumulator.state, again)

    def _check_compatible(self, other: object) -> None:
        if type(other) is not type(self):
            raise IncompatibleSketchError(
                f"cannot combine a {type(self).__name__} with a {type(other).__name__}"
            )
        if other.spec != self.spec:
            differing = [
                f"{name}: {mine!r} and {theirs!r}"
                for name, mine in self.spec.to_header().items()
                if mine != (theirs := other.spec.to_header()[name])
            ]
            raise IncompatibleSketchError(
                "sketches can be combined only where their specs are equal, and with them their "
                f"test matrices; these differ in {'; '.join(differing)}"
            )

    def _with(self, accumulator: Accumulator) -> Self:
        """Return a sketch like this one of other data."""
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.accumulator = accumulator
        return new

    def copy(self) -> Self:
        """Return an independent copy; it costs nothing.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> sk = sketch.GramNystrom(4, rank=1)
        >>> other = sk.copy()
        >>> other.update(np.eye(3, 4))
        >>> sk.n_updates, other.n_updates
        (0, 1)
        """
        return self._with(self.accumulator.holding(self.accumulator.state))

    __copy__ = copy

    def __deepcopy__(self, memo: object) -> Self:
        return self.copy()

    def __mul__(self, factor: object) -> Self:
        if not is_number(factor):
            return NotImplemented
        number = finite_factor(factor)
        mine = self.accumulator
        return self._with(mine.holding(mine.times(mine.state, number)))

    __rmul__ = __mul__
    __array_ufunc__ = None  # a NumPy number times a sketch is a sketch

    def __truediv__(self, divisor: Any) -> Self:
        return self * (1 / plain_number(divisor)) if is_number(divisor) else NotImplemented

    def __neg__(self) -> Self:
        return self * -1.0

    def __add__(self, other: object) -> Self:
        if isinstance(other, int) and other == 0:  # sum([...]) begins with 0
            return self.copy()
        if not isinstance(other, Addable):
            return NotImplemented
        self._check_compatible(other)
        total = self.copy()
        total.accumulator.add(other.accumulator.state)
        return total

    __radd__ = __add__

    def __sub__(self, other: object) -> Self:
        if not isinstance(other, Addable):
            return NotImplemented
        self._check_compatible(other)
        rest = self.copy()
        rest.accumulator.subtract(other.accumulator.state)
        return rest
