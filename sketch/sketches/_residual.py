"""What a result leaves of the data, entry by entry: one reading, squares alone are kept."""

from __future__ import annotations

import functools
import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from ..backend.array import Array, cuts, dtype_name, moved, promote, to_host, unit_roundoff, widened
from ..errors import DtypeError, OptionError, ShapeError
from ..files.archive import Header
from ..formats import TensorTrain
from ..numerics.factorizations import triangle
from ..numerics.linalg import adjoint, frobenius_norm, product, rescaled, safe_exponent
from ..results import Certain, ErrorEstimate, LowRank, rounding_floor
from ..sources import (
    DenseTensorBlock,
    EntriesTensorSource,
    MatrixBlock,
    MatrixSource,
    RowsSource,
    SparseSource,
    SparseTensorBlock,
    SparseTensorSource,
    TensorBlock,
    TensorSource,
    as_matrix_source,
    as_tensor_source,
)
from ._method import Method, Products, SomeBlock, Sum
from ._running import Run
from ._state import Passes
from ._sums import Sums

_ROUNDOFF = unit_roundoff("float64")
_BLUR = 16 * _ROUNDOFF  # of sums of squares that cancel, relative to them
_SLAB = 250_000  # entries
_LEAST_DIGITS = 16  # times that, below which nothing is left of their difference


class Squares(NamedTuple):
    """Sums of squares over a block."""

    residual: float  # without what the result has where sparse data are zero, of tensors
    data: float
    cancelled: float = 0.0  # what the residual is a difference of
    dense: float = 0.0  # blocks
    sparse: float = 0.0


def _exponent(norm: float) -> int:
    """Return the exponent of a norm whose square is not safe, 0 for most."""
    exponent = math.frexp(norm)[1]
    return exponent if abs(exponent) > safe_exponent("float64") else 0


@dataclass(frozen=True, kw_only=True, eq=False)
class ResidualSpec(Method[SomeBlock, object]):
    """Sums of squares of ``data - result``, from all entries of the data.

    Attributes
    ----------
    exponent : int
        Of a power of two that all is divided by, so that squares are safe.
    columns : int
        Terms of each entry of the result.
    """

    shape: tuple[int, ...]
    columns: int
    exponent: int = 0
    seed: int = -1  # of no sketch
    dtype: str | None = None

    def maps(self) -> dict[str, object]:
        """Return none: nothing is random."""
        return {}

    def sums(self, passes: Passes) -> dict[str, Sum]:
        """Return the sums of squares."""
        return {name: Sum(None, (1, 1)) for name in Squares._fields}

    def products(
        self, run: Run[SomeBlock, object], block: SomeBlock, at: tuple[int, ...]
    ) -> Products:
        """Return what a block adds to each of them."""
        return {k: np.asarray([[x]]) for k, x in self.squares(block, at)._asdict().items()}

    @abstractmethod
    def squares(self, block: SomeBlock, at: tuple[int, ...]) -> Squares:
        """Return the squares that a block adds, in the unit of the exponent."""

    def square(self, x: Array) -> float:
        """Return the sum of squares of an array in that unit."""
        return float(rescaled(frobenius_norm(x), -self.exponent)) ** 2

    def finish(self, sums: Sums, rank: object, tol: float | None) -> ErrorEstimate:
        """Return the exact error.

        Raises
        ------
        ShapeError
            If the data do not fill the shape of the result.
        """
        if sums.state.seen != self.shape and 0 not in self.shape:
            raise ShapeError(
                f"the result has the shape {self.shape}, the data have {sums.state.seen}"
            )
        missed, size, cancelled, *_ = self.all_squares(sums)
        norm, blur = math.sqrt(size), _BLUR * cancelled
        told = missed > _LEAST_DIGITS * blur
        floor = rounding_floor(norm, self.columns, _ROUNDOFF)
        estimate = ErrorEstimate(
            residual=math.sqrt(max(0.0, missed)),
            norm=norm,
            kind="exact",
            method="all entries",
            floor=floor if told else math.hypot(floor, 4 * math.sqrt(blur)),
            law=Certain(blur=blur / missed if told else 0.0),
        )
        return estimate.rescaled(self.exponent)

    def all_squares(self, sums: Sums) -> Squares:
        """Return the squares of all data."""
        parts = sums.state.parts
        return Squares(
            *(float(parts[k].values[0, 0]) if k in parts else 0.0 for k in Squares._fields)
        )

    def bytes_needed(self, shape: tuple[int, ...], maps: Mapping[str, object]) -> int:
        """Return about how many bytes the factors take."""
        return 8 * self.columns * sum(shape)

    def to_header(self) -> Header:
        """Refuse: no state of this is kept."""
        raise OptionError("an error is computed in one go and has no state to save")

    @classmethod
    def from_header(cls, header: dict[str, object]) -> Self:
        """Refuse: see `to_header`."""
        raise OptionError("an error is computed in one go and has no state to load")


