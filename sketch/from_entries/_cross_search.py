"""The search for a train of a function: sweeps until they are of no use, and points that tell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..backend.array import accumulator_dtype
from ..errors import ArgumentError
from ..formats import RoundedTrain, TensorTrain
from ..numerics.index_keys import random_points
from ._cross_sweeps import CrossSweeps
from ._evaluations import BudgetSpent, Evaluations
from ._function_block import Values
from ._held_out_points import HeldOutPoints, even_points, every_point, points_where_large

_SEARCH = 6  # stream of random multi-indices, beside those of test matrices
_OVERSAMPLING = 2  # of ranks, while the function is searched
_FRESH = 4  # multi-indices that a sweep begins with or adds, or a quarter of the width
_GAIN = 0.9  # of the error, above which a sweep was of no use
_PATIENCE = 3  # sweeps of no use while the width grows
_MARGIN = 0.5  # of a tolerance, for the wide train
_NEGLIGIBLE = 0.03  # of the error after rounding, for that of the wide train


class CrossSearch:
    """A search by sweeps of cross approximation, twice as wide as the train that is asked for.

    Parameters
    ----------
    entries : Evaluations
        Of the function.
    ranks : sequence of int or None
        Of the result at most.
    tol : float or None
        Relative error of the result.
    seed : int
    tests : int
        Points that decide when to stop, and as many others for the error.
    """

    def __init__(
        self,
        entries: Evaluations,
        ranks: Sequence[int] | None,
        tol: float | None,
        *,
        seed: int,
        tests: int,
    ) -> None:
        self._entries, self._ranks, self._tol = entries, ranks, tol
        self._seed, self._tests = seed, tests
        self._trains = self._sweeps()
        self._best: TensorTrain | None = None
        self._norm = 0.0  # of that
        self._short: RoundedTrain | None = None  # the last one that was rounded to the ranks
        self._rounded = math.inf  # its error
        self._idle = 0  # sweeps of no use so far
        self._is_over = False

    def result(self) -> TensorTrain:
        """Return the train with its error at points that decided nothing.

        Where this misses the tolerance, and rank and function allow for more, the search goes on.
        """
        tol, start = self._tol, self._tests
        goal = _MARGIN * (tol or 0.0)
        while True:
            wide = self._searched(goal)
            short = self._measured(self._shortened(wide), wide, start)
            is_met = tol is None or short.error.meets(tol)
            if is_met or self._ranks is not None or self._is_over:
                return short
            goal, start = _MARGIN * goal, start + self._tests

    def _searched(self, goal: float) -> TensorTrain:
        """Return the best train so far, once it is good enough or sweeps are of no use."""
        points = self._even_points(0)
        try:
            values = self._entries(points.indices)
            while not self._is_over and not self._meets(goal):
                self._advance(points, values)
        except BudgetSpent:
            self._is_over = True
        if self._best is None:
            raise ArgumentError(
                f"max_evaluations={self._entries.most} does not suffice for the test points and "
                "the first sweep; allow more, or give fewer test_points"
            )
        return self._best

    def _meets(self, goal: float) -> bool:
        return self._best is not None and self._best.error.meets(goal)

    def _advance(self, points: HeldOutPoints, values: Values) -> None:
        """Sweep once, keep the best train, and see whether another sweep could be of use."""
        tt, has_grown = next(self._trains)
        norm = tt.norm()
        error = points.error(tt, norm, values, self._entries.dtype)
        tt = tt.with_error(error)
        least = math.inf if self._best is None else self._best.error.value
        self._idle = 0 if error.value < _GAIN * least else self._idle + 1
        if self._best is None or error.value < least:
            self._best, self._norm = tt, norm
        useless = self._idle >= (_PATIENCE if has_grown else 1)
        self._is_over = error.value <= error.floor or useless or self._is_outdone(tt, error.value)

    def _is_outdone(self, tt: TensorTrain, error: float) -> bool:
        """Whether rounding to the ranks costs so much more that no sweep is of use."""
        if self._ranks is not None and error <= _NEGLIGIBLE * self._rounded:
            self._short = RoundedTrain.of(tt, self._ranks, None)
            self._rounded = self._short.with_error().error.value
        return error <= _NEGLIGIBLE * self._rounded < math.inf

    def _shortened(self, wide: TensorTrain) -> RoundedTrain:
        """Return a train rounded to the ranks, and as far as the tolerance allows."""
        slack = None if self._tol is None else wide.error.slack(self._tol)
        if slack is None and self._short is not None and self._short.before is wide:
            return self._short
        return RoundedTrain.of(wide, self._ranks, slack)

    def _sweeps(self) -> Iterator[tuple[TensorTrain, bool]]:
        """Yield trains, and whether their ranks are larger than before."""
        shape = self._entries.shape
        limits = [math.prod(shape)] * (len(shape) - 1)
        if self._ranks is not None:
            limits = [_OVERSAMPLING * rank for rank in self._ranks]
        drawn, before = _FRESH, 0
        sweeps = CrossSweeps(self._entries, random_points(self._seed, _SEARCH, 0, drawn, shape))
        while True:
            tt = TensorTrain(sweeps.sweep(limits))
            yield tt, sum(tt.ranks) > before
            before = sum(tt.ranks)
            more = drawn + max(_FRESH, max(tt.ranks, default=1) // 4)
            sweeps.enrich(random_points(self._seed, _SEARCH, drawn, more, shape))
            drawn = more

    def _measured(self, rounded: RoundedTrain, wide: TensorTrain, start: int) -> TensorTrain:
        """Return a train with its error, at points from `start` on and where its rounding lost."""
        short = rounded.train.astype(self._entries.dtype)
        double = short.astype(accumulator_dtype(self._entries.dtype))
        norm = self._norm if rounded.size is None else rounded.norm
        points = self._even_points(start)
        if rounded.lost and not points.is_every:
            lost = wide - double
            size = lost.norm()
            if size > wide.error.floor:
                points = points_where_large(self._seed, start, start + self._tests, lost, size)
        values = self._entries(points.indices, spare=0)
        return short.with_error(points.error(double, norm, values, self._entries.dtype))

    def _even_points(self, start: int) -> HeldOutPoints:
        """Return test points from `start` on; all entries where these are few."""
        shape, stop = self._entries.shape, start + self._tests
        if math.prod(shape) <= 2 * self._tests:
            return every_point(shape)
        return even_points(self._seed, start, stop, shape)
