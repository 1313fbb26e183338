"""What a finish sees of a state: whole sums and facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from ..backend.array import Array, beside, cast, is_complex, namespace, unit_roundoff
from ._state import State
from ._tall import Tall, TallArray

Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Sums:
    """The sums of the last pass, over whole axes.

    Attributes
    ----------
    spec : Method
    maps : mapping
        Its test matrices or tensors.
    state : State
    shape : tuple of int
        Of the data.
    home : array or None
        An array that lives where the sketch does.
    found : dict
        What a method made of them already, by name.
    """

    spec: Any
    maps: Mapping[str, Any]
    state: State
    shape: tuple[int, ...]
    home: Array | None = None
    found: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """Return what was made of the sums under a name, the first time that it is asked for."""
        if name not in self.found:
            self.found[name] = make()
        found: Made = self.found[name]
        return found

    @property
    def number(self) -> int:
        """The pass whose sums are held, from 0: the last one after its end."""
        return int(min(self.state.passes.done, self.spec.n_passes - 1))

    @property
    def readings(self) -> int:
        """Readings of the data so far, that of a pass that was not ended included."""
        passes = self.state.passes
        begun = passes.done < self.spec.n_passes and all(self.state.seen)
        return passes.readings + begun

    @property
    def kept(self) -> Mapping[str, Any]:
        """What the passes before this one left."""
        return self.state.passes.kept

    def whole(self, name: str) -> Array:
        """Return a sum over its whole axis; zero where no data came, complex where any were."""
        declared = self.spec.sums(self.state.passes)[name]
        size = () if declared.axis is None else (self.shape[declared.axis],)
        if name in self.state.parts:
            part = self.state.parts[name]
            values = part.full(*size) if size else part.values
            return cast(values, "complex128") if is_complex(self.dtype) else values
        home = np.empty(0) if self.home is None else self.home
        dtype = "complex128" if is_complex(self.dtype) else "float64"
        width = declared.width if size else declared.width[:-1]
        last = size or declared.width[-1:]
        return namespace(home).zeros((*width, *last), **beside(home, dtype))

    def tall(self, name: str) -> Tall:
        """Return the adjoint of a sum that is wide, (m, k): in memory, or where its rows are."""
        if name in self.state.blocks:
            return self.state.blocks[name]
        return TallArray(self.whole(name).T)

    @property
    def dtype(self) -> str:
        """The dtype of the result."""
        return self.spec.dtype or self.state.dtype or "float64"

    def roundoff(self, norm: float) -> float:
        """Return the rounding error in the sums, relative to data of a norm.

        That of the least precise products, or what larger data left behind that cancelled.
        """
        worst = max(unit_roundoff(self.dtype), self.state.roundoff)
        return min(1.0, max(worst, self.state.rounding / norm)) if norm > 0 else worst
