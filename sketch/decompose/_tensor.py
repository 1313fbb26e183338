"""Tensor trains in one call."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Unpack, overload

from .._checks import Ranks, checked_flag, checked_tol, require_rank_or_tol
from ..backend.array import Device
from ..errors import OptionError, PassError
from ..formats import RoundedTrain, TensorTrain, seeds_of, with_seeds
from ..results import ErrorEstimate, is_likely_worse_than_zero, warn_inaccurate_train
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
    StoredTensorSource,
    TensorSource,
    as_tensor_source,
    with_axes_of,
)
from ._compared import exactly_known, is_compared, measure
from ._matrix import FIRST_RANK, further_width
from ._tt_svd import tt_svd

_LEAST_PROBES, _WIDE = 3, 1.5
_LEFT_TO_ROUNDING = 0.95  # of a tolerance, at which ranks are nearly the smallest


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
    if is_compared(source, options.get("error_probes"), tol):
        source, measured = measure(a, source, memory)
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
        train = exactly_known(train, measured, tol)
    elif few and _is_wide(train.error):
        train = _looked_at_again(train, source, **reading)
    return with_axes_of(a, with_seeds(train, seeds_of(a), train.seeds))


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
