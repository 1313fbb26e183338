"""What sketches of several passes show besides: how many there are, and their ends."""

from __future__ import annotations

from ._accumulator import Accumulator
from ._method import AnyMethod


class MultiPass:
    """What takes the same chunks several times, with `end_pass` after each time."""

    spec: AnyMethod
    accumulator: Accumulator

    @property
    def n_passes(self) -> int:
        """Passes over the data that the method needs at most, and may take."""
        return self.spec.n_passes

    @property
    def passes_done(self) -> int:
        """Readings of the data that were ended."""
        return self.accumulator.state.passes.readings

    @property
    def passes_left(self) -> int:
        """Readings that are still needed at most; 0 where the sketch can be finalized."""
        return self.spec.readings_left(self.accumulator.state.passes)

    def end_pass(self) -> None:
        """End a pass: orthonormalise what it gathered, and make ready for the next one.

        Raises
        ------
        PassError
            If all passes are done, or this one saw other data than the first.
        """
        self.accumulator.end_pass()
