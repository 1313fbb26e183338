"""Which rows were taken, each of them once: squares of the data add up over disjoint ones only."""

from __future__ import annotations

from itertools import pairwise

Cover = tuple[tuple[int, int], ...] | None
"""Where runs of rows begin and end, in their order; None where some came in pieces or twice."""


def united(x: Cover, y: Cover) -> Cover:
    """Return the rows of both, None where they have some in common."""
    if not x or not y:
        return None if x is None or y is None else x or y
    runs = sorted((*x, *y))
    if any(start < stop for (_, stop), (start, _) in pairwise(runs)):
        return None
    joined = runs[:1]
    for start, stop in runs[1:]:
        if start == joined[-1][1]:
            joined[-1] = joined[-1][0], stop
        else:
            joined.append((start, stop))
    return tuple(joined)
