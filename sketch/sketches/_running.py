"""A pass of a method over a chunk: what a block adds to a state, wherever it is worked on."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias

from .._checks import nonfinite_entry
from ..backend.array import Array, moved, namespace, quiet, unit_roundoff
from ..errors import NonFiniteError, PassError, ShapeError
from ..maps import DrawnMatrix, TensorTrainMap
from ..numerics.linalg import frobenius_norm
from ..sources import Block, MatrixBlock, TensorBlock
from ._cover import Cover, united
from ._method import Method, Place, Products, SomeBlock, SomeMap, Sum
from ._part import Part
from ._state import Passes, State


class Memo:
    """What a block files its contractions under, from pass to pass of one sketch."""


@dataclass
class Run(Generic[SomeBlock, SomeMap]):
    """One pass of a method over a chunk: all that the products depend on beside the data.

    Attributes
    ----------
    spec : Method
    maps : mapping
        Its test matrices or tensors.
    passes : Passes
    home : array or None
        An array that lives where the sums shall.
    hint : State or None
        What the method knows of data that were taken before.
    follow_norm : bool
        Whether the norm of the data is asked for.
    first_row : int
        Of the data, where what the passes kept of the rows begins.
    memo : Memo
    fuses : bool
        Whether blocks that are whole may serve two passes.
    check_finite : bool
        Whether NaN and infinity are refused.
    """

    spec: Method[SomeBlock, SomeMap]
    maps: Mapping[str, SomeMap]
    passes: Passes = field(default_factory=Passes)
    home: Array | None = None
    hint: State | None = None
    follow_norm: bool = False
    first_row: int = 0
    memo: Memo = field(default_factory=Memo)
    fuses: bool = True
    check_finite: bool = True

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "maps": None, "memo": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self.maps, self.memo = self.spec.maps(), Memo()

    @functools.cached_property
    def sums(self) -> Mapping[str, Sum]:
        """The sums that this pass gathers."""
        return self.spec.sums(self.passes)

    @functools.cached_property
    def whole_axis(self) -> int | None:
        """The axis along which whole blocks serve two passes at once."""
        return self.spec.whole_axis(self.passes) if self.fuses else None

    def empty(self) -> State:
        """Return the state before any data."""
        axes = len(self.spec.shape)
        return State(seen=(0,) * axes, passes=self.passes, norm=0.0 if self.follow_norm else None)

    def through(
        self, state: State, blocks: Iterator[tuple[Place, SomeBlock]], start: Place
    ) -> State:
        """Return a state with blocks whose places count from `start`; what it held is used up."""
        for offset, block in blocks:
            at = tuple(map(operator.add, start, offset))
            state = self.spec.taken(self, state, block, at)
        return state

    def summed(self, state: State, block: SomeBlock, at: Place) -> State:
        """Return a state with the products of one more block added to its sums."""
        with quiet():  # overflow shows in the products, which are checked
            cover, products = self._multiplied(state, block, at)
            if self.home is not None:
                products = {name: moved(values, self.home) for name, values in products.items()}
            if self.check_finite:
                refuse_nonfinite(block, products, at)
            norm = None if state.norm is None else block.norm()
            parts = {**state.parts}
            for name, values in products.items():
                axis = self.sums[name].axis
                place = 0 if axis is None else at[axis]
                known = parts.get(name)
                parts[name] = (
                    Part.of(values, place)
                    if known is None
                    else known.plus(values, place, spent="ours")
                )
            roundoff = unit_roundoff(block.dtype)
            size = self._size(products)
        return state.having(
            seen=tuple(map(max, state.seen, map(operator.add, at, block.shape))),
            parts=parts,
            dtype=self.spec.joint_dtype(state.dtype, block.dtype),
            norm=None if norm is None else math.hypot(state.norm or 0.0, norm),
            roundoff=max(state.roundoff, roundoff),
            rounding=math.hypot(state.rounding, roundoff * size),
            cover=cover,
        )

    def _multiplied(self, state: State, block: SomeBlock, at: Place) -> tuple[Cover, Products]:
        """Return which rows have been squared with those of a block, and its products."""
        axis = self.whole_axis
        if axis is None:
            return state.cover, self.spec.products(self, block, at)
        whole = block.shape[axis] == self._size_of(axis)
        here = at[1 - axis], at[1 - axis] + block.shape[1 - axis]
        cover = united(state.cover, (here,) if here[0] < here[1] else ()) if whole else None
        fused = None if cover is None else self.spec.fused_products(self, block, at)
        if fused is None:
            return None, self.spec.products(self, block, at)
        return cover, fused

    def _size_of(self, axis: int) -> int | None:
        """Return how long an axis is, None while it grows."""
        return (self.passes.settled or self.spec.shape)[axis]

    def _size(self, products: Products) -> float:
        """Return about the norm of a block, from the smallest of its products.

        The columns of test matrices are isotropic: each gives the norm in the mean of the square.
        """
        if self.passes.done:  # the rounding of the first pass stands for all of them
            return 0.0
        linear = [name for name in products if self.sums[name].degree == 1]
        name = min(linear, key=lambda name: math.prod(products[name].shape))
        return frobenius_norm(products[name]) / math.sqrt(math.prod(self.sums[name].width) or 1)

    def check_inside(self, at: Place, size: Place) -> None:
        """Refuse a chunk that does not lie within the shape, or the data of the first pass."""
        spec, passes = self.spec, self.passes
        if passes.done >= spec.n_passes:
            raise PassError(f"all {spec.n_passes} passes are done; finalize, or begin a new sketch")
        most = spec.most_readings(passes)
        if most is not None and passes.readings >= most:
            raise PassError(f"all {most} readings were taken; finalize")
        if len(size) != len(at):
            raise ShapeError(f"a chunk of shape {size} does not fit the shape {spec.shape}")
        for axis, limit in enumerate(spec.shape):
            stop = at[axis] + size[axis]
            if at[axis] < 0 or (limit is not None and stop > limit):
                raise ShapeError(
                    f"a chunk of shape {size} at {at} covers {at[axis]} to {stop} on axis {axis}, "
                    f"outside of the sketch's shape {spec.shape}; check the chunk and its "
                    "place `at`"
                )
        if passes.settled is not None and any(
            a + s > known for a, s, known in zip(at, size, passes.settled, strict=True)
        ):
            raise PassError(
                f"pass {passes.done + 1} got a chunk of shape {size} at {at}, beyond the data of "
                f"shape {passes.settled} that the first pass saw; feed the same chunks"
            )


AnyRun: TypeAlias = Run[Any, Any]
MatrixRun: TypeAlias = Run[MatrixBlock, DrawnMatrix]
TensorRun: TypeAlias = Run[TensorBlock, TensorTrainMap]


def refuse_nonfinite(block: Block, products: Products, at: Place) -> None:
    """Raise where products are not finite: of bad entries of the data, or beyond their range."""
    if all(map(_is_finite, products.values())):
        return
    position = block.find_nonfinite()
    if position is not None:
        raise nonfinite_entry(tuple(map(operator.add, at, position)))
    raise NonFiniteError(
        f"products with the data at {at} are not finite: the data hold NaN or infinity, or they "
        f"overflow {block.dtype}; clean them, scale them down, or convert them to float64"
    )


def _is_finite(product: Array) -> bool:
    xp = namespace(product)
    # the sum is finite, at no temporary, unless an entry is not or it overflows
    return bool(xp.isfinite(xp.sum(product))) or bool(xp.all(xp.isfinite(product)))
