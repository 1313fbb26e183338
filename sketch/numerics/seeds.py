"""Seeds: one that is given or fresh, and one that is independent of others."""

from __future__ import annotations

import operator
import secrets
from collections.abc import Collection
from typing import Any

from ..errors import ArgumentError
from .random import raw_rows

_STREAM = 5  # beside those of test matrices


def checked_seed(seed: Any) -> int:
    """Return a seed as an int, a fresh one from the system's entropy for None."""
    if seed is None:
        return secrets.randbits(64)
    try:
        value = operator.index(seed)
    except TypeError:
        raise ArgumentError(
            f"seed must be an integer or None, got {seed!r}; a generator could not be compared "
            "when sketches are merged"
        ) from None
    if not 0 <= value < 2**64:
        raise ArgumentError(f"seed must be in [0, 2**64), got {value}")
    return value


def unused_seed(seed: int, used: Collection[int]) -> int:
    """Return the seed, or the first of those that follow from it that was not used before."""
    while seed in used:
        seed = int(raw_rows(seed, _STREAM, 0, 1, 1)[0, 0])
    return seed
