"""The narrow waist of tensors: interfaces with test tensors, and what a mode sees between them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from .._array import Array


class TensorSource(ABC):
    """A tensor of any format, seen as blocks that are read one after the other.

    Attributes
    ----------
    shape : tuple of int
    dtype : str
        The dtype that products come in.
    nbytes : int
        Bytes that one pass reads, for progress; 0 where unknown.
    """

    shape: tuple[int, ...]
    dtype: str
    nbytes: int

    @abstractmethod
    def blocks(self) -> Iterator[tuple[tuple[int, ...], TensorBlock]]:
        """Yield ``(offset, block)`` with blocks small enough to be worked on at once."""


class TensorBlock(TensorSource):
    """A tensor T of order d seen through its contractions with tensor trains.

    An *interface* is whatever the format keeps of the contraction of its leading (trailing) modes
    with the cores of a left (right) train. The cores of mode k have shape
    (rank before, n_k, rank behind).
    """

    @abstractmethod
    def like(self) -> Array:
        """Return an array of the namespace, dtype and device of the data."""

    @abstractmethod
    def right_interfaces(self, cores: Sequence[Array]) -> list[Any]:
        """Return the interfaces behind the modes 0, ..., d - 1; the last one is trivial.

        The core of mode 0 is not used.
        """

    @abstractmethod
    def left_start(self) -> Any:
        """Return the trivial interface before mode 0."""

    @abstractmethod
    def extend_left(self, left: Any, mode: int, core: Array) -> Any:
        """Return the interface before mode + 1 from the one before `mode`."""

    @abstractmethod
    def psi(self, mode: int, left: Any, right: Any) -> Array:
        """Return what the mode sees between two interfaces, shape (l, n_mode, r)."""

    def blocks(self) -> Iterator[tuple[tuple[int, ...], TensorBlock]]:
        """Yield the tensor itself, in one block."""
        yield (0,) * len(self.shape), self

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the position of a NaN or an infinity, where one can be found."""
        return None
