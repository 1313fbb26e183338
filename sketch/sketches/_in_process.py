"""Runs in this process: block by block, one read ahead, within a budget of memory."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic

from ..backend.array import is_off_host
from ..running.blas_threads import blas_threads, one_blas_thread
from ..running.progress import track
from ..running.read_ahead import map_ahead, read_ahead
from ..sources import Block, MatrixSource, Source
from ._method import Place, SomeBlock, SomeMap
from ._running import Run
from ._state import State

_UPLOADED_BYTES = 64_000_000  # of a block that goes to another device
_FEW_THREADS = 4  # of BLAS, in whose place as many blocks are worked on; more serve one product


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
        run, source, workers = self.run, self.source, self._workers()
        state, blocks = run.empty(), self._blocks(workers)
        if 0 in source.shape:  # such a source may have no blocks
            reach = map(operator.add, start, (size or 0 for size in source.shape))
            dtype = run.spec.joint_dtype(None, source.dtype)
            state = state.having(seen=tuple(reach), dtype=dtype)
        if None in source.shape:  # else it was checked as a whole
            blocks = self._inside(start, blocks)
        if progress:
            blocks = _tracked(source, blocks)
        if workers == 1:
            return run.through(state, blocks, start)
        with one_blas_thread():
            apart = map_ahead(
                lambda item: run.through(run.empty(), iter((item,)), start), blocks, workers
            )
            for _, more in apart:
                state = run.spec.total(state, more, disjoint=True, spent=True)
        return state

    def _workers(self) -> int:
        """Return how many blocks are worked on at a time, beside the one that is read.

        Several where matrices are read, on few processors: the threads of one product would wait
        for the one that shares its processor with the reading.
        """
        source = self.source
        if not source.on_disk or not isinstance(source, MatrixSource) or source.sparse:
            return 1
        threads = 1 if self.run.home is not None else blas_threads()
        return threads if threads <= _FEW_THREADS else 1

    def _blocks(self, workers: int) -> Iterator[tuple[Place, SomeBlock]]:
        """Return the blocks where the sums are, read ahead where that takes time."""
        source, limit = self.source, self.limit
        if workers > 1 and limit is not None:
            limit = limit // (workers + 1)  # as many are held at once, one more, and all products
        home, axis = self.run.home, self.run.whole_axis
        sent = home is not None and not (source.off_host and is_off_host(home))
        if sent:
            limit = limit or _UPLOADED_BYTES
        blocks = source.blocks(limit) if axis is None else source.whole_blocks(axis, limit)
        if home is not None:
            blocks = ((at, block.brought(home)) for at, block in blocks)
        return read_ahead(blocks) if (source.on_disk and workers == 1) or sent else blocks

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
