"""The error of a result against data, by one reading."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from .._checks import checked_flag
from ..backend.array import gathered, is_dask, quiet
from ..decompose import exact_error
from ..errors import ArgumentError, ShapeError
from ..formats import Summable, TensorTrain, as_exact_train, rounded_from, seeds_of
from ..numerics.seeds import unused_seed
from ..results import ErrorEstimate, LowRank
from ..running.reading import Reading
from ..sketches import (
    MatrixResidual,
    TrainResidual,
    entrywise_error,
    probed_matrix_error,
    probed_train_error,
)
from ..sources import CutSource, as_matrix_source, is_sparse

_EXACT_RANK = 500  # of structured tensors that are subtracted as trains


def verify(
    result: LowRank | TensorTrain,
    data: object,
    *,
    block: Sequence[slice] | None = None,
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
    block : sequence of slice, optional
        One for each mode: the error of this part alone, and nothing else is read of arrays and
        files. Of matrices in any format but chunks, of dense and structured tensors.
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
        If the result is neither, or the data cannot be read at a block.
    ShapeError
        If the data have another shape, or a block is none of theirs.
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

    Of the first ten rows, and columns from the twentieth on:

    >>> error = sketch.verify(sketch.svd(a, rank=5), a, block=(slice(10), slice(20, None)))
    >>> bool(error.value < 1e-9)
    True
    """
    how: Reading = {
        "check_finite": checked_flag(check_finite, "check_finite"),
        "memory": memory,
        "progress": checked_flag(progress, "progress"),
    }
    if isinstance(result, LowRank):
        return _matrix_error(result, data, how, block)
    if isinstance(result, TensorTrain):
        return _train_error(*_cut(result, data, block), how)
    raise ArgumentError(
        "verify takes a low-rank matrix or a tensor train, and data of its shape; got a "
        f"{type(result).__name__}"
    )


def _matrix_error(
    result: LowRank, data: object, how: Reading, block: Sequence[slice] | None
) -> ErrorEstimate:
    source = as_matrix_source(data)
    if source.shape[1] != result.shape[1] or source.shape[0] not in (None, result.shape[0]):
        raise ShapeError(f"the result has the shape {result.shape}, the data have {source.shape}")
    left = gathered(result.U) if is_dask(result.U) else result.U
    if block is not None:
        rows, columns = _slices(block, result.shape)
        part = dataclasses.replace(result, U=left[rows, :], Vh=result.Vh[:, columns])
        source = CutSource(source, rows, columns)
        return entrywise_error(MatrixResidual.of(part, part.U), source, **how)
    if source.by_products:
        return probed_matrix_error(result, left, source, _fresh_seed(result, data), **how)
    return entrywise_error(MatrixResidual.of(result, left), source, **how)


def _cut(
    train: TensorTrain, data: object, block: Sequence[slice] | None
) -> tuple[TensorTrain, object]:
    """Return a block of a train, and the same of the data."""
    if block is None:
        return train, data
    window = _slices(block, train.shape)
    with quiet():
        exact = as_exact_train(data, _EXACT_RANK)
    if exact is not None:
        return _part(train, window), _part(exact, window)
    if isinstance(data, Summable) or is_sparse(data) or not hasattr(data, "__getitem__"):
        raise ArgumentError(
            f"a {type(data).__name__} cannot be read at a block; give an array, a file or a "
            "structured tensor"
        )
    if tuple(getattr(data, "shape", train.shape)) != train.shape:
        raise ShapeError(f"the result has the shape {train.shape}, the data have {data.shape}")  # type: ignore[attr-defined]
    return _part(train, window), data[tuple(window)]


def _part(train: TensorTrain, window: Sequence[slice]) -> TensorTrain:
    pairs = zip(train.cores, window, strict=True)
    return TensorTrain([core[:, here, :] for core, here in pairs])


def _slices(block: Sequence[slice], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return slices without steps and with both ends, one for each mode."""
    try:
        slices = tuple(block)
    except TypeError:
        slices = ()
    if len(slices) != len(shape) or not all(isinstance(x, slice) for x in slices):
        raise ShapeError(f"a block of shape {shape} is one slice for each mode, got {block!r}")
    found = [x.indices(n) for x, n in zip(slices, shape, strict=True)]
    if any(step != 1 for _, _, step in found):
        raise ShapeError(f"slices of a block have no steps, got {block!r}")
    if any(x.start is not None and x.start > n for x, n in zip(slices, shape, strict=True)):
        raise ShapeError(f"the block {block!r} begins beyond the shape {shape}")
    return tuple(slice(start, max(start, stop)) for start, stop, _ in found)


def _train_error(result: TensorTrain, data: object, how: Reading) -> ErrorEstimate:
    with quiet():
        exact = as_exact_train(data, _EXACT_RANK)
    if exact is not None:
        if exact.shape != result.shape:
            raise ShapeError(
                f"the result has the shape {result.shape}, the data have {exact.shape}"
            )
        return exact_error(result, exact, *rounded_from(data))
    if isinstance(data, Summable):
        return probed_train_error(result, data, _fresh_seed(result, data), **how)
    return entrywise_error(TrainResidual.of(result), data, **how)


def _fresh_seed(result: LowRank | TensorTrain, data: object) -> int:
    """Return a seed that neither the result nor the data come from."""
    return unused_seed(0, {*result.seeds, *seeds_of(data)})
