"""Tensor trains in one call."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Unpack, overload

import numpy as np

from .._checks import (
    MISSING_HINT,
    Ranks,
    checked_flag,
    checked_size,
    checked_tol,
    each_bond,
    require_rank_or_tol,
)
from ..backend.array import (
    Device,
    cast,
    dtype_name,
    namespace,
    quiet,
    silent,
    to_host,
    unit_roundoff,
)
from ..errors import DtypeError, NonFiniteError, OptionError, PassError, ShapeError
from ..formats import (
    CPTensor,
    RoundedTrain,
    TensorTrain,
    as_exact_train,
    distance_and_norm,
    rounded_from,
    seeds_of,
    tt_svd_cores,
    with_seeds,
)
from ..numerics.linalg import column_norms, frobenius_norm
from ..results import (
    ErrorEstimate,
    is_likely_worse_than_zero,
    known_square,
    rounding_floor,
    warn_inaccurate_train,
    warn_unmet,
)
from ..running.reading import Reading
from ..sketches import (
    STTA,
    TENSOR_METHODS,
    Sketch,
    TensorMethod,
    TensorOptions,
    TensorSpec,
    TrainResidual,
    entrywise_error,
    fed,
    independent_seed,
    method_of,
    options_of,
)
from ..sources import (
    DenseTensorSource,
    SparseTensorSource,
    StoredTensorSource,
    TensorSource,
    as_tensor_source,
    with_axes_of,
)
from ._matrix import FIRST_RANK, further_width

Measure = Callable[[TensorTrain], ErrorEstimate]

_LEAST_PROBES, _WIDE = 3, 1.5
_LEFT_TO_ROUNDING = 0.95  # of a tolerance, at which ranks are nearly the smallest
_CANCELLED = 1e6  # by which an error has to exceed the rounding of what it is the difference of
_EXACT_RANK = 100  # up to which the error of a structured tensor is computed, not estimated


class TrainOptions(TensorOptions, total=False):
    """What `tensor_train` takes beside a rank and a tolerance."""

    method: TensorMethod
    seed: int | None
    check_finite: bool
    memory: int | str | None
    device: Device
    progress: bool


@overload
def tensor_train(
    a: object, rank: Ranks | None, *, tol: float | None = None, **options: Unpack[TrainOptions]
) -> TensorTrain: ...
@overload
def tensor_train(
    a: object, *, tol: float | None, **options: Unpack[TrainOptions]
) -> TensorTrain: ...
def tensor_train(
    a: object,
    rank: Ranks | None = None,
    *,
    tol: float | None = None,
    method: TensorMethod = "stta",
    seed: int | None = 0,
    check_finite: bool = True,
    memory: int | str | None = None,
    device: Device = None,
    progress: bool = False,
    **options: Unpack[TensorOptions],
) -> TensorTrain:
    """Return a tensor train close to a tensor of any format, with its error.

    Parameters
    ----------
    a : array, sparse tensor, CP, Tucker or train tensor, stored dataset, or sum of these
        Of shape (n_1, ..., n_d). Never made dense.
    rank : int or sequence of d - 1 int, optional
        Ranks of the result. May be left out where `tol` is given.
    tol : float, optional
        Round as far as the estimated relative error stays at most `tol`. Without a rank, the
        data are read again for a wider sketch, until one can tell; how errors fall tells how wide.
        ``"stta"`` reads them for the new columns alone, see `STTA.widen`.
    method : {"stta", "otts", "tt-hmt", "tt-svd"}
        ``"stta"`` reads the data once; ``"otts"`` and ``"tt-hmt"`` once for each mode, and are as
        accurate as TT-SVD; ``"tt-svd"`` is the deterministic reference, for dense arrays.
    seed : int or None
        Fixes the test tensors, see `svd`.
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
    **options
        Further arguments of the sketch: ``sketch_rank``, ``error_probes``, ``test_tensor``.
        TT-SVD has none, and takes neither `memory` nor `device`.

    Returns
    -------
    TensorTrain
        In the precision of the data; its `error` tells how far it is: exactly where the data are
        trains, CP or Tucker tensors or sums of these of ranks up to 100, or sparse with no `tol` to
        meet; else by error probes: of dense arrays by few, and from all entries where their
        interval would be wide. With ``error_probes=0`` it is not estimated.

    Raises
    ------
    RankError
        If neither a rank nor a tolerance is given.
    ShapeError, DtypeError, NonFiniteError
        If the data cannot be sketched.
    OptionError
        If the method does not take an option.
    MemoryBudgetError
        If the sketch alone needs more than `memory`.
    PassError
        If an iterator that can be read once is given to a method of several passes.

    Warns
    -----
    ToleranceWarning
        If `tol` is not met by the rank that was asked for.

    Notes
    -----
    What each method costs stands with `STTA`, `OTTS` and `TTHMT`: for N dense entries about
    ``2 N (l + r)`` operations of STTA for sketches of sizes l and r. Structured tensors of ranks
    up to 100 are compared with the result afterwards, so that its error is exact.

    References
    ----------
    .. [1] D. Kressner, B. Vandereycken, R. Voorhaar, "Streaming tensor train approximation", 2022,
       arXiv:2208.02600.
    .. [2] H. Al Daas, G. Ballard, P. Cazeaux, E. Hallman, A. Miedlar, M. Pasha, T. Reid, A.
       Saibaba, "Randomized algorithms for rounding in the tensor-train format", SISC 45 (2023),
       arXiv:2110.04393.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> i, j, k = np.ogrid[:10, :11, :12]
    >>> tt = sketch.tensor_train(1.0 / (1 + i + j + k), rank=5)
    >>> tt.ranks, tt.error.relative < 1e-4
    ((5, 5), True)
    """
    require_rank_or_tol(rank, tol)
    tol, check_finite = checked_tol(tol), checked_flag(check_finite, "check_finite")
    if isinstance(method, str) and method == "tt-svd":
        idle = {"device": device, "memory": memory, "check_finite": None if check_finite else False}
        _refuse_options(method, [*options, *(name for name in idle if idle[name] is not None)])
        return tt_svd(a, rank, tol)
    made = method_of(TENSOR_METHODS, method, "tt-svd")
    _refuse_options(method, options, options_of(made))
    source = as_tensor_source(a)
    if source.single_use and (method != "stta" or rank is None):
        raise PassError(
            "an iterator can be read once; give a list or another object that can be iterated "
            'again, or method="stta" with a rank'
        )
    measured = None
    if _is_compared(source, options.get("error_probes"), tol):
        source, measured = _measure(a, source, memory)
    if measured is not None and tol is None:
        options.setdefault("error_probes", 0)
    few = tol is None and options.get("error_probes") is None and _is_in_memory(source)
    if few:  # and all entries, where these say little
        options["error_probes"] = _few_probes(made(source.shape, rank, **options).spec)

    own = independent_seed(seed, a)
    reading: Reading = {"check_finite": check_finite, "memory": memory, "progress": progress}

    def sketched(width: Ranks, before: Sketch[TensorTrain] | None = None) -> Sketch[TensorTrain]:
        if isinstance(before, STTA):
            return before.widen(source, width, **reading)
        sk = made(source.shape, width, seed=own, dtype=source.dtype, device=device, **options)
        return fed(sk, source, **reading)

    if rank is None:
        train = _train_to_tolerance(sketched, tol or 0.0)
    else:
        train = sketched(rank).finalize(rank, tol)
    if measured is not None:
        train = _exactly_known(train, measured, tol)
    elif few and _is_wide(train.error):
        train = _looked_at_again(train, source, **reading)
    return with_axes_of(a, with_seeds(train, seeds_of(a), train.seeds))


def _is_compared(source: TensorSource, probes: object, tol: float | None) -> bool:
    """Whether data and result are compared where they can be: not where probes are asked for.

    Nor where a rank is chosen by what probes tell of every other one.
    """
    number = None if probes is None else checked_size(probes, "error_probes")
    chosen = tol is not None or number is not None
    return number != 0 and not (isinstance(source, SparseTensorSource) and chosen)


def _refuse_options(method: str, given: Iterable[str], known: Sequence[str] = ()) -> None:
    """Refuse options that a method does not take."""
    if wrong := [name for name in given if name not in known]:
        takes = ", ".join(known) or "none: it works on all of a dense array where that is"
        raise OptionError(
            f"tensor_train(method={method!r}) got {', '.join(wrong)}, which it does not take; "
            f"its options are {takes}"
        )


def _train_to_tolerance(
    sketched: Callable[[Ranks, Sketch[TensorTrain] | None], Sketch[TensorTrain]], tol: float
) -> TensorTrain:
    """Widen the sketch until its error meets the tolerance, and round to the ranks it needs.

    Once more where the error leaves so little to rounding that the ranks would be too large.
    """
    width, met, sk = FIRST_RANK, False, None
    goal = tol * math.sqrt(1 - _LEFT_TO_ROUNDING**2)
    while True:
        sk = sketched(width, sk)
        whole = sk.finalize(sk.spec.left_sizes)
        close = met or whole.error.slack(tol) >= _LEFT_TO_ROUNDING * tol
        met = whole.error.meets(tol)
        if sk.spec.left_sizes == sk.spec.full or (met and close):
            train: TensorTrain = sk.finalize(tol=tol)
            return train
        halves = [max(1, rank // 2) for rank in whole.ranks]
        short = RoundedTrain.of(whole, halves, None)
        lost = short.lost * short.norm_before / (whole.error.norm or 1.0)
        half = math.hypot(whole.error.relative, lost)
        width = further_width(width, half, whole.error, goal)


def _is_in_memory(source: TensorSource) -> bool:
    """Whether all entries of a dense tensor are at hand."""
    dense = isinstance(source, DenseTensorSource | StoredTensorSource)
    return dense and not source.on_disk and source.dask_array is None


def _few_probes(spec: TensorSpec) -> int:
    """Return how many probes cost about an eighth of what else dense data are multiplied by.

    Each has two columns in the middle of the tensor.
    """
    columns = max(map(operator.add, spec.left_sizes, spec.right_sizes), default=0)
    return min(spec.error_probes, max(_LEAST_PROBES, columns // 16))


def _is_wide(error: ErrorEstimate) -> bool:
    """Whether an interval says so little that all entries are worth another look."""
    low, high = error.interval()
    return high > _WIDE * max(low, error.floor)


def _looked_at_again(
    train: TensorTrain, source: TensorSource, **reading: Unpack[Reading]
) -> TensorTrain:
    """Return a train with its exact error, from all entries; warn where few probes did not."""

    def exact(other: TensorTrain) -> ErrorEstimate:
        return entrywise_error(TrainResidual.of(other), source, **reading)

    said = is_likely_worse_than_zero(train.error)
    known = train.with_error(exact(train))
    if not said:
        warn_inaccurate_train(known, exact)
    return known


def _measure(
    a: object, source: TensorSource, memory: int | str | None
) -> tuple[TensorSource, Measure | None]:
    """Return what tells the exact error of a train, where that costs less than probes.

    Before it comes the source to sketch: that of a sparse tensor serves both.
    """
    with quiet():  # what is not finite is found in the products
        exact = as_exact_train(a, _EXACT_RANK)
        size, dtype = (0.0, source.dtype) if exact is None else rounded_from(a)
    if exact is not None:
        return source, (
            lambda train: _by_products(train, a, dtype) or exact_error(train, exact, size, dtype)
        )
    if isinstance(source, SparseTensorSource):
        summed = source.without_duplicates()
        return summed, (
            lambda train: entrywise_error(TrainResidual.of(train), summed, memory=memory)
        )
    return source, None


def _exactly_known(train: TensorTrain, measured: Measure, tol: float | None) -> TensorTrain:
    """Return a train with its exact error, and warn of what that says."""
    known = train.with_error(measured(train))
    if tol is None:
        warn_inaccurate_train(known, measured)
    elif train.error.meets(tol):  # else it was said already
        warn_unmet(known.error, tol, f"rank {known.ranks}")
    return known


def _by_products(train: TensorTrain, data: object, dtype: str) -> ErrorEstimate | None:
    """Return the error from a CP tensor's squares, or None where too much of them cancels."""
    if not isinstance(data, CPTensor):
        return None
    sizes = [np.asarray(column_norms(factor)) for factor in data.factors]
    try:
        with quiet():
            terms = functools.reduce(np.multiply, sizes, np.abs(to_host(data.weights)))
            squares = complex(data.dot(data)).real
            lost = squares - 2 * complex(data.dot(train)).real + train.norm() ** 2
            rounding = data.ndim * unit_roundoff(dtype) * float(np.sum(terms)) ** 2
    except (NonFiniteError, OverflowError):  # squares are out of range where the tensor is not
        return None
    if not _CANCELLED * rounding < lost < math.inf:
        return None
    return known_square(lost, rounding, math.sqrt(squares))


