"""From sums of squares of rows to principal components, with the bounds that squares allow."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..backend.array import Array, beside, namespace, silent, unit_roundoff
from ..errors import NonFiniteError, SpectrumWarning, warn
from ..finalize import Eigenpairs, ShiftedSums, gram_eigenpairs, gram_nystrom
from ..maps import DrawnMatrix
from ..numerics.linalg import adjoint, as_floats, frobenius_norm, rescaled, scale_exponent
from ..results import Bound, ErrorEstimate, LeftOut, PrincipalComponents
from ._finish import phases

_FLOORS = 2.0  # of an eigenvalue, in the error of the squares of all of them together
_LIKELY = 0.125  # of the floor, which is a bound: rounding errors that are to be warned of
_SPACING = 2e-323  # some of the least numbers there are, in which very small ones are rounded


@dataclass(frozen=True)
class _Units:
    """What squares in sums mean in the units of the rows."""

    exponent: int
    divisor: float

    def size(self, square: float) -> float:
        """Return the root of a sum of squares."""
        return float(rescaled(math.sqrt(square), self.exponent))

    def floor(self, square: float) -> float:
        """Return that of a rounding error, itself rounded up."""
        return self.size(square) + (_SPACING if square else 0.0)

    def variance(self, square: float) -> float:
        """Return a sum of squares for each sample."""
        root = self.size(square / self.divisor)
        return root * root  # inf where ** would raise


def components_of(
    sums: ShiftedSums,
    matrix: DrawnMatrix | None,
    mean: Array,
    scale: Array,
    *,
    unit: Array | None,
    degrees: int,
) -> PrincipalComponents:
    """Return all components that sums tell, in double precision.

    Parameters
    ----------
    sums : ShiftedSums
        Of rows that are centred and scaled already.
    matrix : DrawnMatrix or None
        Omega, where there is one.
    mean, scale : array, shape (n,)
        What the rows were centred by and divided by.
    unit : array, shape (n,), optional
        What the rows of Omega are to be multiplied by, where columns were divided by a scale.
    degrees : int
        Degrees of freedom of the squares of a row of Omega.
    """
    pairs = _eigenpairs(sums, matrix, unit)
    xp = namespace(pairs.values)
    explained = float(xp.sum(pairs.values))
    energy = max(0.0, sums.energy, explained)
    units = _Units(sums.exponent, max(sums.count - 1, 1.0))
    components = adjoint(pairs.vectors)
    return PrincipalComponents(
        xp.conj(phases(components))[:, None] * components,
        rescaled(xp.sqrt(pairs.values), sums.exponent),
        mean,
        units.variance(energy),
        sums.count,
        units.variance(energy - explained),
        ErrorEstimate(
            residual=units.size(energy - explained),
            norm=units.size(energy),
            kind="conservative",
            method="trace of what was missed",
            floor=units.floor(_FLOORS * pairs.floor),
            law=Bound(),
        ),
        units.floor(pairs.floor),
        scale,
        left_out=_left_out(pairs, units, degrees),
    )


def _left_out(pairs: Eigenpairs, units: _Units, degrees: int) -> LeftOut | None:
    """Return what leaving out columns of the sketch tells of the variances."""
    if not math.isfinite(pairs.left_out):
        return None
    known = [units.variance(value) for value in as_floats(pairs.values)]
    values = namespace(pairs.values).asarray(known, **beside(pairs.values))
    return LeftOut(values, units.variance(pairs.left_out), degrees)


def _eigenpairs(
    sums: ShiftedSums, matrix: DrawnMatrix | None, unit: Array | None = None
) -> Eigenpairs:
    """Return what the sums know of the squares of the rows about their mean, in given units."""
    y = adjoint(sums.gram)
    if not (math.isfinite(sums.energy) and math.isfinite(frobenius_norm(y))):
        raise NonFiniteError(
            "the sums hold NaN or infinity: of data that were let through, or of weights that "
            "are too large"
        )
    exponent = scale_exponent(y)
    y, rounding = rescaled(y, -exponent), rescaled(sums.rounding, -exponent)
    if matrix is None:
        pairs = gram_eigenpairs(y, rounding)
    else:
        omega = matrix.rows(0, int(y.shape[0])).array(y)
        omega = omega if unit is None else omega * unit[:, None]
        pairs = gram_nystrom(y, omega, rounding)
    known = unit is None and matrix is not None and matrix.family.gaussian_like
    return Eigenpairs(
        pairs.vectors,
        rescaled(pairs.values, exponent),
        rescaled(pairs.floor, exponent),
        rescaled(pairs.left_out, exponent) if known else math.inf,
    )


def warn_of_squares(found: PrincipalComponents) -> None:
    """Warn where components are below what squares can resolve."""
    likely = _LIKELY * found.floor
    below = sum(x <= likely for x in as_floats(found.singular_values)) if likely else 0
    if below:
        warn(
            f"the last {below} of {found.rank} components have singular values below "
            f"{likely:.3g}, where sums of squares hold rounding errors only; keep fewer, "
            "sketch again without the rows that were removed, or use GeneralizedNystrom or HMT "
            "on centred rows",
            SpectrumWarning,
        )


@silent
def warn_of_spacing(found: PrincipalComponents, dtype: str) -> None:
    """Warn where components are below what the data's precision can resolve at their mean.

    Independent errors of at most e in m rows of n entries have singular values of about
    ``e (sqrt(m) + sqrt(n))`` at most, along any direction.
    """
    mean = found.mean / found.scale
    spacings = unit_roundoff(dtype) * namespace(mean).abs(found.components * mean)
    reach = math.sqrt(found.n_samples) + math.sqrt(mean.shape[0])
    hidden = sum(
        found.floor < value <= frobenius_norm(spacings[k : k + 1, :]) * reach
        for k, value in enumerate(as_floats(found.singular_values))
    )
    if hidden:
        warn(
            f"the rows lie so far from zero that {hidden} of {found.rank} components are below "
            f"the rounding of the data to {dtype} there; subtract a constant before rounding, or "
            "keep the data in float64",
            SpectrumWarning,
        )
