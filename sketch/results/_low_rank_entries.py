"""Single entries of a low-rank matrix, from the rows and columns of its factors alone."""

from __future__ import annotations

import numpy as np

from ..backend.array import Array, HostArray, cuts, gathered, is_array, is_dask, namespace, to_host
from ..errors import ShapeError
from ..formats import rows_at

_BLOCK_ENTRIES = 500_000  # of both factors that entries are computed from at once


def entries_of(left: Array, s: Array, right: Array, rows: HostArray, cols: HostArray) -> Array:
    """Return the entries of ``left @ diag(s) @ right`` at pairs of a row and a column."""
    if is_dask(left):  # only the rows that are asked for leave their chunks, once
        some, rows = np.unique(rows, return_inverse=True)
        left = gathered(left[some, :])
    if is_dask(right):
        some, cols = np.unique(cols, return_inverse=True)
        right = gathered(right[:, some])
    rights = rows_at(right.T, np.arange(right.shape[1])) * s  # each in one piece
    blocks = []
    for block in cuts(len(rows), max(1, _BLOCK_ENTRIES // max(1, int(s.shape[0])))):
        x, y = rows_at(left, rows[block]), rows_at(rights, cols[block])
        blocks.append((x[:, None, :] @ y[:, :, None])[:, 0, 0])
    return namespace(s).concat(blocks)


def as_indices(values: object, size: int, name: str) -> HostArray:
    """Return indices along an axis of some size as integers that are not negative.

    Raises
    ------
    ShapeError
        If they are no list of integers, or one is out of range.
    """
    index = np.atleast_1d(np.asarray(to_host(values) if is_array(values) else values))
    if not index.size:
        index = index.astype(np.int64)
    if index.dtype.kind not in "iu" or index.ndim != 1:
        raise ShapeError(f"{name} indices must be a list of integers, got {values!r}")
    if index.size and not (-size <= index.min() and index.max() < size):
        raise ShapeError(f"{name} indices must be within [{-size}, {size}), got {values!r}")
    return np.where(index < 0, index + size, index).astype(np.int64)
