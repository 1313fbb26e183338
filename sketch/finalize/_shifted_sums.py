"""Sums of rows and of their squares about a shift, with the rounding errors that are in them."""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass

from ..backend.array import Array, beside, dtype_name, is_complex, moved, namespace, unit_roundoff
from ..maps import DrawnMatrix
from ..numerics.linalg import adjoint, frobenius_norm, multiple, product, rescaled

_DOUBLE = unit_roundoff("float64")
_CONSTANT = 4.0  # roundoffs of a mean, and of a root mean square, that are no spread
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
    total_rounding, count_rounding : float
        Likewise of the errors in `total` and in `count`.
    squares : array, shape (1, n), optional
        ``sum |x|^2`` of each column, where columns are to be scaled.
    """

    gram: Array
    total: Array
    energy: float
    count: float
    shift: Array
    exponent: int = 0
    rounding: float = 0.0
    total_rounding: float = 0.0
    count_rounding: float = 0.0
    squares: Array | None = None

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
            a.count_rounding + b.count_rounding + _lost(a.count, b.count),
            None if a.squares is None or b.squares is None else a.squares + b.squares,
        )

    def scaled(self, weight: float) -> ShiftedSums:
        """Return the sums with all weights multiplied by a number."""
        roundoff, size = (0.0 if abs(weight) == 1 else _DOUBLE), abs(weight)
        return dataclasses.replace(
            self,
            gram=multiple(self.gram, weight),
            total=multiple(self.total, weight),
            energy=self.energy * weight,
            count=self.count * weight,
            rounding=size * (self.rounding + roundoff * abs(self.energy)),
            total_rounding=size * (self.total_rounding + roundoff * self._length),
            count_rounding=size * (self.count_rounding + roundoff * abs(self.count)),
            squares=None if self.squares is None else self.squares * weight,
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
        step, scale = self.shift - shift, 0
        length = frobenius_norm(step[None, :])
        if length == math.inf:  # of two large numbers of opposite sign
            step, scale = self.shift / 2 - shift / 2, 1
            length = frobenius_norm(step[None, :])
        if not length:
            return self
        reach = math.frexp(length)[1] + scale + math.frexp(math.sqrt(max(1.0, abs(self.count))))[1]
        sums = self.at_exponent(self._exponent_at(reach))
        return sums._moved_by(rescaled(step, scale - sums.exponent)[None, :], shift, matrix)

    def about_mean(self, matrix: DrawnMatrix | None) -> ShiftedSums:
        """Return the sums about the mean of the rows."""
        return self._moved_by(-self.total / self.count, self.mean, matrix)

    def _moved_by(self, d: Array, shift: Array, matrix: DrawnMatrix | None) -> ShiftedSums:
        """Return the sums over rows ``x + d``, which are about a shift."""
        total, count = self.total + self.count * d, self.count
        seen, total_seen = adjoint(_seen(d, matrix)), adjoint(_seen(self.total, matrix))
        cross = namespace(d).sum(adjoint(self.total)[:, 0] * d[0, :])
        length, before = frobenius_norm(d), self._length
        size = abs(self.energy) + 2 * before * length + abs(count) * length**2
        carried = self.rounding + (2 * self.total_rounding + self.count_rounding * length) * length
        carried_total = self.total_rounding + self.count_rounding * length
        return ShiftedSums(
            self.gram + total_seen * d + seen * total,
            total,
            self.energy + 2 * _real(cross) + count * length**2,
            count,
            shift,
            self.exponent,
            math.hypot(carried, _DOUBLE * size),
            math.hypot(carried_total, _DOUBLE * (before + abs(count) * length)),
            self.count_rounding,
            self._squares_moved_by(d),
        )

    def _squares_moved_by(self, d: Array) -> Array | None:
        if self.squares is None:
            return None
        xp = namespace(d)
        products = xp.conj(d) * (2 * self.total + self.count * d)
        return self.squares + (xp.real(products) if is_complex(dtype_name(d.dtype)) else products)

    # ---- in units of the columns ------------------------------------------------------------

    def deviations(self) -> Array:
        """Return the standard deviation of each column, 1 where it is constant up to rounding.

        By as many rows less one, as all variances here.

        Returns
        -------
        array, shape (n,)
            In double precision.
        """
        squares, varies = self._spread_squares(centred=True)
        xp, divisor = namespace(squares), max(self.count - 1, 1.0)
        root = xp.sqrt(xp.where(varies, squares, xp.ones_like(squares)) / divisor)
        return xp.where(varies, rescaled(root, self.exponent), xp.ones_like(root))

    def _spread_squares(self, centred: bool) -> tuple[Array, Array]:
        """Return the sums of squares of columns, about their means or not, and which are some."""
        assert self.squares is not None
        xp, held = namespace(self.squares), self.squares[0, :]
        if not centred:
            return held, held > 0
        squares = held - xp.abs(self.total[0, :]) ** 2 / self.count
        spacing = _DOUBLE * xp.abs(rescaled(self.mean, -self.exponent))
        blur = _CONSTANT**2 * (_DOUBLE * held + self.count * spacing**2)
        return squares, squares > blur

    def in_units(self, scale: Array, exact: bool, centred: bool) -> tuple[ShiftedSums, Array]:
        """Return the sums of rows divided by a scale, and by what rows of Omega are multiplied.

        Columns that are constant, where rows are centred, add nothing to a product; they are left
        out, since they may be so large a part of Omega that its columns look alike.

        Parameters
        ----------
        scale : array, shape (n,)
        exact : bool
            Whether there is no Omega.
        centred : bool
            Whether the sums are about the mean.

        Notes
        -----
        Rounding errors of an entry of the products are in proportion to the norms of its two
        columns, hence they shrink and grow with them.
        """
        squares, counted = self._spread_squares(centred)
        xp = namespace(squares)
        root = xp.sqrt(xp.where(counted, squares, xp.zeros_like(squares)))
        exponent = self._exponent_in(root, scale)
        unit = rescaled(scale, exponent - self.exponent)
        none = xp.zeros_like(unit)  # infinite units among them
        inverse = xp.where(counted, 1 / xp.where(counted, unit, none + 1), none)
        squares = (root * inverse)[None, :] ** 2
        energy = float(xp.sum(squares))
        share = energy / self.energy if self.energy > 0 else 1.0
        gram = self.gram * inverse[None, :]
        sums = dataclasses.replace(
            self,
            gram=gram * inverse[:, None] if exact else gram,
            total=self.total * inverse[None, :],
            energy=energy,
            shift=self.shift / scale,
            exponent=exponent,
            rounding=self.rounding * share,
            total_rounding=self.total_rounding * math.sqrt(share),
            squares=squares,
        )
        return sums, xp.where(counted, unit, none)

    def _exponent_in(self, root: Array, scale: Array) -> int:
        """Return the exponent for columns of these norms, divided by a scale."""
        xp = namespace(root)
        sizes = xp.log2(root) - xp.log2(scale) + self.exponent
        top = max((float(x) for x in sizes), default=-math.inf)
        return math.ceil(top) if _SAFE < abs(top) < math.inf else 0

    @property
    def mean(self) -> Array:
        """The mean of the rows, shape (n,), in double precision."""
        return self.shift + rescaled(self.total[0, :] / self.count, self.exponent)

    @functools.cached_property
    def _length(self) -> float:
        """Norm of the sum of the rows."""
        return frobenius_norm(self.total)

    @property
    def offset(self) -> float:
        """Distance of the mean from the shift."""
        return float(rescaled(self._length / abs(self.count), self.exponent))

    @property
    def spread(self) -> float:
        """Root mean square distance of the rows from their mean."""
        squares = self.energy / self.count - (self._length / self.count) ** 2
        return float(rescaled(math.sqrt(max(0.0, squares)), self.exponent))

    def moved_beside(self, like: Array) -> ShiftedSums:
        """Return the sums where an array is."""
        return dataclasses.replace(
            self,
            gram=moved(self.gram, like),
            total=moved(self.total, like),
            shift=moved(self.shift, like),
            squares=None if self.squares is None else moved(self.squares, like),
        )

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
            squares=None if self.squares is None else rescaled(self.squares, 2 * step),
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


def _lost(x: float, y: float) -> float:
    """Return the rounding error of a sum of two numbers, exactly."""
    total = x + y
    theirs = total - x
    return abs((x - (total - theirs)) + (y - theirs))


def _real(x: Array) -> float:
    return complex(x).real


def _seen(row: Array, matrix: DrawnMatrix | None) -> Array:
    """Return a row times the test matrix."""
    return row if matrix is None else product(row, matrix.rows(0, int(row.shape[1])).array(row))


def no_shift(like: Array) -> Array:
    """Return the shift by zeros beside a shift."""
    return namespace(like).zeros(like.shape, **beside(like, "float64"))
