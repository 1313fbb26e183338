"""The machine of HMT: the same chunks in every pass, in any order, precision and container."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from strategies import parts

import sketch

from . import chunks
from .dense import Dense, rows
from .linear import FAR
from .machine import CONFIDENCE, FAULTS, PICK, SketchMachine
from .views import same, view

SHAPE = (15, 11)
ANY = st.integers(0, 2**16)


@dataclass(frozen=True)
class Passes:
    """The data of one pass, how much of them a pass has taken, and which pass it is."""

    whole: tuple[tuple[tuple[int, ...], chunks.Chunk], ...]  # of the first pass
    taken: tuple[int, ...]  # numbers of chunks, in this pass
    number: int
    factor: float = 1.0

    def dense(self, spec: Any, all_of_it: bool = False) -> Dense:
        """Return the model of the sums: in the first pass, or of the data as a whole."""
        model = Dense.empty(spec, SHAPE)
        for k in range(len(self.whole)) if all_of_it else self.taken:
            at, chunk = self.whole[k]
            model = model.added(chunk, at)
        return model.scaled(self.factor) if self.factor != 1 else model

    def check(self, sk: Any) -> None:
        """Compare with the sketch: its pass, and the sums of a first pass."""
        assert sk.passes_done == self.number, (sk.passes_done, self.number)
        assert sk.shape == SHAPE
        if self.number or sk.spec.begins_left:
            return
        model, got = self.dense(sk.spec), parts(sk)
        omega = {
            "range": rows(sk.spec, "range", sk.spec.range_size, SHAPE[1]),
            "error": rows(sk.spec, "error", sk.spec.error_probes or 1, SHAPE[1]),
        }
        for name in omega.keys() & got.keys():  # of squares, which may be dropped, results tell
            off = np.linalg.norm(got[name] - (model.values @ omega[name]).T)
            bound = model.budget * np.linalg.norm(omega[name])
            assert off <= bound + 1e-300, (name, off, bound)


class HMT(SketchMachine):
    """HMT in two to four passes."""

    name = "HMT"

    @initialize(
        dtype=st.sampled_from((None, None, "float64", "complex128")),
        seed=st.integers(0, 2**20),
        probes=st.sampled_from((0, 3)),
        power_iters=st.sampled_from((0, 0, 0.5, 1)),
    )
    def begin_sequence(self, dtype: Any, seed: int, probes: int, power_iters: float) -> None:
        self.make = lambda: sketch.HMT(
            SHAPE,
            2,
            sketch_rank=4,
            dtype=dtype,
            seed=seed,
            error_probes=probes,
            power_iters=power_iters,
        )
        self.hold(self.make(), self.empty())

    def empty(self) -> Passes:
        return Passes((), (), 0)

    def missing(self, held: Any) -> list[int]:
        """Return which chunks a pass has not taken yet."""
        return [k for k in range(len(held.model.whole)) if k not in held.model.taken]

    @rule(number=PICK, where=FAR, plan=chunks.plans(), fault=FAULTS)
    def update(self, number: int, where: Any, plan: Any, fault: Any) -> None:
        held = self.pick(number)
        if held.model.number or held.model.factor != 1:
            return
        at = tuple(x % n for x, n in zip(where[:2], SHAPE, strict=True))
        shape = tuple(x % (n - a + 1) for x, n, a in zip(where[2:4], SHAPE, at, strict=True))
        chunk = plan.chunk(shape)
        if not self.takes(chunk):
            return
        whole = (*held.model.whole, (at, chunk))
        model = dataclasses.replace(held.model, whole=whole, taken=tuple(range(len(whole))))
        self.change("update", held, lambda sk: sk.update(chunk.held, at=at), [model], fault)

    def takes(self, chunk: chunks.Chunk) -> bool:
        return not (self.refuses_complex and chunk.computed.startswith("complex"))

    @rule(number=PICK, which=ANY, fault=FAULTS)
    def feed(self, number: int, which: int, fault: Any) -> None:
        held = self.pick(number)
        if not held.model.number or not (missing := self.missing(held)):
            return
        if held.sketch.passes_done == held.sketch.n_passes:
            return
        k = missing[which % len(missing)]
        at, chunk = held.model.whole[k]
        model = dataclasses.replace(held.model, taken=(*held.model.taken, k))
        self.change("feed", held, lambda sk: sk.update(chunk.held, at=at), [model], fault)

    @rule(number=PICK, fault=FAULTS)
    def end_pass(self, number: int, fault: Any) -> None:
        held = self.pick(number)
        if self.missing(held) or held.model.number == held.sketch.n_passes:
            return
        last = held.model.number + 1 == held.sketch.n_passes
        model = dataclasses.replace(
            held.model,
            number=held.model.number + 1,
            taken=held.model.taken if last else (),
        )
        self.change("end_pass", held, lambda sk: sk.end_pass(), [model], fault)

    @rule(number=PICK, order=st.randoms(use_true_random=False))
    def rest_of_pass(self, number: int, order: Any) -> None:
        held = self.pick(number)
        missing = self.missing(held)
        if held.model.number == held.sketch.n_passes:
            return
        self.counts["rest of pass"] += 1
        order.shuffle(missing)
        for k in missing:
            at, chunk = held.model.whole[k]
            held.sketch.update(chunk.held, at=at)
        held.sketch.end_pass()
        last = held.model.number + 1 == held.sketch.n_passes
        held.model = dataclasses.replace(
            held.model,
            number=held.model.number + 1,
            taken=tuple(range(len(held.model.whole))) if last else (),
        )

    @rule(number=PICK, cut=ANY, fault=FAULTS)
    def split_and_merge(self, number: int, cut: int, fault: Any) -> None:
        held = self.pick(number)
        if not held.model.number or held.model.taken or not held.model.whole:
            return
        other, order = held.sketch.copy(), self.missing(held)
        cut %= len(order) + 1
        for sk, ours in ((held.sketch, order[:cut]), (other, order[cut:])):
            for k in ours:
                at, chunk = held.model.whole[k]
                sk.update(chunk.held, at=at)
        held.model = dataclasses.replace(held.model, taken=tuple(order[:cut]))
        model = dataclasses.replace(held.model, taken=tuple(order))
        untouched = view(other)
        self.change("merge", held, lambda sk: sk.merge(other, again=True), [model], fault)
        assert same(view(other), untouched)

    @rule(number=PICK, what=st.sampled_from(("nan", "outside", "merge", "scale", "early")))
    def refuse(self, number: int, what: str) -> None:
        held = self.pick(number)
        done = held.model.number == held.sketch.n_passes
        values = np.ones((3, 4))
        if what == "nan" or done:
            values[2, 1] = np.nan
            self.refused(held, lambda sk: sk.update(values, at=0))
        elif what == "outside":
            self.refused(held, lambda sk: sk.update(values, at=(13, 0)))
        elif what == "merge" and held.model.number:
            self.refused(held, lambda sk: sk.merge(self.make()), sketch.IncompatibleSketchError)
        elif what == "scale" and held.model.number:
            self.refused(held, lambda sk: sk * 2, sketch.PassError)
        elif what == "early" and held.model.number < held.sketch.n_passes - 1:
            self.refused(held, lambda sk: sk.finalize(), sketch.PassError)

    @rule(number=PICK)
    def finalize(self, number: int) -> None:
        held = self.pick(number)
        if self.missing(held) or held.model.number < held.sketch.n_passes - 1:
            return
        self.counts["finalize"] += 1
        model = held.model.dense(held.sketch.spec, all_of_it=True)
        result = held.sketch.finalize(4)
        off = float(np.linalg.norm(model.values - result.to_array()))
        low, high = result.error.interval(CONFIDENCE)
        assert low <= off <= high, (low, off, high)
