"""A tensor train of a function, from few of its entries."""

from __future__ import annotations

import builtins
import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .._checks import checked_size, checked_tol, each_bond, require_rank_or_tol
from ..backend.array import accumulator_dtype, unit_roundoff
from ..errors import ArgumentError, ShapeError
from ..formats import TensorTrain, rounded_train, with_evaluations
from ..numerics.index_keys import random_points
from ..numerics.linalg import frobenius_norm
from ..numerics.seeds import checked_seed
from ..results import ErrorEstimate, held_out_error, rounding_floor, warn_unmet
from ..running.progress import counter
from ._cross_sweeps import CrossSweeps
from ._evaluations import BudgetSpent, Evaluations, Map
from ._function_block import FunctionBlock, Values

_SEARCH, _HELD_OUT = 6, 7  # streams of random multi-indices, beside those of test matrices
_OVERSAMPLING = 2  # of ranks, while the function is searched
_FRESH = 4  # multi-indices that a sweep begins with or adds, or a quarter of the width
_GAIN = 0.9  # of the error, above which a sweep was of no use
_PATIENCE = 3  # sweeps of no use while the width grows
_MARGIN = 0.5  # of a tolerance, for the wide train
_BLOCK_POINTS = 100_000


def cross(
    f: Callable[[Any], Any],
    shape: Sequence[int],
    rank: Any = None,
    *,
    tol: float | None = None,
    seed: int | None = 0,
    vectorized: bool = True,
    map: Map = builtins.map,
    block_points: int = _BLOCK_POINTS,
    test_points: int = 500,
    max_evaluations: int | None = None,
    progress: bool = False,
) -> TensorTrain:
    """Return a tensor train close to a function of multi-indices, from few evaluations of it.

    Parameters
    ----------
    f : callable
        Takes an integer array of multi-indices (p, d), and returns their values (p,), real or
        complex. It is asked once at most for each.
    shape : sequence of d int
        Sizes of the modes: index k runs through ``range(shape[k])``.
    rank : int or sequence of d - 1 int, optional
        Ranks of the result. May be left out where `tol` is given.
    tol : float, optional
        Relative error to stay within. Without a rank, the train grows until it does, or until
        growing is of no use.
    seed : int or None
        Fixes all random multi-indices; None for fresh ones.
    vectorized : bool
        False for an f of one multi-index, a tuple of d integers, that returns a number.
    map : callable
        Evaluates f on blocks of multi-indices, as the built-in ``map`` does, or side by side: that
        of a pool or an executor, or of a ``dask.distributed.Client``.
    block_points : int
        Multi-indices in a block at most.
    test_points : int
        Random multi-indices that decide when to stop, and as many others for the error.
    max_evaluations : int, optional
        The best train of the sweeps that this suffices for is returned.
    progress : bool
        Show how many entries were evaluated.

    Returns
    -------
    TensorTrain
        In the precision of the values. Its `error` is that at the held-out multi-indices, with an
        interval where these are even enough for one; its `n_evaluations` tells how many entries of
        f were asked for.

    Raises
    ------
    RankError
        If neither a rank nor a tolerance is given.
    ShapeError
        If the shape is no list of positive integers, or f returns another number of values.
    EvaluationError
        If f raises: its message names the first multi-index.
    DtypeError, NonFiniteError
        If f returns no numbers, NaN or infinity; likewise.
    ArgumentError
        If `max_evaluations` does not suffice for the first sweep.

    Warns
    -----
    ToleranceWarning
        If `tol` is not met.

    Notes
    -----
    Alternating sweeps over the modes [1]_ choose nested sets of indices by submatrices of large
    volume [2]_. Each evaluates about ``sum_k 2 r_{k-1} n_k 2 r_k`` entries, less those that are
    known: the train is twice as wide as asked for while it is searched, and rounded at the end.
    After each sweep random multi-indices join the sets, and the error is measured at the test
    points. Sweeps end where neither the width nor the error gets better. No set of entries shows
    all of a function: what is large at few indices only may be missed by all, and then the error
    does not show it either.

    References
    ----------
    .. [1] I. Oseledets, E. Tyrtyshnikov, "TT-cross approximation for multidimensional arrays",
       Linear Algebra Appl. 432 (2010) 70-88, doi:10.1016/j.laa.2009.07.024.
    .. [2] D. Savostyanov, "Quasioptimality of maximum-volume cross interpolation of tensors",
       Linear Algebra Appl. 458 (2014) 217-244, arXiv:1305.1818.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> def f(i):
    ...     return 1 / (1 + i.sum(axis=1))
    >>> tt = sketch.cross(f, (30,) * 8, rank=5)
    >>> tt.ranks, tt.error.relative < 1e-4, tt.n_evaluations < 1e-6 * 30**8
    ((5, 5, 5, 5, 5, 5, 5), True, True)
    """
    require_rank_or_tol(rank, tol)
    tol = checked_tol(tol)
    shape = _checked_shape(shape)
    ranks = None if rank is None else each_bond(rank, len(shape) - 1, "rank")
    if max_evaluations is not None:
        max_evaluations = checked_size(max_evaluations, "max_evaluations", least=1)
    with counter("evaluating", total=max_evaluations, enabled=progress) as tell:
        entries = Evaluations(
            FunctionBlock(f, vectorized),
            shape,
            mapped=map,
            block_points=checked_size(block_points, "block_points", least=1),
            most=max_evaluations,
            tell=tell,
        )
        search = _Search(entries, checked_seed(seed), checked_size(test_points, "test_points", 1))
        wide = search.run(ranks, tol)
        slack = None if tol is None else wide.error.slack(tol)
        short = rounded_train(wide, ranks, slack).astype(entries.dtype)
        found = short.with_error(search.final_error(short))
    warn_unmet(found.error, tol, f"rank {found.ranks}")
    return with_evaluations(found, entries.count)


