"""What running asks of data of every kind: blocks that are read one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

from ..backend.array import Array
from ..backend.protocols import DaskArray
from ..formats import Axes

Place = tuple[int, ...]


class Block(Protocol):
    """A part of the data that is worked on at once; methods know more of its kind."""

    @property
    def shape(self) -> tuple[int, ...]:
        """How far it reaches on each axis."""

    @property
    def dtype(self) -> str:
        """The dtype that products come in."""

    @property
    def nbytes(self) -> int:
        """Bytes that reading it takes."""

    def brought(self, like: Array) -> Any:
        """Return the block where `like` is, if it can go there; else its products will."""

    def norm(self) -> float | None:
        """Return the Frobenius norm, None where it is not at hand or blocks overlap (sums)."""

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the position of a NaN or an infinity, where one can be found."""


SomeBlock = TypeVar("SomeBlock", bound=Block, covariant=True)


class Source(Protocol[SomeBlock]):
    """Data of any kind: a matrix, a tensor, rows with missing entries."""

    axes: Axes | None

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Shape; None where it shows only as blocks come."""

    @property
    def dtype(self) -> str:
        """The dtype that products come in."""

    @property
    def nbytes(self) -> int:
        """Bytes that one pass reads, for progress; 0 where unknown."""

    @property
    def single_use(self) -> bool:
        """Whether the data can be read once only."""

    @property
    def on_disk(self) -> bool:
        """Whether reading takes its time, so that it pays to read ahead."""

    @property
    def off_host(self) -> bool:
        """Whether the data lie in the memory of a GPU."""

    @property
    def dask_array(self) -> DaskArray | None:
        """The Dask array that the data are, whose chunks are worked on in parallel; else None."""

    def blocks(self, limit: int | None = None) -> Iterator[tuple[Place, SomeBlock]]:
        """Yield ``(place, block)``, what must be read in blocks of at most `limit` bytes."""

    def whole_blocks(
        self, axis: int, limit: int | None = None
    ) -> Iterator[tuple[Place, SomeBlock]]:
        """Yield blocks like `blocks`, along the whole of an axis where that reads nothing twice."""
