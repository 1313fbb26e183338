"""A function of rows, applied to rows of any format block by block."""

from __future__ import annotations

from collections.abc import Callable

from ..backend.array import Array, dtype_name, namespace, promote, quiet
from ..errors import ShapeError
from ..formats import Axes, check_columns
from ..numerics.factor_rows import GivenRows
from ..sources import MatrixBlock, RowsSource, as_matrix_source


def map_rows(
    function: Callable[[MatrixBlock], Array],
    rows: object,
    width: int,
    like: Array,
    axes: Axes | None = None,
) -> Array:
    """Return what a function makes of blocks of rows, one below the other.

    Parameters
    ----------
    function : callable
        From a block (p, width) to an array (p, q).
    rows : any format of a matrix
    width : int
        How long rows must be.
    like : array, shape (width, q)
        Whose dtype the results have, or a wider one.
    axes : Axes, optional
        Whose columns those of the rows must be, where both have names.

    Returns
    -------
    array, shape (m, q)
        Of a Dask array one that is not computed yet.
    """
    source = RowsSource(as_matrix_source(rows))
    if source.shape[1] != width:
        raise ShapeError(f"expected rows of {width} entries, got shape {source.shape}")
    check_columns(axes, source.axes, "the rows")
    dask_array = source.dask_array
    if dask_array is not None:
        chunks = (dask_array.chunks[0], (int(like.shape[1]),))
        dtype = promote(source.dtype, dtype_name(like.dtype))
        lazy: Array = dask_array.map_blocks(
            _of_chunk, function, width, like[:, :0], chunks=chunks, dtype=dtype
        )
        return lazy
    with quiet():  # rows that are not finite have no finite coordinates
        results = [function(block) for _, block in source.blocks()]
    return namespace(*results).concat(results, axis=0)


def _of_chunk(
    chunk: object, function: Callable[[MatrixBlock], Array], width: int, like: Array
) -> Array:
    return map_rows(function, chunk, width, like)


def times(block: MatrixBlock, x: Array) -> Array:
    """Return ``A X`` for a block A."""
    return block.right(GivenRows(x)).T