class _Search:
    """Sweeps until they are of no use, and the points that tell."""

    def __init__(self, entries: Evaluations, seed: int, test_points: int) -> None:
        self._entries, self._seed = entries, seed
        shape = entries.shape
        self._root_size = _root_size(shape)
        self._is_whole = math.prod(shape) <= 2 * test_points
        if self._is_whole:
            every = np.indices(shape).reshape(len(shape), -1).T
            self._tests = [every, every]
        else:
            cuts = itertools.pairwise((0, test_points, 2 * test_points))
            self._tests = [random_points(seed, _HELD_OUT, *cut, shape) for cut in cuts]
        self._values: list[Values] = []

    def run(self, ranks: Sequence[int] | None, tol: float | None) -> TensorTrain:
        """Return the best train of all sweeps, with its error at the first test points."""
        best: TensorTrain | None = None
        idle = 0
        with contextlib.suppress(BudgetSpent):
            self._values = [self._entries(points) for points in self._tests]
            for tt, has_grown in self._sweeps(ranks):
                tt = tt.with_error(self._error(tt, 0))
                if best is None or tt.error.value < _GAIN * best.error.value:
                    idle = 0
                else:
                    idle += 1
                if best is None or tt.error.value < best.error.value:
                    best = tt
                if idle >= (_PATIENCE if has_grown else 1) or _is_enough(best.error, tol):
                    break
        if best is None:
            raise ArgumentError(
                f"max_evaluations={self._entries.most} does not suffice for the test points and "
                "the first sweep; allow more, or give fewer test_points"
            )
        return best

    def _sweeps(self, ranks: Sequence[int] | None) -> Iterator[tuple[TensorTrain, bool]]:
        """Yield trains, and whether their ranks are larger than before."""
        shape = self._entries.shape
        limits = [math.prod(shape)] * (len(shape) - 1)
        if ranks is not None:
            limits = [_OVERSAMPLING * rank for rank in ranks]
        drawn, before = _FRESH, 0
        sweeps = CrossSweeps(self._entries, random_points(self._seed, _SEARCH, 0, drawn, shape))
        while True:
            tt = TensorTrain(sweeps.sweep(limits))
            yield tt, sum(tt.ranks) > before
            before = sum(tt.ranks)
            more = drawn + max(_FRESH, max(tt.ranks, default=1) // 4)
            sweeps.enrich(random_points(self._seed, _SEARCH, drawn, more, shape))
            drawn = more

    def final_error(self, tt: TensorTrain) -> ErrorEstimate:
        """Return the error of a train at the points that decided nothing."""
        return self._error(tt.astype(accumulator_dtype(self._entries.dtype)), 1)

    def _error(self, tt: TensorTrain, test: int) -> ErrorEstimate:
        values, fitted = self._values[test], tt.entries(self._tests[test])
        scale = self._root_size / math.sqrt(len(values))
        norm = _norm(tt.norm(), scale * frobenius_norm(values), scale * frobenius_norm(fitted))
        roundoff = unit_roundoff(self._entries.dtype)
        floor = rounding_floor(norm, max(tt.ranks, default=1), roundoff)
        if not self._is_whole:
            return held_out_error(values - fitted, self._root_size, norm, floor)
        return ErrorEstimate(
            residual=0.0,
            truncation=frobenius_norm(values - fitted),
            norm=norm,
            kind="exact",
            method="every entry",
            floor=floor,
        )


def _is_enough(error: ErrorEstimate, tol: float | None) -> bool:
    """Whether no further sweep is needed for the tolerance, or could show a gain."""
    return error.value <= error.floor or (tol is not None and error.meets(_MARGIN * tol))


def _norm(train: float, values: float, fitted: float) -> float:
    """Return the norm of a function: of its train, plus what samples of both differ by."""
    if not train:
        return values
    square = 1 + (values - fitted) / train * ((values + fitted) / train)
    return train * math.sqrt(square) if square > 0 else values


def _checked_shape(shape: Sequence[int]) -> tuple[int, ...]:
    if not hasattr(shape, "__len__") or not len(shape):
        raise ShapeError(f"shape must be a sequence of the sizes of the modes, got {shape!r}")
    return tuple(checked_size(n, "a size in the shape", least=1) for n in shape)


def _root_size(shape: Sequence[int]) -> float:
    """Return the root of the number of entries."""
    root = math.prod(map(math.sqrt, shape))
    if math.isfinite(root):
        return root
    raise ShapeError(
        f"about 10^{sum(map(math.log10, shape)):.0f} entries are so many that norms are beyond "
        "the range of doubles; take fewer or smaller modes"
    )
