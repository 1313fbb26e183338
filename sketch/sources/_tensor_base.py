"""The narrow waist of tensors: what each mode sees between two trains."""

from __future__ import annotations

import copy
import functools
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Self

from ..backend.array import Array
from ..backend.protocols import DaskArray
from ..formats import Axes
from ..numerics.cores import Core


class TensorSource(ABC):
    """A tensor of any format, seen as blocks that are read one after the other.

    Attributes
    ----------
    shape : tuple of int
    dtype : str
        The dtype that products come in.
    nbytes : int
        Bytes that one pass reads, for progress; 0 where unknown.
    single_use, on_disk, off_host, dask_array, axes
        As of a `MatrixSource`.
    """

    shape: tuple[int, ...]
    dtype: str
    nbytes: int
    single_use: bool = False
    on_disk: bool = False
    off_host: bool = False
    dask_array: DaskArray | None = None
    axes: Axes | None = None

    @abstractmethod
    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, ...], TensorBlock]]:
        """Yield ``(offset, block)``, what must be read in blocks of at most `limit` bytes."""

    def whole_blocks(
        self, axis: int, limit: int | None = None
    ) -> Iterator[tuple[tuple[int, ...], TensorBlock]]:
        """Yield blocks like `blocks`: no method of tensors asks for whole axes."""
        return self.blocks(limit)


class Contraction(ABC):
    """A tensor between a right test tensor and a left train that is extended mode by mode.

    Begins at mode 0, with nothing on the left.
    """

    @abstractmethod
    def seen(self) -> Array:
        """Return what the mode sees: shape (l, n, r), the columns of all blocks side by side."""

    @abstractmethod
    def advance(self, core: Core) -> None:
        """Contract the mode with its core of the left train and go on to the next one."""

    def fork(self) -> Self:
        """Return a contraction that goes on from here with other cores on the left."""
        return copy.copy(self)


class TensorBlock(TensorSource):
    """A tensor T of order d that can be contracted with tensor trains from both ends."""

    @functools.cached_property
    def begun(
        self,
    ) -> weakref.WeakKeyDictionary[object, dict[tuple[int, ...], tuple[list[Array], Contraction]]]:
        """Contractions that go on in a later pass, and the cores they met, by sketch and place."""
        return weakref.WeakKeyDictionary()

    @abstractmethod
    def like(self) -> Array:
        """Return an array of the namespace, dtype and device of the data."""

    @abstractmethod
    def between(self, rights: Sequence[Core]) -> Contraction:
        """Begin a contraction with a right test tensor; its core of mode 0 is not used."""

    def between_each(self, tests: Sequence[Sequence[Core]]) -> list[Contraction]:
        """Begin a contraction with each of some right test tensors."""
        return [self.between(rights) for rights in tests]

    def between_some(self, rights: Sequence[Core], modes: range) -> Contraction:
        """Begin a contraction of which no other modes than some in a row are asked for."""
        return self.between(rights)

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, ...], TensorBlock]]:
        """Yield the tensor itself, in one block."""
        yield (0,) * len(self.shape), self

    def brought(self, like: Array) -> TensorBlock:
        """Return the tensor where `like` is, if it can go there; else its products will."""
        return self

    def norm(self) -> None:
        """Return None: what the error probes see tells the norm."""

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the position of a NaN or an infinity, where one can be found."""
        return None
