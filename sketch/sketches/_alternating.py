"""Passes that multiply from one side and then from the other: what a block adds to each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..backend.array import Array, smallest_normal
from ..errors import PassError
from ..maps import DrawnMatrix
from ..numerics.factor_rows import FactorRows, GivenRows, RowsBeside
from ..numerics.linalg import adjoint, frobenius_norm, has_safe_squares
from ..sources import MatrixBlock
from ._method import Method, Products, Sum
from ._running import MatrixRun
from ._spec import MatrixSpec, all_seeing, checked_width, largest_rank
from ._state import Passes, State
from ._sums import Sums
from ._tall import Tall, TallArray, as_tall

_BLURRED = 0.01  # relative rounding error of products that nothing can be told from


@dataclass(frozen=True, kw_only=True)
class AlternatingSpec(MatrixSpec, Method[MatrixBlock, DrawnMatrix]):
    """Spec of methods that multiply by ``A`` and ``A^*`` in turn, the last time by ``A^*``.

    Attributes
    ----------
    power_iters : float
        Steps of subspace iteration, two passes each; a multiple of one half.
    start_size : int or None
        Columns of the first pass's test matrix, where they are not `range_size`.
    """

    filled_axes: ClassVar[dict[str, int]] = {"range": 1, "corange": 0}
    follows_norm: ClassVar[bool] = True

    power_iters: float
    start_size: int | None = None

    @property
    def n_passes(self) -> int:
        """Passes over the data."""
        return 2 + round(2 * self.power_iters)

    @property
    def begins_left(self) -> bool:
        """Whether the first pass multiplies from the left; the last one always does."""
        return self.n_passes % 2 == 1

    @property
    def probed_pass(self) -> int:
        """The pass that the error probes go with: the first one that multiplies by few columns."""
        return 1 if self.begins_left or self.start_size else 0

    @property
    def first_width(self) -> int:
        """Columns of the first pass's test matrix."""
        return self.start_size or self.range_size

    def maps(self) -> dict[str, DrawnMatrix]:
        """Return the test matrix of the first pass and the error probes."""
        maps = {"first": self.draw("corange" if self.begins_left else "range", self.first_width)}
        if self.error_probes:
            maps["error"] = self.draw("error", self.error_probes)
            maps["both"] = maps["first"].beside(maps["error"])
        return maps

    # ---- one pass ---------------------------------------------------------------------------

    def is_left(self, number: int) -> bool:
        """Whether a pass multiplies from the left, as the last one does."""
        return (self.n_passes - min(number, self.n_passes - 1)) % 2 == 1

    def sums(self, passes: Passes) -> dict[str, Sum]:
        """Return the product of a pass, and that of the error probes which go with one."""
        number = min(passes.done, self.n_passes - 1)
        width = int(passes.kept["basis"].shape[1]) if number else self.first_width
        axis, name = (1, "corange") if self.is_left(number) else (0, "range")
        sums = {name: Sum(axis, (width,))}
        if self.error_probes > 0 and number == self.probed_pass:
            sums["error"] = Sum(axis, (self.error_probes,))
        if self.whole_axis(passes) is not None:
            sums["back"] = Sum(1 - axis, (width,), degree=2)
        return sums

    def multiplies(self, passes: Passes) -> tuple[str, ...]:
        """Return the basis, the only one."""
        return ("basis",) if passes.done else ()

    def products(self, run: MatrixRun, block: MatrixBlock, at: tuple[int, ...]) -> Products:
        """Return what a block adds to the product of this pass, and to that of the probes."""
        number = run.passes.done
        left = self.is_left(number)
        name, start, stop = _multiplied(left, block, at)
        times, probes = block.left if left else block.right, self._probes(run)
        apart = block.sparse or run.first_row > 0 or (not number and self.test_matrix.sparse)
        if probes is not None and not apart:  # one product serves both
            both = times(_factor(run, probes, start, stop))
            width = run.sums[name].width[0]
            return {name: both[:width, :], "error": both[width:, :]}
        shift = run.first_row if number and left else 0
        products = {name: times(_factor(run, None, start - shift, stop - shift))}
        if probes is not None:
            products["error"] = times(probes.rows(start, stop))
        return products

    def fused_products(
        self, run: MatrixRun, block: MatrixBlock, at: tuple[int, ...]
    ) -> Products | None:
        """Return what a block adds to the products of this pass and the next one."""
        number = run.passes.done
        left = self.is_left(number)
        name, start, stop = _multiplied(left, block, at)
        width, probes = run.sums[name].width[0], self._probes(run)
        apart = block.sparse or (not number and self.test_matrix.sparse)
        factor = _factor(run, None if apart else probes, start, stop)
        both_ways = block.left_and_back if left else block.right_and_back
        there, back = both_ways(factor, width)
        if not has_safe_squares(there):
            return None
        products = {name: there[:width, :], "back": back}
        if probes is not None and apart:
            times = block.left if left else block.right
            products["error"] = times(probes.rows(start, stop))
        elif probes is not None:
            products["error"] = there[width:, :]
        return products

    def _probes(self, run: MatrixRun) -> DrawnMatrix | None:
        """Return the error probes, None in passes that they do not go with."""
        return run.maps.get("error") if run.passes.done == self.probed_pass else None

    def passes_made(self, sums: Sums) -> int:
        """Return 2 where the pass after this one was taken by the same reading."""
        return 2 if self.whole_axis(sums.state.passes) is not None and sums.state.cover else 1

    def check(self, sums: Sums) -> None:
        """Refuse a pass that saw other data than an earlier one did from the other side."""
        number, probed = sums.number, self.probed_pass
        last = number == self.n_passes - 1
        if last and not sums.state.parts and self.is_complete(sums.state.passes):
            return
        both = self.passes_made(sums) == 2 and not self.is_left(number)
        if both and number > probed and not self.is_left(probed):
            self._compare_fused(sums)
        if number == probed == 1 and "inside" in sums.kept:
            panel = self.panel(sums)
            _compare(sums, "first", sums.kept["inside"], panel)
        elif (number - probed) % 2 and number and "error" in sums.maps:
            inside = as_tall(sums.kept["probes"]).inside(as_tall(sums.kept["basis"]))
            _compare(sums, "error", inside, self.panel(sums))

    def _compare_fused(self, sums: Sums) -> None:
        """Compare ``Y^* (A G)`` with what came back of Y in the same reading, ``(Y^* A) G``."""
        if "error" in sums.maps:
            inside = as_tall(sums.kept["probes"]).inside(sums.tall("range"))
            _compare(sums, "error", inside, TallArray(adjoint(sums.whole("back"))))

    def panel(self, sums: Sums, name: str | None = None) -> Tall:
        """Return a tall product of this pass: ``A Z``, or ``A^* Q`` from the left."""
        if self.is_left(sums.number):
            return TallArray(adjoint(sums.whole(name or "corange")))
        return sums.tall(name or "range")

    def probed(self, sums: Sums) -> Tall:
        """Return the tall product with the probes: ``A G``, or ``A^* G`` from the left."""
        if sums.number != self.probed_pass:
            return as_tall(sums.kept["probes"])
        return self.panel(sums, "error")

    def data_size(self, sums: Sums, inside: Array) -> tuple[float, float]:
        """Return about the norm of the data, and the roundoff of products with them."""
        size = sums.state.norm
        if size is None and self.error_probes:
            size = self.probed(sums).norm() / math.sqrt(self.error_probes)
        if size is None:
            size = frobenius_norm(inside)
        return size, sums.roundoff(size)

    def begun_at(self, basis: Array, n_rows: int, *, norm: float | None, rounding: float) -> State:
        """Return the state after a first pass that gave a basis; see `HMT.begin_at`."""
        if not self.begins_left:
            raise PassError("a basis takes the place of a first pass from the left, not begun yet")
        passes = Passes(1, settled=(n_rows, int(basis.shape[0])), kept={"basis": basis})
        return State(seen=(0, 0), norm=norm, rounding=rounding, passes=passes)


