"""One call: the low-rank form of whatever is given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ._array import cast, namespace, unit_roundoff
from ._linalg import frobenius_norm
from .errors import DtypeError, NonFiniteError, PassError, RankError
from .finalize import tt_svd_cores
from .formats import TensorTrain, as_exact_train
from .maps import Gaussian, SparseSign, TestMatrixFamily
from .results import ErrorEstimate, LowRank, rounding_floor
from .sketches import HMT, OTTS, STTA, TTHMT, GeneralizedNystrom, MatrixSketch, each_bond
from .sources import (
    DenseTensorSource,
    MatrixSource,
    SparseSource,
    as_matrix_source,
    as_tensor_source,
)

_FIRST_RANK = 16  # where the search for a tolerance begins
_GROWTH = 4  # and how much wider each further sketch is
_EXACT_RANK = 100  # up to which the error of a structured tensor is computed, not estimated


def svd(
    a: Any,
    rank: int | None = None,
    *,
    tol: float | None = None,
    method: str = "hmt",
    power_iters: int = 0,
    test_matrix: TestMatrixFamily | str | None = None,
    seed: int = 0,
    check_finite: bool = True,
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
        the sketch is widened four times each time until it can tell.
    method : {"hmt", "nystrom"}
        ``"hmt"`` reads the data ``2 + 2 power_iters`` times and is the most accurate; ``"nystrom"``
        reads them once.
    power_iters : int
        Power iterations of HMT: 0 for spectra that fall fast, 1 or 2 for slow ones.
    test_matrix : TestMatrixFamily or str, optional
        By default Gaussian, and sparse signs for sparse data.
    seed : int
        Fixes the test matrices.
    check_finite : bool
        Refuse NaN and infinity.
    progress : bool
        Show a progress bar.

    Returns
    -------
    LowRank
        ``U, s, Vh = svd(a, rank)`` in the precision of the data; its `error` tells how far it is.

    Raises
    ------
    RankError
        If neither a rank nor a tolerance is given.
    ShapeError, DtypeError, NonFiniteError
        If the data cannot be sketched.
    PassError
        If an iterator that can be read once is given to a method of several passes.

    Warns
    -----
    ToleranceWarning
        If `tol` is not met by the rank that was asked for.

    Notes
    -----
    HMT costs ``2 m n (rank + 10)`` operations a pass, generalized Nyström ``12 m n (rank + 5)``.

    References
    ----------
    .. [1] N. Halko, P.-G. Martinsson, J. Tropp, "Finding structure with randomness", SIAM Rev. 53
       (2011) 217-288, arXiv:0909.4061.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> a = np.random.default_rng(0).standard_normal((200, 3)) @ np.ones((3, 100))
    >>> U, s, Vh = sketch.svd(a, rank=2)
    >>> U.shape, s.shape, Vh.shape
    ((200, 2), (2,), (2, 100))
    """
    if rank is None and tol is None:
        raise RankError("give a rank, a tolerance, or both: svd(a, rank=20) or svd(a, tol=1e-3)")
    if method not in ("hmt", "nystrom"):
        raise ValueError(f'method must be "hmt" or "nystrom", got {method!r}')
    if power_iters and method != "hmt":
        raise ValueError('power_iters needs method="hmt": generalized Nyström reads the data once')
    source = as_matrix_source(a)
    if source.single_use and (method == "hmt" or rank is None):
        raise PassError(
            "an iterator can be read once; give a list or another object that can be iterated "
            'again, or method="nystrom" with a rank'
        )
    options: dict[str, Any] = {
        "seed": seed,
        "dtype": source.dtype,
        "test_matrix": test_matrix or _default_test_matrix(source),
    }

    def sketched(width: int) -> MatrixSketch:
        if method == "nystrom":
            nystrom = GeneralizedNystrom(source.shape, width, **options)
            nystrom.update(source, check_finite=check_finite, progress=progress)
            return nystrom
        sk = HMT(source.shape, width, power_iters=power_iters, **options)
        for _ in range(sk.n_passes):
            sk.update(source, check_finite=check_finite, progress=progress)
            sk.end_pass()
        return sk

    if rank is not None:
        return sketched(rank).finalize(rank, tol)
    return _to_tolerance(sketched, min(n for n in source.shape if n is not None), tol or 0.0)


