"""Families of random numbers by their names, as arguments and state files call them."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Protocol, TypeVar

from ..errors import ArgumentError
from ..files.archive import Header


class Named(Protocol):
    """A frozen dataclass with a name of its own."""

    name: ClassVar[str]


Family = TypeVar("Family", bound=Named)


def by_name(kind: type[Family]) -> dict[str, type[Family]]:
    """Return the families of a kind that have a name, whoever defined them."""
    named = {kind.name: kind} if "name" in vars(kind) else {}
    for family in kind.__subclasses__():
        named |= by_name(family)
    return named


def chosen(kind: type[Family], given: object, argument: str, example: str) -> Family:
    """Return the family of that name, or the given instance.

    Raises
    ------
    ArgumentError
        If it is neither.
    """
    if isinstance(given, kind):
        return given
    families = by_name(kind)
    if not isinstance(given, str) or given not in families:
        raise ArgumentError(
            f"{argument}={given!r} is not known; choose one of {sorted(families)} or an instance "
            f"such as {example}"
        )
    return families[given]()


def family_to_header(family: Named) -> dict[str, object]:
    """Describe a family in plain values, for a state file."""
    return {"name": family.name, **dataclasses.asdict(family)}  # type: ignore[call-overload]


def family_from_header(kind: type[Family], header: Header) -> Family:
    """Rebuild a family from `family_to_header`."""
    options = dict(header)
    return by_name(kind)[options.pop("name")](**options)