@dataclass(frozen=True, kw_only=True, eq=False)
class MatrixResidual(ResidualSpec[MatrixBlock]):
    """Of a low-rank matrix ``L R``, ``2 m n k`` operations; as many as entries for sparse data."""

    left: Array
    right: Array

    @classmethod
    def of(cls, result: LowRank, left: Array) -> MatrixResidual:
        """Return the spec for a result, whose left vectors are in memory."""
        return cls(
            shape=result.shape,
            columns=result.rank,
            exponent=_exponent(result.norm()),
            left=widened(left) * widened(result.s),
            right=widened(result.Vh),
        )

    @functools.cached_property
    def _triangle(self) -> Array:
        return triangle(adjoint(self.right))

    def as_source(self, chunk: object) -> MatrixSource:
        """Return the adapter of a chunk, in whole rows."""
        return RowsSource(as_matrix_source(chunk))

    def squares(self, block: MatrixBlock, at: tuple[int, ...]) -> Squares:
        """Return the squares of some rows."""
        m, n = block.shape
        left = self.left[at[0] : at[0] + m, :]
        if isinstance(block, SparseSource):
            return self._sparse(block, left)
        window = widened(block.window(slice(0, m), slice(0, n))[0])
        approximation = product(moved(left, window), moved(self.right, window))
        return Squares(self.square(window - approximation), self.square(window))

    def _sparse(self, block: SparseSource, left: Array) -> Squares:
        """Return the squares from the entries that are there, and of all that the result has."""
        few = block.widened().by_rows().tocoo(copy=True)
        few.sum_duplicates()
        data = few.data
        there = np.empty(
            len(data), promote(dtype_name(self.left.dtype), dtype_name(self.right.dtype))
        )
        step = max(1, 500_000 // max(1, self.columns))
        for start in range(0, len(data), step):
            some = slice(start, start + step)
            x, y = to_host(left[few.row[some], :]), to_host(self.right[:, few.col[some]])
            there[some] = np.einsum("ik,ki->i", x, y)
        whole = self.square(triangle(left) @ adjoint(self._triangle)) if len(left) else 0.0
        kept = self.square(there[None, :])
        missed = self.square((data - there)[None, :]) + (whole - kept)
        return Squares(missed, self.square(data[None, :]), whole + kept)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainResidual(ResidualSpec[TensorBlock]):
    """Of a tensor train, block by block, or at the entries of sparse tensors."""

    train: TensorTrain

    @classmethod
    def of(cls, train: TensorTrain) -> TrainResidual:
        """Return the spec for a train."""
        columns = train.ndim * max(train.ranks, default=1)
        wide = TensorTrain([widened(core) for core in train.cores])
        exponent = _exponent(train.norm())
        return cls(shape=train.shape, columns=columns, exponent=exponent, train=wide)

    def as_source(self, chunk: object) -> TensorSource:
        """Return the adapter of a chunk, whose duplicates are added up: squares tell them apart."""
        source = as_tensor_source(chunk)
        if isinstance(source, SparseTensorSource | EntriesTensorSource):
            return source.without_duplicates()
        return source

    def squares(self, block: TensorBlock, at: tuple[int, ...]) -> Squares:
        """Return the squares of a dense block, or of some entries."""
        if isinstance(block, SparseTensorBlock):
            there, data = block.entries_of(self.train.cores), widened(block.data)
            kept = self.square(there[None, :])
            missed = self.square((data - there)[None, :]) - kept
            return Squares(missed, self.square(data[None, :]), kept, sparse=1.0)
        if not isinstance(block, DenseTensorBlock):
            raise DtypeError(
                f"the entries of a {type(block).__name__} are not at hand one by one; convert it"
            )
        windows = [slice(a, a + n) for a, n in zip(at, block.shape, strict=True)]
        pairs = zip(self.train.cores, windows, strict=True)
        cores = [moved(core[:, window, :], block.array) for core, window in pairs]
        missed = size = 0.0
        step = max(1, _SLAB * block.shape[0] // max(1, math.prod(block.shape)))
        for rows in cuts(block.shape[0], step):  # slabs that stay in cache
            data = widened(block.array[rows, ...])
            slab = TensorTrain([cores[0][:, rows, :], *cores[1:]])
            missed += self.square(data - slab.to_array())
            size += self.square(data)
        return Squares(missed, size, dense=1.0)

    def all_squares(self, sums: Sums) -> Squares:
        """Return the squares of all data, and of what the train has where sparse ones are zero."""
        found = super().all_squares(sums)
        if not found.sparse:
            return found
        if found.dense:
            raise DtypeError("blocks of the data are dense and sparse; convert them to one kind")
        whole = float(rescaled(self.train.norm(), -self.exponent)) ** 2
        return found._replace(residual=found.residual + whole, cancelled=found.cancelled + whole)
