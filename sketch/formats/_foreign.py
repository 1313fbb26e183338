"""Structured tensors of other libraries, in sums and inner products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Converter = Callable[[object], object]

_CONVERTERS: list[Converter] = []


def convert_by(converter: Converter) -> None:
    """Let sums and inner products take what somebody above makes one of our tensors of."""
    _CONVERTERS[:] = [converter]


def as_ours(x: Any) -> Any:
    """Return a structured tensor of another library as ours; anything else as it is."""
    return _CONVERTERS[0](x) if _CONVERTERS else x
