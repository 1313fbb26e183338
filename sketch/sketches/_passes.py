"""The end of a pass, and what a result may be made from."""

from __future__ import annotations

import dataclasses
import math

from ..backend.array import quiet
from ..errors import PassError
from ._state import Passes, State, Stream
from ._sums import Sums


def complete(sums: Sums) -> State:
    """Return the state with its last pass ended.

    Raises
    ------
    PassError
        If passes are missing, or the last one saw other data than the first.
    """
    spec, state = sums.spec, sums.state
    passes, done = spec.n_passes, state.passes.done
    if done < passes and spec.is_complete(state.passes) and not state.parts:
        return state
    made = spec.passes_made(sums) if done < passes else 0
    if done + max(made, 1) < passes:
        raise PassError(
            f"{done} of {passes} passes are done: update with all chunks, call end_pass(), and "
            "feed them again"
        )
    if made > 1:
        return ended(sums)
    if done == passes - 1:
        _check_fed(sums)
        spec.check(sums)
    return state


def ended(sums: Sums) -> State:
    """Return the state after the end of a pass.

    The last pass can be taken again as long as there were fewer readings than passes.
    """
    spec, state = sums.spec, sums.state
    passes, last = state.passes, spec.n_passes - 1
    if passes.done > last:
        raise PassError(f"all {spec.n_passes} passes are done; finalize")
    readings = passes.readings + 1
    _check_fed(sums)
    _check_cover(sums)
    with quiet():
        spec.check(sums)
        if passes.done == readings - 1 == last:
            return state.having(
                passes=dataclasses.replace(passes, done=last + 1, readings=readings)
            )
        done = min(last, passes.done + spec.passes_made(sums))
        kept = {**passes.kept, **spec.keep(sums)}
    here = spec.whole_axis(passes)
    rows, columns = passes.covers
    if here is not None and state.cover:
        rows, columns = (rows or state.cover, columns) if here else (rows, columns or state.cover)
    return state.having(
        passes=Passes(done, readings, sums.shape, kept, (rows, columns)),
        parts={},
        cover=(),
        blocks={},
        seen=(0,) * len(state.seen),
        shares=frozenset(),
        stream=Stream(),
    )


def _check_fed(sums: Sums) -> None:
    """Refuse a pass without data after one that had some."""
    state = sums.state
    had_some = state.passes.done and state.dtype is not None and math.prod(sums.shape)
    if had_some and not state.parts and not state.blocks:
        raise PassError(
            f"pass {state.passes.done + 1} of {sums.spec.n_passes} has seen no data, an earlier "
            "one did; update with the same chunks in every pass"
        )


def _check_cover(sums: Sums) -> None:
    """Refuse a reading for two passes of other rows or columns than an earlier one."""
    passes, cover = sums.state.passes, sums.state.cover
    axis = sums.spec.whole_axis(passes)
    if axis is None or not cover:
        return
    before = passes.covers[1 - axis]
    if before is not None and before != cover:
        raise PassError(
            f"a later pass saw other data than an earlier one: {('rows', 'columns')[1 - axis]} "
            f"{list(cover)}, not {list(before)}. Feed the same chunks in every pass, each of them "
            "once"
        )
