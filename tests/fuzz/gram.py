"""The machine of principal components: rows come, fade and are removed again."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

import sketch

from . import chunks
from .dense import EPS
from .linear import FAMILIES
from .machine import FACTORS, FAULTS, PICK, LinearMachine
from .rows import Rows

COLUMNS = 9
SIZE = st.integers(0, 12)


class Gram(LinearMachine):
    """Gram-Nyström with removal."""

    name = "GramNystrom"

    @initialize(
        dtype=st.sampled_from((None, None, "float64", "float32", "complex128")),
        seed=st.integers(0, 2**20),
        family=st.integers(0, 3),
        center=st.booleans(),
        width=st.sampled_from((4, 6, COLUMNS)),
    )
    def begin_sequence(self, dtype: Any, seed: int, family: int, center: bool, width: int) -> None:
        self.make = lambda: sketch.GramNystrom(
            COLUMNS,
            2,
            sketch_rank=width,
            dtype=dtype,
            seed=seed,
            center=center,
            test_matrix=FAMILIES[family],
        )
        self.hold(self.make(), self.empty())

    def empty(self) -> Rows:
        return Rows()

    def takes(self, chunk: chunks.Chunk) -> bool:
        return not (self.refuses_complex and chunk.computed.startswith("complex"))

    @rule(number=PICK, size=SIZE, plan=chunks.plans(), fault=FAULTS)
    def update(self, number: int, size: int, plan: Any, fault: Any) -> None:
        held = self.pick(number)
        chunk = plan.chunk((size, COLUMNS))
        if not self.takes(chunk):
            return
        model = held.model.added(chunk)
        self.change("update", held, lambda sk: sk.update(chunk.held), [model], fault)

    @rule(number=PICK, which=PICK, fault=FAULTS)
    def remove(self, number: int, which: int, fault: Any) -> None:
        held = self.pick(number)
        if held.model.records:
            record = held.model.records[which % len(held.model.records)]
            model = held.model.added(record.chunk, -1.0, record.number)
            change = lambda sk: sk.remove(record.chunk.held)  # noqa: E731
            self.change("remove", held, change, [model], fault)

    @rule(
        number=PICK,
        pieces=st.lists(st.tuples(SIZE, chunks.plans()), max_size=3),
        forgetting=st.sampled_from((1.0, 0.5, 0.9)),
        fault=FAULTS,
    )
    def consume(self, number: int, pieces: Any, forgetting: float, fault: Any) -> None:
        held = self.pick(number)
        stream = [plan.chunk((size, COLUMNS)) for size, plan in pieces]
        if not all(map(self.takes, stream)):
            return
        models, model = [], held.model
        for chunk in stream:
            model = (model.scaled(forgetting) if forgetting < 1 else model).added(chunk)
            models.append(model)

        def go(sk: Any, done: int = 0) -> None:
            rest = [chunk.held for chunk in stream[done:]]
            sk.consume(rest, forgetting=forgetting, **held.first())

        self.change("consume", held, go, models, fault, go)

    @rule(number=PICK, size=SIZE, what=st.sampled_from(("nan", "inf", "narrow", "axes", "text")))
    def refuse(self, number: int, size: int, what: str) -> None:
        values: Any = np.ones((size + 1, COLUMNS))
        if what in ("nan", "inf"):
            values[size, size % COLUMNS] = float(what)
        elif what == "narrow":
            values = values[:, 1:]
        elif what == "axes":
            values = values[None]
        else:
            values = values.astype(str)
        held = self.pick(number)
        self.refused(held, lambda sk: sk.update(values))
        self.refused(held, lambda sk: sk.remove(values))

    @rule(number=PICK, factor=FACTORS, left=st.booleans())
    def scale(self, number: int, factor: Any, left: bool) -> None:
        held = self.pick(number)
        self.counts["scale"] += 1
        scaled = factor * held.sketch if left else held.sketch * factor
        self.hold(scaled, held.model.scaled(factor)).loaded = held.loaded

    @rule(number=PICK)
    def finalize(self, number: int) -> None:
        held = self.pick(number)
        net = held.model.net()
        if any(weight < 0 for weight in net.values()):
            return  # of no rows: the sums are not those of any data
        count = sum(net[number] * len(chunk.values) for number, chunk in held.model.chunks())
        if count <= 0:
            self.refused(held, lambda sk: sk.finalize(), sketch.ShapeError)
            return
        self.counts["finalize"] += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sketch.SpectrumWarning)
            found = held.sketch.finalize()
        x = held.model.weighted(held.sketch.spec.center)
        assert np.isclose(found.n_samples, count, rtol=1e-12)
        v = found.components.astype(np.result_type(x, found.components))
        off = float(np.linalg.norm(x - (x @ v.conj().T) @ v))
        low, high = found.error.interval()
        assert low <= off <= high, ("error", low, off, high)
        exact = np.zeros(found.rank)
        squares = np.linalg.svdvals(x)[: found.rank] ** 2
        exact[: len(squares)] = squares / max(count - 1, 1.0)
        least, most = found.explained_variance_interval(1.0)
        slack = 64 * EPS * exact[:1].sum() * len(x)  # of the exact values as computed here
        assert np.all(least <= exact + slack), ("variance", least, exact)
        assert np.all(exact <= most + slack), ("variance", exact, most)
