"""What all sketches share: placing chunks and summing what they contribute."""

from __future__ import annotations

import math
import operator
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Self

import numpy as np

from .._array import (
    Array,
    beside,
    is_complex,
    moved,
    namespace,
    place,
    promote,
    quiet,
    unit_roundoff,
)
from .._memory import block_limit
from .._progress import track
from .._read_ahead import read_ahead
from ..errors import DtypeError, IncompatibleSketchError, NonFiniteError, ShapeError
from ._parallel import sum_over_chunks
from ._part import Part
from ._vector_space import VectorSpace

_UPLOADED_BYTES = 64_000_000  # of a block that goes to another device

Products = dict[str, Array]


class Sketch(VectorSpace):
    """Linear sketches of a matrix or tensor that arrives in chunks.

    A sketch holds its `spec` and a few named sums of chunk products. Every part is linear in the
    data: chunks may come in any order and any partition, and overlapping ones add up.

    Attributes
    ----------
    spec : SketchSpec
        The frozen description; sketches with equal specs can be combined.
    n_updates : int
        Number of chunks taken so far, merged sketches included.
    """

    spec_type: ClassVar[type[Any]]

    spec: Any
    n_updates: int

    def _set_up(self, spec: Any, device: Any = None) -> None:
        self.spec = spec
        self._home = place(device)
        self.n_updates = 0
        self._parts: dict[str, Part] = {}
        self._seen = [0] * len(spec.shape)  # how far the chunks of this pass reach on each axis
        self._dtype = spec.dtype
        self._maps = self._test_matrices()

    @abstractmethod
    def _test_matrices(self) -> dict[str, Any]:
        """Return the test matrices or tensors of this sketch by name."""

    @abstractmethod
    def _as_source(self, chunk: Any) -> Any:
        """Return the adapter of a chunk."""

    @abstractmethod
    def _part_axis(self, name: str) -> int | None:
        """Return which axis of the data the last axis of a part follows, None for none."""

    @abstractmethod
    def _bytes_needed(self, shape: tuple[int, ...]) -> int:
        """Return about how many bytes the sums and their finalize take for data of a shape."""

    @abstractmethod
    def _products(self, block: Any, at: tuple[int, ...]) -> Products:
        """Return what a block whose first entry is at `at` adds to each part."""

    @classmethod
    def from_spec(cls, spec: Any, device: Any = None) -> Self:
        """Return an empty sketch with the given spec, told where to live like any other."""
        if not isinstance(spec, cls.spec_type):
            raise TypeError(f"{cls.__name__} needs a {cls.spec_type.__name__}, got {spec!r}")
        sketch = cls.__new__(cls)
        sketch._set_up(spec, device)
        return sketch

    def settle(self, device: Any) -> None:
        """Say where an empty or a loaded sketch lives from now on; its sums must be there."""
        self._home = place(device)

    # ---- sizes ------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the data, as it is now where an axis grows."""
        pairs = zip(self._seen, self.spec.shape, strict=True)
        return tuple(seen if size is None else size for seen, size in pairs)

    @property
    def nbytes(self) -> int:
        """Bytes held by the sums."""
        return sum(part.nbytes for part in self._parts.values())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.spec!r})  # {self.n_updates} updates"

    # ---- data in ----------------------------------------------------------------------------

    def update(
        self,
        chunk: Any,
        at: tuple[int, ...] | int | None = None,
        *,
        check_finite: bool = True,
        memory: int | str | None = None,
        progress: bool = False,
    ) -> None:
        """Add a chunk of the data.

        Parameters
        ----------
        chunk : array, sparse matrix or tensor, structured tensor, operator, stored dataset or sum
            As many axes as the data. Read once: files along their own chunks and one block ahead,
            the chunks of a Dask array in parallel, by the scheduler that is active.
        at : sequence of int or int, optional
            Where the chunk's first entry is; an integer is a row. By default all zeros, or after
            the last chunk on an axis that grows.
        check_finite : bool
            Refuse NaN and infinity. They are looked for in the products, at no pass over the data.
        memory : int or str, optional
            Bytes to stay within beside what the process holds already, as a number or ``"2GB"``:
            what is read or converted comes in blocks that are small enough. The chunks of a Dask
            array are as large as they are.
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
        MemoryBudgetError
            If the sums alone need more than `memory`.

        Notes
        -----
        A refused update leaves the sketch exactly as it was.
        """
        self._absorb(self._contribution(chunk, at, check_finite, memory, progress))

    def _contribution(
        self, chunk: Any, at: Any, check_finite: bool, memory: Any, progress: bool
    ) -> Self:
        """Return the sketch of a chunk alone, in its place; this one stays as it is."""
        source = self._as_source(chunk)
        start = self._offset(at)
        size = tuple(size or 0 for size in source.shape)
        self._check_inside(start, size)
        limit = block_limit(memory, self._bytes_needed(tuple(map(operator.add, start, size))))
        if source.dask_array is not None:
            empty = self._fresh()
            delta: Self = sum_over_chunks(empty, source.dask_array, start, check_finite, progress)
        else:
            delta = self._fresh()
            for offset, block in _tracked(source, limit, self._home, progress):
                delta._take(block, tuple(map(operator.add, start, offset)), check_finite)
        delta.n_updates = 1
        return delta

    def _blank(self) -> Self:
        """Return an empty sketch of the same spec that shares the rows drawn last."""
        new = type(self).from_spec(self.spec, self._home)
        new._maps = self._maps
        return new

    def _fresh(self) -> Self:
        """Return an empty sketch to sum a further chunk into."""
        return self._blank()

    def _take(self, block: Any, at: tuple[int, ...], check_finite: bool) -> None:
        """Add one block; the sketch is spoiled where this raises."""
        self._check_inside(at, block.shape)
        with quiet():  # overflow shows in the products, which are checked
            products = self._products(block, at)
        if self._home is not None:
            products = {name: moved(values, self._home) for name, values in products.items()}
        if check_finite:
            refuse_nonfinite(block, products, at)
        for name, values in products.items():
            axis = self._part_axis(name)
            place = (0, None) if axis is None else (at[axis], self.spec.shape[axis])
            self._add(name, Part(values, *place))
        self._dtype = self._joint_dtype(block.dtype)
        self._seen = list(map(max, self._seen, map(operator.add, at, block.shape)))

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
        self._seen = list(map(max, self._seen, other._seen))
        self.n_updates += other.n_updates

    def _join(self, other: Self) -> None:
        """Add the sums of another, disjoint part of the same update."""
        self._absorb(other)

    def _offset(self, at: Any) -> tuple[int, ...]:
        """Return where a chunk goes."""
        if at is not None:
            return _checked_offset(at, len(self._seen))
        pairs = zip(self._seen, self.spec.shape, strict=True)
        return tuple(seen if size is None else 0 for seen, size in pairs)

    def _check_inside(self, at: tuple[int, ...], size: tuple[int, ...]) -> None:
        """Refuse a chunk that does not lie within the shape."""
        if len(size) != len(at):
            raise ShapeError(f"a chunk of shape {size} does not fit the shape {self.spec.shape}")
        for axis, limit in enumerate(self.spec.shape):
            stop = at[axis] + size[axis]
            if at[axis] < 0 or (limit is not None and stop > limit):
                raise ShapeError(
                    f"a chunk of shape {size} at {at} covers {at[axis]} to {stop} on axis {axis}, "
                    f"outside of the sketch's shape {self.spec.shape}; check the chunk and its "
                    "place `at`"
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
        return str(wanted)

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

    def _check_compatible(self, other: Sketch) -> None:
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

    def _total(self, name: str, *width: int) -> Array:
        """Return a sum over its whole axis, shape (*width, size); zero where no data came."""
        axis = self._part_axis(name)
        size = 1 if axis is None else self.shape[axis]
        if name not in self._parts:
            home = np.empty(0) if self._home is None else self._home
            return namespace(home).zeros((*width, size), **beside(home, "float64"))
        return self._parts[name].values if axis is None else self._parts[name].full(size)

    @property
    def _result_dtype(self) -> str:
        return self._dtype or "float64"

    @property
    def _roundoff(self) -> float:
        return unit_roundoff(self._result_dtype)


def _tracked(
    source: Any, limit: int | None, home: Array | None, progress: bool
) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Return the blocks of a source under a progress bar that counts the source's own bytes."""
    entries = math.prod(size or 0 for size in source.shape)
    density = source.nbytes / entries if entries and source.nbytes else None

    def size(item: tuple[tuple[int, ...], Any]) -> int:
        block = item[1]
        return int(block.nbytes if density is None else density * math.prod(block.shape))

    if home is not None:
        limit = limit or _UPLOADED_BYTES
    blocks = source.blocks(limit)
    if home is not None:
        blocks = ((at, block.brought(home)) for at, block in blocks)
    if source.on_disk or home is not None:
        blocks = read_ahead(blocks)
    return track(blocks, size=size, total=source.nbytes or None, enabled=progress)


def _checked_offset(at: Any, ndim: int) -> tuple[int, ...]:
    offset = at if isinstance(at, tuple | list) else (at, *[0] * (ndim - 1))
    try:
        checked = tuple(operator.index(x) for x in offset)
    except TypeError:
        checked = ()
    if len(checked) != ndim:
        raise ShapeError(f"`at` must be a row or {ndim} integers, one for each axis, got {at!r}")
    return checked


def refuse_nonfinite(block: Any, products: Products, at: tuple[int, ...]) -> None:
    """Raise where a product is not finite: one bad entry of the data spoils a whole row of it."""
    product = next(iter(products.values()))
    xp = namespace(product)
    with quiet():  # the sum is finite, at no temporary, unless an entry is not or it overflows
        if bool(xp.isfinite(xp.sum(product))) or bool(xp.all(xp.isfinite(product))):
            return
    position = block.find_nonfinite()
    if position is None:
        raise NonFiniteError(
            f"the data at {at} are finite, but products with them overflow {block.dtype}; scale "
            "them down, or convert them to float64"
        )
    raise NonFiniteError(
        "the chunk holds NaN or infinity, first at index "
        f"{tuple(map(operator.add, at, position))} of the data; clean them, or pass "
        "check_finite=False to let them through"
    )
