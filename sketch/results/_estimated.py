"""What numbers that were estimated have in common: they are numbers, and print with an interval."""

from __future__ import annotations

from typing import TYPE_CHECKING


class Estimated:
    """A number with an interval."""

    value: float

    if TYPE_CHECKING:

        def interval(self, confidence: float = 0.95) -> tuple[float, float]: ...

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        low, high = self.interval()
        return f"{self.value:.6g}, 95 % interval [{low:.6g}, {high:.6g}]"
