"""Low-rank matrices in one call."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack, overload

from .._checks import checked_size, checked_tol, require_rank_or_tol
from ..backend.array import Device
from ..errors import ArgumentError, PassError, RankError
from ..formats import seeds_of, with_passes, with_seeds
from ..maps import BlockSign, Gaussian, MatrixFamilyName, SparseSign, TestMatrixFamily
from ..results import ErrorEstimate, LowRank, foreseen_growth
from ..running.reading import Reading
from ..sketches import (
    MATRIX_METHODS,
    BlockKrylov,
    GeneralizedNystrom,
    MatrixMethod,
    Sketch,
    checked_iterations,
    columns_within,
    fed,
    finalized,
    independent_seed,
    made_apart,
    method_of,
    options_of,
    range_width,
)
from ..sources import MatrixSource, as_matrix_source, with_axes_of

FIRST_RANK = 16  # where the search for a tolerance begins
SMALL = 20  # the shorter axis of matrices that are sketched whole, which makes results exact
GROWTH = 4  # and how much wider each further sketch is at most,
LEAST_GROWTH, SPARE = 1.25, 1.1  # and at least, and beyond what is foreseen
WIDENED = 1.5, 1.2  # where it is widened: far from the tolerance, and near
NEAR = 1.3


class SVDOptions(TypedDict, total=False):
    """What `svd` takes beside a rank and a tolerance."""

    method: MatrixMethod
    power_iters: float
    passes: int | None
    start_rank: int | None
    test_matrix: TestMatrixFamily | MatrixFamilyName | None
    seed: int | None
    check_finite: bool
    memory: int | str | None
    device: Device
    progress: bool


@overload
def svd(
    a: object, rank: int | None, *, tol: float | None = None, **options: Unpack[SVDOptions]
) -> LowRank: ...
@overload
def svd(a: object, *, tol: float | None, **options: Unpack[SVDOptions]) -> LowRank: ...
def svd(
    a: object,
    rank: int | None = None,
    *,
    tol: float | None = None,
    method: MatrixMethod = "hmt",
    power_iters: float = 0,
    passes: int | None = None,
    start_rank: int | None = None,
    test_matrix: TestMatrixFamily | MatrixFamilyName | None = None,
    seed: int | None = 0,
    check_finite: bool = True,
    memory: int | str | None = None,
    device: Device = None,
    progress: bool = False,
) -> LowRank:
    """Return the leading part of the singular value decomposition, with its error.

    Parameters
    ----------
    a : array, sparse matrix, LinearOperator, stored dataset, sum, or iterable of row chunks
        Of shape (m, n). Stored and mapped data are read in blocks; an iterable of two-dimensional
        chunks stands for the rows one after the other, and is gone through once for each pass.
    rank : int, optional
        Rank of the result. May be left out where `tol` is given.
    tol : float, optional
        Return the smallest rank whose estimated relative error is at most `tol`. Without a rank,
        HMT without `power_iters` grows a block Krylov space until its error meets `tol`: by a half
        with each reading, and no product is taken twice. Generalized Nyström widens its sketch, see
        `GeneralizedNystrom.widen`. Others make further
        sketches, each as much wider as errors so far tell.
    method : {"hmt", "nystrom", "nystrom-psd", "krylov"}
        ``"hmt"`` is the most accurate. It reads data that come in whole rows ``1 + power_iters``
        times, and once more where squares would hide what is asked for; data that are cut both ways
        ``2 + 2 power_iters`` times. ``"nystrom"`` reads any data once, ``"nystrom-psd"`` positive
        semidefinite ones, with about half the error. Without a rank, they do so for each width.
        ``"krylov"`` needs the fewest readings where singular values fall slowly, and stops where
        all vectors are right to `tol`: see `passes`.
    power_iters : float
        Power iterations of HMT: 0 for spectra that fall fast, 1 or 2 for slow ones, or halves.
    passes : int, optional
        Readings at most of ``method="krylov"``, by default 8; data that are cut both ways take two
        for a step. It stops before where all residuals ``||A^* u - s v||``, which the result shows,
        are at most `tol` times the largest singular value. The space it builds is as wide as
        `memory` allows, and restarted from its best vectors when it is full.
    start_rank : int, optional
        Width of HMT's first product, of which the leading directions are kept, see `HMT`. The
        fastest way to a given error on large dense data: of a tall matrix, ``svd(a.T, rank,
        start_rank=12 * rank + 60).T`` has in two readings about the error of a power step.
    test_matrix : TestMatrixFamily or str, optional
        By default sparse signs for sparse data; for dense data block signs for
        ``method="nystrom"`` and where a `start_rank` is given, else Gaussian.
    seed : int or None
        Fixes the test matrices; None draws a fresh one. Where the data show results of sketches
        with this seed, as ``a - result`` does, another one is taken that follows from it. The one
        that was taken is the result's `seed`.
    check_finite : bool
        Refuse NaN and infinity.
    memory : int or str, optional
        Bytes to stay within beside what the process holds already, as a number or ``"2GB"``. The
        chunks of a Dask array are as large as they are.
    device : str or array, optional
        Where to compute, and where the result lives: ``"gpu"``, ``"gpu:1"``, or an array of
        whichever library that lives there. By default where the data are.
    progress : bool
        Show a progress bar.

    Returns
    -------
    LowRank
        ``U, s, Vh = svd(a, rank)`` in the precision of the data; its `error` tells how far it is.
        Of a Dask array, U is one too, in chunks of the same rows, computed and left where it is.
        Its `n_passes` says how often the data were read.

    Raises
    ------
    RankError
        If neither a rank nor a tolerance is given.
    ShapeError, DtypeError, NonFiniteError
        If the data cannot be sketched.
    MemoryBudgetError
        If the sketch alone needs more than `memory`.
    PassError
        If an iterator that can be read once is given to a method of several readings.

    Warns
    -----
    ToleranceWarning
        If `tol` is not met by the rank that was asked for.
    SpectrumWarning
        If an iterator that can be read once hides singular values that were asked for.

    Notes
    -----
    Matrices of at most 20 rows or columns are sketched whole, and the result is exact to rounding.
    HMT costs ``2 m n (rank + 10)`` operations a pass, generalized Nyström ``8 m n``
    additions where numba is installed, else ``12 m n (rank + 5)`` operations.
    A rank that is found takes some ``6 m n rank`` in four to eight readings [2]_.

    References
    ----------
    .. [1] N. Halko, P.-G. Martinsson, J. Tropp, "Finding structure with randomness", SIAM Rev. 53
       (2011) 217-288, arXiv:0909.4061.
    .. [2] W. Yu, Y. Gu, Y. Li, "Efficient randomized algorithms for the fixed-precision low-rank
       matrix approximation", SIMAX 39 (2018) 1339-1359, arXiv:1606.09402.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> a = np.random.default_rng(0).standard_normal((200, 3)) @ np.ones((3, 100))
    >>> U, s, Vh = sketch.svd(a, rank=2)
    >>> U.shape, s.shape, Vh.shape
    ((200, 2), (2,), (2, 100))
    """
    require_rank_or_tol(rank, tol)
    tol = checked_tol(tol)
    rank = None if rank is None else checked_size(rank, "rank")
    source = as_matrix_source(a)
    power_iters = checked_iterations(power_iters)
    options = _chosen(method, power_iters=power_iters or None, start_rank=start_rank, passes=passes)
    _check_request(source, rank, method, options)
    own = independent_seed(seed, a)
    call = _Call(
        source,
        BlockKrylov.growing if _grows(rank, method, options) else method_of(MATRIX_METHODS, method),
        own,
        options | {"device": device, "test_matrix": test_matrix},
        {"check_finite": check_finite, "memory": memory, "progress": progress},
    )
    takes = options_of(call.made)
    if "tol" in takes:  # where to stop, which is not the error of the result
        call.options["tol"], tol = tol or 0.0, None
    if "columns" in takes and memory is not None:
        call.options["columns"] = columns_within(memory, source.shape)
    if rank is None and not _grows(rank, method, options):
        result = call.searched(tol or 0.0)
    else:
        sk = call.sketched(rank if rank is not None else tol or 0.0)
        result = finalized(sk, source, rank, tol, **call.reading)
    return with_axes_of(a, with_seeds(result, seeds_of(a), result.seeds))


@dataclass(frozen=True)
class _Call:
    """How a call sketches its data.

    Attributes
    ----------
    source : MatrixSource
    made : callable
        That makes the sketches.
    seed : int
    options : dict
        That the method was given.
    reading : Reading
        How to read, as `fed` takes it.
    """

    source: MatrixSource
    made: Callable[..., Any]
    seed: int
    options: dict[str, Any]
    reading: Reading

    @property
    def largest(self) -> int:
        """The largest rank that there can be."""
        return min(n for n in self.source.shape if n is not None)

    def sketched(self, size: float) -> Sketch[LowRank]:
        """Return a sketch of the whole data, of a rank, or of what makes a space grow."""
        source, start_rank = self.source, self.options.get("start_rank")
        options = self.options | {"dtype": None if source.widens else source.dtype}
        if options["test_matrix"] is None:
            options["test_matrix"] = self.default_test_matrix(size)
        if start_rank is None and self.largest <= SMALL:
            options["sketch_rank"] = max(1, self.largest)
        sk = made_apart(
            lambda seed: self.made(source.shape, size, seed=seed, **options), self.seed, source
        )
        return fed(sk, source, **self.reading)

    def default_test_matrix(self, size: float) -> TestMatrixFamily:
        """Return the family that costs least for the data, the method and a rank."""
        if self.source.sparse:
            return SparseSign()
        if size >= self.largest:  # as wide as the data: factorising costs more than any product
            return Gaussian()
        wide = self.options.get("start_rank") is not None or self.made is GeneralizedNystrom
        return BlockSign() if wide else Gaussian()

    def searched(self, tol: float) -> LowRank:
        """Return the result of sketches that get wider until the error meets a tolerance."""
        sk, n_passes = self.sketched(min(FIRST_RANK, self.largest)), 0
        while True:
            known = sk.spec.range_size
            if isinstance(sk, GeneralizedNystrom):  # too wide for more by design
                known = sk.spec.rank
            found = finalized(sk, self.source, known, None, **self.reading)
            if sk.spec.range_size >= self.largest or found.error.meets(tol):
                break
            n_passes += found.n_passes
            wider = _wider(sk.spec.rank, found.error.relative, tol)
            if isinstance(sk, GeneralizedNystrom) and range_width(wider) < self.largest:
                sk = sk.widen(self.source, wider, **self.reading)
            else:
                half = found.errors_by_rank()(found.rank // 2).relative
                wider = further_width(sk.spec.rank, half, found.error, tol)
                sk = self.sketched(min(wider, self.largest))
        result = finalized(sk, self.source, None, tol, **self.reading)
        return with_passes(result, n_passes + result.n_passes)


def _grows(rank: int | None, method: str, options: dict[str, object]) -> bool:
    """Whether a space grows to the tolerance, in the place of sketches of several widths."""
    return rank is None and method == "hmt" and not options.get("power_iters")


def _check_request(
    source: MatrixSource, rank: int | None, method: str, options: dict[str, object]
) -> None:
    """Refuse what the method or the data cannot do, before any work."""
    takes = options_of(method_of(MATRIX_METHODS, method))
    if "tol" in takes and rank is None:
        raise RankError(f"method={method!r} needs a rank: svd(a, rank=20, method={method!r})")
    if "start_rank" in options and rank is None:
        raise ArgumentError("start_rank needs a rank")
    several = rank is None or "power_iters" in options or "start_rank" in options
    if source.single_use and (several or ("passes" in takes and options.get("passes") != 1)):
        raise PassError(
            "an iterator can be read once; give a list or another object that can be iterated "
            "again, or a rank and nothing that takes further readings"
        )


def further_width(width: int, half: float, error: ErrorEstimate, tol: float) -> int:
    """Return the width of a sketch that is made anew, from relative errors of half and all of it.

    As much as the tolerance takes if errors go on to fall as they did: a sketch that is four times
    too wide costs more than all before it.
    """
    excess = error.relative_bound / tol if tol else math.inf
    growth = SPARE * math.sqrt(math.prod(foreseen_growth(half, error.relative, excess)))
    return math.ceil(width * min(GROWTH, max(LEAST_GROWTH, growth)))


def _wider(rank: int, error: float, tol: float) -> int:
    """Return the rank of a sketch that is widened: by half or, where it is near, by a fifth."""
    return math.ceil((WIDENED[error < NEAR * tol]) * (rank + 5))


def _chosen(method: str, **given: object) -> dict[str, Any]:
    """Return the options that were given, each of which the method must take."""
    options = {name: value for name, value in given.items() if value is not None}
    for name, value in options.items():
        takers = [key for key, made in MATRIX_METHODS.items() if name in options_of(made)]
        if method not in takers:
            raise ArgumentError(
                f"{name}={value} needs method={' or '.join(map(repr, takers))}, got {method!r}"
            )
    return options
