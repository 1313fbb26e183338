"""Memory budgets: how large blocks may be so that all of a sketch stays within one."""

from __future__ import annotations

import math
import os
import re

from ..errors import ArgumentError, MemoryBudgetError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_IN_FLIGHT = 4  # the block at hand, the one being read, a conversion, and the products
_LEAST_BLOCK = 500_000
_LARGEST_BLOCK = 128_000_000


def as_bytes(size: int | str) -> int:
    """Return a number of bytes, given as such or as text: ``"2GB"``, ``"512 MB"``.

    Raises
    ------
    ArgumentError
        If it is no size.
    """
    if not isinstance(size, str):
        try:
            return int(size)
        except (TypeError, ValueError, OverflowError):
            raise ArgumentError(f"memory must be bytes or text such as 2GB, got {size!r}") from None
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]*)?)\s*([kmgt]?)b?\s*", size, re.IGNORECASE)
    if match is None:
        raise ArgumentError(f"{size!r} is no size; write it as 500MB or 2GB")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def check_holds(shape: tuple[int, ...], itemsize: int) -> None:
    """Refuse an array that is larger than the memory of this machine, before it is made.

    Raises
    ------
    MemoryBudgetError
        Where it cannot fit; a system that promises memory it has not would kill the process.
    """
    size, machine = math.prod(shape) * itemsize, _machine_bytes()
    if machine is not None and size > machine:
        raise MemoryBudgetError(
            f"the whole sum has the shape {shape}, {size / 1e9:.3g} GB, and this machine has "
            f"{machine / 1e9:.3g} GB; check the places `at` of the chunks, whose largest is how "
            "far a growing axis reaches"
        )


def fits(needed: int, memory: int | str | None) -> bool:
    """Whether so many bytes can be held beside blocks: within half a budget, or of the machine."""
    whole = _machine_bytes() if memory is None else as_bytes(memory)
    return whole is None or 2 * needed + _IN_FLIGHT * _LEAST_BLOCK <= whole


def _machine_bytes() -> int | None:
    """Return the memory of this machine, None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def block_limit(memory: int | str, held: int) -> int:
    """Return how many bytes a block may take within a budget.

    Parameters
    ----------
    memory : int or str
        The budget.
    held : int
        Bytes that are needed whatever the blocks: sums, bases, test matrices.

    Raises
    ------
    MemoryBudgetError
        If the budget does not suffice for any block.
    """
    budget = as_bytes(memory)
    least = held + _IN_FLIGHT * _LEAST_BLOCK
    if budget < least:
        raise MemoryBudgetError(
            f"a sketch of this size needs about {least / 1e6:.3g} MB, and the memory budget leaves "
            f"{budget / 1e6:.3g} MB for it; take a smaller rank or allow more"
        )
    return min(_LARGEST_BLOCK, (budget - held) // _IN_FLIGHT)
