"""The machine of completion: rows with gaps in one pass or several, in any container."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

import sketch

from . import chunks
from .gaps import COLUMNS, RANK, Gaps
from .machine import FAULTS, PICK, SketchMachine
from .views import same, view

DTYPES = ("float64", "float32", "float16", "int32")
SIZE = st.integers(0, 12)
ROWS = 80  # of a matrix that does not grow


def with_gaps(plan: chunks.Plan, size: int) -> tuple[np.ndarray, Any]:
    """Return rows with NaN in the places of missing entries, and what holds them."""
    exact = plan._values((size, COLUMNS))
    known = np.random.default_rng(plan.seed).random(exact.shape) < 0.6
    rows = np.where(known, exact, np.nan).astype("float64")
    return rows, _held(plan.container, exact, known)


def _held(container: str, exact: np.ndarray, known: np.ndarray) -> Any:
    masked = np.ma.MaskedArray(exact, mask=~known)
    if exact.dtype != "float16" and container in ("csr", "csc", "coo", "spmatrix"):
        i, j = np.nonzero(known)
        return chunks.CONTAINERS[container](sp.coo_array((exact[i, j], (i, j)), exact.shape))
    if exact.dtype.kind == "i" or container == "strided":
        return masked
    return chunks.CONTAINERS[container](masked.filled(np.nan))


class Incomplete(SketchMachine):
    """Completion by a stream, and in three passes."""

    name = "Completion"

    @initialize(
        grows=st.booleans(),
        seed=st.integers(0, 2**20),
        passes=st.sampled_from((1, 1, 3)),
        biases=st.booleans(),
        holdout=st.sampled_from((0.0, 0.1)),
        ridge=st.sampled_from((None, 0.05)),
        sample=st.sampled_from((20, 60, 500)),
    )
    def begin_sequence(self, grows: bool, **options: Any) -> None:
        shape = (None if grows else ROWS, COLUMNS)
        self.make = lambda: sketch.Completion(shape, RANK, **options)
        self.hold(self.make(), self.empty())

    def empty(self) -> Gaps:
        return Gaps()

    def has_room(self, held: Any, size: int) -> bool:
        return not held.model.passes and held.model.end + size <= ROWS

    @rule(number=PICK, size=SIZE, plan=chunks.plans(DTYPES), fault=FAULTS)
    def update(self, number: int, size: int, plan: Any, fault: Any) -> None:
        held = self.pick(number)
        if not self.has_room(held, size):
            return
        (rows, chunk), at = with_gaps(plan, size), held.model.end
        self.change(
            "update",
            held,
            lambda sk: sk.update(chunk, at=at),
            [held.model.added(rows, at)],
            fault,
        )

    @rule(
        number=PICK,
        pieces=st.lists(st.tuples(SIZE, chunks.plans(DTYPES)), max_size=3),
        forgetting=st.sampled_from((1.0, 1.0, 0.5)),
        fault=FAULTS,
    )
    def consume(self, number: int, pieces: Any, forgetting: float, fault: Any) -> None:
        held = self.pick(number)
        spec, model, models = held.sketch.spec, held.model, []
        if not self.has_room(held, sum(size for size, _ in pieces)):
            return
        stream = []
        for size, plan in pieces:
            rows, chunk = with_gaps(plan, size)
            stream.append((model.end, chunk))
            model = (model.faded() if forgetting < 1 else model).added(rows, model.end)
            models.append(model)
        if forgetting < 1 and spec.passes > 1:
            return

        def go(sk: Any, done: int = 0) -> None:
            sk.consume(stream[done:], forgetting=forgetting, **held.first())

        self.change("consume", held, go, models, fault, go)

    @rule(left=PICK, right=PICK, fault=FAULTS)
    def merge(self, left: int, right: int, fault: Any) -> None:
        one, other = self.pick(left), self.pick(right)
        if one is other or one.model.passes or other.model.passes:
            return
        untouched, before = view(other.sketch), view(one.sketch)
        try:
            self.change(
                "merge",
                one,
                lambda sk: sk.merge(other.sketch, again=True),
                [one.model.plus(other.model)],
                fault,
            )
        except sketch.IncompatibleSketchError:  # of streams whose factors cannot be turned
            assert same(view(one.sketch), before)
        assert same(view(other.sketch), untouched)

    @rule(number=PICK, first=st.integers(0, 40), size=st.integers(1, 40), fault=FAULTS)
    def feed(self, number: int, first: int, size: int, fault: Any) -> None:
        held = self.pick(number)
        if held.model.counted_only or not (missing := held.model.missing):
            return
        start, row = missing[first % len(missing)]
        rows, known = [row], dict(missing)
        while len(rows) < size and start + len(rows) in known:
            rows.append(known[start + len(rows)])
        a = np.array(rows)
        model = held.model.added(a, start)
        self.change("feed", held, lambda sk: sk.update(a, at=start), [model], fault)

    @rule(number=PICK, fault=FAULTS)
    def end_pass(self, number: int, fault: Any) -> None:
        held = self.pick(number)
        model, last = held.model, held.sketch.n_passes - 1
        if not last or model.counted_only or model.passes == last or not model.end + model.passes:
            return
        if model.passes and model.missing:
            known = sum(np.isfinite(row).any() for _, row in model.missing)
            if known and not held.sketch.spec.holdout:
                self.refused(held, lambda sk: sk.end_pass(), sketch.PassError)
        else:
            self.change("end_pass", held, lambda sk: sk.end_pass(), [model.next_pass()], fault)

    @rule(number=PICK, what=st.sampled_from(("inf", "narrow", "axes", "text", "complex", "early")))
    def refuse(self, number: int, what: str) -> None:
        held = self.pick(number)
        values: Any = np.ones((2, COLUMNS))
        if what == "inf":
            values[1, 3] = np.inf
        elif what == "narrow":
            values = values[:, 1:]
        elif what == "axes":
            values = values[None]
        elif what == "text":
            values = values.astype(str)
        elif what == "complex":
            values = values * 1j
        elif held.model.passes < held.sketch.n_passes - 1:
            self.refused(held, lambda sk: sk.finalize(), sketch.PassError)
        if what == "early":
            return
        self.refused(held, lambda sk: sk.update(values, at=0))

    @rule(number=PICK, factor=st.sampled_from((0, -1, 1j, float("nan"))))
    def subtract(self, number: int, factor: Any) -> None:
        self.refused(self.pick(number), lambda sk: sk * factor)

    @rule(number=PICK)
    def finalize(self, number: int) -> None:
        held = self.pick(number)
        model, sk = held.model, held.sketch
        if model.passes < sk.n_passes - 1 or model.missing:
            return
        rows = model.whole or model.rows
        before = view(sk)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sketch.SketchWarning)
            found = sk.finalize()
        assert same(view(sk), before)
        self.counts["finalize"] += 1
        assert found.n_rows == len(rows)
        assert np.isfinite(found.columns).all()
        if rows and not model.counted_only:
            model.check_error(found, sk)
