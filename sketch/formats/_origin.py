"""Which seeds data depend on, as far as that shows."""

from __future__ import annotations

import itertools
from typing import Any

from ._hadamard import HadamardProduct
from ._operator_product import OperatorProduct
from ._seeded import Seeded
from ._sum import Summable, TensorSum


def seeds_of(data: object) -> tuple[int, ...]:
    """Return the seeds of the results that data are made of.

    A result that is exact to rounding depends on no seed.
    """
    if isinstance(data, Seeded):
        error = getattr(data, "error", None)
        exact = error is not None and error.value <= error.floor
        return () if exact else data.seeds
    parts: Any = ()
    if isinstance(data, list | tuple):
        parts = [part for part in data if isinstance(part, Summable)]
    elif isinstance(data, TensorSum):
        parts = data.terms
    elif isinstance(data, HadamardProduct):
        parts = data.first, data.second
    elif isinstance(data, OperatorProduct):
        parts = (data.train,)
    return tuple(itertools.chain.from_iterable(map(seeds_of, parts)))