def tensor_train(
    a: Any,
    rank: Any = None,
    *,
    tol: float | None = None,
    method: str = "stta",
    seed: int = 0,
    check_finite: bool = True,
    progress: bool = False,
    **options: Any,
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
        sketch is widened until it can tell.
    method : {"stta", "otts", "tt-hmt", "tt-svd"}
        ``"stta"`` reads the data once; ``"otts"`` and ``"tt-hmt"`` once for each mode, and are as
        accurate as TT-SVD; ``"tt-svd"`` is the deterministic reference, for dense arrays.
    seed : int
        Fixes the test tensors.
    check_finite : bool
        Refuse NaN and infinity.
    progress : bool
        Show a progress bar.
    **options
        Further arguments of the sketch: ``sketch_rank``, ``error_probes``, ``test_tensor``.

    Returns
    -------
    TensorTrain
        In the precision of the data; its `error` tells how far it is: exactly where the data are
        trains, CP or Tucker tensors or sums of these of ranks up to 100, else by error probes.

    Raises
    ------
    RankError
        If neither a rank nor a tolerance is given.
    ShapeError, DtypeError, NonFiniteError
        If the data cannot be sketched.

    Warns
    -----
    ToleranceWarning
        If `tol` is not met by the rank that was asked for.

    References
    ----------
    .. [1] D. Kressner, B. Vandereycken, R. Voorhaar, "Streaming tensor train approximation", 2022,
       arXiv:2208.02600.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> i, j, k = np.ogrid[:10, :11, :12]
    >>> tt = sketch.tensor_train(1.0 / (1 + i + j + k), rank=5)
    >>> tt.ranks, tt.error.relative < 1e-4
    ((5, 5), True)
    """
    if rank is None and tol is None:
        raise RankError("give a rank, a tolerance, or both")
    if method == "tt-svd":
        return tt_svd(a, rank, tol)
    methods: dict[str, Callable[..., STTA | OTTS | TTHMT]] = {
        "stta": STTA,
        "otts": OTTS,
        "tt-hmt": TTHMT,
    }
    if method not in methods:
        raise ValueError(f"method must be one of {[*methods, 'tt-svd']}, got {method!r}")
    source = as_tensor_source(a)
    exact = as_exact_train(a, _EXACT_RANK)
    if exact is not None and tol is None:
        options.setdefault("error_probes", 0)

    def sketched(width: Any) -> STTA | OTTS | TTHMT:
        sk = methods[method](source.shape, width, seed=seed, dtype=source.dtype, **options)
        for _ in range(1 if isinstance(sk, STTA) else sk.n_passes):
            sk.update(source, check_finite=check_finite, progress=progress)
            if not isinstance(sk, STTA):
                sk.end_pass()
        return sk

    if rank is None:
        train = _train_to_tolerance(sketched, tol or 0.0)
    else:
        train = sketched(rank).finalize(rank, tol)
    return train if exact is None else train.with_error(_exact_error(train, exact, source.dtype))


def _train_to_tolerance(sketched: Callable[[Any], STTA | OTTS | TTHMT], tol: float) -> TensorTrain:
    """Widen the sketch until its error meets the tolerance, and round to the ranks it needs."""
    width = _FIRST_RANK
    while True:
        sk = sketched(width)
        whole = sk.finalize(sk.spec.left_sizes)
        if sk.spec.left_sizes == sk.spec.full or whole.error.relative <= tol:
            return sk.finalize(tol=tol)
        width *= _GROWTH


def _exact_error(train: TensorTrain, data: TensorTrain, dtype: str) -> ErrorEstimate:
    """Return the error by orthogonalising the difference of two trains."""
    difference, norm = train - data, data.norm()
    columns = max(difference.ranks, default=1)
    return ErrorEstimate(
        residual=0.0,
        truncation=difference.norm(),
        norm=norm,
        kind="exact",
        method="QR of the difference",
        floor=math.sqrt(data.ndim) * rounding_floor(norm, columns, unit_roundoff(dtype)),
    )


def tt_svd(array: Any, rank: Any = None, tol: float | None = None) -> TensorTrain:
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
    if rank is None and tol is None:
        raise RankError("give a rank, a tolerance, or both")
    source = as_tensor_source(array)
    if not isinstance(source, DenseTensorSource):
        raise DtypeError("tt_svd needs a dense array; use tensor_train for other formats")
    dense = cast(source.array, source.dtype)
    if not bool(namespace(dense).all(namespace(dense).isfinite(dense))):
        raise NonFiniteError("the array holds NaN or infinity; clean the data")
    ranks = None if rank is None else each_bond(rank, dense.ndim - 1, "rank")
    cores, lost = tt_svd_cores(dense, ranks, tol)
    norm = frobenius_norm(dense)
    floor = rounding_floor(norm, max(core.shape[2] for core in cores), unit_roundoff(source.dtype))
    error = ErrorEstimate(
        residual=0.0, truncation=lost, norm=norm, kind="exact", method="TT-SVD", floor=floor
    )
    return TensorTrain(cores, error=error)


def _default_test_matrix(source: MatrixSource) -> TestMatrixFamily:
    return SparseSign() if isinstance(source, SparseSource) else Gaussian()


def _to_tolerance(sketched: Callable[[int], MatrixSketch], largest: int, tol: float) -> LowRank:
    """Widen the sketch until its error meets the tolerance, and truncate to the rank it needs."""
    width = min(_FIRST_RANK, largest)
    while True:
        sk = sketched(width)
        whole = sk.finalize(rank=sk.range_size)
        if whole.error.relative <= tol or width >= largest:
            return sk.finalize(tol=tol)
        width = min(_GROWTH * width, largest)
