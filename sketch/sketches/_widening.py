"""Wider sketches of data that are read again: for the new columns alone."""

from __future__ import annotations

import math
from typing import Unpack

from ..backend.array import Array, namespace
from ..errors import PassError
from ..numerics.linalg import frobenius_norm
from ..running.reading import Reading
from ._accumulator import Accumulator
from ._method import AnyMethod
from ._part import Part
from ._sums import Sums

_BLURRED = 0.01  # relative rounding error of products that nothing can be told from


def widened(
    ours: Accumulator, data: object, more: AnyMethod, wide: AnyMethod, **how: Unpack[Reading]
) -> Accumulator:
    """Return the sums of a wider spec from those at hand and a reading for the rest.

    Parameters
    ----------
    ours : Accumulator
    data : whatever `Sketch.update` takes
        The same data, all of them.
    more, wide : Method
        The spec of the further panels alone, and of all.
    **how
        Of `Sketch.update`.

    Raises
    ------
    PassError
        If the data are others.
    """
    theirs, stays = Accumulator(more, ours.home), bool(ours.state.blocks)
    theirs.commit(theirs.contribution(data, stays=stays, **how))
    before, after = ours.sums(), theirs.sums()
    _check_same(before, after)
    parts = dict(ours.state.parts)
    for name in theirs.state.parts:
        columns = [before.whole(name), after.whole(name)]
        parts[name] = Part.of(namespace(*columns).concat(columns, axis=0))
    blocks = {
        name: block.beside(theirs.state.blocks[name]) for name, block in ours.state.blocks.items()
    }
    return Accumulator(wide, ours.home, ours.state.having(parts=parts, blocks=blocks))


def _check_same(before: Sums, after: Sums) -> None:
    """Compare ``Psi^* (A G)`` with ``(Psi^* A) G``, Psi of the old sums and G of the new ones."""
    there = before.whole("corange")  # Psi^* A
    xp, n = namespace(there), before.shape[1]
    ones = xp.ones((after.spec.range_size, 1), dtype=there.dtype, device=there.device)
    g = after.maps["range"].rows(0, n).array(there) @ ones
    here = after.tall("range").multiplied(ones).seen_by(before.maps["corange"])
    refuse_others(here, there @ g, before, after)


def refuse_others(here: Array, there: Array, before: Sums, after: Sums) -> None:
    """Refuse data other than those of a sketch, by what both should have seen alike."""
    size = frobenius_norm(here)
    gap = frobenius_norm(there - here)
    roundoff = before.roundoff(size)
    if before.shape != after.shape or (
        roundoff < _BLURRED and gap > math.sqrt(roundoff) * max(size, frobenius_norm(there))
    ):
        raise PassError(
            "a sketch is widened by the same data, all of them: these are others, by "
            f"{gap / size if size else math.inf:.2g} of the whole"
        )
