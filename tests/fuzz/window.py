"""The machine of sliding windows: the last chunks of a stream, and nothing of those before."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

import sketch

from . import chunks
from .dense import Dense
from .machine import COUNTS, FAULTS
from .rows import Rows
from .views import same, view

MOST = 60  # rows of all chunks together


class Window(RuleBasedStateMachine):
    """Sliding windows over matrices, rows and tensors."""

    name = "SlidingWindow"

    def __init__(self) -> None:
        super().__init__()
        self.counts = COUNTS[self.name]
        self.counts["sequences"] += 1
        self.taken: list[tuple[Any, int]] = []
        self.seen = 0

    @initialize(
        kind=st.sampled_from(("matrix", "rows", "tensor")),
        length=st.integers(1, 4),
        seed=st.integers(0, 2**20),
    )
    def begin_sequence(self, kind: str, length: int, seed: int) -> None:
        if kind == "matrix":
            sk: Any = sketch.GeneralizedNystrom((None, 7), 2, sketch_rank=4, seed=seed)
        elif kind == "rows":
            sk = sketch.GramNystrom(7, 2, sketch_rank=4, seed=seed)
        else:
            sk = sketch.STTA((None, 3, 4), 2, sketch_rank=3, seed=seed, error_probes=2)
        self.kind, self.rest = kind, (3, 4) if kind == "tensor" else (7,)
        self.window = sketch.SlidingWindow(sk, length)

    def model(self) -> Any:
        """Return the model of the chunks in the window, with the rounding of those that left."""
        inside = self.taken[-self.window.length :]
        if self.kind == "rows":
            model = Rows()
            for chunk, _ in self.taken:
                model = model.added(chunk)
            gone = model.records[: len(model.records) - len(inside)]
            for record in gone[-self.window.length :]:
                model = model.added(record.chunk, -1.0, record.number)
            kept = len(self.taken) - len(inside) - self.window.length
            return Rows(model.records[max(0, kept) :], model.steps, self.shifts)
        spec = self.window.sketch.spec
        model = Dense.empty(spec, (MOST, *self.rest))
        left = self.taken[-2 * self.window.length : -self.window.length]
        for chunk, at in left + inside:
            model = model.added(chunk, (at, *[0] * len(self.rest)))
        for chunk, at in left:
            model = model.added(
                chunks.Chunk(-chunk.values, None, chunk.computed), (at, *[0] * len(self.rest))
            )
        return model

    def check(self) -> None:
        model = self.model()
        if self.kind != "rows":
            import dataclasses

            model = dataclasses.replace(
                model,
                seen=(self.seen, *self.rest) if self.taken else (0,) * (1 + len(self.rest)),
                n_updates=min(len(self.taken), self.window.length),
            )
        model.check(self.window.sketch)

    shifts: list[Any]

    @rule(size=st.integers(0, 5), plan=chunks.plans(), fault=FAULTS)
    def update(self, size: int, plan: Any, fault: Any) -> None:
        if not self.taken:
            self.shifts = []
        if self.seen + size > MOST:
            return
        self.counts["update"] += 1
        chunk = plan.chunk((size, *self.rest))
        before = view(self.window.sketch)
        if fault is not None and fault.strikes(lambda w: w.update(chunk.held), self.window):
            self.counts["faults"] += 1
            if same(view(self.window.sketch), before):
                self.window.update(chunk.held)
        elif fault is None:
            self.window.update(chunk.held)
        self.taken.append((chunk, self.seen))
        self.seen += size
        self.check()

    @rule(what=st.sampled_from(("nan", "narrow", "text")))
    def refuse(self, what: str) -> None:
        self.counts["refusals"] += 1
        values: Any = np.ones((2, *self.rest))
        if what == "nan":
            values[1, 1] = np.nan
        elif what == "narrow":
            values = np.ones((2, *self.rest[:-1], self.rest[-1] + 1))
        else:
            values = values.astype(str)
        before = view(self.window.sketch)
        try:
            self.window.update(values)
        except sketch.SketchError:
            pass
        else:
            raise AssertionError("was not refused")
        assert same(view(self.window.sketch), before)
        if self.taken:
            self.check()
