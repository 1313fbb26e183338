"""The state of a sketch: one value, which every operation makes anew and none changes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..backend.array import Array, namespace
from ..backend.protocols import Number
from ..errors import NonFiniteError
from ..formats import Axes, check_columns
from ..numerics.linalg import plain_number
from ._cover import Cover, united
from ._part import Part, Spent
from ._row_blocks import RowBlocks

Kept: TypeAlias = dict[str, Any]
"""What a pass leaves for the next: arrays, tall sums and plain numbers, by name."""

MOST_SHARES = 4096  # that a state remembers


@dataclass(frozen=True)
class Stream:
    """How far a sketch has followed a stream.

    Attributes
    ----------
    position : int
        Rows taken by `consume`; slices along the axis that grows.
    digest : str
        Of rows among them, so that another stream is not taken for this one.
    resuming : bool
        Whether the state was loaded and no stream has been followed since.
    """

    position: int = 0
    digest: str = ""
    resuming: bool = False


@dataclass(frozen=True, eq=False)
class Passes:
    """What the passes that were ended leave behind.

    Attributes
    ----------
    done : int
    readings : int
        Readings of the data that they took: one may serve two passes.
    settled : tuple of int or None
        The shape that the first pass saw.
    kept : mapping
        Bases and cores by name, which the next pass multiplies by.
    covers : (Cover, Cover)
        Which rows, and which columns, the first reading took that served two passes.
    """

    done: int = 0
    readings: int = 0
    settled: tuple[int, ...] | None = None
    kept: Kept = field(default_factory=dict)
    covers: tuple[Cover, Cover] = (None, None)


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """What a sketch holds beside its spec.

    Attributes
    ----------
    seen : tuple of int
        How far the chunks of this pass reach on each axis.
    parts : mapping of str to Part
    dtype : str or None
        That the data have in common; None before there are any.
    n_updates : int
    norm : float or None
        Frobenius norm of the data; None where chunks may have overlapped or it is not followed.
    roundoff : float
        The largest unit roundoff of the products in the sums.
    rounding : float
        Frobenius norm of a rounding error of the data that explains those of all products that
        ever went into the sums: what cancels leaves it behind.
    cover : Cover
        Which rows or columns squares were summed of, each once; None where they do not add up.
    blocks : mapping of str to RowBlocks
        Sums that follow the rows of a Dask array and stay where these are.
    shift : array or None
        Of sums about a shift.
    facts : mapping of str to number
        What a method knows of its sums beside.
    columns : Axes or None
        Names and labels of all axes but the first, where the data have some.
    shares : frozenset of str
        Which sketches of data are in the sums.
    stream : Stream
    passes : Passes
    window : tuple of State
        Of a sliding window: the chunks that are in the sums.
    subtracted : int
        Of a sliding window: chunks that were subtracted since the sums were taken anew.
    """

    seen: tuple[int, ...]
    parts: Mapping[str, Part] = field(default_factory=dict)
    dtype: str | None = None
    n_updates: int = 0
    norm: float | None = 0.0
    roundoff: float = 0.0
    rounding: float = 0.0
    cover: Cover = ()
    blocks: Mapping[str, RowBlocks] = field(default_factory=dict)
    shift: Array | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    columns: Axes | None = None
    shares: frozenset[str] = frozenset()
    stream: Stream = Stream()
    passes: Passes = Passes()
    window: tuple[State, ...] = ()
    subtracted: int = 0

    @property
    def nbytes(self) -> int:
        """Bytes held by the sums."""
        return sum(p.nbytes for p in self.parts.values()) + sum(s.nbytes for s in self.window)

    @property
    def is_in_tasks(self) -> bool:
        """Whether some of what it holds are results of tasks, where the rows of the data are."""
        return bool(self.blocks) or any(isinstance(q, RowBlocks) for q in self.passes.kept.values())

    @property
    def may_follow_norm(self) -> bool:
        """Whether the norm of further data adds up to that of all."""
        known = self.dtype is None or (self.norm is not None and bool(self.cover))
        return known and not self.passes.done

    def having(self, **changes: object) -> State:
        """Return the state with other values of some fields; every block of the data asks for it.

        Raises
        ------
        TypeError
            If there is no such field.
        """
        if not changes.keys() <= self.__dict__.keys():
            raise TypeError(f"a state has no {changes.keys() - self.__dict__.keys()}")
        new = object.__new__(State)
        new.__dict__.update(self.__dict__, **changes)
        return new

    def plus(
        self, other: State, dtype: str | None, *, disjoint: bool = False, spent: bool = False
    ) -> State:
        """Return the sum with the state of further data in the same pass.

        Parameters
        ----------
        other : State
        dtype : str or None
            That both have in common.
        disjoint : bool
            Whether the two are known to hold different entries, so that the norm is known too.
        spent : bool
            Whether the arrays of the other one may be overwritten: it is not used any more.
        """
        cover = united(self.cover, other.cover)
        return self.having(
            seen=tuple(map(max, self.seen, other.seen)),
            parts=added(self.parts, other.parts, spent),
            blocks={**self.blocks, **other.blocks},
            dtype=dtype,
            n_updates=self.n_updates + other.n_updates,
            norm=self._joint_norm(other, disjoint or bool(cover)),
            roundoff=max(self.roundoff, other.roundoff),
            rounding=math.hypot(self.rounding, other.rounding),
            cover=cover,
            shift=other.shift if self.shift is None else self.shift,
            columns=self.joint_columns(other) if other.columns else self.columns,
            shares=remembered(self.shares | other.shares) if other.shares else self.shares,
        )

    def joint_columns(self, other: State) -> Axes | None:
        """Return the names and labels of the columns of both data.

        Raises
        ------
        ArgumentError
            If they differ.
        """
        check_columns(self.columns, other.columns, "the data")
        return self.columns or other.columns

    def _joint_norm(self, other: State, disjoint: bool) -> float | None:
        if self.passes.done:  # it is that of the first pass
            return self.norm
        if self.dtype is None:
            return other.norm
        if other.dtype is None:
            return self.norm
        both = (self.norm, other.norm)
        return math.hypot(*both) if disjoint and None not in both else None  # type: ignore[arg-type]

    def gathered(self) -> State:
        """Return the state with all sums in memory."""
        rows = {name: Part.of(y.array().T, y.first) for name, y in self.blocks.items()}
        return self.having(parts={**self.parts, **rows}, blocks={})

    def times(
        self, factor: Number, dtype: str | None, degrees: Mapping[str, int] | None = None
    ) -> State:
        """Return the state of the data multiplied by a number, some sums by its square."""
        number, squared = plain_number(factor), [n for n, d in (degrees or {}).items() if d == 2]
        parts = {
            name: part.times(abs(number) ** 2 if name in squared else number)
            for name, part in self.parts.items()
        }
        if abs(number) > 1 and not all(map(_is_finite, parts.values())):
            raise NonFiniteError(f"the sums overflow when multiplied by {factor}; scale less")
        return self.having(
            parts=parts,
            dtype=dtype,
            norm=None if self.norm is None else self.norm * abs(number),
            rounding=self.rounding * abs(number),
            window=tuple(chunk.times(number, dtype) for chunk in self.window),
        )


def added(ours: Mapping[str, Part], theirs: Mapping[str, Part], spent: bool) -> dict[str, Part]:
    """Return the sums of parts of equal names; others as they are."""
    total = dict(ours)
    for name, part in theirs.items():
        known = total.get(name)
        whose: Spent | None = "theirs" if spent else None
        total[name] = part if known is None else known.joined(part, spent=whose)
    return total


def remembered(shares: frozenset[str]) -> frozenset[str]:
    """Return no more shares than a state remembers."""
    return shares if len(shares) <= MOST_SHARES else frozenset(sorted(shares)[:MOST_SHARES])


def same_kept(x: State, y: State) -> bool:
    """Whether two states were left the same by the passes that were ended."""
    ours, theirs = x.passes.kept, y.passes.kept
    return ours is theirs or (
        ours.keys() == theirs.keys() and all(_same(ours[name], theirs[name]) for name in ours)
    )


def _same(x: Array, y: Array) -> bool:
    return x is y or (x.shape == y.shape and bool(namespace(x).all(x == y)))


def _is_finite(part: Part) -> bool:
    xp = namespace(part.segments[0][1])
    return all(bool(xp.all(xp.isfinite(array))) for _, array in part.segments)
