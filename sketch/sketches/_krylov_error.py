"""Block Krylov spaces that grow until their error meets a tolerance: no product is taken twice."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..backend.array import Array, cast, dtype_name, namespace
from ..finalize import (
    further_rows,
    identity_error,
    next_block,
    probe_error,
    rank_within,
    summing_error,
)
from ..numerics.linalg import frobenius_norm, rescaled
from ..results import ErrorEstimate, LowRank
from ._alternating import AlternatingSpec
from ._krylov_space import Space, next_pass, precision
from ._projection import Projection
from ._state import Kept
from ._sums import Sums

_GROWTH = 0.5  # of the space, that a block is wide at most
_LEAST = 8  # columns of a block
_SAFE = 1.08  # by what more the error is foreseen to fall
_CERTAIN = 0.5  # of the tolerance, where probes tell the error within a factor alone
_LEADING = 0.8  # of the space, of which vectors are nearly the best ones


@dataclass(frozen=True)
class ByError:
    """Steps until the error of the projection on the space meets a tolerance.

    Each reading multiplies what the last products added to the space, and fresh columns of the test
    matrix. The error follows from the norm of the data, where it is known, and else from probes;
    how it falls tells how many columns are missing. Where these meet the tolerance but hardly
    exceed the rank that they tell, a further block brings it closer to the smallest.

    Attributes
    ----------
    spec : AlternatingSpec
    tol : float
        Relative error of the space, in the Frobenius norm, at which it stops.
    readings : int
        Of the data, at most.
    most : int or None
        Columns of the space, at most.
    """

    spec: AlternatingSpec
    tol: float
    readings: int
    most: int | None

    def step(self, sums: Sums, space: Space) -> Kept:
        """Return what is kept of a space with one more block; see `ByResiduals`."""
        kept, known = space.kept(), sums.kept.get("rows")
        rows = further_rows(known, space.x, space.z, sums.state.roundoff)
        rows = rows if known is None else namespace(space.z).concat([known, rows], axis=0)
        error = self._error(sums, space, rows)
        width = self._wanted(sums, space, rows, error) - int(space.v.shape[1])
        new = self._block_after(sums, space, width)
        kept |= {"rows": rows, "missed": namespace(space.z).asarray(error.relative)}
        return kept | next_pass(new, done=width <= 0)

    def _wanted(self, sums: Sums, space: Space, rows: Array, error: ErrorEstimate) -> int:
        """Return how many columns the space shall have, as far as its error so far tells."""
        known, n = int(space.v.shape[1]), sums.shape[1]
        most = n if self.most is None else min(n, self.most)
        all_known = (
            known >= most or int(rows.shape[0]) >= min(sums.shape) or error.value <= error.floor
        )
        if sums.readings >= self.readings or all_known:
            return known
        goal = self.tol * (1.0 if error.kind == "exact" else _CERTAIN)
        if error.relative > goal:
            wanted = self._foreseen(sums, space, error.relative, goal)
        else:
            wanted = math.ceil(rank_within(rows, error, self.tol) / _LEADING)
        return min(wanted, most)

    def _foreseen(self, sums: Sums, space: Space, missed: float, goal: float) -> int:
        """Return how many columns will miss no more, if errors go on to fall as they did."""
        known, last = int(space.v.shape[1]), int(space.x.shape[1])
        most = known + max(last, int(_GROWTH * known))
        if "missed" not in sums.kept or not goal:
            return most
        fell = math.log(float(sums.kept["missed"]) / missed) / math.log(known / (known - last))
        if fell <= 0:
            return most
        further = math.log(_SAFE * missed / goal) / fell
        return max(known + _LEAST, min(most, math.ceil(known * math.exp(min(further, 1.0)))))

    def _error(self, sums: Sums, space: Space, rows: Array) -> ErrorEstimate:
        """Return the error of the projection on ``A V``, by its norm or the probes, as scaled."""
        e, norm = space.exponent, sums.state.norm
        if norm is not None:
            size, summing = (
                rescaled(norm, -e),
                summing_error(rows, sums.shape[0], sums.state.roundoff),
            )
            exact = identity_error(size, rows, sums.roundoff(norm), summing)
            if exact is not None:
                return exact
        seen, q = self.spec.probed(sums).rescaled(-e), space.range.basis()
        inside = seen.inside(q)
        outside = seen.outside(q, inside)
        captured = frobenius_norm(inside) / math.sqrt(self.spec.error_probes)
        return probe_error(
            outside,
            captured=captured,
            columns=int(space.v.shape[1]),
            probes=self.spec.error_probes,
            dof_each=self.spec.dof_each,
            roundoff=sums.roundoff(rescaled(math.hypot(captured, frobenius_norm(outside)), e)),
        )

    def _block_after(self, sums: Sums, space: Space, width: int) -> Array:
        """Return what the last products add to the space, and fresh columns of the test matrix."""
        v, test = space.v, sums.maps["first"]
        if width <= 0:
            return space.z[:, :0]

        def filled(new: Array) -> Array:
            new = new[:, :width]
            fresh = width - int(new.shape[1])
            if not fresh:
                return new
            omega = test.panel(sums.readings, fresh).rows(0, sums.shape[1]).array(v)
            return namespace(v).concat([new, cast(omega, dtype_name(v.dtype))], axis=1)

        new = next_block(v, space.z, sums.state.roundoff, filled)
        return cast(new, precision(sums, new))

    def finish(
        self, projection: Projection, sums: Sums, rank: object, tol: float | None
    ) -> LowRank:
        """Return the approximation in the range of the space, of the rank that meets it."""
        return projection.result(rank, self._asked(rank, tol))

    def blur(
        self, projection: Projection, rank: object, tol: float | None, *, slight: bool
    ) -> str | None:
        """Return what squares hide that a product with a basis of ``A V`` would tell."""
        return projection.blur(rank, self._asked(rank, tol), slight=slight)

    def _asked(self, rank: object, tol: float | None) -> float | None:
        return self.tol if rank is None and tol is None else tol
