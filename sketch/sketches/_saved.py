"""States in files: the spec, the sums, and proof that both still fit."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..backend.array import Array, HostArray, namespace, unit_roundoff
from ..errors import StateFileError
from ..files import archive
from ..numerics.linalg import frobenius_norm
from ..numerics.random import TRANSFORM_VERSION
from ._cover import Cover
from ._method import AnyMethod
from ._part import Part
from ._placement import growing_axis
from ._state import Passes, State, Stream

HostArrays = dict[str, HostArray]


def arrays_of(state: State, prefix: str = "") -> dict[str, Array]:
    """Return all arrays of a state by the names they have in a file."""
    arrays = {f"{prefix}{name}": part.values for name, part in state.parts.items()}
    arrays |= {f"{prefix}kept_{name}": array for name, array in state.passes.kept.items()}
    if state.shift is not None:
        arrays[f"{prefix}shift"] = state.shift
    for number, chunk in enumerate(state.window):
        arrays |= arrays_of(chunk, _window_prefix(number))
    return arrays


def header_of(
    maps: Mapping[str, object], state: State, arrays: HostArrays
) -> tuple[archive.Header, HostArrays]:
    """Return the header of a state file, and the arrays as they are laid out there."""
    axes = {name: _memory_order(array) for name, array in arrays.items()}
    header = _facts(state) | {
        "transform_version": TRANSFORM_VERSION,
        "draw_digest": _draw_digest(maps),
        "position": state.stream.position,
        "digest": state.stream.digest,
        "pass": state.passes.done,
        "readings": state.passes.readings,
        "covers": state.passes.covers,
        "settled": state.passes.settled,
        "kept": list(state.passes.kept),
        "window": [_facts(chunk) for chunk in state.window],
        "subtracted": state.subtracted,
        "axes": axes,
    }
    return header, {name: array.transpose(axes[name]) for name, array in arrays.items()}


def _facts(state: State) -> archive.Header:
    """Return what a state says of its sums."""
    return {
        "n_updates": state.n_updates,
        "seen": list(state.seen),
        "dtype": state.dtype,
        "starts": {name: part.start for name, part in state.parts.items()},
        "norm": state.norm,
        "roundoff": state.roundoff,
        "rounding": state.rounding,
        "cover": state.cover,
        "shares": sorted(state.shares),
        "sums": dict(state.facts) or None,
    }


def restored(
    spec: AnyMethod, maps: Mapping[str, object], header: archive.Header, arrays: archive.Arrays
) -> State:
    """Return the state that was written to a file, by this version or an earlier one.

    Raises
    ------
    StateFileError
        If this installation would draw other test matrices, or the state is inconsistent.
    """
    if header["draw_digest"] != _draw_digest(maps):
        raise StateFileError(
            "the file was written by an installation that draws other test matrices "
            f"(transformation {header['transform_version']}, here {TRANSFORM_VERSION}); finish "
            "the stream with the version that began it"
        )
    axes = header.get("axes", {})
    laid = {name: _laid_back(array, axes.get(name)) for name, array in arrays.items()}
    settled = header.get("settled")
    done = int(header.get("pass", 0))
    passes = Passes(
        done,
        int(header.get("readings", done)),
        None if settled is None else tuple(map(int, settled)),
        {name: laid[f"kept_{name}"] for name in header.get("kept", [])},
        _covers(header.get("covers", (None, None))),
    )
    window = enumerate(header.get("window", []))
    state = spec.renewed(_state(spec, passes, header, laid))
    return state.having(
        stream=_stream(spec, header, state.seen),
        window=tuple(_state(spec, passes, facts, laid, _window_prefix(i)) for i, facts in window),
        subtracted=int(header.get("subtracted", 0)),
    )


def _state(
    spec: AnyMethod,
    passes: Passes,
    facts: archive.Header,
    arrays: dict[str, Array],
    prefix: str = "",
) -> State:
    """Return the state that facts and arrays describe."""
    starts = facts["starts"].items()
    parts = {name: Part.of(arrays[f"{prefix}{name}"], int(at)) for name, at in starts}
    seen = tuple(map(int, facts["seen"]))
    for name, part in parts.items():
        _check_reach(spec, spec.sums(passes)[name].axis, name, part, seen)
    dtype = facts["dtype"]
    roundoff = facts.get("roundoff", 0.0 if dtype is None else unit_roundoff(dtype))
    rounding, cover = facts.get("rounding"), facts.get("cover", None if parts else ())
    return State(
        seen=seen,
        parts=parts,
        dtype=dtype,
        n_updates=int(facts["n_updates"]),
        norm=facts.get("norm"),
        roundoff=roundoff,
        rounding=roundoff * _size(spec, passes, parts) if rounding is None else rounding,
        cover=_cover(cover),
        shift=arrays.get(f"{prefix}shift"),
        facts=facts.get("sums") or {},
        shares=frozenset(facts.get("shares", [])),
        passes=passes,
    )


def _cover(runs: Sequence[Sequence[int]] | None) -> Cover:
    return None if runs is None else tuple((int(start), int(stop)) for start, stop in runs)


def _covers(pair: Sequence[Sequence[Sequence[int]] | None]) -> tuple[Cover, Cover]:
    rows, columns = pair
    return _cover(rows), _cover(columns)


def _check_reach(
    spec: AnyMethod, axis: int | None, name: str, part: Part, seen: tuple[int, ...]
) -> None:
    """Refuse a sum that reaches beyond the shape of the data."""
    if axis is None:
        return
    known = spec.shape[axis]
    if part.start < 0 or part.stop > (seen[axis] if known is None else known):
        raise StateFileError(f"part {name!r} of the state reaches beyond its shape")


def _window_prefix(number: int) -> str:
    return f"window_{number}_"


def _stream(spec: AnyMethod, header: archive.Header, seen: tuple[int, ...]) -> Stream:
    """Return how far the stream was followed; earlier versions counted chunks, not rows."""
    if "digest" in header:
        return Stream(int(header["position"]), header["digest"], resuming=True)
    chunks = int(header.get("position", 0))
    rows = seen[growing_axis(spec)] if chunks == int(header["n_updates"]) else 0
    return Stream(rows, "", resuming=True)


def _size(spec: AnyMethod, passes: Passes, parts: Mapping[str, Part]) -> float:
    """Return about the norm of the data of a state that does not say what was rounded."""
    declared = spec.sums(passes)
    sizes = [
        frobenius_norm(part.values) / math.sqrt(math.prod(declared[name].width) or 1)
        for name, part in parts.items()
    ]
    return max(sizes, default=0.0)


def _draw_digest(maps: Mapping[str, Any]) -> str:
    """Return a digest of a few drawn rows, rounded so that a last bit does not matter."""
    digest = hashlib.sha256()
    for name in sorted(maps):
        sample = np.asarray(maps[name].sample())
        digest.update(np.round(sample, 6).astype("<c16").tobytes())
    return digest.hexdigest()[:16]


def _memory_order(array: HostArray) -> list[int]:
    """Return the axes of an array from the longest stride to the shortest.

    A resumed sketch lays its arrays out as they were: the last bits of products depend on it.
    """
    return sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))


def _laid_back(array: Array, axes: list[int] | None) -> Array:
    """Return an array whose axes were put in the order of `axes` as it was before."""
    return array if axes is None else namespace(array).permute_dims(array, tuple(np.argsort(axes)))
