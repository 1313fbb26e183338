"""All passes of a method over data at hand: what the one-call functions do."""

from __future__ import annotations

import contextlib
from typing import Any, TypeVar

from ..running.tasks import one_blas_thread_each
from ._accumulator import Accumulator
from ._base import Sketch

AnySketch = TypeVar("AnySketch", bound=Sketch[Any])


def fed(
    sketch: AnySketch, data: object, *, check_finite: bool, memory: int | str | None, progress: bool
) -> AnySketch:
    """Return a sketch after as many passes over the whole data as it needs.

    Of a Dask array, sums that follow the rows stay where these are, and so will the left factor.
    """
    options: dict[str, Any] = {"check_finite": check_finite, "memory": memory, "progress": progress}
    accumulator, spec = sketch.accumulator, sketch.spec
    with _calm(data):
        _read(accumulator, data, **options)
        while spec.n_passes > 1 and spec.readings_left(accumulator.state.passes):
            _read(accumulator, data, **options)
    return sketch


def finalized(sketch: Sketch[Any], data: Any, rank: Any, tol: float | None, **options: Any) -> Any:
    """Return the result of a sketch that was fed, after one more reading where that tells more.

    Parameters
    ----------
    sketch : Sketch
    data : MatrixSource
        That it was fed.
    rank, tol
        See `Sketch.finalize`.
    **options
        Of `fed`.

    Warns
    -----
    SpectrumWarning
        If a further reading would tell more, and the data can be read once.
    """
    accumulator = sketch.accumulator
    sums = accumulator.complete()
    if not data.single_use and accumulator.is_blurred(sums, rank, tol):
        accumulator = accumulator.for_one_more(sums)
        _read(accumulator, data, **options)
        sums = accumulator.complete()
    return accumulator.finish(sums, rank, tol, "give data that can be read again")


def _calm(data: object) -> contextlib.AbstractContextManager[object]:
    """Keep BLAS to one thread between readings by tasks of Dask too."""
    on_dask = getattr(data, "dask_array", None) is not None
    return one_blas_thread_each() if on_dask else contextlib.nullcontext()


def _read(accumulator: Accumulator, data: Any, **options: Any) -> None:
    accumulator.commit(accumulator.contribution(data, stays=True, **options))
    if accumulator.spec.n_passes > 1:
        accumulator.end_pass()
