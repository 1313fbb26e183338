"""Block Krylov spaces that grow until their error meets a tolerance: no product is taken twice."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

from ..backend.array import Array, Device, beside, cast, dtype_name, namespace
from ..finalize import (
    further_rows,
    identity_error,
    next_block,
    probe_error,
    rank_within,
    summing_error,
)
from ..maps import MatrixFamilyName, TestMatrixFamily
from ..numerics.linalg import frobenius_norm, rescaled
from ..results import ErrorEstimate, LowRank
from ._accumulator import Accumulator
from ._hmt import HMT, HMTSpec
from ._krylov import BlockKrylov, BlockKrylovSpec, precision
from ._krylov_space import Space
from ._spec import checked_width, common_fields
from ._state import State
from ._sums import Sums

_FIRST_SIZE = 26  # columns of the first block
_MOST_READINGS = 64  # from 26 columns by a half each: enough for any matrix
_GROWTH = 0.5  # of the space, that a block is wide at most
_LEAST = 8  # columns of a block
_SAFE = 1.08  # by what more the error is foreseen to fall
_CERTAIN = 0.5  # of the tolerance, where probes tell the error within a factor alone
_LEADING = 0.8  # of the space, of which vectors are nearly the best ones


@dataclass(frozen=True, kw_only=True)
class GrowingKrylovSpec(BlockKrylovSpec):
    """Spec of a `GrowingKrylov` sketch; see `BlockKrylovSpec`.

    Attributes
    ----------
    error_tol : float
        Relative error of the space, in the Frobenius norm, at which it stops.
    """

    method: ClassVar[str] = "growing-krylov"

    error_tol: float

    def _step(self, sums: Sums, space: Space) -> dict[str, Any]:
        """Return what is kept of a space with one more block; see `BlockKrylovSpec`."""
        kept, known = space.kept(), sums.kept.get("rows")
        rows = further_rows(known, space.x, space.z, sums.state.roundoff)
        rows = rows if known is None else namespace(space.z).concat([known, rows], axis=0)
        error = self._error(sums, space, rows)
        width = self._wanted(sums, space, rows, error) - int(space.v.shape[1])
        new = self._block_after(sums, space, width)
        kept |= {"rows": rows, "missed": namespace(space.z).asarray(error.relative)}
        return kept | self._next(new, done=width <= 0)

    def _wanted(self, sums: Sums, space: Space, rows: Array, error: ErrorEstimate) -> int:
        """Return how many columns the space shall have, as far as its error so far tells."""
        known, n = int(space.v.shape[1]), sums.shape[1]
        most = n if self.most is None else min(n, self.most)
        all_known = (
            known >= most or int(rows.shape[0]) >= min(sums.shape) or error.value <= error.floor
        )
        if sums.readings >= self.readings or all_known:
            return known
        goal = self.error_tol * (1.0 if error.kind == "exact" else _CERTAIN)
        if error.relative > goal:
            wanted = self._foreseen(sums, space, error.relative, goal)
        else:
            wanted = math.ceil(rank_within(rows, error, self.error_tol) / _LEADING)
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
        seen, q = self._probed(sums).rescaled(-e), space.range.basis()
        inside = seen.inside(q)
        outside = seen.norm_outside(q, inside)
        captured = frobenius_norm(inside) / math.sqrt(self.error_probes)
        return probe_error(
            namespace(inside).asarray([[outside]], **beside(inside)),
            captured=captured,
            columns=int(space.v.shape[1]),
            probes=self.error_probes,
            dof_each=self.dof_each,
            roundoff=sums.roundoff(rescaled(math.hypot(captured, outside), e)),
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

    # ---- result -----------------------------------------------------------------------------

    def finish(self, sums: Sums, rank: object, tol: float | None) -> LowRank:
        """Return the approximation in the range of ``A V``, of the rank that meets a tolerance."""
        if rank is None and tol is None:
            tol = self.error_tol
        return HMTSpec.finish(self._wide(sums), self._in_its_range(sums), rank, tol)

    def blur(
        self, sums: Sums, rank: object, tol: float | None, *, slight: bool = False
    ) -> str | None:
        """Return what squares hide that a product with a basis of ``A V`` would tell."""
        tol = self.error_tol if rank is None and tol is None else tol
        wide, within = self._wide(sums), self._in_its_range(sums)
        return HMTSpec.blur(wide, within, rank, tol, slight=slight)

    def _wide(self, sums: Sums) -> GrowingKrylovSpec:
        """Return the spec with the width that the space has grown to."""
        return dataclasses.replace(self, range_size=int(sums.kept["space"].shape[1]))

    def projection(self, sums: Sums) -> tuple[HMTSpec, State]:
        """Return the spec and the state of a sketch that lacks ``Q^* A`` alone, in this range."""
        names = (f.name for f in dataclasses.fields(HMTSpec))
        fields = {name: getattr(self._wide(sums), name) for name in names}
        spec = HMTSpec(**{**fields, "power_iters": 0, "rank": fields["range_size"]})
        kept = {name: self._in_its_range(sums).kept[name] for name in ("basis", "probes")}
        passes = dataclasses.replace(sums.state.passes, done=1, kept=kept)
        return spec, sums.state.having(passes=passes)


class GrowingKrylov(BlockKrylov):
    """Block Krylov iteration that grows until the error of its space meets a tolerance.

    Each reading multiplies what the last products added to the space, and fresh columns of the test
    matrix, up to half as many as there are in all. The error of the projection follows from the
    norm of the data, where it is known, and else from probes; how it falls tells how many columns
    are missing. Where these meet the tolerance but hardly exceed the rank that they tell, a
    further block brings it closer to the smallest.

    Parameters
    ----------
    shape : (int or None, int)
    error_tol : float
        Relative error in the Frobenius norm.
    passes : int
        Readings of the data, at most.
    columns : int, optional
        Of the space, at most.
    sketch_rank : int
        Columns of the first block.
    test_matrix, seed, dtype, error_probes, device
        See `HMT`.
    from_basis : bool
        Whether `begin_at` gives the first block, and not a test matrix.

    Notes
    -----
    ``4 m n L`` operations for all products of L columns, about ``1.6`` times the rank, and ``8 n
    L^2`` beside them.

    References
    ----------
    .. [1] W. Yu, Y. Gu, Y. Li, "Efficient randomized algorithms for the fixed-precision low-rank
       matrix approximation", SIMAX 39 (2018) 1339-1359, arXiv:1606.09402.
    .. [2] C. Musco, C. Musco, "Randomized block Krylov methods for stronger and faster approximate
       singular value decomposition", NIPS 2015, arXiv:1504.05477.
    """

    spec_type: ClassVar[type[Any]] = GrowingKrylovSpec

    spec: GrowingKrylovSpec

    def __init__(
        self,
        shape: object,
        error_tol: float,
        *,
        passes: int = _MOST_READINGS,
        columns: int | None = None,
        sketch_rank: int = _FIRST_SIZE,
        test_matrix: TestMatrixFamily | MatrixFamilyName = "gaussian",
        seed: int | None = 0,
        dtype: object = None,
        error_probes: int = 10,
        device: Device = None,
        from_basis: bool = False,
    ) -> None:
        fields = common_fields(shape, 0, test_matrix, seed, dtype, error_probes)
        width = checked_width(sketch_rank, "sketch_rank", 0, fields["shape"])
        spec = GrowingKrylovSpec(
            **fields,
            range_size=width,
            power_iters=passes + from_basis / 2,
            readings=passes,
            most=columns,
            error_tol=error_tol,
        )
        self._set_up(spec, device)

    @property
    def range_size(self) -> int:
        """Columns of the space so far."""
        kept = self._accumulator.state.passes.kept
        return int(kept["space"].shape[1]) if "space" in kept else self.spec.range_size

    def _for_one_more(self) -> HMT:
        """Return the sketch that takes a further reading, which projects on the range found."""
        ours = self._accumulator
        spec, state = self.spec.projection(ours.complete())
        again = HMT.from_spec(spec)
        again._accumulator = Accumulator(spec, ours.home, state)
        return again
