"""How data are read, as every call that reads them takes it."""

from __future__ import annotations

from typing import TypedDict


class Budget(TypedDict, total=False):
    """What reading may take, and whether it is shown; see `Sketch.update`."""

    memory: int | str | None
    progress: bool


class Reading(Budget, total=False):
    """All keywords of `Sketch.update`."""

    check_finite: bool
