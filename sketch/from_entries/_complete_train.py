"""A tensor train from scattered entries of a tensor."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .._checks import Ranks, checked_tol, each_bond
from ..backend.array import accumulator_dtype, compute_dtype, to_host, unit_roundoff
from ..errors import MemoryBudgetError, NonFiniteError
from ..formats import TensorTrain
from ..numerics.index_keys import Points
from ..numerics.linalg import frobenius_norm, rescaled, scale_exponent
from ..numerics.seeds import checked_seed
from ..results import ErrorEstimate, held_out_error, rounding_floor, warn_unmet
from ..running.memory import fits
from ._function_block import Values
from ._held_out_points import checked_shape, root_size
from ._scattered_points import (
    Mask,
    averaged,
    checked_points,
    renumbered,
    shared_out,
    warn_of_unseen,
)
from ._train_fit import KnownEntries, grown, sweeps

_GAIN = 0.95  # of the error at held-out entries, above which a sweep or a rank was of no use
_PATIENCE = 2  # ranks of no use
_STARTS = 2  # of each further part, of which the best in the end is kept
_FIRST_SWEEPS, _MOST_SWEEPS = 5, 100  # with each start, and with the best of them
_CLEAR = 2.0  # standard deviations, by which entries that choose show a train to be worse
_MARGIN = 0.5  # of a tolerance
_SURE = 0.99  # of the interval that a known difference has to be in


def complete_train(
    points: object,
    values: object,
    shape: Sequence[int],
    rank: Ranks | None = None,
    *,
    tol: float | None = None,
    seed: int | None = 0,
    holdout: float | None = None,
) -> TensorTrain:
    """Return a tensor train close to a tensor of which scattered entries are known.

    Parameters
    ----------
    points : array_like of int, shape (p, d)
        Multi-indices of the entries. The values of a multi-index that comes several times are
        averaged.
    values : array_like, shape (p,)
    shape : sequence of d int
    rank : int or sequence of d - 1 int, optional
        Ranks of the result at most. By default as large as is of use for the held-out entries.
    tol : float, optional
        Relative error from which no larger rank is tried.
    seed : int or None
        Fixes which entries are held out and where the fit starts; None for a fresh one.
    holdout : float, optional
        Share of the entries that are not fitted; half of them choose rank and sweeps, the others
        measure the error. By default about 1000 entries, between a hundredth and a tenth. Which
        ones follows from the seed and their multi-indices alone.

    Returns
    -------
    TensorTrain
        In the precision of the values. Its `error` is that at the held-out entries, as if those
        given were an even sample of all.

    Raises
    ------
    ShapeError
        If points, values and shape do not fit together.
    DtypeError, NonFiniteError
        If the values are no finite numbers.
    ArgumentError
        If so few entries are given that none can be held out.
    MemoryBudgetError
        If the cores of a train of that shape are larger than half of the memory of this machine.

    Warns
    -----
    UnseenWarning
        If no entry is fitted for some index of a mode: the train is zero there.
    ToleranceWarning
        If `tol` is not met.

    Notes
    -----
    Alternating least squares [1]_ with ranks that grow by one [2]_: a train of rank one is fitted
    to what is left over and joins the others, then all cores are fitted in turn, in sweeps with
    momentum [3]_, up to 100 for each rank: until the fitted entries gain nothing more, or those
    that choose clearly lose. Each core takes ``O(p r^4)`` operations; the entries and p times the
    sum of the ranks are held in memory.

    The error counts what the entries show. Where a function is steep in a corner that hardly any of
    them lie in, the train may be further off than they tell. This shows in how the last two trains
    differ, which is known everywhere: where held-out entries do not tell the size of that, the
    error is heuristic.

    References
    ----------
    .. [1] L. Grasedyck, M. Kluge, S. Krämer, "Variants of alternating least squares tensor
       completion in the tensor train format", SIAM J. Sci. Comput. 37 (2015) A2424-A2450,
       doi:10.1137/130942401.
    .. [2] L. Grasedyck, S. Krämer, "Stable ALS approximation in the TT-format for rank-adaptive
       tensor completion", Numer. Math. 143 (2019) 855-904, doi:10.1007/s00211-019-01072-4.
    .. [3] D. Mitchell, N. Ye, H. De Sterck, "Nesterov acceleration of alternating least squares for
       canonical tensor decomposition: momentum step size and restart mechanisms", Numer. Linear
       Algebra Appl. 27 (2020) e2297, arXiv:1810.05846.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> i = np.random.default_rng(0).integers(0, 20, (6000, 4))
    >>> tt = sketch.complete_train(i, 1 / (1 + i.sum(axis=1)), (20,) * 4, rank=3)
    >>> tt.ranks, tt.error.relative < 0.02
    ((3, 3, 3), True)
    """
    tol, shape = checked_tol(tol), checked_shape(shape)
    limits = _largest_ranks(shape)
    if rank is not None:
        limits = tuple(map(min, limits, each_bond(rank, len(shape) - 1, "rank")))
    _check_holds(shape, (1,) * (len(shape) - 1))
    seed = checked_seed(seed)
    places, given = checked_points(points, values, shape)
    dtype = compute_dtype(given.dtype)
    given = given.astype(accumulator_dtype(dtype))
    exponent = scale_exponent(given)
    places, scaled = averaged(places, rescaled(given, -exponent), shape)
    fitted, choosing, measuring = shared_out(places, seed, holdout)
    warn_of_unseen(places[fitted], shape)
    places, seen = renumbered(places)
    sizes = tuple(map(len, seen))
    limits = tuple(map(min, limits, _largest_ranks(sizes)))
    growth = _Growth(places, scaled, sizes, fitted, choosing, seed)
    best, rival = growth.trains(limits, tol, rounding_floor(1.0, 0, unit_roundoff(dtype)))
    root = root_size(shape)
    norm = frobenius_norm(scaled) / math.sqrt(len(scaled)) * root
    error = _error(best, rival, places[measuring], scaled[measuring], root, norm, dtype)
    error = error.rescaled(exponent)
    if not math.isfinite(error.norm):
        raise NonFiniteError("the norm is beyond the range of doubles; scale the values")
    _check_holds(shape, best.ranks)
    best = _with_indices(_unscaled(best, exponent), seen, shape)
    found = best.astype(dtype).with_error(error)
    warn_unmet(found.error, tol, f"rank {found.ranks}")
    return found


class _Growth:
    """Fits of larger and larger ranks, chosen by entries that they do not see."""

    def __init__(
        self,
        points: Points,
        values: Values,
        shape: tuple[int, ...],
        fitted: Mask,
        choosing: Mask,
        seed: int,
    ) -> None:
        self._known = KnownEntries(points[fitted], shape)
        self._values = values[fitted]
        self._tests, self._test_values = points[choosing], values[choosing]
        self._seed = seed

    def trains(
        self, limits: tuple[int, ...], tol: float | None, floor: float
    ) -> tuple[TensorTrain, TensorTrain | None]:
        """Return the best train and the best one before, of a smaller rank or none."""
        if not self._values.any():
            return TensorTrain.zeros(self._known.shape, dtype=self._values.dtype.name), None
        goal = floor if tol is None else max(floor, _MARGIN * tol)
        best: TensorTrain | None = None
        rival, least, idle = best, math.inf, 0
        cores: Sequence[Values] = []
        ranks: tuple[int, ...] | None = None
        while idle < _PATIENCE and least > goal:
            tries = [self._larger(cores, limits, start) for start in range(_STARTS)]
            tt = self._settled(min(tries, key=self._off), _MOST_SWEEPS)
            off = self._off(tt)
            idle += 1
            if off < _GAIN * least or best is None:
                best, rival, least, idle = tt, best, off, 0
            if tt.ranks in (ranks, limits):
                break
            cores, ranks = [to_host(core) for core in tt.cores], tt.ranks
        assert best is not None
        return best, rival

    def _larger(self, cores: Sequence[Values], limits: Sequence[int], start: int) -> TensorTrain:
        """Return a train with a part of rank one more, after first sweeps."""
        grew = grown(cores, self._known, self._values, limits, self._seed, start)
        return self._settled(TensorTrain(grew), _FIRST_SWEEPS)

    def _settled(self, tt: TensorTrain, most: int) -> TensorTrain:
        """Return the last train of the sweeps that do not end up clearly worse than before."""
        best, least, last = tt, self._squares(tt), tt
        for last in itertools.islice(sweeps(tt, self._known, self._values), most):
            squares = self._squares(last)
            if squares.sum() < least.sum():
                best, least = last, squares
            elif _is_clear(squares - least):
                return best
        return last

    def _squares(self, tt: TensorTrain) -> NDArray[np.float64]:
        """Return the squares of the errors at the entries that choose."""
        errors: Values = self._test_values - to_host(tt.entries(self._tests))
        return np.asarray(np.abs(errors) ** 2, np.float64)

    def _off(self, tt: TensorTrain) -> float:
        size = frobenius_norm(self._test_values)
        off = math.sqrt(float(self._squares(tt).sum()))
        return off / size if size else off


def _is_clear(differences: NDArray[np.float64]) -> bool:
    """Whether the sum of independent numbers is clearly positive."""
    spread = float(np.std(differences)) * math.sqrt(len(differences))
    return float(differences.sum()) > _CLEAR * spread


def _error(
    best: TensorTrain,
    rival: TensorTrain | None,
    points: Points,
    values: Values,
    root: float,
    norm: float,
    dtype: str,
) -> ErrorEstimate:
    """Return the error at held-out entries: heuristic where they do not show known differences."""
    floor = rounding_floor(norm, max(best.ranks, default=1), unit_roundoff(dtype))
    error = held_out_error((values - best.entries(points)) * root, norm, floor)
    known = best if rival is None else best - rival
    size = known.norm()
    shown = held_out_error(known.entries(points) * root, norm, floor)
    if shown.kind != "heuristic":
        low, high = shown.interval(_SURE)
        if low <= size <= high:
            return error
    return dataclasses.replace(error, kind="heuristic")


def _largest_ranks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the ranks that a train needs at most."""
    return tuple(min(math.prod(shape[:k]), math.prod(shape[k:])) for k in range(1, len(shape)))


def _check_holds(shape: Sequence[int], ranks: Sequence[int]) -> None:
    """Refuse a train whose cores do not fit in memory."""
    bonds = itertools.pairwise((1, *ranks, 1))
    needed = 8 * sum(a * n * b for n, (a, b) in zip(shape, bonds, strict=True))
    if not fits(needed, None):
        raise MemoryBudgetError(
            f"a train of shape {tuple(shape)} with ranks {tuple(ranks)} has {needed / 1e9:.3g} GB; "
            "where few indices of a mode occur, number them: "
            "distinct, points[:, mode] = np.unique(points[:, mode], return_inverse=True)"
        )


def _with_indices(tt: TensorTrain, seen: Sequence[Points], shape: Sequence[int]) -> TensorTrain:
    """Return a train with further indices, at which it is zero."""
    cores = []
    for core, places, size in zip(map(to_host, tt.cores), seen, shape, strict=True):
        wide = np.zeros((core.shape[0], size, core.shape[2]), core.dtype)
        wide[:, places, :] = core
        cores.append(wide)
    return TensorTrain(cores)


def _unscaled(tt: TensorTrain, exponent: int) -> TensorTrain:
    return TensorTrain([rescaled(tt.cores[0], exponent), *tt.cores[1:]])
