"""Recognise a tensor: the first predicate that accepts it names the adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .._array import Array, promote
from .._cores import Core
from .._linalg import multiple, plain_number
from ..errors import DtypeError
from ..formats import HadamardProduct, TensorSum
from ._entries import EntriesTensorSource, is_entries
from ._opened import OpenedData, opened
from ._sparse import is_sparse
from ._stored import StoredTensorSource, is_ready, is_stored
from ._sum import scaled_dtype
from ._tensor_base import Contraction, TensorBlock, TensorSource
from ._tensor_dense import DenseTensorSource
from ._tensor_hadamard import HadamardBlock
from ._tensor_sparse import SparseTensorSource
from ._tensor_structured import CPBlock, TrainBlock, TuckerBlock


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
        self.coefficients = [plain_number(c) for c in total.coefficients]
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


def as_tensor_source(t: Any) -> TensorSource:
    """Return the adapter of a tensor in any accepted format.

    Objects with ``cores`` are tensor trains, with ``weights`` and ``factors`` CP tensors, with
    ``core`` and ``factors`` Tucker tensors, whichever library made them.

    Raises
    ------
    DtypeError
        If the object is of no accepted kind, or its entries are not numbers.
    """
    t = opened(t)
    if isinstance(t, OpenedData):
        return t.tensor_source()
    for accepts, adapter in _ADAPTERS:
        if accepts(t):
            return adapter(t)
    raise DtypeError(
        f"cannot sketch an object of type {type(t).__name__} as a tensor; give an array, a sparse "
        "tensor, a CP, Tucker or train tensor, a stored dataset, or a sum of these"
    )


def _has(*names: str) -> Callable[[Any], bool]:
    return lambda t: all(hasattr(t, name) for name in names)


def _matrix_block(left: Array, right: Array) -> TrainBlock:
    return TrainBlock([left[None, :, :], right[:, :, None]])


_ADAPTERS: list[tuple[Callable[[Any], bool], Callable[[Any], TensorSource]]] = [
    (lambda t: isinstance(t, TensorSource), lambda t: t),
    (lambda t: isinstance(t, TensorSum), SumTensorSource),
    (
        lambda t: isinstance(t, HadamardProduct),
        lambda t: HadamardBlock(t.first.cores, t.second.cores),
    ),
    (_has("cores"), lambda t: TrainBlock(t.cores)),
    (_has("weights", "factors"), lambda t: CPBlock(t.weights, t.factors)),
    (_has("core", "factors"), lambda t: TuckerBlock(t.core, t.factors)),
    (_has("matrix_factors"), lambda t: _matrix_block(*t.matrix_factors())),
    (is_sparse, SparseTensorSource),
    (is_entries, EntriesTensorSource),
    (is_ready, DenseTensorSource),
    (lambda t: isinstance(t, list | tuple), lambda t: as_tensor_source(np.asarray(t))),
    (is_stored, StoredTensorSource),
]
