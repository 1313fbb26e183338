"""The machine of semidefinite matrices: whole ones, tiles of them, and what is none."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

import sketch

from . import chunks
from .linear import FAMILIES, PlacedMachine
from .machine import CONFIDENCE, FAULTS, PICK

DTYPES = ("float64", "float32", "complex128", "complex64")  # which keep them nearly semidefinite
SIZE = 11


class Semidefinite(PlacedMachine):
    """Nyström."""

    name = "Nystrom"
    canvas = (SIZE, SIZE)

    @initialize(
        dtype=st.sampled_from((None, None, "float64", "float32", "complex128")),
        seed=st.integers(0, 2**20),
        probes=st.sampled_from((1, 3, 10)),
        width=st.sampled_from((2, 4, SIZE)),
        family=st.integers(0, 3),
    )
    def begin_sequence(self, dtype: Any, width: int, family: int, **options: Any) -> None:
        self.make = lambda: sketch.Nystrom(
            self.canvas,
            2,
            sketch_rank=width,
            dtype=dtype,
            test_matrix=FAMILIES[family],
            seed=options["seed"],
            error_probes=options["probes"],
        )
        self.hold(self.make(), self.empty())

    @rule(number=PICK, plan=chunks.plans(DTYPES), cut=st.integers(0, SIZE), fault=FAULTS)
    def add(self, number: int, plan: Any, cut: int, fault: Any) -> None:
        held = self.pick(number)
        pieces = plan.semidefinite(SIZE, cut)
        if not all(map(self.takes, pieces)):
            return
        stream = list(zip((0, cut), (piece.held for piece in pieces), strict=True))
        models = [held.model.added(pieces[0], (0, 0))]
        models.append(models[0].added(pieces[1], (cut, 0)))

        def go(sk: Any, done: int = 0) -> None:
            sk.consume(stream[done:], **held.first())

        self.change("add", held, go, models, fault, go)

    @rule(number=PICK, rank=st.sampled_from((None, 2, 1)))
    def finalize(self, number: int, rank: Any) -> None:
        held = self.pick(number)
        a = held.model.data(held.sketch.spec)
        noise = held.model.budget
        is_one = np.linalg.norm(a - a.conj().T) <= noise
        is_one = is_one and np.linalg.eigvalsh(a).min() >= -noise
        try:
            found = held.sketch.finalize(rank)
        except sketch.NotSemidefiniteError:
            assert not is_one, "a semidefinite matrix was refused"
            self.counts["refusals"] += 1
            return
        self.counts["finalize"] += 1
        if not is_one:
            return
        off = float(np.linalg.norm(a - found.to_array()))
        low, high = found.error.interval(CONFIDENCE)
        assert low <= off <= high, (low, off, high)
