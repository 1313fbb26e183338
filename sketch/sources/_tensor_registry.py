"""Recognise a tensor: the first predicate that accepts it names the adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..backend.array import Array, is_dask, promote, quiet
from ..formats import (
    CPTensor,
    HadamardProduct,
    OperatorProduct,
    Summable,
    TensorSum,
    TensorTrain,
    TuckerTensor,
)
from ..numerics.cores import Core
from ..numerics.linalg import multiple
from ._axes import axes_of
from ._contents import contents, unknown
from ._entries import EntriesTensorSource, is_entries
from ._lists import array_of_numbers, is_list
from ._opened import OpenedData, opened
from ._sparse import is_sparse
from ._stored import StoredTensorSource, is_ready
from ._sum import finite_numbers, scaled_dtype
from ._tensor_base import Contraction, TensorBlock, TensorSource
from ._tensor_dense import DenseTensorSource
from ._tensor_hadamard import HadamardBlock
from ._tensor_operator import OperatorBlock
from ._tensor_sparse import SparseTensorSource
from ._tensor_structured import CPBlock, TrainBlock, TuckerBlock
from ._tiles import is_stored


class ScaledTensorBlock(TensorBlock):
    """The tensor ``coefficient * T``."""

    def __init__(self, coefficient: complex, block: TensorBlock) -> None:
        self.coefficient, self.block = coefficient, block
        self.shape, self.nbytes = block.shape, block.nbytes
        self.dtype = scaled_dtype(coefficient, block.dtype)

    def like(self) -> Array:
        """Return an array of the block."""
        return self.block.like()

    def between(self, rights: Sequence[Core]) -> Contraction:
        """Begin a contraction of the block."""
        return ScaledContraction(self.coefficient, self.block.between(rights))

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return where the block is not finite."""
        return self.block.find_nonfinite()


class ScaledContraction(Contraction):
    """A contraction whose results are multiplied by a number."""

    def __init__(self, coefficient: complex, contraction: Contraction) -> None:
        self._coefficient, self._contraction = coefficient, contraction

    def seen(self) -> Array:
        """Return what the mode sees, times the coefficient."""
        return multiple(self._contraction.seen(), self._coefficient)

    def advance(self, core: Core) -> None:
        """Go on to the next mode."""
        self._contraction.advance(core)

    def fork(self) -> ScaledContraction:
        """Return a contraction that goes on from here."""
        return ScaledContraction(self._coefficient, self._contraction.fork())


class SumTensorSource(TensorSource):
    """A linear combination of tensors in any formats; each term is sketched on its own."""

    def __init__(self, total: TensorSum) -> None:
        self.coefficients = finite_numbers(total.coefficients)
        self.sources = [as_tensor_source(term) for term in total.terms]
        self.shape = total.shape
        dtypes = [source.dtype for source in self.sources]
        self.dtype = promote(*map(scaled_dtype, self.coefficients, dtypes))
        self.nbytes = sum(source.nbytes for source in self.sources)
        self.on_disk = any(source.on_disk for source in self.sources)

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, ...], TensorBlock]]:
        """Yield the scaled blocks of every term."""
        for coefficient, source in zip(self.coefficients, self.sources, strict=True):
            for at, block in source.blocks(limit):
                yield at, ScaledTensorBlock(coefficient, block)


def as_tensor_source(t: object) -> TensorSource:
    """Return the adapter of a tensor in any accepted format.

    Raises
    ------
    DtypeError
        If the object is of no accepted kind, or its entries are not numbers.
    """
    if isinstance(t, TensorSource):
        return t
    t = opened(t)
    source = _recognised(contents(t))
    source.axes = source.axes or axes_of(t)
    return source


def _recognised(t: object) -> TensorSource:
    if isinstance(t, OpenedData):
        return t.tensor_source()
    for accepts, adapter in _ADAPTERS:
        if accepts(t):
            source = adapter(t)
            if 0 in source.shape and not isinstance(source, DenseTensorSource):
                return DenseTensorSource(np.zeros(source.shape, source.dtype))
            return source
    raise unknown(
        t,
        "an array, a sparse tensor, a CP, Tucker or train tensor, a stored dataset, or a sum of "
        "these",
    )


def _is(*kinds: type) -> Callable[[object], bool]:
    return lambda t: isinstance(t, kinds)


def _matrix_source(t: Any) -> TensorSource:
    with quiet():  # what is not finite is found in the products
        left, right = t.matrix_factors()
    if is_dask(left) or is_dask(right):  # multiplied out in the chunks of its rows or columns
        return StoredTensorSource(left @ right)
    return TrainBlock(TensorTrain([left[None, :, :], right[:, :, None]]).cores)


_ADAPTERS: list[tuple[Callable[[Any], bool], Callable[[Any], TensorSource]]] = [
    (_is(TensorSum), SumTensorSource),
    (_is(HadamardProduct), lambda t: HadamardBlock(t.first.cores, t.second.cores)),
    (_is(OperatorProduct), OperatorBlock),
    (_is(TensorTrain), lambda t: TrainBlock(t.cores)),
    (_is(CPTensor), lambda t: CPBlock(t.weights, t.factors)),
    (_is(TuckerTensor), lambda t: TuckerBlock(t.core, t.factors)),
    (lambda t: isinstance(t, Summable) and hasattr(t, "matrix_factors"), _matrix_source),
    (is_sparse, SparseTensorSource),
    (is_entries, EntriesTensorSource),
    (is_ready, DenseTensorSource),
    (is_list, lambda t: as_tensor_source(array_of_numbers(t))),
    (is_stored, StoredTensorSource),
]
