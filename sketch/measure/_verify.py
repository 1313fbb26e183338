"""The error of a result against data, by one reading."""

from __future__ import annotations

from typing import Any

from ..backend.array import dtype_name, gathered, is_dask, quiet
from ..decompose import exact_error
from ..errors import ArgumentError, ShapeError
from ..formats import Summable, TensorTrain, as_exact_train, seeds_of
from ..numerics.seeds import unused_seed
from ..results import ErrorEstimate, LowRank
from ..sketches import (
    MatrixResidual,
    TrainResidual,
    entrywise_error,
    probed_matrix_error,
    probed_train_error,
)
from ..sources import as_matrix_source

_EXACT_RANK = 500  # of structured tensors that are subtracted as trains


def verify(
    result: LowRank | TensorTrain,
    data: object,
    *,
    check_finite: bool = True,
    memory: int | str | None = None,
    progress: bool = False,
) -> ErrorEstimate:
    """Return the error of a result against data, which are read once.

    From all entries, and not from what a sketch kept of them: whatever the sketch, its seed and its
    assumptions. The data may be others than those that the result was made from.

    Parameters
    ----------
    result : LowRank or TensorTrain
        Of shape (m, n), or (n_1, ..., n_d). Factors that are Dask arrays are gathered.
    data : whatever `svd` or `tensor_train` takes
        Of the same shape.
    check_finite : bool
        Refuse NaN and infinity.
    memory : int or str, optional
        Bytes to stay within beside what the process holds already, as a number or ``"2GB"``.
    progress : bool
        Show a progress bar.

    Returns
    -------
    ErrorEstimate
        ``exact`` wherever entries are at hand: dense and sparse data, files, Dask arrays, chunks;
        rows of lazy sums of matrices are made dense, some at a time. Structured tensors of ranks up
        to 500 are subtracted as trains. Of operators, which are multiplied by 20 probes of another
        seed, and of other sums of tensors, ``unbiased``.

    Raises
    ------
    ArgumentError
        If the result is neither.
    ShapeError
        If the data have another shape.
    DtypeError, NonFiniteError
        If the data cannot be read.

    Notes
    -----
    ``2 m n k`` operations for a dense matrix and rank k, ``2 nnz k`` for a sparse one, whose error
    is a difference of sums of squares: below some 1e-7 of the norm `floor` hides it. A dense tensor
    takes two operations for each entry and the last rank, a sparse one the squares of the ranks.

    References
    ----------
    .. [1] J. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Streaming low-rank matrix approximation
       with an application to scientific simulation", SISC 41 (2019), section 6, arXiv:1902.08651:
       the probes.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> a = np.diag(0.5 ** np.arange(40.0))
    >>> error = sketch.verify(sketch.svd(a, rank=5, method="nystrom"), a)
    >>> error.kind, error.method, bool(error.value < 2 * 0.5**5)
    ('exact', 'all entries', True)
    """
    how: dict[str, Any] = {"check_finite": check_finite, "memory": memory, "progress": progress}
    if isinstance(result, LowRank):
        return _matrix_error(result, data, how)
    if isinstance(result, TensorTrain):
        return _train_error(result, data, how)
    raise ArgumentError(
        "verify takes a low-rank matrix or a tensor train, and data of its shape; got a "
        f"{type(result).__name__}"
    )


def _matrix_error(result: LowRank, data: object, how: dict[str, object]) -> ErrorEstimate:
    source = as_matrix_source(data)
    if source.shape[1] != result.shape[1] or source.shape[0] not in (None, result.shape[0]):
        raise ShapeError(f"the result has the shape {result.shape}, the data have {source.shape}")
    left = gathered(result.U) if is_dask(result.U) else result.U
    if source.by_products:
        return probed_matrix_error(result, left, source, _fresh_seed(result, data), **how)
    return entrywise_error(MatrixResidual.of(result, left), source, **how)


def _train_error(result: TensorTrain, data: object, how: dict[str, object]) -> ErrorEstimate:
    with quiet():
        exact = as_exact_train(data, _EXACT_RANK)
    if exact is not None:
        if exact.shape != result.shape:
            raise ShapeError(
                f"the result has the shape {result.shape}, the data have {exact.shape}"
            )
        return exact_error(result, exact, dtype_name(result.dtype))
    if isinstance(data, Summable):
        return probed_train_error(result, data, _fresh_seed(result, data), **how)
    return entrywise_error(TrainResidual.of(result), data, **how)


def _fresh_seed(result: LowRank | TensorTrain, data: object) -> int:
    """Return a seed that neither the result nor the data come from."""
    return unused_seed(0, {*result.seeds, *seeds_of(data)})
