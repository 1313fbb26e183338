"""Projections of data on a basis: what the products with it tell of the data, and how well."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from ..backend.array import Array
from ..finalize import (
    FusedRange,
    hmt,
    identity_error,
    leave_one_out_error,
    probe_error,
    summing_error,
)
from ..numerics.linalg import adjoint, frobenius_norm, rescaled, scale_exponent
from ..results import ErrorEstimate, LowRank, rounding_floor
from ._alternating import AlternatingSpec
from ._finish import check_request, lifted, truncated
from ._sums import Sums
from ._tall import Tall, TallArray, as_tall

_CLEAR = 32.0  # times its rounding errors from which the identity tells an error
_NEAR = 10.0  # times them, in which a further reading is worth it
_BLURS = 2.0  # and missed, if they are so many times those of a product of its own


@dataclass(frozen=True, eq=False)
class Projection:
    """The approximation ``Q B`` with ``B = Q^* A``.

    Attributes
    ----------
    spec : AlternatingSpec
        Of as many columns as Q has.
    sums : Sums
        Of the last pass; Q is what was kept as its basis.
    fused : FusedRange or None
        What readings for two products tell of B, where the last one had none of its own.
    """

    spec: AlternatingSpec
    sums: Sums
    fused: FusedRange | None

    @property
    def basis(self) -> Tall:
        """Q, shape (m, k)."""
        return as_tall(self.sums.kept["basis"])

    @functools.cached_property
    def _core(self) -> tuple[LowRank, int]:
        """``B`` as an SVD over a power of two, and which one."""
        fused = self.fused
        b = self._corange() if fused is None else fused.b
        exponent = scale_exponent(b)
        b = rescaled(b, -exponent)
        floor = 0.0 if fused is None else rescaled(fused.floor, -exponent)
        residual = self._residual(b, exponent, floor)
        error = self._estimate(b, residual, exponent, floor)
        return hmt(b, error, residual, self.spec.error_probes, self.spec.dof_each), exponent

    def _corange(self) -> Array:
        """Return ``Q^* A`` of a pass of its own, at hand or ended."""
        sums = self.sums
        if sums.state.parts or not self.spec.is_complete(sums.state.passes):
            return sums.whole("corange")
        kept: Array = sums.kept["corange"]
        return kept

    def result(self, rank: object, tol: float | None) -> LowRank:
        """Return the approximation, truncated, with its error."""
        keep = check_request(rank, tol, self.spec)
        core, exponent = self._core
        return lifted(self.basis, truncated(core, keep, tol, self.sums.shape), exponent, self.sums)

    def blur(self, rank: object, tol: float | None, *, slight: bool) -> str | None:
        """Return what one reading hides that a further one would tell; see `Method.blur`."""
        keep, fused = check_request(rank, tol, self.spec), self.fused
        if fused is None:
            return None
        core, exponent = self._core
        if tol is None and fused.kept < min(keep, fused.kept + fused.hidden):
            return (
                f"one reading tells {fused.kept} of {keep} singular values, the others are below "
                "the rounding of its squares"
            )
        error = core.errors_by_rank()(min(keep, core.rank)).rescaled(exponent)
        own = rounding_floor(error.norm, self.spec.range_size, self.sums.roundoff(error.norm))
        if tol is not None and fused.hidden and not error.meets(tol):
            return (
                f"one reading hides what tol={tol:.3g} asks for below the rounding of its squares"
            )
        asked = math.inf if tol is None else tol * error.norm
        near = _NEAR * (max(fused.floor, own) if slight else fused.floor)
        if (slight or fused.floor > _BLURS * own) and min(error.value, asked) <= near:
            return (
                f"the error is near the rounding of the squares of one reading, {fused.floor:.3g}"
            )
        return None

    def _residual(self, b: Array, exponent: int, floor: float) -> Array | None:
        """Return the products of ``A - Q B`` with the probes, up to a unitary factor."""
        spec, sums, q = self.spec, self.sums, self.basis
        if not spec.error_probes:
            return None
        seen = spec.probed(sums)
        if spec.is_left(spec.probed_pass):
            probed = rescaled(adjoint(seen.array()), -exponent)
            return probed - q.seen_by(sums.maps["error"]) @ b  # G^* (A - Q B)
        projected = seen.inside(q)
        if floor:  # as it is, so that its rounding errors show
            projected = rescaled(
                adjoint(TallArray(adjoint(b)).seen_by(sums.maps["error"])), exponent
            )
        return rescaled(seen.outside(q, projected), -exponent)  # of (A - Q B) G

    def _estimate(
        self, b: Array, residual: Array | None, exponent: int, floor: float
    ) -> ErrorEstimate:
        """Return the sharpest estimate at hand: the identity, hold-out columns, leave-one-out.

        `floor` is the norm of what rounding made of ``B = Q^* A`` beside the products.
        """
        spec, sums = self.spec, self.sums
        captured = frobenius_norm(b)
        summing = summing_error(b, sums.shape[0], sums.state.roundoff)
        norm = sums.state.norm
        size = captured if norm is None else rescaled(norm, -exponent)
        roundoff = sums.roundoff(rescaled(max(size, captured), exponent))
        if norm is not None:
            blurred = 1.0 if self.fused is None else self.fused.blur
            exact = identity_error(size, b, roundoff, summing, blurred)
            if exact is not None and exact.value > _CLEAR * floor:
                return exact.rounded(floor)
        if residual is None:
            left_out = rescaled(float(sums.kept["left_out"]), -exponent)
            last = leave_one_out_error(left_out, captured, spec.range_size, roundoff, summing)
            return last.rounded(floor)
        estimate = probe_error(
            residual,
            captured=captured,
            columns=spec.range_size,
            probes=spec.error_probes,
            dof_each=spec.dof_each,
            roundoff=roundoff,
            summing=summing,
        )
        return estimate.rounded(floor)
