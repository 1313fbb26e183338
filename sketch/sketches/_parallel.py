"""Runs of a pass over a Dask array: every chunk contributes on its own, added in a tree.

What travels is the run, which is the spec and what earlier passes kept: workers draw the test
matrices themselves. Sums that follow the rows of a matrix stay in *strips*, its row chunks.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend.array import Array
from ..errors import ShapeError
from ..running.tasks import (
    Chunked,
    Place,
    Task,
    chunk_batches,
    compute,
    once,
    persist,
    strip_batches,
    task,
    tree,
)
from ._method import AnyMethod, Sum
from ._row_blocks import RowBlocks
from ._running import AnyRun
from ._state import State

_GATHERED_BYTES = 128_000_000  # of chunks beside each other that a task takes together


@dataclass(frozen=True)
class OnDask:
    """The executor of the chunks of a Dask array.

    Attributes
    ----------
    run : Run
    array : Dask array
    """

    run: AnyRun
    array: Chunked

    def state(self, start: Place, *, progress: bool) -> State:
        """Return the state of the array, whose first entry is at `start`."""
        array = self.array
        fuses = self.run.whole_axis == 1 and _strip_bytes(array) <= _GATHERED_BYTES
        run = dataclasses.replace(self.run, fuses=fuses)
        tall = [name for name, declared in run.sums.items() if _is_panel(declared)]
        needed = {name: run.passes.kept[name] for name in run.spec.multiplies(run.passes)}
        kept = {name: q for name, q in needed.items() if isinstance(q, RowBlocks)}
        state: State
        if array.ndim != 2 or not (tall or kept):
            (state,) = compute(_total(run, _batches(run, array, start)), progress=progress)
            return state
        strips = _strips(run, kept, array, start)
        rest = _total(run, [task(without, strip, tall) for strip in strips])
        rows = [task(rows_of, strip, name) for name in tall for strip in strips]
        *seen, rest = persist(*rows, rest, progress=progress)
        (state,) = compute(rest)
        heights = [int(n) for n in array.chunks[0]]
        blocks = {
            name: RowBlocks(part, heights, run.sums[name].width[0], start[0])
            for name, part in zip(tall, _groups(seen, len(strips)), strict=True)
        }
        return state.having(blocks=blocks)


def _strip_bytes(array: Chunked) -> int:
    """Return how much the largest row of chunks holds, 0 where it is a chunk."""
    if array.numblocks[1] == 1:
        return 0
    return int(max(array.chunks[0], default=0) * array.shape[1] * array.dtype.itemsize)


def _is_panel(declared: Sum) -> bool:
    """Whether a sum is a tall matrix that follows the rows, which no core of a train is."""
    return declared.axis == 0 and declared.degree == 1 and len(declared.width) == 1


def _groups(items: Sequence[Task], size: int) -> list[Sequence[Task]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


def _total(run: AnyRun, states: Sequence[Task]) -> Task:
    """Return the task of adding states, in a tree."""
    return tree(states, add_states, once(run.spec))


def _batches(run: AnyRun, array: Chunked, start: Place) -> list[Task]:
    """Return a task for each batch of chunks, in their order."""
    shared = once(run)
    return [_batch(shared, batch, start) for batch in chunk_batches(array)]


def _batch(run: Task, batch: Sequence[tuple[Place, Task, Place]], start: Place) -> Task:
    """Return the task of the state of some chunks."""
    places, chunks, sizes = zip(*batch, strict=True)
    placed = [tuple(map(operator.add, start, place)) for place in places]
    return task(state_of, run, list(chunks), placed, list(sizes))


def _strips(run: AnyRun, kept: dict[str, RowBlocks], array: Chunked, start: Place) -> list[Task]:
    """Return the task of the state of each strip, multiplied with its rows of what was kept."""
    shared, strips = once(_without_blocks(run)), []
    for number, batches in enumerate(strip_batches(array, whole=run.fuses)):
        mine = shared
        if kept:
            (top, _), *_ = batches[0][0]
            rows = {name: q.tasks[number] for name, q in kept.items()}
            mine = task(with_rows, shared, rows, start[0] + top)
        states = [_batch(mine, batch, start) for batch in batches]
        strips.append(_total(run, states))
    return strips


def _without_blocks(run: AnyRun) -> AnyRun:
    passes = run.passes
    plain = {name: q for name, q in passes.kept.items() if not isinstance(q, RowBlocks)}
    return dataclasses.replace(run, passes=dataclasses.replace(passes, kept=plain))


# ---- what the tasks do ---------------------------------------------------------------------------


def with_rows(run: AnyRun, rows: dict[str, Array], first_row: int) -> AnyRun:
    """Return a run that knows the rows of a strip of what was kept."""
    passes = dataclasses.replace(run.passes, kept={**run.passes.kept, **rows})
    return dataclasses.replace(run, passes=passes, first_row=first_row)


def state_of(run: AnyRun, chunks: list[object], places: list[Place], sizes: list[Place]) -> State:
    """Return the state of some chunks, each of which must be as large as the array says."""
    mine = dataclasses.replace(run)
    state = mine.empty()
    if mine.whole_axis == 1:
        chunks, places, sizes = gathered_rows(chunks, places, sizes)
    for chunk, place, size in zip(chunks, places, sizes, strict=True):
        source = mine.spec.as_source(chunk)
        if tuple(source.shape) != tuple(size):
            raise ShapeError(
                f"the chunk at {place} has the shape {tuple(source.shape)}, but the Dask array "
                f"says {tuple(size)}; its chunks overlap or leave gaps where they are placed. "
                "Declare the sizes that the chunks have"
            )
        state = mine.through(state, source.blocks(), place)
    return state


def gathered_rows(
    chunks: list[Any], places: list[Place], sizes: list[Place]
) -> tuple[list[object], list[Place], list[Place]]:
    """Return plain arrays beside each other as one, other chunks as they are."""
    tops = {place[0] for place in places}
    plain = all(type(x) is np.ndarray and x.ndim == 2 for x in chunks)
    if len(chunks) == 1 or len(tops) > 1 or not plain:
        return chunks, places, sizes
    if any(
        x.shape != size or x.dtype != chunks[0].dtype for x, size in zip(chunks, sizes, strict=True)
    ):
        return chunks, places, sizes
    joined = np.concatenate(chunks, axis=1)
    return [joined], places[:1], [joined.shape]


def add_states(spec: AnyMethod, states: list[State]) -> State:
    """Return the sum of states, which stay as they are."""
    total = states[0]
    for state in states[1:]:
        total = spec.total(total, state, disjoint=True)
    return total


def without(strip: State, names: Sequence[str]) -> State:
    """Return what a strip adds to the sums that do not follow the rows."""
    return strip.having(parts={n: part for n, part in strip.parts.items() if n not in names})


def rows_of(strip: State, name: str) -> Array:
    """Return the rows of a sum that a strip determines."""
    return strip.parts[name].values.T
