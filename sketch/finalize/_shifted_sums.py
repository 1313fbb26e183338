"""Sums of rows and of their squares about a shift, with the rounding errors that are in them."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from .._array import Array, beside, moved, namespace, unit_roundoff
from .._linalg import adjoint, frobenius_norm, multiple, product, rescaled
from ..maps import DrawnMatrix

_DOUBLE = unit_roundoff("float64")
_SAFE = 200  # binary digits by which the size of sums may differ from one


@dataclass(frozen=True)
class ShiftedSums:
    """Sums over rows ``x = 2**-exponent (a - shift)``, each with a weight.

    A value: every operation returns a new one. Weights may be negative, which takes rows away.

    Attributes
    ----------
    gram : array, shape (k, n)
        ``Omega^* sum x^* x``; where there is no test matrix, ``sum x^* x`` itself.
    total : array, shape (1, n)
        ``sum x``.
    energy : float
        ``sum |x|^2``.
    count : float
        Number of rows, as they are weighted.
    shift : array, shape (n,)
        In double precision.
    exponent : int
        Of a power of two that keeps squares within the range of numbers.
    rounding : float
        Size of the rounding errors in `gram` (for orthonormal columns Omega) and `energy`: of the
        products that went in and of the largest sums ever held, which stay when rows are removed.
    total_rounding : float
        Likewise of the errors in `total`.
    """

    gram: Array
    total: Array
    energy: float
    count: float
    shift: Array
    exponent: int = 0
    rounding: float = 0.0
    total_rounding: float = 0.0

    def plus(self, other: ShiftedSums, matrix: DrawnMatrix | None) -> ShiftedSums:
        """Return the sums over both, about the shift of the heavier one."""
        light, heavy = sorted((self, other), key=lambda sums: abs(sums.count))
        light = light.moved_to(heavy.shift, matrix)
        exponent = max(heavy._exponent_for(light), light._exponent_for(heavy))
        a, b = heavy.at_exponent(exponent), light.at_exponent(exponent)
        total = a.total + b.total
        size, length = abs(a.energy) + abs(b.energy), frobenius_norm(total)
        return ShiftedSums(
            a.gram + b.gram,
            total,
            a.energy + b.energy,
            a.count + b.count,
            a.shift,
            exponent,
            math.hypot(a.rounding + b.rounding, _DOUBLE * size),
            math.hypot(a.total_rounding + b.total_rounding, _DOUBLE * length),
        )

    def scaled(self, weight: float) -> ShiftedSums:
        """Return the sums with all weights multiplied by a number."""
        return dataclasses.replace(
            self,
            gram=multiple(self.gram, weight),
            total=multiple(self.total, weight),
            energy=self.energy * weight,
            count=self.count * weight,
            rounding=self.rounding * abs(weight),
            total_rounding=self.total_rounding * abs(weight),
        )

    def moved_to(self, shift: Array, matrix: DrawnMatrix | None) -> ShiftedSums:
        """Return the sums about another shift, by algebra alone [1]_.

        References
        ----------
        .. [1] T. Chan, G. Golub, R. LeVeque, "Algorithms for computing the sample variance", Amer.
           Statist. 37 (1983) 242-247.
        """
        if shift is self.shift:
            return self
        xp = namespace(self.shift)
        half = self.shift / 2 - shift / 2  # of two large numbers, the difference may overflow
        length = frobenius_norm(half[None, :])
        if not length:
            return self
        reach = math.frexp(length)[1] + 1 + math.frexp(math.sqrt(max(1.0, abs(self.count))))[1]
        sums = self.at_exponent(self._exponent_at(reach))
        d, count = rescaled(half, 1 - sums.exponent)[None, :], sums.count
        seen, total_seen = adjoint(_seen(d, matrix)), adjoint(_seen(sums.total, matrix))
        cross = float(xp.real(xp.sum(adjoint(sums.total)[:, 0] * d[0, :])))
        length, total = frobenius_norm(d), frobenius_norm(sums.total)
        size = abs(sums.energy) + 2 * total * length + abs(count) * length**2
        return ShiftedSums(
            sums.gram + total_seen * d + seen * (sums.total + count * d),
            sums.total + count * d,
            sums.energy + 2 * cross + count * length**2,
            count,
            shift,
            sums.exponent,
            math.hypot(sums.rounding + 2 * length * sums.total_rounding, _DOUBLE * size),
            math.hypot(sums.total_rounding, _DOUBLE * (total + abs(count) * length)),
        )

    def about_mean(self, matrix: DrawnMatrix | None) -> ShiftedSums:
        """Return the sums about the mean of the rows."""
        return self.moved_to(self.mean, matrix)

    @property
    def mean(self) -> Array:
        """The mean of the rows, shape (n,), in double precision."""
        return self.shift + rescaled(self.total[0, :] / self.count, self.exponent)

    @property
    def offset(self) -> float:
        """Distance of the mean from the shift."""
        return float(rescaled(frobenius_norm(self.total) / abs(self.count), self.exponent))

    @property
    def spread(self) -> float:
        """Root mean square distance of the rows from their mean."""
        squares = self.energy / self.count - (frobenius_norm(self.total) / self.count) ** 2
        return float(rescaled(math.sqrt(max(0.0, squares)), self.exponent))

    def moved_beside(self, like: Array) -> ShiftedSums:
        """Return the sums where an array is."""
        names = ("gram", "total", "shift")
        return dataclasses.replace(self, **{n: moved(getattr(self, n), like) for n in names})

    def at_exponent(self, exponent: int) -> ShiftedSums:
        """Return the same sums of numbers divided by another power of two."""
        step = self.exponent - exponent
        if step == 0:
            return self
        return dataclasses.replace(
            self,
            gram=rescaled(self.gram, 2 * step),
            total=rescaled(self.total, step),
            energy=rescaled(self.energy, 2 * step),
            exponent=exponent,
            rounding=rescaled(self.rounding, 2 * step),
            total_rounding=rescaled(self.total_rounding, step),
        )

    def _reach(self) -> int | None:
        """Return the binary exponent of the size of the rows together, None for zeros."""
        squares = max(abs(self.energy), self.rounding)
        return self.exponent + math.frexp(squares)[1] // 2 if squares else None

    def _exponent_at(self, reach: int) -> int:
        """Return the exponent for sums that shall hold rows of a further size too."""
        own = self._reach()
        largest = reach if own is None else max(own, reach)
        return self.exponent if abs(largest - self.exponent) <= _SAFE else largest

    def _exponent_for(self, other: ShiftedSums) -> int:
        reach = other._reach()
        return self.exponent if reach is None else self._exponent_at(reach)


def _seen(row: Array, matrix: DrawnMatrix | None) -> Array:
    """Return a row times the test matrix."""
    return row if matrix is None else product(row, matrix.rows(0, int(row.shape[1])).array(row))


def no_shift(like: Array) -> Array:
    """Return the shift by zeros beside a shift."""
    return namespace(like).zeros(like.shape, **beside(like, "float64"))
