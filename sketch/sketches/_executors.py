"""Executors: what takes a pass through all blocks of some data, wherever these are.

Both run the same declarations, and what they return does not tell them apart: a state, some of
whose sums may be where the rows of the data are.
"""

from __future__ import annotations

from typing import Protocol

from ..sources import Source
from ._in_process import InProcess
from ._method import Place, SomeBlock, SomeMap
from ._parallel import OnDask
from ._running import Run
from ._state import State


class Executor(Protocol):
    """A run and the data that it goes through."""

    def state(self, start: Place, *, progress: bool) -> State:
        """Return the state of the data, whose first entry is at `start`, and of nothing else."""


def executor_of(
    run: Run[SomeBlock, SomeMap], source: Source[SomeBlock], limit: int | None
) -> Executor:
    """Return what takes a run through a source, in blocks of at most `limit` bytes.

    The chunks of a Dask array are as large as they are.
    """
    if source.dask_array is not None:
        return OnDask(run, source.dask_array)
    return InProcess(run, source, limit)