def exact_error(train: TensorTrain, data: TensorTrain, size: float, dtype: str) -> ErrorEstimate:
    """Return the error from the norm of the difference of two trains.

    Rounding errors in them are relative to the `size` of what they were added up from, in a dtype.
    """
    distance, norm, blur = distance_and_norm(train, data)
    columns = max(map(sum, zip(train.ranks, data.ranks, strict=True)), default=1)
    roundoff = unit_roundoff(max(dtype, dtype_name(train.dtype), key=unit_roundoff))
    floor = math.sqrt(data.ndim) * rounding_floor(max(norm, size), columns, roundoff)
    return ErrorEstimate(
        residual=0.0,
        truncation=distance,
        norm=norm,
        kind="exact",
        method="norm of the difference",
        floor=math.hypot(floor, blur * distance),
    )


@overload
def tt_svd(array: object, rank: Ranks | None, tol: float | None = None) -> TensorTrain: ...
@overload
def tt_svd(array: object, *, tol: float | None) -> TensorTrain: ...
@silent
def tt_svd(array: object, rank: Ranks | None = None, tol: float | None = None) -> TensorTrain:
    """Return the tensor train of successive truncated SVDs, with its exact error.

    The deterministic reference: quasi-optimal within a factor of ``sqrt(d - 1)``, at the price of
    full SVDs of the dense unfoldings.

    Parameters
    ----------
    array : array
        Dense, of any order.
    rank : int or sequence of d - 1 int, optional
        Ranks of the result.
    tol : float, optional
        Relative error to stay within.

    Returns
    -------
    TensorTrain

    Raises
    ------
    RankError
        If neither a rank nor a tolerance is given.
    NonFiniteError
        If the data hold NaN or infinity.

    Warns
    -----
    ToleranceWarning
        If `tol` is not met by the rank that was asked for.

    Notes
    -----
    The first SVD is the largest: ``O(n_1 N)`` operations for N entries and a first mode of size
    ``n_1``.

    References
    ----------
    .. [1] I. Oseledets, "Tensor-train decomposition", SIAM J. Sci. Comput. 33 (2011) 2295-2317,
       doi:10.1137/090752286.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> tt = sketch.tt_svd(np.ones((3, 4, 5)), rank=2)
    >>> tt.error.kind, tt.error.relative < 1e-14
    ('exact', True)
    """
    require_rank_or_tol(rank, tol)
    tol = checked_tol(tol)
    source = as_tensor_source(array)
    if not isinstance(source, DenseTensorSource | StoredTensorSource):
        raise DtypeError("tt_svd needs a dense array; use tensor_train for other formats")
    dense = cast(source.array, source.dtype)
    if not bool(namespace(dense).all(namespace(dense).isfinite(dense))):
        raise NonFiniteError(f"the array holds NaN or infinity; clean the data, or, {MISSING_HINT}")
    if not dense.ndim:
        raise ShapeError("a tensor train needs one axis at least, got an array of order 0")
    ranks = None if rank is None else each_bond(rank, dense.ndim - 1, "rank")
    cores, lost = tt_svd_cores(dense, ranks, tol)
    norm = frobenius_norm(dense)
    floor = rounding_floor(norm, max(core.shape[2] for core in cores), unit_roundoff(source.dtype))
    floor *= dense.ndim  # one SVD and one product for each mode
    error = ErrorEstimate(
        residual=0.0, truncation=lost, norm=norm, kind="exact", method="TT-SVD", floor=floor
    )
    warn_unmet(error, tol, f"rank {[int(core.shape[2]) for core in cores[:-1]]}")
    train = with_seeds(TensorTrain(cores, error=error), seeds_of(array))
    return with_axes_of(array, train)
