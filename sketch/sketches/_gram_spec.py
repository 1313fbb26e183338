"""Gram-Nyström, declared: squares of rows about a shift that moves with their mean."""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass

from ..backend.array import Array, beside, cast, moved, namespace, quiet, silent, unit_roundoff
from ..backend.protocols import Number
from ..errors import ArgumentError, DtypeError, ShapeError
from ..finalize import ShiftedSums, no_shift
from ..maps import DrawnMatrix
from ..numerics.linalg import plain_number
from ..results import PrincipalComponents
from ..sources import CentredBlock, MatrixBlock, MatrixSource, RowsSource, as_matrix_source, centred
from ._finish import check_request
from ._gram_components import components_of, warn_of_spacing, warn_of_squares
from ._method import Method, Products, Sum
from ._row_sums import holding, shifted_sums, sums_about
from ._running import MatrixRun, refuse_nonfinite
from ._spec import MatrixSpec
from ._state import Passes, State
from ._sums import Sums

_FAR = 4.0  # spreads between a block and the shift at hand from which it gets one of its own
_UNKNOWN = 32.0  # roundoffs of products in states that do not say


@dataclass(frozen=True, kw_only=True)
class GramNystromSpec(MatrixSpec, Method[MatrixBlock, DrawnMatrix]):
    """Spec of a `GramNystrom` sketch; see `MatrixSpec`.

    Attributes
    ----------
    center : bool
        Whether the mean of the rows is subtracted.
    exact : bool
        Whether the sketch is as wide as the rows: it then holds all their squares, and the test
        matrix is the identity.
    scale : bool
        Whether the columns are divided by their standard deviations, or by numbers that the state
        holds.
    """

    center: bool
    exact: bool = False
    scale: bool = False

    def maps(self) -> dict[str, DrawnMatrix]:
        """Return Omega, where it is not the identity."""
        return {} if self._matrix is None else {"range": self._matrix}

    @functools.cached_property
    def _matrix(self) -> DrawnMatrix | None:
        """Omega, one for all blocks, whose rows stay at hand; None where it is the identity."""
        return None if self.exact else self.draw("range", self.range_size)

    def as_source(self, chunk: object) -> MatrixSource:
        """Return the adapter of a chunk of whole rows."""
        source = RowsSource(as_matrix_source(chunk))
        if source.shape[1] != self.shape[1]:
            raise ShapeError(
                f"principal components need whole rows of {self.shape[1]} entries, got a "
                f"chunk of shape {source.shape}"
            )
        return source

    def bytes_needed(self, shape: tuple[int, ...], maps: Mapping[str, object]) -> int:
        """Return about how many bytes sums, bases and factors take."""
        return 8 * self.dof_each * 6 * self.range_size * shape[1]

    # ---- rows in ----------------------------------------------------------------------------

    def sums(self, passes: Passes) -> dict[str, Sum]:
        """Return the sums over rows, all of them about a shift."""
        return {
            "gram": Sum(1, (self.range_size,)),
            "total": Sum(1, (1,)),
            "energy": Sum(None, (1, 1)),
            "count": Sum(None, (1, 1)),
            **({"squares": Sum(1, (1,))} if self.scale else {}),
        }

    def products(self, run: MatrixRun, block: MatrixBlock, at: tuple[int, ...]) -> Products:
        """Return nothing: rows are summed about a shift of their own."""
        return {}

    def hint(self, state: State) -> State | None:
        """Return a shift to take, and the spread about it."""
        sums = shifted_sums(state)
        if sums is None or not sums.count > 0:
            return None
        return State(seen=state.seen, shift=sums.shift, facts={"spread": sums.spread})

    def taken(self, run: MatrixRun, state: State, block: MatrixBlock, at: tuple[int, ...]) -> State:
        """Return a state with the rows of one more block."""
        with quiet():  # overflow shows in the sums, which are checked
            sums = self._sums_of(run, block)
            if run.home is not None:
                sums = sums.moved_beside(run.home)
            if run.check_finite:
                refuse_nonfinite(block, {"gram": sums.gram}, at)
            rows = holding(state.having(parts={}, n_updates=0), sums).having(
                seen=tuple(map(operator.add, at, block.shape)), dtype=block.dtype
            )
            return self.total(state, rows)

    def _sums_of(self, run: MatrixRun, block: MatrixBlock) -> ShiftedSums:
        """Return the sums of a block, about its own mean where the shift at hand is far from it.

        Far is what would cost two bits or more of the precision of its products.
        """
        matrix = run.maps.get("range")
        if run.hint is None or not self.center:
            return self._sums_about(centred(block), matrix)
        sums = self._sums_about(centred(block, run.hint.shift), matrix)
        if sums.count and sums.offset > _FAR * max(sums.spread, run.hint.facts["spread"]):
            return self._sums_about(centred(block), matrix)
        return sums

    def _sums_about(self, rows: CentredBlock, matrix: DrawnMatrix | None) -> ShiftedSums:
        """Return the sums of a block, with those of the squares of columns where these scale."""
        sums = sums_about(rows, matrix)
        if not self.scale:
            return sums
        squares = cast(rows.block.column_squares(), "float64")
        return dataclasses.replace(sums, squares=moved(squares, sums.gram)[None, :])

    @silent
    def total(
        self, ours: State, theirs: State, *, disjoint: bool = False, spent: bool = False
    ) -> State:
        """Return the state of both rows, about their mean where it has drifted by the spread."""
        window = tuple(map(self.total, ours.window, theirs.window)) or ours.window
        dtype = self.joint_dtype(ours.dtype, theirs.dtype)
        both = ours.having(parts={}).plus(theirs.having(parts={}), dtype).having(window=window)
        held, sums = shifted_sums(ours), shifted_sums(theirs)
        if held is None or sums is None:
            only = theirs if held is None else ours
            return both.having(parts=only.parts, shift=only.shift, facts=only.facts)
        matrix = self._matrix
        ours.parts["gram"].check_library(sums.gram)
        total = held.plus(sums, matrix)
        if self.center and total.count > 0 and total.offset > total.spread:
            total = total.about_mean(matrix)
        return holding(both, total)

    def times(self, state: State, factor: Number) -> State:
        """Return the state of rows whose weights are multiplied by a number."""
        weight = plain_number(factor)
        if isinstance(weight, complex):
            raise DtypeError(f"rows are weighted by real numbers, got {factor}")
        if self.scale and weight < 0:
            raise ArgumentError(
                "rows cannot be taken away from a sketch that scales columns: what is left of "
                "their rounding errors would be scaled up; sketch the rows that stay, or give "
                "scale=False"
            )
        sums = shifted_sums(state)
        window = tuple(self.times(chunk, weight) for chunk in state.window)
        state = state.having(window=window)
        return state if sums is None else holding(state, sums.scaled(weight))

    # ---- result -----------------------------------------------------------------------------

    def finish(self, sums: Sums, rank: object, tol: float | None) -> PrincipalComponents:
        """Return the principal components."""
        keep = check_request(rank, tol, self)
        whole = self.whole(sums)
        short = whole.truncate(min(keep, whole.rank), tol)
        warn_of_squares(short)
        warn_of_spacing(short, sums.dtype)
        return short.astype(sums.dtype)

    def whole(self, held: Sums) -> PrincipalComponents:
        """Return all components that sums hold, in double precision."""
        sums, matrix = shifted_sums(held.state), held.maps.get("range")
        if sums is None or not sums.count > 0:
            raise ShapeError("there are no rows; update the sketch with some first")
        scale = self._scale_of(held, sums)
        if self.center:
            sums = sums.about_mean(matrix)
        else:
            sums = sums.moved_to(no_shift(sums.shift), matrix)
        mean, unit = sums.shift, None
        if self.scale:
            sums, unit = sums.in_units(scale, self.exact, self.center)
        degrees = self.range_size * self.dof_each
        return components_of(sums, matrix, mean, scale, unit=unit, degrees=degrees)

    def _scale_of(self, held: Sums, sums: ShiftedSums) -> Array:
        """Return by what columns are divided."""
        given = held.kept.get("scale")
        if given is not None:
            return moved(given, sums.shift)
        if self.scale:
            return sums.deviations()
        return namespace(sums.shift).ones(sums.shift.shape, **beside(sums.shift, "float64"))

    # ---- of files that were written by earlier versions -------------------------------------

    def renewed(self, state: State) -> State:
        """Return a state that says what rounding errors are in it."""
        sums = shifted_sums(state)
        if sums is None or state.facts:
            return state
        roundoff = _UNKNOWN * (state.roundoff or unit_roundoff("float64"))
        length = roundoff * math.sqrt(abs(sums.energy * sums.count))
        facts = {
            "exponent": 0,
            "rounding": roundoff * abs(sums.energy),
            "total_rounding": length,
        }
        return state.having(facts=facts)
