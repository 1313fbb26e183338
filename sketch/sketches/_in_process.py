"""Runs in this process: block by block, one read ahead, within a budget of memory."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic

from ..backend.array import is_off_host
from ..running.progress import track
from ..running.read_ahead import read_ahead
from ..sources import Block, Source
from ._method import Place, SomeBlock, SomeMap
from ._running import Run
from ._state import State

_UPLOADED_BYTES = 64_000_000  # of a block that goes to another device


@dataclass(frozen=True)
class InProcess(Generic[SomeBlock, SomeMap]):
    """The executor of data that are read here.

    Attributes
    ----------
    run : Run
    source : Source
    limit : int or None
        Bytes of a block at most.
    """

    run: Run[SomeBlock, SomeMap]
    source: Source[SomeBlock]
    limit: int | None

    def state(self, start: Place, *, progress: bool) -> State:
        """Return the state of the data, whose first entry is at `start`."""
        run, source = self.run, self.source
        state, blocks = run.empty(), self._blocks()
        if 0 in source.shape:  # such a source may have no blocks
            reach = map(operator.add, start, (size or 0 for size in source.shape))
            dtype = run.spec.joint_dtype(None, source.dtype)
            state = state.having(seen=tuple(reach), dtype=dtype)
        if None in source.shape:  # else it was checked as a whole
            blocks = self._inside(start, blocks)
        if progress:
            blocks = _tracked(source, blocks)
        return run.through(state, blocks, start)

    def _blocks(self) -> Iterator[tuple[Place, SomeBlock]]:
        """Return the blocks where the sums are, read ahead where that takes time."""
        source, limit = self.source, self.limit
        home, axis = self.run.home, self.run.whole_axis
        sent = home is not None and not (source.off_host and is_off_host(home))
        if sent:
            limit = limit or _UPLOADED_BYTES
        blocks = source.blocks(limit) if axis is None else source.whole_blocks(axis, limit)
        if home is not None:
            blocks = ((at, block.brought(home)) for at, block in blocks)
        return read_ahead(blocks) if source.on_disk or sent else blocks

    def _inside(
        self, start: Place, blocks: Iterator[tuple[Place, SomeBlock]]
    ) -> Iterator[tuple[Place, SomeBlock]]:
        """Return blocks, each of them within the shape and the data of the first pass."""
        for offset, block in blocks:
            self.run.check_inside(tuple(map(operator.add, start, offset)), block.shape)
            yield offset, block


def _tracked(
    source: Source[Block], blocks: Iterator[tuple[Place, SomeBlock]]
) -> Iterator[tuple[Place, SomeBlock]]:
    """Return the blocks of a source under a progress bar that counts the source's own bytes."""
    entries = math.prod(size or 0 for size in source.shape)
    density = source.nbytes / entries if entries and source.nbytes else None

    def size(item: tuple[Place, SomeBlock]) -> int:
        block = item[1]
        return int(block.nbytes if density is None else density * math.prod(block.shape))

    return track(blocks, size=size, total=source.nbytes or None)
