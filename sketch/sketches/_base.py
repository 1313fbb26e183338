"""What all matrix sketches share: placing chunks, summing parts, the algebra, and state files."""

from __future__ import annotations

import hashlib
import math
import operator
import os
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Self

import numpy as np

from .. import _archive
from .._array import Array, is_complex, namespace, promote, quiet, to_host, unit_roundoff
from .._progress import track
from .._random import TRANSFORM_VERSION
from ..errors import (
    DtypeError,
    IncompatibleSketchError,
    NonFiniteError,
    ShapeError,
    StateFileError,
)
from ..maps import DrawnMatrix
from ..results import LowRank
from ..sources import MatrixBlock, MatrixSource, as_matrix_source
from ._part import Part
from ._spec import MatrixSpec
from ._vector_space import VectorSpace

Products = dict[str, Array]


class MatrixSketch(VectorSpace):
    """Linear sketches of a matrix that arrives in chunks.

    A sketch holds its `spec` and a few named sums of chunk products. Every part is linear in the
    data: chunks may come in any order and any partition, and overlapping ones add up.

    Attributes
    ----------
    spec : MatrixSpec
        The frozen description; sketches with equal specs can be combined.
    n_updates : int
        Number of chunks taken so far, merged sketches included.
    """

    spec_type: ClassVar[type[MatrixSpec]]
    part_axes: ClassVar[dict[str, int]]

    spec: MatrixSpec
    n_updates: int

    def _set_up(self, spec: MatrixSpec) -> None:
        self.spec = spec
        self.n_updates = 0
        self._parts: dict[str, Part] = {}
        self._seen = [0, 0]  # how far the chunks of this pass reach on each axis
        self._dtype = spec.dtype
        self._maps = self._test_matrices()

    @abstractmethod
    def _test_matrices(self) -> dict[str, DrawnMatrix]:
        """Return the test matrices of this sketch by the name of the part they make."""

    @abstractmethod
    def _products(self, block: MatrixBlock, row: int, col: int) -> Products:
        """Return what a block at ``(row, col)`` adds to each part."""

    @abstractmethod
    def finalize(self, rank: int | None = None, tol: float | None = None) -> LowRank:
        """Return the low-rank matrix that the sums determine."""

    @classmethod
    def from_spec(cls, spec: MatrixSpec) -> Self:
        """Return an empty sketch with the given spec."""
        if not isinstance(spec, cls.spec_type):
            raise TypeError(f"{cls.__name__} needs a {cls.spec_type.__name__}, got {spec!r}")
        sketch = cls.__new__(cls)
        sketch._set_up(spec)
        return sketch

    # ---- sizes ------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the data, as it is now where an axis grows."""
        m, n = self.spec.shape
        return (self._seen[0] if m is None else m), (self._seen[1] if n is None else n)

    @property
    def nbytes(self) -> int:
        """Bytes held by the sums."""
        return sum(part.nbytes for part in self._parts.values())

    @property
    def range_size(self) -> int:
        """Columns of the test matrix Omega."""
        return self.spec.range_size

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.spec!r})  # {self.n_updates} updates"

    # ---- data in ----------------------------------------------------------------------------

    def update(
        self,
        chunk: Any,
        at: tuple[int, int] | int | None = None,
        *,
        check_finite: bool = True,
        progress: bool = False,
    ) -> None:
        """Add a chunk of the data.

        Parameters
        ----------
        chunk : array, sparse matrix, LinearOperator, stored dataset or sum, shape (p, q)
            Read once.
        at : (int, int) or int, optional
            Row and column of the chunk's first entry; an integer is a row. By default ``(0, 0)``,
            or after the last chunk on an axis that grows.
        check_finite : bool
            Refuse NaN and infinity. They are looked for in the products, at no pass over the data.
        progress : bool
            Show a progress bar.

        Raises
        ------
        ShapeError
            If the chunk does not lie within the sketch's shape.
        DtypeError
            If the chunk cannot be computed with, or is complex and the spec's dtype real.
        NonFiniteError
            If the chunk holds NaN or infinity, or products overflow.

        Notes
        -----
        A refused update leaves the sketch exactly as it was.
        """
        source = as_matrix_source(chunk)
        row, col = self._offset(at)
        self._check_inside((row, col), (source.shape[0] or 0, source.shape[1]))
        delta = self._fresh()
        for (r, c), block in _tracked(source, progress):
            delta._take(block, row + r, col + c, check_finite)
        delta.n_updates = 1
        self._absorb(delta)

    def _fresh(self) -> Self:
        """Return an empty sketch of the same spec that shares the rows drawn last."""
        new = type(self).from_spec(self.spec)
        new._maps = self._maps
        return new

    def _take(self, block: MatrixBlock, row: int, col: int, check_finite: bool) -> None:
        """Add one block; the sketch is spoiled where this raises."""
        m, n = block.shape
        self._check_inside((row, col), (m, n))
        with quiet():  # overflow shows in the products, which are checked
            products = self._products(block, row, col)
        if check_finite:
            _refuse_nonfinite(block, products, (row, col))
        for name, values in products.items():
            axis = self.part_axes[name]
            self._add(name, Part(values, (row, col)[axis], self.spec.shape[axis]))
        self._dtype = self._joint_dtype(block.dtype)
        self._seen = [max(self._seen[0], row + m), max(self._seen[1], col + n)]

    def _add(self, name: str, part: Part) -> None:
        if name in self._parts:
            self._parts[name].add(part.values, part.start)
        else:
            self._parts[name] = part

    def _absorb(self, other: Self) -> None:
        """Add the sums of another sketch, which is not used any more."""
        for name, part in other._parts.items():
            self._add(name, part)
        if other._dtype is not None:
            self._dtype = self._joint_dtype(other._dtype)
        self._seen = [max(pair) for pair in zip(self._seen, other._seen, strict=True)]
        self.n_updates += other.n_updates

    def _offset(self, at: Any) -> tuple[int, int]:
        """Return where a chunk goes."""
        if at is not None:
            return _checked_offset(at)
        m, n = self.spec.shape
        return (self._seen[0] if m is None else 0), (self._seen[1] if n is None else 0)

    def _check_inside(self, at: tuple[int, int], size: tuple[int, int]) -> None:
        """Refuse a chunk that does not lie within the shape."""
        for axis, name in enumerate(("rows", "columns")):
            limit, stop = self.spec.shape[axis], at[axis] + size[axis]
            if at[axis] < 0 or (limit is not None and stop > limit):
                raise ShapeError(
                    f"a chunk of shape {size} at {at} covers {name} {at[axis]} to {stop}, outside "
                    f"of the sketch's shape {self.spec.shape}; check the chunk and `at=(row, col)`"
                )

    def _joint_dtype(self, chunk_dtype: str) -> str:
        """Return the dtype of the result after a chunk."""
        wanted = self.spec.dtype
        if wanted is None:
            return chunk_dtype if self._dtype is None else promote(self._dtype, chunk_dtype)
        if is_complex(chunk_dtype) and not is_complex(wanted):
            raise DtypeError(
                f"the chunk is {chunk_dtype} but the sketch was made for {wanted}; make it with "
                f"dtype={chunk_dtype!r}, or take the real part"
            )
        return wanted

    # ---- sums of sketches -------------------------------------------------------------------

    def merge(self, other: Self) -> None:
        """Add another sketch of the same spec: the sketch of the sum of both data.

        Raises
        ------
        IncompatibleSketchError
            If the specs differ, and with them the test matrices.
        """
        self._check_compatible(other)
        self._absorb(other.copy())

    def _scaled(self, factor: Any) -> Self:
        new = self._fresh()
        new._parts = {name: part.scaled(factor) for name, part in self._parts.items()}
        new._seen = list(self._seen)
        new.n_updates = self.n_updates
        new._dtype = self._dtype
        if isinstance(factor, complex) and self._dtype is not None:
            new._dtype = self._joint_dtype("complex64")
        return new

    def _check_compatible(self, other: MatrixSketch) -> None:
        if type(other) is not type(self):
            raise IncompatibleSketchError(
                f"cannot combine a {type(self).__name__} with a {type(other).__name__}"
            )
        if other.spec != self.spec:
            differing = [
                f"{name}: {mine!r} and {theirs!r}"
                for name, mine in self.spec.to_header().items()
                if mine != (theirs := other.spec.to_header()[name])
            ]
            raise IncompatibleSketchError(
                "sketches can be combined only where their specs are equal, and with them their "
                f"test matrices; these differ in {'; '.join(differing)}"
            )

    # ---- for the methods --------------------------------------------------------------------

    def _total(self, name: str, width: int) -> Array:
        """Return a sum over its whole axis, shape (width, size); zero where no data came."""
        size = self.shape[self.part_axes[name]]
        if name in self._parts:
            return self._parts[name].full(size)
        return np.zeros((width, size))

    @property
    def _result_dtype(self) -> str:
        return self._dtype or "float64"

    @property
    def _roundoff(self) -> float:
        return unit_roundoff(self._result_dtype)

    # ---- state ------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        del state["_maps"]  # they follow from the spec
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._maps = self._test_matrices()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the running sketch to a file; `sketch.load` resumes it, on any machine.

        The file appears whole or not at all, whenever the process is killed.
        """
        header, arrays = self._state()
        _archive.write(path, header, {name: to_host(array) for name, array in arrays.items()})

    def _state(self) -> tuple[_archive.Header, dict[str, Array]]:
        header = {
            "kind": type(self).__name__,
            "spec": self.spec.to_header(),
            "n_updates": self.n_updates,
            "seen": self._seen,
            "dtype": self._dtype,
            "starts": {name: part.start for name, part in self._parts.items()},
            "transform_version": TRANSFORM_VERSION,
            "draw_digest": self._draw_digest(),
        }
        return header, {name: part.values for name, part in self._parts.items()}

    @classmethod
    def from_archive(cls, header: _archive.Header, arrays: _archive.Arrays) -> Self:
        """Rebuild a sketch from what `save` wrote.

        Raises
        ------
        StateFileError
            If this installation would draw other test matrices, or the state is inconsistent.
        """
        sketch = cls.from_spec(cls.spec_type.from_header(header["spec"]))
        if header["draw_digest"] != sketch._draw_digest():
            raise StateFileError(
                "the file was written by an installation that draws other test matrices "
                f"(transformation {header['transform_version']}, here {TRANSFORM_VERSION}); finish "
                "the stream with the version that began it"
            )
        sketch._restore(header, arrays)
        return sketch

    def _restore(self, header: _archive.Header, arrays: _archive.Arrays) -> None:
        self.n_updates = int(header["n_updates"])
        self._seen = [int(size) for size in header["seen"]]
        self._dtype = header["dtype"]
        for name, start in header["starts"].items():
            axis = self.part_axes[name]
            part = Part(arrays[name], int(start), self.spec.shape[axis])
            if part.start < 0 or part.stop > self.shape[axis]:
                raise StateFileError(f"part {name!r} of the state reaches beyond its shape")
            self._parts[name] = part

    def _draw_digest(self) -> str:
        """Return a digest of a few drawn rows, rounded so that a last bit does not matter."""
        digest = hashlib.sha256()
        for name in sorted(self._maps):
            rows = self._maps[name].rows(0, 4).array(np.empty(0, "float64"))
            digest.update(np.round(np.asarray(rows), 6).astype("<c16").tobytes())
        return digest.hexdigest()[:16]


def _tracked(source: MatrixSource, progress: bool) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
    """Return the blocks of a source under a progress bar that counts the source's own bytes."""
    entries = (source.shape[0] or 0) * source.shape[1]
    density = source.nbytes / entries if entries and source.nbytes else None

    def size(item: tuple[tuple[int, int], MatrixBlock]) -> int:
        block = item[1]
        return block.nbytes if density is None else int(density * math.prod(block.shape))

    return track(source.blocks(), size=size, total=source.nbytes or None, enabled=progress)


def _checked_offset(at: Any) -> tuple[int, int]:
    pair = at if isinstance(at, tuple | list) else (at, 0)
    try:
        row, col = (operator.index(x) for x in pair)
    except (TypeError, ValueError):
        raise ShapeError(
            f"`at` must be a row or a pair (row, col) of integers, got {at!r}"
        ) from None
    return row, col


def _refuse_nonfinite(block: MatrixBlock, products: Products, at: tuple[int, int]) -> None:
    """Raise where a product is not finite: one bad entry of the data spoils a whole row of it."""
    first: Iterator[Array] = iter(products.values())
    product = next(first)
    xp = namespace(product)
    if bool(xp.all(xp.isfinite(product))):
        return
    position = block.find_nonfinite()
    if position is None:
        raise NonFiniteError(
            f"the data at {at} are finite, but products with them overflow {block.dtype}; scale "
            "them down, or convert them to float64"
        )
    row, col = at[0] + position[0], at[1] + position[1]
    raise NonFiniteError(
        f"the chunk holds NaN or infinity, first at row {row}, column {col} of the matrix; clean "
        "the data, or pass check_finite=False to let them through"
    )
