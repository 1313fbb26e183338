"""A tensor train of a function, from few of its entries."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import TypedDict, Unpack, overload

from .._checks import (
    Ranks,
    check_callable,
    checked_flag,
    checked_size,
    checked_tol,
    each_bond,
    require_rank_or_tol,
)
from ..formats import TensorTrain, with_evaluations
from ..numerics.seeds import checked_seed
from ..results import warn_unmet
from ..running.progress import counter
from ._cross_search import CrossSearch
from ._evaluations import Evaluations, Map
from ._function_block import Function, FunctionBlock
from ._held_out_points import checked_shape

_BLOCK_POINTS = 100_000


class CrossOptions(TypedDict, total=False):
    """What `cross` takes beside a rank and a tolerance."""

    seed: int | None
    vectorized: bool
    map: Map
    block_points: int
    test_points: int
    max_evaluations: int | None
    progress: bool


@overload
def cross(
    f: Function,
    shape: Sequence[int],
    rank: Ranks | None,
    *,
    tol: float | None = None,
    **options: Unpack[CrossOptions],
) -> TensorTrain: ...
@overload
def cross(
    f: Function,
    shape: Sequence[int],
    *,
    tol: float | None,
    **options: Unpack[CrossOptions],
) -> TensorTrain: ...
def cross(
    f: Function,
    shape: Sequence[int],
    rank: Ranks | None = None,
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
        Random multi-indices that decide when to stop, and as many others for the error: half of
        them drawn where the rounding at the end lost most.
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
    all of a function: a peak at few indices may be missed by all, and by the error too.

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
    shape, progress = checked_shape(shape), checked_flag(progress, "progress")
    check_callable(f, "f", "a function of multi-indices")
    check_callable(map, "map", "a function like Python's map")
    ranks = None if rank is None else each_bond(rank, len(shape) - 1, "rank")
    tests = checked_size(test_points, "test_points", least=1)
    if max_evaluations is not None:
        max_evaluations = checked_size(max_evaluations, "max_evaluations", least=1)
    with counter("evaluating", total=max_evaluations, enabled=progress) as tell:
        entries = Evaluations(
            FunctionBlock(f, checked_flag(vectorized, "vectorized")),
            shape,
            mapped=map,
            block_points=checked_size(block_points, "block_points", least=1),
            most=max_evaluations,
            spare=tests,
            tell=tell,
        )
        found = CrossSearch(entries, ranks, tol, seed=checked_seed(seed), tests=tests).result()
    warn_unmet(found.error, tol, f"rank {found.ranks}")
    return with_evaluations(found, entries.count)
