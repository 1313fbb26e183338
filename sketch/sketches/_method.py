"""What a method declares: passes, products, sums, and what becomes of them.

A method is its spec, a frozen value. It says which sums a pass gathers and how a block of the data
contributes to them; at the end it turns the sums into a result by a pure function. Placing, adding,
scaling, saving, merging and running are written once, for all methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeAlias, TypeVar

from ..backend.array import Array, is_complex, promote
from ..backend.protocols import Number
from ..errors import DtypeError
from ..files.archive import Header
from ..numerics.linalg import plain_number
from ..sources import Block, Source
from ._state import Kept, Passes, State

if TYPE_CHECKING:
    from ._running import Run
    from ._sums import Sums

Products = dict[str, Array]
"""What a block adds to each sum."""

Place = tuple[int, ...]
"""Where a block begins on each axis of the data."""

SomeBlock = TypeVar("SomeBlock", bound=Block)
SomeMap = TypeVar("SomeMap")

AnyMethod: TypeAlias = "Method[Any, Any]"
"""A method of data of any kind: all that is written once for all of them asks for no more."""


@dataclass(frozen=True)
class Sum:
    """A sum that a pass gathers.

    Attributes
    ----------
    axis : int or None
        The axis of the data that the last axis of the sum follows.
    width : tuple of int
        The axes before it.
    degree : int
        2 where it is made of squares of the data, which add up over disjoint data only.
    """

    axis: int | None
    width: tuple[int, ...]
    degree: int = 1


class Method(ABC, Generic[SomeBlock, SomeMap]):
    """Base of all specs: of methods that multiply blocks of a kind by test matrices of a kind."""

    follows_norm: ClassVar[bool] = False
    sketch_type: ClassVar[Any]  # the class of its sketches

    shape: tuple[int | None, ...]
    seed: int
    dtype: str | None

    @property
    def n_passes(self) -> int:
        """Passes over the data that the method needs."""
        return 1

    @abstractmethod
    def maps(self) -> dict[str, SomeMap]:
        """Return the test matrices or tensors by name."""

    @abstractmethod
    def as_source(self, chunk: object) -> Source[SomeBlock]:
        """Return the adapter of a chunk."""

    @abstractmethod
    def sums(self, passes: Passes) -> Mapping[str, Sum]:
        """Return the sums that a pass gathers, given what the passes before it left."""

    @abstractmethod
    def products(self, run: Run[SomeBlock, SomeMap], block: SomeBlock, at: Place) -> Products:
        """Return what a block whose first entry is at `at` adds to each sum."""

    @abstractmethod
    def finish(self, sums: Sums, rank: object, tol: float | None) -> Any:
        """Return the result that the sums determine."""

    @abstractmethod
    def bytes_needed(self, shape: tuple[int, ...], maps: Mapping[str, SomeMap]) -> int:
        """Return about how many bytes the sums and their finish take for data of a shape."""

    @abstractmethod
    def to_header(self) -> Header:
        """Describe the spec in plain values, for a state file."""

    @classmethod
    @abstractmethod
    def from_header(cls, header: dict[str, object]) -> Self:
        """Rebuild a spec from `to_header`."""

    def sketch(self, chunk: object, at: object = None) -> Any:
        """Return the sketch of one chunk: the form for any map over a cluster."""
        sketch = self.sketch_type.from_spec(self)
        sketch.update(chunk, at)
        return sketch

    # ---- of methods of several passes -------------------------------------------------------

    def multiplies(self, passes: Passes) -> tuple[str, ...]:
        """Return the names of what was kept that a pass multiplies by."""
        return tuple(passes.kept)

    def whole_axis(self, passes: Passes) -> int | None:
        """Return along which axis blocks must be whole for a reading to serve two passes."""
        return None

    def fused_products(
        self, run: Run[SomeBlock, SomeMap], block: SomeBlock, at: Place
    ) -> Products | None:
        """Return what a block along the whole axis adds to the sums of two passes at once.

        None where squares of its entries are not safe.
        """
        return None

    def passes_made(self, sums: Sums) -> int:
        """Return how many passes a reading makes up for."""
        return 1

    def is_complete(self, passes: Passes) -> bool:
        """Whether what the passes left suffices for a result, before the last one."""
        return False

    def most_readings(self, passes: Passes) -> int | None:
        """Return how many readings there may be, None where the passes say so."""
        return None

    def readings_left(self, passes: Passes) -> int:
        """Return how many readings there may be still; 0 where a result can be had."""
        return 0 if self.is_complete(passes) else self.n_passes - passes.done

    def further(self, sums: Sums) -> tuple[AnyMethod, State] | None:
        """Return what takes a further reading where the result is blurred, None for the same."""
        return None

    def blur(
        self, sums: Sums, rank: object, tol: float | None, *, slight: bool = False
    ) -> str | None:
        """Return what a further reading would tell of a result, None if nothing.

        With `slight` the last few digits count too, which data at hand are read again for and a
        stream is not warned of.
        """
        return None

    def check(self, sums: Sums) -> None:
        """Refuse a pass that saw other data than the first, where that shows."""

    def keep(self, sums: Sums) -> Kept:
        """Return what to carry into the next pass, made from the sums of this one."""
        return {}

    # ---- what methods may do in a way of their own ------------------------------------------

    def hint(self, state: State) -> State | None:
        """Return what a run over further data may know of those that were taken, if anything."""
        return None

    def taken(
        self, run: Run[SomeBlock, SomeMap], state: State, block: SomeBlock, at: Place
    ) -> State:
        """Return a state with one more block; the sums of the one given are used up."""
        return run.summed(state, block, at)

    def renewed(self, state: State) -> State:
        """Return a state that was read from a file of an earlier version."""
        return state

    def times(self, state: State, factor: Number) -> State:
        """Return the state of the data multiplied by a number."""
        field = "complex64" if isinstance(plain_number(factor), complex) else None
        dtype = state.dtype if field is None else self.joint_dtype(state.dtype, field)
        degrees = {name: declared.degree for name, declared in self.sums(state.passes).items()}
        return state.times(factor, dtype, degrees)

    # ---- written once -----------------------------------------------------------------------

    def joint_dtype(self, ours: str | None, theirs: str | None) -> str | None:
        """Return the dtype of the result for data of two dtypes.

        Raises
        ------
        DtypeError
            If data are complex and the spec is real.
        """
        if self.dtype is None:
            known = [name for name in (ours, theirs) if name is not None]
            return promote(*known) if known else None
        for name in (ours, theirs):
            if name is not None and is_complex(name) and not is_complex(self.dtype):
                raise DtypeError(
                    f"the data are {name} but the sketch was made for {self.dtype}; make it with "
                    f"dtype={name!r}, or take the real part"
                )
        return self.dtype

    def total(
        self, ours: State, theirs: State, *, disjoint: bool = False, spent: bool = False
    ) -> State:
        """Return the state of the sum of both data; that of `theirs` may be `spent` for it."""
        dtype = self.joint_dtype(ours.dtype, theirs.dtype)
        window = tuple(map(self.total, ours.window, theirs.window)) or ours.window
        total = ours.plus(theirs, dtype, disjoint=disjoint, spent=spent)
        return total.having(window=window) if window else total
