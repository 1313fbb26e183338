"""Errors of entries that are drawn at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._checks import checked_size
from ..backend.array import to_host
from ..errors import ArgumentError, NonFiniteError, ShapeError
from ..formats import seeds_of
from ..numerics.random import uniform_rows
from ..numerics.seeds import checked_seed, unused_seed
from ..results import EntryErrors, LowRank
from ..sources import MatrixSource, as_matrix_source

_STREAM = 97  # of the numbers that entries are drawn by


def entry_errors(result: LowRank, data: object, *, count: int = 1000, seed: int = 0) -> EntryErrors:
    """Return the errors of some entries of a result, drawn at random.

    Where one reading of all data is too much, or where large errors of few entries matter, which a
    norm does not tell.

    Parameters
    ----------
    result : LowRank
        Of shape (m, n).
    data : array, sparse matrix, LinearOperator, stored dataset, result of sketch, or sum of these
        Of the same shape.
    count : int
        How many entries are drawn, with replacement: each of them is read by itself.
    seed : int
        Fixes which. Another one is taken where the result or the data come from it.

    Returns
    -------
    EntryErrors
        With `quantile` and `interval`.

    Raises
    ------
    ArgumentError
        If the data are chunks, whose entries cannot be read one by one.
    ShapeError
        If the data have another shape, or no entries.
    RankError
        If `count` is below 1.
    NonFiniteError
        If an entry is NaN or infinite.

    Notes
    -----
    ``2 count k`` operations, and as many reads as entries: of arrays and sparse matrices within
    milliseconds, of operators a product each.

    References
    ----------
    .. [1] H. David, H. Nagaraja, "Order statistics", 3rd edition, Wiley 2003, section 7.1,
       doi:10.1002/0471722162: the intervals of quantiles.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> a = np.random.default_rng(0).standard_normal((300, 200))
    >>> found = sketch.entry_errors(sketch.svd(a, rank=20), a)
    >>> low, high = found.interval(0.95)  # of what 19 in 20 errors are below
    >>> bool(1.5 < low < high < 2.1)
    True
    """
    count = checked_size(count, "count", least=1)
    source = as_matrix_source(data)
    if source.shape != result.shape or 0 in result.shape:
        raise ShapeError(f"the result has the shape {result.shape}, the data have {source.shape}")
    if type(source).window is MatrixSource.window:
        raise ArgumentError(
            f"the entries of a {type(source).__name__} cannot be read one by one; give an array, a "
            "sparse matrix or a file"
        )
    own = unused_seed(checked_seed(seed), {*result.seeds, *seeds_of(data)})
    drawn = uniform_rows(own, _STREAM, 0, count, 2)
    points = np.minimum(drawn * result.shape, np.subtract(result.shape, 1)).astype(np.int64)
    errors = np.abs(_entries(source, points) - to_host(result.entries(points)))
    order = np.argsort(errors)
    return EntryErrors(errors[order].astype(np.float64), points[order])


def _entries(source: MatrixSource, points: NDArray[np.int64]) -> NDArray[np.inexact]:
    """Return entries of a matrix, read one by one."""
    read = [source.window(slice(i, i + 1), slice(j, j + 1))[0] for i, j in points.tolist()]
    values = np.array([to_host(entry)[0, 0] for entry in read])
    if not np.isfinite(values).all():
        worst = points[~np.isfinite(values)][0]
        raise NonFiniteError(f"the data hold NaN or infinity at {tuple(worst.tolist())}")
    wide: NDArray[np.inexact] = values.astype(np.result_type(values, np.float64))
    return wide