def first_product(fields: Mapping[str, Any], sketch_rank: object) -> dict[str, Any]:
    """Return the fields of the first product: its width, by default ten columns over the rank."""
    width = fields["rank"] + 10 if sketch_rank is None else sketch_rank
    width = checked_width(width, "sketch_rank", fields["rank"], fields["shape"])
    family = fields["test_matrix"]
    if width == largest_rank(fields["shape"]):  # and the result is to be exact
        family = all_seeing(family, width)
    return {"range_size": width, "test_matrix": family}


def _multiplied(left: bool, block: MatrixBlock, at: tuple[int, ...]) -> tuple[str, int, int]:
    """Return the product of a side, and which rows of its factor a block is multiplied with."""
    name, axis = ("corange", 0) if left else ("range", 1)
    return name, at[axis], at[axis] + block.shape[axis]


def _factor(run: MatrixRun, probes: DrawnMatrix | None, start: int, stop: int) -> FactorRows:
    """Return rows of what a pass multiplies by, the probes beside it."""
    if not run.passes.done:
        return run.maps["first" if probes is None else "both"].rows(start, stop)
    rows = GivenRows(run.passes.kept["basis"][start:stop, :])
    return rows if probes is None else RowsBeside(rows, probes.rows(start, stop))


def _compare(sums: Sums, name: str, inside: Array, panel: Tall) -> None:
    """Compare products with the data from both sides, ``Q^* (A G)`` and ``(Q^* A) G``.

    G is a test matrix that an earlier pass multiplied by, `inside` is ``Q^* (A G)`` and `panel`
    ``A^* Q`` of this pass. Products of rounding errors, and of numbers so small that they lose
    digits, say nothing.

    Raises
    ------
    PassError
        If they differ.
    """
    gap = frobenius_norm(inside - adjoint(panel.seen_by(sums.maps[name])))
    size = frobenius_norm(inside)
    roundoff = sums.roundoff(size)
    has_digits = roundoff < _BLURRED and size > smallest_normal(sums.dtype) / roundoff
    if has_digits and gap > math.sqrt(roundoff) * size:
        raise PassError(
            "a later pass saw other data than an earlier one: their products differ by "
            f"{gap / size:.2g} of the whole. Feed the same chunks in every pass, each of them once"
        )
