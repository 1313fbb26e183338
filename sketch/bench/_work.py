"""A piece of work, the methods that do it, and how they are measured: in turn, on the same data."""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

Call = Callable[[], object]
Data: TypeAlias = Any
"""Whatever a piece of work is done on."""

_PAUSE = 0.2  # seconds at most, in which idle threads of the call before go to sleep
_LONG = 3.0  # seconds, after which a method has had rounds enough; a call of twice that is one


@dataclass(frozen=True)
class Method:
    """A way to do a piece of work.

    Parameters
    ----------
    prepare : callable
        From the data to the call that is timed, whose result has an error; what it does itself,
        such as a conversion to the arrays of another library, is not timed.
    needs : str
        The module that must be installed.
    readings : float, optional
        How often the data are read, where results do not say so.
    approximates : bool
        Whether the result has an error: the floors, such as bare products, have none.
    """

    prepare: Callable[[Data], Call]
    needs: str = ""
    readings: float | None = None
    approximates: bool = True

    @property
    def is_installed(self) -> bool:
        """Whether the method can be called here."""
        return not self.needs or importlib.util.find_spec(self.needs) is not None


@dataclass(frozen=True)
class Work:
    """A piece of work on data of some sizes, with the methods that do it.

    Parameters
    ----------
    title : str
        What it is, formatted with a size.
    sizes : tuple of tuples
        Growing: the smallest is for tests, the largest for tables.
    data : callable
        From a size to the data.
    methods : mapping from names to methods
        The first is what others are compared with; ours begin with ``"sketch"``.
    error : callable
        From the data to a function from a result to its relative error; None where there is none.
    shown : int
        How many of the largest sizes tables show.
    memory : bool
        Whether tables show by how much each method raises the memory at its peak.
    before : callable, optional
        What is done with the data before each call, untimed.
    """

    title: str
    sizes: tuple[tuple[object, ...], ...]
    data: Callable[..., object]
    methods: Mapping[str, Method]
    error: Callable[[Data], Callable[[Any], float]] | None = None
    shown: int = 1
    memory: bool = False
    before: Callable[[Data], object] | None = None

    @cached_property
    def installed(self) -> Mapping[str, Method]:
        """The methods that can be called here."""
        return {name: method for name, method in self.methods.items() if method.is_installed}

    def named(self, size: tuple[object, ...]) -> str:
        """Return the title for a size."""
        return self.title.format(*size)


@dataclass(frozen=True)
class Row:
    """What was found of a method: median seconds; error and readings, where there are any."""

    seconds: float
    error: float | None
    readings: float | None


def measured(work: Work, size: tuple[object, ...], repeats: int = 5) -> dict[str, Row]:
    """Return what each installed method takes, run in turn so that drifts hit all alike.

    The first call of each warms up, and gives the error; what takes long is called less often.
    """
    data = work.data(*size)
    error = work.error(data) if work.error else None
    calls = {name: method.prepare(data) for name, method in work.installed.items()}
    first, found = {}, {}
    for name, call in calls.items():
        first[name], result = _timed(call, work, data, 0.0)
        method = work.methods[name]
        wrong = error(result) if error and method.approximates else None
        readings = getattr(result, "n_passes", None) or method.readings
        found[name] = Row(first[name], wrong, readings)
        del result
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            if len(times[name]) * first[name] < _LONG and first[name] < 2 * _LONG:
                pause = min(_PAUSE, 3 * first[name])
                times[name].append(_timed(call, work, data, pause)[0])
    return {
        name: Row(statistics.median(times[name] or [row.seconds]), row.error, row.readings)
        for name, row in found.items()
    }


def _timed(call: Call, work: Work, data: object, pause: float) -> tuple[float, object]:
    if work.before is not None:
        work.before(data)
    time.sleep(pause)
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result
