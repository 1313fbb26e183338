"""Block Krylov spaces that grow, a block of one width after the other, until vectors are right."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from ..backend.array import Array, cast, dtype_name, namespace, to_host
from ..errors import SpectrumWarning, ToleranceWarning, warn
from ..finalize import next_block, ritz
from ..numerics.linalg import rescaled
from ..results import LowRank
from ._krylov_space import Space, exponent_of, next_pass, precision
from ._projection import Projection
from ._state import Kept
from ._sums import Sums

SPARE = 10  # Ritz vectors beside those wanted that a restart keeps


@dataclass(frozen=True)
class ByResiduals:
    """Steps until the residuals of the leading vectors are within a tolerance.

    Attributes
    ----------
    rank : int
        How many vectors are wanted.
    tol : float
        Residual over the largest singular value at which it stops.
    readings : int
        Of the data, at most.
    most : int or None
        Columns of the space at which it is restarted.
    """

    rank: int
    tol: float
    readings: int
    most: int | None

    def step(self, sums: Sums, space: Space) -> Kept:
        """Return what is kept of a space with one more block.

        The space, how good its vectors are, if there is more to find, and the next block, rounded
        as it will be multiplied. A space that is too wide is restarted from its leading Ritz
        vectors; its next block is orthogonal to all that was there before.
        """
        v, squares = space.v, space.squares
        xp = namespace(v)
        values, vectors, residuals = ritz(v, squares)
        root = xp.sqrt(values)
        safe = xp.where(root > 0, root, xp.ones_like(root))
        residuals = (residuals / safe)[: self.rank]
        new = self._next_block(sums, space)
        top = float(root[0]) if root.shape[0] else 0.0
        worst = max((float(r) for r in to_host(residuals)), default=0.0)
        done = worst <= self.tol * top or self._all_found(sums, space, new)
        if self.most is not None and v.shape[1] + new.shape[1] > self.most and not done:
            space = space.restarted(vectors[:, : min(self.rank + SPARE, int(vectors.shape[1]))])
        return {**space.kept(), "residuals": residuals, **next_pass(new, done=done)}

    def _next_block(self, sums: Sums, space: Space) -> Array:
        """Return what the last products add to the space; nothing where no reading follows."""
        if sums.readings >= self.readings:
            return space.z[:, :0]
        new = next_block(space.v, space.z, sums.state.roundoff)
        return cast(new, precision(sums, new))

    def _all_found(self, sums: Sums, space: Space, new: Array) -> bool:
        """Whether the space is all there is."""
        last = sums.readings >= self.readings
        return int(space.v.shape[1]) >= sums.shape[1] or not (last or new.shape[1])

    def finish(
        self, projection: Projection, sums: Sums, rank: object, tol: float | None
    ) -> LowRank:
        """Return the approximation in the range of the space, with its vectors' residuals."""
        result = projection.result(rank, None)
        known = sums.kept["residuals"]
        known = known[: min(result.rank, known.shape[0])]
        residuals = rescaled(known, exponent_of(sums))
        if not projection.spec.begins_left:  # `begin_at` is for other methods
            _warn_of_squares(result, projection)
        self._warn_unmet(result, residuals, sums)
        return dataclasses.replace(result, residuals=cast(residuals, dtype_name(result.s.dtype)))

    def _warn_unmet(self, result: LowRank, residuals: Array, sums: Sums) -> None:
        """Warn where residuals are above the tolerance and there is more to find."""
        worst = max((float(r) for r in to_host(residuals)), default=0.0)
        top = float(result.s[0]) if result.rank else 0.0
        if self.tol and worst > self.tol * top and float(sums.kept["open"]):
            warn(
                f"tol={self.tol:.3g} is not met after {sums.readings} readings: a residual is "
                f"{worst / top:.2g} of the largest singular value; allow more passes, or memory "
                "for a wider space",
                ToleranceWarning,
            )

    def blur(
        self, projection: Projection, rank: object, tol: float | None, *, slight: bool
    ) -> str | None:
        """Return None: further readings make further steps."""
        return None


def _warn_of_squares(result: LowRank, projection: Projection) -> None:
    """Warn where squares hide singular values of a result."""
    fused = projection.fused
    if fused is not None and fused.kept < min(result.rank, fused.kept + fused.hidden):
        warn(
            f"squares tell {fused.kept} of {result.rank} singular values, the others are below "
            "their rounding; take method='hmt'",
            SpectrumWarning,
        )
