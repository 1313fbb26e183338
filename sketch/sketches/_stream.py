"""Streams of chunks: taken one by one, saved on the way, and resumed without counting twice."""

from __future__ import annotations

import contextlib
import hashlib
import numbers
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from .._checks import checked_flag, checked_share, checked_size
from ..backend.array import HostArray, cast, compute_dtype, is_array, is_dask, to_host
from ..errors import NonFiniteError, PassError, PlacementWarning, ShapeError, warn
from ..files.paths import try_to_write
from ..running.progress import track
from ..running.reading import Reading
from ..sources import OpenedData, contents, opened
from ._placement import checked_place, growing_axis
from ._state import Stream

if TYPE_CHECKING:
    from ._accumulator import Accumulator

_UNREAD = "unread"  # in the place of a digest: the rows cannot be compared
_ALL_ROWS = 32  # at the beginning of a stream that its digest is made of
_EVERY_ROW = 64  # and which of those that follow


def follow(
    into: Accumulator,
    save: Callable[[str | os.PathLike[str]], None],
    chunks: Iterable[object],
    *,
    first: int | None,
    resume: bool,
    forgetting: float,
    checkpoint: str | os.PathLike[str] | None,
    every: int,
    how: Reading,
    progress: bool,
) -> None:
    """Take the chunks of a stream; see `Sketch.consume`."""
    forgetting = checked_share(forgetting, "forgetting", whole=True)
    if forgetting != 1 and into.spec.n_passes > 1:
        raise PassError(
            f"a {into.spec.sketch_type.__name__} sketch reads the data several times and cannot "
            "forget in between; use a one-pass sketch"
        )
    every = checked_size(every, "every", least=1)
    resume, progress = checked_flag(resume, "resume"), checked_flag(progress, "progress")
    if checkpoint is not None:
        try_to_write(checkpoint)
    stream = into.state.stream
    skip = _rows_to_skip(stream, first, resume)
    axis = growing_axis(into.spec)
    unsaved = 0
    try:
        for at, chunk in _remaining(chunks, axis, stream, skip, forgetting, progress):
            with into.placing(at):
                delta = into.contribution(chunk, at, **how)
                taken = max(0, delta.seen[axis] - _start(into, at, axis))
                _warn_overlap(into, at, axis, taken)
                stream = Stream(stream.position + taken, _digest(stream, chunk, axis, taken))
                into.commit(delta, fading=forgetting, stream=stream)
            unsaved += 1
            if checkpoint is not None and unsaved >= every:
                save(checkpoint)
                unsaved = 0
    finally:
        if checkpoint is not None and unsaved:
            save(checkpoint)


def _rows_to_skip(stream: Stream, first: int | None, resume: bool) -> int:
    """Return how many rows of an iterable the sketch has taken before."""
    if first is None:
        return stream.position if resume or stream.resuming else 0
    start = checked_size(first, "first")
    if start > stream.position:
        raise ShapeError(
            f"first={start} must be a row of the stream from 0 to {stream.position}, how far the "
            "sketch has followed it; begin no later"
        )
    return stream.position - start


def _remaining(
    chunks: Iterable[object],
    axis: int,
    stream: Stream,
    skip: int,
    forgetting: float,
    progress: bool,
) -> Iterator[tuple[object, object]]:
    """Yield the places and chunks behind the rows that were taken before."""
    known, left = Stream(), skip
    whole = skip == stream.position  # the iterable begins with the stream
    for item in track(chunks, size=_bytes, total=None) if progress else chunks:
        at, chunk = item if _is_placed(item) else (None, item)
        chunk = opened(chunk)
        if left:
            rows = int(_indexable(chunk).shape[axis])
            passed = min(rows, left)
            known = Stream(known.position + passed, _digest(known, chunk, axis, passed))
            left -= passed
            unlike = _UNREAD not in (known.digest, stream.digest) and known.digest != stream.digest
            if not left and whole and stream.digest and unlike:
                raise _other_stream(stream)
            if passed == rows:
                continue
            if forgetting != 1:
                raise PassError(
                    f"the sketch has followed the stream to row {stream.position}, which is inside "
                    "of a chunk; with forgetting, resume with the chunks that were used before"
                )
            at, chunk = _behind(at, chunk, axis, passed)
        yield at, chunk
    if left:
        raise PassError(
            f"the stream ended {left} rows before the {stream.position} that the sketch has "
            "taken of it; if these are new data, pass first=sk.position"
        )


