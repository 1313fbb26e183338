"""TT-SVD in one call: the train of a dense array, by SVDs of all of it."""

from __future__ import annotations

from typing import overload

from .._checks import MISSING_HINT, Ranks, checked_tol, each_bond, require_rank_or_tol
from ..backend.array import cast, namespace, silent, unit_roundoff
from ..errors import DtypeError, NonFiniteError, ShapeError
from ..formats import TensorTrain, seeds_of, tt_svd_cores, with_seeds
from ..numerics.linalg import frobenius_norm
from ..results import ErrorEstimate, rounding_floor, warn_unmet
from ..sources import DenseTensorSource, StoredTensorSource, as_tensor_source, with_axes_of


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
