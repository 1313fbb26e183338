"""Recognise an input: the first predicate that accepts it names the adapter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..backend.array import is_dask, is_gpu_sparse, quiet
from ..formats import Summable, TensorSum
from ._axes import axes_of
from ._base import MatrixSource
from ._chunked import ChunkedSource, is_chunks
from ._contents import contents, unknown
from ._dense import DenseSource
from ._device_sparse import DeviceSparseSource
from ._entries import EntriesSource, is_entries
from ._factored import FactoredSource
from ._lists import array_of_rows, is_list
from ._opened import OpenedData, opened
from ._operator import OperatorSource, is_operator
from ._sparse import SparseSource, is_sparse
from ._stored import StoredSource, is_plain, is_ready
from ._sum import SumSource
from ._tiles import is_stored


def as_matrix_source(a: object) -> MatrixSource:
    """Return the adapter of a matrix in any accepted format.

    Raises
    ------
    DtypeError
        If the object is of no accepted kind, or its entries are not numbers.
    ShapeError
        If it is not a matrix.
    """
    if is_plain(a):  # most data: nothing else is asked of them
        return DenseSource(a)
    if isinstance(a, MatrixSource):
        return a
    a = opened(a)
    source = _recognised(contents(a))
    source.axes = source.axes or axes_of(a)
    return source


def _recognised(a: object) -> MatrixSource:
    if isinstance(a, OpenedData):
        return a.matrix_source()
    for accepts, adapter in _ADAPTERS:
        if accepts(a):
            return adapter(a)
    raise unknown(
        a,
        "an array, a sparse matrix, a LinearOperator, a stored dataset, a result of sketch, or a "
        "sum of these",
    )


def _is_sum(a: object) -> bool:
    return isinstance(a, TensorSum)


def _is_factored(a: object) -> bool:
    return isinstance(a, Summable) and hasattr(a, "matrix_factors")


def _sum_source(a: TensorSum) -> SumSource:
    return SumSource(a.coefficients, [as_matrix_source(term) for term in a.terms])


def _factored_source(a: Any) -> MatrixSource:
    with quiet():  # what is not finite is found in the products
        left, right = a.matrix_factors()
    if is_dask(left) or is_dask(right):  # multiplied out in the chunks of its rows or columns
        return StoredSource(left @ right)
    return FactoredSource(left, right)


_ADAPTERS: list[tuple[Callable[[Any], bool], Callable[[Any], MatrixSource]]] = [
    (_is_sum, _sum_source),
    (_is_factored, _factored_source),
    (is_sparse, SparseSource),
    (is_gpu_sparse, DeviceSparseSource),
    (is_entries, EntriesSource),
    (is_operator, OperatorSource),
    (is_ready, DenseSource),
    (is_chunks, lambda a: ChunkedSource(a, as_matrix_source)),
    (is_list, lambda a: as_matrix_source(array_of_rows(a))),
    (is_stored, StoredSource),
]
