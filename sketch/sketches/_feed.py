"""All passes of a method over data at hand: what the one-call functions do."""

from __future__ import annotations

from typing import Any, TypeVar

from ._base import MultiPassSketch, Sketch

AnySketch = TypeVar("AnySketch", bound=Sketch[Any])


def fed(
    sketch: AnySketch, data: Any, *, check_finite: bool, memory: int | str | None, progress: bool
) -> AnySketch:
    """Return a sketch after all its passes over the whole data.

    Of a Dask array, sums that follow the rows stay where these are, and so will the left factor.
    """
    for _ in range(sketch.spec.n_passes):
        sketch._commit(sketch._contribution(data, None, check_finite, memory, progress, stays=True))
        if isinstance(sketch, MultiPassSketch):
            sketch.end_pass()
    return sketch
