"""What all machines share: sketches beside their models, faults, refusals, counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import sketch

from . import faults
from .views import COPIES, same, view

COUNTS: defaultdict[str, Counter[str]] = defaultdict(Counter)

PICK = st.integers(0, 5)
FAULTS = st.none() | st.builds(
    faults.Plan,
    share=st.floats(0, 1, width=16),
    event=st.sampled_from(faults.EVENTS),
    exception=st.sampled_from((KeyboardInterrupt, MemoryError)),
)
FACTORS = st.sampled_from(
    (2, -1, 0.5, -0.25, 3.0, np.float32(0.75), np.float64(-1.5), np.int64(2), 0, 1.0, True)
)
COMPLEX_FACTORS = st.sampled_from((1j, 0.5 - 1j, np.complex64(1j), np.complex128(2 - 1j)))
CONFIDENCE = 1 - 1e-9  # of intervals: a miss is a finding, however many are tried
MOST = 4  # sketches at a time


@dataclass
class Held:
    """A sketch and what it must hold."""

    sketch: Any
    model: Any
    loaded: bool = False  # and no stream followed since: the next one would be resumed

    def first(self) -> dict[str, int]:
        """Return what tells `consume` that a stream is new."""
        return {"first": self.sketch.position} if self.loaded else {}


class SketchMachine(RuleBasedStateMachine):
    """Sketches of one spec, each beside its model; rules change one and check it against the model.

    Every change may be met by a fault: then the sketch is as before, and the same call again gives
    the right sketch, or as after.
    """

    name: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Held] = []
        self.counts = COUNTS[self.name]
        self.counts["sequences"] += 1

    # ---- to be given by each kind -----------------------------------------------------------

    make: Callable[[], Any]  # an empty sketch of this sequence's spec

    def empty(self) -> Any:
        """Return the model of an empty sketch."""
        raise NotImplementedError

    # ---- steps ------------------------------------------------------------------------------

    def pick(self, number: int) -> Held:
        """Return one of the sketches."""
        return self.held[number % len(self.held)]

    def hold(self, sk: Any, model: Any) -> Held:
        """Take a sketch in, in the place of the oldest where there are many."""
        self.held = [*self.held[-(MOST - 1) :], Held(sk, model)]
        model.check(sk)
        return self.held[-1]

    def change(
        self,
        name: str,
        held: Held,
        call: Callable[[Any], Any],
        models: list[Any],
        plan: faults.Plan | None,
        resume: Callable[[Any, int], Any] | None = None,
    ) -> None:
        """Change a sketch by a call that leads through models to the last, a fault perhaps.

        After a fault the sketch is in one of the models, or as before; ``resume(sketch, done)``
        goes on from the model number `done`, the call itself where nothing was done.
        """
        self.counts[name] += 1
        before, done = view(held.sketch), 0
        if plan is not None and plan.strikes(call, held.sketch):
            self.counts["faults"] += 1
            if not same(view(held.sketch), before):
                done = 1 + self._reached(held.sketch, models)
                held.model = models[done - 1]
            if done < len(models):
                (resume or (lambda sk, _: call(sk)))(held.sketch, done)
        elif plan is None:
            call(held.sketch)
        held.model = models[-1] if models else held.model
        held.model.check(held.sketch)

    def _reached(self, sk: Any, models: list[Any]) -> int:
        failures = []
        for number, model in enumerate(models):
            try:
                model.check(sk)
            except AssertionError as failure:
                failures.append(str(failure))
            else:
                return number
        raise AssertionError(f"a fault left a sketch that is neither before nor after: {failures}")

    def refused(
        self,
        held: Held,
        call: Callable[[Any], Any],
        error: type[Exception] = sketch.SketchError,
    ) -> None:
        """Check that a call is refused and leaves the sketch as it was, to the last bit."""
        self.counts["refusals"] += 1
        before = view(held.sketch)
        try:
            call(held.sketch)
        except error:
            pass
        else:
            raise AssertionError("was not refused")
        assert same(view(held.sketch), before), "a refused call changed the sketch"

    @property
    def refuses_complex(self) -> bool:
        """Whether the sketches were declared to be real."""
        dtype = self.held[0].sketch.spec.dtype
        return dtype is not None and not dtype.startswith("complex")

    # ---- rules of all kinds -----------------------------------------------------------------

    @precondition(lambda self: len(self.held) < 3)
    @rule()
    def begin(self) -> None:
        self.counts["new"] += 1
        self.hold(self.make(), self.empty())

    @rule(number=PICK, how=st.sampled_from(sorted(COPIES)))
    def copy(self, number: int, how: str) -> None:
        self.counts["copy" if "save" not in how else "save and load"] += 1
        held = self.pick(number)
        before = view(held.sketch)
        other = COPIES[how](held.sketch)
        assert same(view(held.sketch), before)
        assert same(view(other), before)
        assert other.spec == held.sketch.spec
        self.hold(other, held.model).loaded = held.loaded or "save" in how

    @invariant()
    def nothing_is_shared(self) -> None:
        for held in self.held:
            held.model.check(held.sketch)


class LinearMachine(SketchMachine):
    """Sketches that add, subtract and scale."""

    @rule(left=PICK, right=PICK, fault=FAULTS)
    def merge(self, left: int, right: int, fault: Any) -> None:
        one, other = self.pick(left), self.pick(right)
        if one is other:
            return
        untouched = view(other.sketch)
        self.change(
            "merge",
            one,
            lambda sk: sk.merge(other.sketch, again=True),
            [one.model.plus(other.model)],
            fault,
        )
        assert same(view(other.sketch), untouched)

    @rule(left=PICK, right=PICK, sign=st.sampled_from("+-"))
    def combine(self, left: int, right: int, sign: str) -> None:
        self.counts["sum" if sign == "+" else "difference"] += 1
        one, other = self.pick(left), self.pick(right)
        if sign == "+":
            sk, model = one.sketch + other.sketch, one.model.plus(other.model)
        else:
            sk, model = one.sketch - other.sketch, one.model.plus(other.model.scaled(-1))
        self.hold(sk, model).loaded = one.loaded

    @rule(number=PICK, factor=FACTORS | COMPLEX_FACTORS, left=st.booleans())
    def scale(self, number: int, factor: Any, left: bool) -> None:
        held = self.pick(number)
        if self.refuses_complex and np.iscomplexobj(factor):
            self.refused(held, lambda sk: factor * sk, sketch.DtypeError)
            return
        self.counts["scale"] += 1
        scaled = factor * held.sketch if left else held.sketch * factor
        self.hold(scaled, held.model.scaled(factor)).loaded = held.loaded

    @rule(number=PICK, factor=st.sampled_from((float("nan"), float("inf"), complex("nan"))))
    def scale_by_nothing(self, number: int, factor: Any) -> None:
        self.refused(self.pick(number), lambda sk: sk * factor)


def table() -> str:
    """Return the counts of all machines as a Markdown table."""
    names = sorted({name for counts in COUNTS.values() for name in counts} - {"sequences"})
    head = ["machine", "sequences", *names]
    lines = [head, ["---"] * len(head)]
    lines += [
        [machine, *(f"{counts[name]:,}" for name in head[1:])] for machine, counts in COUNTS.items()
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
