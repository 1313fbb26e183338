"""Faults on purpose: an exception raised at the n-th step that the package takes in a call."""

from __future__ import annotations

import copy
import linecache
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sketch

HOME = os.path.dirname(sketch.__file__)
EVENTS = ("call", "line", "allocation")


class Fault:
    """Raises an exception at the n-th event inside the package while a call runs.

    Events are calls of Python functions, lines of them, or calls of compiled functions of NumPy and
    SciPy, most of which allocate. Without a number (n = 0) events are counted alone.
    """

    def __init__(self, n: int, event: str = "call", exception: type[BaseException] = MemoryError):
        self.n, self.event, self.exception = n, event, exception
        self.count = 0

    def _step(self) -> None:
        self.count += 1
        if self.count == self.n:
            raise self.exception("injected")

    def _trace(self, frame: Any, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(HOME):
            return None
        if event == self.event and not _leaves_a_block(frame):
            self._step()
        return self._trace if self.event == "line" else None

    def _profile(self, frame: Any, event: str, called: Any) -> None:
        if event == "c_call" and _is_numeric(called):
            self._step()

    def during(self, call: Callable[[], Any]) -> bool:
        """Run a call; return whether the fault came through."""
        before = sys.gettrace(), sys.getprofile(), sys.unraisablehook
        sys.unraisablehook = _told  # a generator that is dropped may swallow the fault
        try:
            if self.event == "allocation":
                sys.setprofile(self._profile)
            else:
                sys.settrace(self._trace)
            call()
        except BaseException as error:
            if not _is_ours(error):
                raise
            return True
        finally:
            sys.settrace(before[0])
            sys.setprofile(before[1])
            sys.unraisablehook = before[2]
        return False


def _told(unraisable: Any) -> None:
    """Tell of what could not be raised, but for injected faults."""
    if not _is_ours(unraisable.exc_value):
        sys.__unraisablehook__(unraisable)


@dataclass(frozen=True)
class Plan:
    """When a fault comes, drawn by the machines: after a share of all steps, late ones preferred.

    What commits a change comes last.
    """

    share: float
    event: str
    exception: type[BaseException]

    def strikes(self, call: Callable[[Any], Any], sk: Any) -> bool:
        """Change a sketch under the fault; return whether it came."""
        twin = copy.deepcopy(sk)
        n = round((1 - self.share**2) * steps(lambda: call(twin), self.event))
        return Fault(n, self.event, self.exception).during(lambda: call(sk))


def steps(call: Callable[[], Any], event: str = "call") -> int:
    """Return how many events a call has."""
    counter = Fault(0, event)
    counter.during(call)
    return counter.count


def _leaves_a_block(frame: Any) -> bool:
    """Whether a line event may stand between a ``with`` block and the call that ends it.

    No interrupt comes there: the interpreter looks for signals after calls and jumps alone.
    """
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).lstrip().startswith("with ")


def _is_numeric(called: Any) -> bool:
    home = getattr(called, "__module__", None) or type(getattr(called, "__self__", None)).__module__
    return home.startswith(("numpy", "scipy"))


def _is_ours(error: BaseException | None) -> bool:
    """Whether an exception is the injected one, or was raised while that one was handled."""
    while error is not None:
        if error.args == ("injected",):
            return True
        error = error.__cause__ or error.__context__
    return False