def _other_stream(stream: Stream) -> PassError:
    return PassError(
        f"the first {stream.position} rows are not those that the sketch has taken before; resume "
        "with the same stream, or pass first=sk.position if these are new data"
    )


def _behind(at: object, chunk: object, axis: int, rows: int) -> tuple[object, object]:
    """Return what follows the first rows of a chunk, and its place."""
    window = (*[slice(None)] * axis, slice(rows, None))
    if at is not None:
        place = list(checked_place(at, len(_indexable(chunk).shape)))
        place[axis] += rows
        at = tuple(place)
    return at, _indexable(chunk)[window]


def _start(into: Accumulator, at: object, axis: int) -> int:
    """Return where a chunk that is taken now begins on an axis."""
    if at is not None:
        return checked_place(at, len(into.spec.shape))[axis]
    return into.state.seen[axis] if into.spec.shape[axis] is None else 0


def _warn_overlap(into: Accumulator, at: object, axis: int, rows: int) -> None:
    """Warn of a place that is the number of a chunk, by the look of it."""
    if isinstance(at, numbers.Integral) and into.spec.shape[axis] is None:
        covered = into.state.seen[axis] - int(at)
        if 0 < covered < into.state.seen[axis] and rows > 0:
            warn(
                f"the chunk at row {at} lies on {covered} rows that were taken before, and is "
                "added to them; if the numbers count chunks, leave them out",
                PlacementWarning,
            )


def _digest(stream: Stream, chunk: object, axis: int, rows: int) -> str:
    """Return the digest of a stream that goes on with the first rows of a chunk.

    Of values, whatever their format and precision; every row counts at the beginning, later some.
    Of none where rows of Dask arrays would be read twice, or operators and sums have no rows.
    """
    digest, data = stream.digest, _indexable(chunk)
    if digest == _UNREAD or is_dask(data) or not hasattr(data, "__getitem__"):
        return _UNREAD
    first = min(rows, max(0, _ALL_ROWS - stream.position))
    then = first + -(stream.position + first) % _EVERY_ROW
    for which in (slice(0, first), slice(then, rows, _EVERY_ROW)):
        if which.start < which.stop:
            values = _values(data[(*[slice(None)] * axis, which)])
            for row in np.moveaxis(values, axis, 0):
                digest = _hashed(digest, row.tobytes())
    return digest


def _hashed(digest: str, data: bytes) -> str:
    return hashlib.blake2b(data, key=digest.encode(), digest_size=8).hexdigest()


def _indexable(chunk: object) -> Any:
    """Return a chunk that can be cut: sparse ones by rows, lists as arrays, else as adapters do."""
    if isinstance(chunk, list):
        if any(getattr(part, "ndim", 0) > 1 for part in chunk):
            return np.concatenate([_values(part) for part in chunk])
        return np.asarray([to_host(part) if is_array(part) else part for part in chunk])
    if isinstance(chunk, OpenedData):
        chunk = chunk.data
    elif not isinstance(chunk, np.ndarray):
        with contextlib.suppress(NonFiniteError):  # of missing entries, which completion takes
            chunk = contents(chunk)
    found: Any = np.asarray(chunk) if isinstance(chunk, tuple) else chunk
    return found.tocsr() if hasattr(found, "tocsr") and found.ndim == 2 else found


def _values(rows: object) -> HostArray:
    found = _indexable(rows)
    for method in ("compute", "toarray", "todense", "to_array"):
        if hasattr(found, method):
            found = getattr(found, method)()
    if is_array(found):
        found = to_host(cast(found, compute_dtype(found.dtype)))
    values = np.asarray(found)
    dtype = "complex128" if values.dtype.kind == "c" else "float64"
    return np.ascontiguousarray(values.astype(dtype) + 0.0)  # zeros have one sign


def _is_placed(chunk: object) -> TypeGuard[tuple[object, object]]:
    """Whether a chunk of a stream is a pair ``(at, chunk)``."""
    return (
        isinstance(chunk, tuple)
        and len(chunk) == 2
        and isinstance(chunk[0], tuple | numbers.Integral)
    )


def _bytes(chunk: object) -> int:
    data = chunk[1] if _is_placed(chunk) else chunk
    return int(getattr(data, "nbytes", 0))
