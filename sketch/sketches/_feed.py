"""All passes of a method over data at hand: what the one-call functions do."""

from __future__ import annotations

import contextlib
from typing import Any, TypeVar, Unpack

from ..running.reading import Reading
from ..running.tasks import one_blas_thread_each
from ..sources import Block, Source
from ._accumulator import Accumulator
from ._base import Result, Sketch

AnySketch = TypeVar("AnySketch", bound=Sketch[Any])


def fed(sketch: AnySketch, data: Source[Block], **how: Unpack[Reading]) -> AnySketch:
    """Return a sketch after as many passes over the whole data as it needs.

    Of a Dask array, sums that follow the rows stay where these are, and so will the left factor.
    """
    accumulator, spec = sketch.accumulator, sketch.spec
    with _calm(data):
        _read(accumulator, data, **how)
        while spec.n_passes > 1 and spec.readings_left(accumulator.state.passes):
            _read(accumulator, data, **how)
    return sketch


def finalized(
    sketch: Sketch[Result],
    data: Source[Block],
    rank: object,
    tol: float | None,
    **how: Unpack[Reading],
) -> Result:
    """Return the result of a sketch that was fed, after one more reading where that tells more.

    Parameters
    ----------
    sketch : Sketch
    data : Source
        That it was fed.
    rank, tol
        See `Sketch.finalize`.
    **how
        As for `fed`.

    Warns
    -----
    SpectrumWarning
        If a further reading would tell more, and the data can be read once.
    """
    accumulator = sketch.accumulator
    sums = accumulator.complete()
    if not data.single_use and accumulator.is_blurred(sums, rank, tol):
        accumulator = accumulator.for_one_more(sums)
        _read(accumulator, data, **how)
        sums = accumulator.complete()
    result: Result = accumulator.finish(sums, rank, tol, "give data that can be read again")
    return result


def _calm(data: Source[Block]) -> contextlib.AbstractContextManager[object]:
    """Keep BLAS to one thread between readings by tasks of Dask too."""
    return contextlib.nullcontext() if data.dask_array is None else one_blas_thread_each()


def _read(accumulator: Accumulator, data: Source[Block], **how: Unpack[Reading]) -> None:
    accumulator.commit(accumulator.contribution(data, stays=True, **how))
    if accumulator.spec.n_passes > 1:
        accumulator.end_pass()
