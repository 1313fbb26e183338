"""Sketches of Dask arrays: every chunk contributes on its own, contributions are added in a tree.

What travels is the empty sketch, which is its spec: workers draw the test matrices themselves.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from .._dask import Place, Task, chunk_batches, compute, once, task, tree

if TYPE_CHECKING:
    from ._base import Sketch


def sum_over_chunks(
    empty: Sketch, array: Any, start: Place, check_finite: bool, progress: bool
) -> Any:
    """Return the sketch of a Dask array whose first entry is at `start`."""
    (total,) = compute(
        tree(contributions(empty, array, start, check_finite), add_sketches), progress=progress
    )
    return total


def contributions(empty: Sketch, array: Any, start: Place, check_finite: bool) -> list[Task]:
    """Return a task for each batch of chunks, in their order, that sketches them."""
    shared = once(empty)
    tasks = []
    for batch in chunk_batches(array):
        places = [tuple(map(operator.add, start, place)) for place, _ in batch]
        tasks.append(task(sketch_chunks, shared, [c for _, c in batch], places, check_finite))
    return tasks


def sketch_chunks(
    empty: Sketch, chunks: list[Any], places: list[Place], check_finite: bool
) -> Sketch:
    """Return the sketch of some chunks."""
    delta = empty._fresh()
    for chunk, place in zip(chunks, places, strict=True):
        for offset, block in delta._as_source(chunk).blocks():
            delta._take(block, tuple(map(operator.add, place, offset)), check_finite)
    return delta


def add_sketches(sketches: list[Sketch]) -> Sketch:
    """Return the sum of sketches, which stay as they are."""
    total = sketches[0].copy()
    for sketch in sketches[1:]:
        total._join(sketch.copy())
    return total
