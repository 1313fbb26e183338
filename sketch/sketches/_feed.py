"""All passes of a method over data at hand: what the one-call functions do."""

from __future__ import annotations

from typing import Any, TypeVar

from ._base import MultiPassSketch, Sketch

AnySketch = TypeVar("AnySketch", bound=Sketch[Any])


def fed(
    sketch: AnySketch, data: object, *, check_finite: bool, memory: int | str | None, progress: bool
) -> AnySketch:
    """Return a sketch after as many passes over the whole data as it needs.

    Of a Dask array, sums that follow the rows stay where these are, and so will the left factor.
    """
    options: dict[str, Any] = {"check_finite": check_finite, "memory": memory, "progress": progress}
    _read(sketch, data, **options)
    while isinstance(sketch, MultiPassSketch) and sketch.passes_left:
        _read(sketch, data, **options)
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
    accumulator = sketch._accumulator
    sums = accumulator.complete()
    if not data.single_use and accumulator.is_blurred(sums, rank, tol):
        sketch = sketch._for_one_more()
        _read(sketch, data, **options)
        return sketch.finalize(rank, tol)
    return accumulator.finish(sums, rank, tol, "give data that can be read again")


def _read(sketch: Sketch[object], data: Any, **options: Any) -> None:
    accumulator = sketch._accumulator
    accumulator.commit(accumulator.contribution(data, stays=True, **options))
    if isinstance(sketch, MultiPassSketch):
        sketch.end_pass()
