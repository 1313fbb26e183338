"""Linear systems whose right-hand side and solution are tensor trains."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypedDict, Unpack, overload

import numpy as np

from .._checks import check_callable, checked_flag, checked_size, checked_tol, require_rank_or_tol
from ..backend.array import dtype_name, quiet, unit_roundoff
from ..decompose import FIRST_RANK, GROWTH
from ..errors import DtypeError, NonFiniteError, ShapeError, ToleranceWarning, warn
from ..formats import TensorSum, TensorTrain, TTOperator, seeds_of, with_seeds
from ..numerics.linalg import rescaled_evenly
from ..numerics.seeds import checked_seed, unused_seed
from ..results import Solution
from ..running.progress import counter
from ..sketches import TrainEmbedding
from ._train_gmres import SketchedGMRES, Vector
from ._train_system import (
    Preconditioner,
    TrainSystem,
    compressed,
    exact_ranks,
    sketched,
)

_OUTPUTS, _BLOCKS = 200, 4  # of the embedding that GMRES works with
_GOAL = 0.5  # of the tolerance, for the combination of the basis before it is rounded
_ROUNDED = 0.8  # of the tolerance, as the embedding sees the rounded solution
_PROGRESS = 0.9  # of the residual, that another cycle should leave at most
_WORTHWHILE = 0.5  # of it, that a larger rank should
_BY_ROUNDING = 2.0  # times the residual before the solution was rounded
_UNSOLVED = 0.1  # relative residual, which no one would call a solution


class SolveOptions(TypedDict, total=False):
    """What `solve` takes beside a rank and a tolerance."""

    preconditioner: Preconditioner | None
    max_steps: int
    seed: int | None
    progress: bool


@overload
def solve(
    A: TTOperator | Sequence[TTOperator],
    b: object,
    rank: int | None,
    *,
    tol: float | None = None,
    **options: Unpack[SolveOptions],
) -> Solution: ...
@overload
def solve(
    A: TTOperator | Sequence[TTOperator],
    b: object,
    *,
    tol: float | None,
    **options: Unpack[SolveOptions],
) -> Solution: ...
def solve(
    A: TTOperator | Sequence[TTOperator],
    b: object,
    rank: int | None = None,
    *,
    tol: float | None = None,
    preconditioner: Preconditioner | None = None,
    max_steps: int = 50,
    seed: int | None = 0,
    progress: bool = False,
) -> Solution:
    """Return a tensor train x with ``A x`` close to b, and its true residual.

    GMRES on tensor trains, with sketches in place of inner products and roundings: see Notes.

    Parameters
    ----------
    A : TTOperator or sequence of TTOperator
        Square. A sequence stands for the sum of its operators.
    b : TensorTrain, CPTensor or TuckerTensor
        The right-hand side, of the shape that A takes.
    rank : int, optional
        Largest rank of x, and of the basis vectors. May be left out where `tol` is given: then
        systems are solved anew with ranks 10, 20, ..., as long as rounding keeps them from it.
    tol : float, optional
        Relative residual to reach; x is rounded as far as it allows. Without it steps are made
        until rounding makes the residual stagnate, or there were `max_steps`.
    preconditioner : TTOperator or callable, optional
        A linear approximation P of the inverse of A, a fixed one: an operator, or a function that
        takes a train and returns one. Most systems need one. ``A P u = b`` is solved, ``x = P u``,
        so that the residual stays the true one.
    max_steps : int
        Most products with A, for each rank.
    seed : int or None
        Fixes all test tensors, see `svd`.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Solution
        With ``x``, its ``residual``, exact or estimated by probes, with an interval, and ``steps``.

    Raises
    ------
    ShapeError
        If A is not square, or b is of another shape.
    DtypeError
        If A is no operator or b no structured tensor.
    RankError, ToleranceError
        If neither a rank nor a tolerance is given, or they make no sense.
    NonFiniteError
        If A, b or the preconditioner hold NaN or infinity.

    Warns
    -----
    ToleranceWarning
        If the residual misses `tol`, or is so large that nothing was solved: A may be singular, the
        rank too small, or a preconditioner missing.

    Notes
    -----
    TT-sGMRES [1]_: each step stores an embedding (`TrainEmbedding`) of the unrounded product,
    subtracts its components along the last two vectors and rounds once, by one `STTA` sketch of the
    lazy sum. A step with ranks P of the operator and R costs what such a sketch of a train of rank
    ``P R`` costs, or less as the operator's cores are sparse. The least squares have 200 rows.
    Neither the residual of the embedding nor that of the recursion is reported, but that of the x
    that is returned: by QRs of the train ``b - A x`` up to about 4e10 operations, else by probes.

    References
    ----------
    .. [1] A. Bucci, D. Palitta, L. Robol, "Randomized sketched TT-GMRES for linear systems with
       tensor structure", 2024, arXiv:2409.09471.
    .. [2] Y. Nakatsukasa, J. Tropp, "Fast and accurate randomized algorithms for linear systems
       and eigenvalue problems", SIAM J. Matrix Anal. Appl. 45 (2024), arXiv:2111.00113.
    .. [3] S. Dolgov, "TT-GMRES: solution to a linear system in the structured tensor format", Russ.
       J. Numer. Anal. Math. Modelling 28 (2013), arXiv:1206.5512.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> second = 2 * np.eye(8) - np.eye(8, k=1) - np.eye(8, k=-1)
    >>> laplacian = sketch.TTOperator.kronecker_sum([second] * 3)
    >>> b = sketch.TensorTrain([np.ones((1, 8, 1))] * 3)
    >>> found = sketch.solve(laplacian, b, tol=1e-6)
    >>> found.residual.kind, found.residual.relative <= 1e-6
    ('exact', True)
    >>> dense = np.linalg.solve(laplacian.to_dense(), np.ones(8**3))
    >>> bool(np.allclose(found.x.to_array().ravel(), dense, rtol=1e-4))
    True
    """
    require_rank_or_tol(rank, tol)
    tol, progress = checked_tol(tol), checked_flag(progress, "progress")
    limit = checked_size(max_steps, "max_steps", least=1)
    system = _checked_system(A, b, preconditioner)
    with quiet():  # what is not finite is told next
        norm = system.b.norm()
    if not math.isfinite(norm):
        raise NonFiniteError("the right-hand side holds NaN or infinity")
    first = checked_seed(seed)
    seeds = _unused_seeds(first, set(seeds_of(system.b)))
    with quiet():
        system, of_x, of_b = system.in_units()
    with (
        quiet(),
        counter("solving", total=None, enabled=progress) as tell,
    ):
        if rank is None:
            found = _to_tolerance(system, tol or 0.0, limit, seeds, tell)
        else:
            gmres = _gmres(system, checked_size(rank, "rank", least=1), seeds, tell)
            found, _ = _solved(gmres, tol, limit, most=gmres.rank)
    _warn_unsolved(found, tol)
    x = TensorTrain(rescaled_evenly(found.x.cores, of_x))
    found = dataclasses.replace(found, x=x, residual=found.residual.rescaled(of_b))
    with_seeds(found.x, seeds_of(b), (first,))
    return found


def _to_tolerance(
    system: TrainSystem,
    tol: float,
    limit: int,
    seeds: Iterator[int],
    tell: Callable[[int], object],
) -> Solution:
    """Solve with larger and larger ranks, as long as rounding is why the tolerance is missed."""
    rank, best = FIRST_RANK, None
    while True:
        gmres = _gmres(system, rank, seeds, tell)
        found, by_rounding = _solved(gmres, tol, limit, most=2 * rank)
        helps = best is None or found.residual.value <= _WORTHWHILE * best.residual.value
        if best is None or found.residual.value < best.residual.value:
            best = found
        largest = rank >= _largest_rank(system.b.shape)
        if best.residual.meets(tol) or not (by_rounding and helps) or largest:
            return best
        rank *= GROWTH


def _gmres(
    system: TrainSystem, rank: int, seeds: Iterator[int], tell: Callable[[int], object]
) -> SketchedGMRES:
    embedding = TrainEmbedding(system.b.shape, size=_OUTPUTS, blocks=_BLOCKS, seed=next(seeds))
    return SketchedGMRES(system, embedding, rank, seeds, tell)


def _solved(
    gmres: SketchedGMRES, tol: float | None, limit: int, most: int
) -> tuple[Solution, bool]:
    """Run cycles until one is not worth while, and return the best solution of ranks up to `most`.

    They add up before the preconditioner, where rounding disturbs the residual least. Also whether
    rounding is why there is nothing more to gain: that of the vectors, or of their combination.
    """
    system, b = gmres.system, gmres.system.b
    roundoff = unit_roundoff(dtype_name(b.dtype))
    wanted = gmres.seen(b)
    size = float(np.linalg.norm(wanted))
    u: TensorTrain | None = None
    best, history = None, list[float]()
    while True:
        target = b if best is None else b - system.applied(best.x)
        goal = _GOAL * (tol or 0.0) * size
        cycle = gmres.cycle(target, goal, limit - len(history), roundoff)
        history += [left / size if size else 0.0 for left in cycle.history]
        total = cycle.correction if u is None else u + cycle.correction
        candidate = _shortened(gmres, total, wanted, tol, most)
        x = system.solution(candidate, most, next(gmres.seeds)).with_error(None)
        residual = system.residual(x, next(gmres.seeds))
        worthwhile = best is None or residual.value <= _PROGRESS * best.residual.value
        if best is None or residual.value < best.residual.value:
            u, best = candidate, Solution(x, residual, len(history), tuple(history))
        met = tol is not None and best.residual.meets(tol)
        if met or cycle.ended or not worthwhile or len(history) >= limit:
            found = dataclasses.replace(best, steps=len(history), history=tuple(history))
            return found, cycle.ended or residual.relative > _BY_ROUNDING * history[-1]


def _shortened(
    gmres: SketchedGMRES, total: TensorSum, wanted: Vector, tol: float | None, most: int
) -> TensorTrain:
    """Return a lazy sum as a train of ranks up to `most`, as short as the tolerance allows."""
    bonds = exact_ranks(total)
    if tol is None:
        return compressed(total, most, next(gmres.seeds))
    sk = sketched(total, [min(most, r) for r in bonds], next(gmres.seeds))
    whole = sk.finalize([min(most, r) for r in sk.spec.left_sizes])
    allowed = _ROUNDED * tol * float(np.linalg.norm(wanted))
    for loss in tol * 0.5 ** np.arange(1, 5):
        short = whole.round(tol=float(loss))
        if np.linalg.norm(gmres.seen(gmres.image(short)) - wanted) <= allowed:
            return short
    return whole


def _unused_seeds(seed: int, used: set[int]) -> Iterator[int]:
    """Yield seeds that follow from one another, and that the data do not depend on."""
    while True:
        seed = unused_seed(seed, used)
        used.add(seed)
        yield seed


def _largest_rank(shape: Sequence[int]) -> int:
    """Return the largest rank that a train of a shape can need."""
    sizes = [math.prod(shape[:bond]) for bond in range(1, len(shape))]
    whole = math.prod(shape)
    return max((min(size, whole // size) for size in sizes), default=1)


def _warn_unsolved(found: Solution, tol: float | None) -> None:
    """Warn where the residual misses the tolerance, or nothing was solved."""
    residual = found.residual
    if residual.relative <= _UNSOLVED if tol is None else residual.meets(tol):
        return
    missed = "" if tol is None else f", more than tol={tol:g}"
    warn(
        f"the relative residual is {residual.relative:.3g} after {found.steps} steps{missed}. More "
        "steps (max_steps), a larger rank or a preconditioner may help, unless the system is "
        "singular",
        ToleranceWarning,
    )


def _checked_system(
    operators: Any, b: object, preconditioner: Preconditioner | None
) -> TrainSystem:
    """Return the system of the arguments of `solve`."""
    parts = list(operators) if isinstance(operators, Sequence) else [operators]
    if not parts or not all(isinstance(part, TTOperator) for part in parts):
        kinds = ", ".join(sorted({type(part).__name__ for part in parts})) or "nothing"
        raise DtypeError(f"A should be a TTOperator or a sequence of these, got {kinds}")
    if hasattr(b, "to_tensor_train"):
        b = b.to_tensor_train()
    if not isinstance(b, TensorTrain):
        raise DtypeError(
            f"b should be a train, CP or Tucker tensor, got a {type(b).__name__}; "
            "tt_svd(array, tol=1e-12) makes a train of an array"
        )
    if preconditioner is not None and not isinstance(preconditioner, TTOperator):
        check_callable(preconditioner, "preconditioner", "a TTOperator or a function of trains")
    both = preconditioner if isinstance(preconditioner, TTOperator) else parts[0]
    for part in (*parts, both):
        if not part.in_shape == part.out_shape == b.shape:
            raise ShapeError(
                f"a system with a right-hand side of shape {b.shape} needs square operators for "
                f"such tensors, got {part}"
            )
    return TrainSystem(tuple(parts), b, preconditioner)
