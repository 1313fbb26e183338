"""Machines of one-pass sketches of matrices and tensors."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

import sketch

from . import chunks
from .dense import Dense
from .machine import CONFIDENCE, FAULTS, PICK, LinearMachine

FAR = st.tuples(*[st.integers(0, 40)] * 6)
BAD = ("nan", "inf", "outside", "before", "axes", "place", "text", "place of floats")


class PlacedMachine(LinearMachine):
    """Chunks at any place, appended, overlapping, empty; streams that fade."""

    canvas: ClassVar[tuple[int, ...]]
    kind: ClassVar[Any]

    @initialize(
        grows=st.none() | st.integers(0, 2),
        dtype=st.sampled_from((None, None, "float64", "float32", "complex128")),
        seed=st.integers(0, 2**20),
        probes=st.sampled_from((0, 3)),
        family=st.integers(0, 3),
    )
    def begin_sequence(self, grows: Any, dtype: Any, seed: int, probes: int, family: int) -> None:
        shape = [None if axis == grows else size for axis, size in enumerate(self.canvas)]
        self.make = self.maker(tuple(shape), dtype, seed, probes, family)
        self.hold(self.make(), self.empty())

    def maker(self, shape: Any, dtype: Any, seed: int, probes: int, family: int) -> Any:
        raise NotImplementedError

    def empty(self) -> Dense:
        return Dense.empty(self.make().spec, tuple(3 * n for n in self.canvas))

    def placed(self, numbers: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the place and the shape of a chunk within the canvas."""
        d = len(self.canvas)
        at = tuple(x % n for x, n in zip(numbers[:d], self.canvas, strict=True))
        shape = tuple(
            x % (n - a + 1) for x, n, a in zip(numbers[d : 2 * d], self.canvas, at, strict=True)
        )
        return at, shape

    def takes(self, chunk: chunks.Chunk) -> bool:
        return not (self.refuses_complex and chunk.computed.startswith("complex"))

    @rule(number=PICK, where=FAR, plan=chunks.plans(), fault=FAULTS)
    def update(self, number: int, where: Any, plan: Any, fault: Any) -> None:
        held = self.pick(number)
        at, shape = self.placed(where)
        chunk = plan.chunk(shape)
        if not self.takes(chunk):
            self.refused(held, lambda sk: sk.update(chunk.held, at=at), sketch.DtypeError)
            return
        self.change(
            "update",
            held,
            lambda sk: sk.update(chunk.held, at=at),
            [held.model.added(chunk, at)],
            fault,
        )

    @rule(number=PICK, size=st.integers(0, 5), plan=chunks.plans(), fault=FAULTS)
    def append(self, number: int, size: int, plan: Any, fault: Any) -> None:
        held = self.pick(number)
        spec = held.sketch.spec
        if None not in spec.shape or not self.has_room(held, size):
            return
        shape = tuple(size if n is None else n for n in spec.shape)
        at = tuple(s if n is None else 0 for s, n in zip(held.model.seen, spec.shape, strict=True))
        chunk = plan.chunk(shape)
        if self.takes(chunk):
            self.change(
                "append",
                held,
                lambda sk: sk.update(chunk.held),
                [held.model.added(chunk, at)],
                fault,
            )

    def has_room(self, held: Any, size: int) -> bool:
        axis = held.sketch.spec.shape.index(None)
        return held.model.seen[axis] + size <= 3 * self.canvas[axis]

    @rule(
        number=PICK,
        pieces=st.lists(st.tuples(FAR, chunks.plans()), max_size=3),
        forgetting=st.sampled_from((1.0, 0.5, 0.9)),
        fault=FAULTS,
    )
    def consume(self, number: int, pieces: Any, forgetting: float, fault: Any) -> None:
        held = self.pick(number)
        stream, models = [], []
        model = held.model
        for where, plan in pieces:
            at, shape = self.placed(where)
            chunk = plan.chunk(shape)
            if not self.takes(chunk):
                return
            stream.append((at, chunk.held))
            model = (model.scaled(forgetting) if forgetting < 1 else model).added(chunk, at)
            models.append(model)

        def go(sk: Any, done: int = 0) -> None:
            sk.consume(stream[done:], forgetting=forgetting, **held.first())

        self.change("consume", held, go, models, fault, go)

    @rule(number=PICK, where=FAR, seed=st.integers(0, 99), what=st.sampled_from(BAD))
    def refuse(self, number: int, where: Any, seed: int, what: str) -> None:
        held = self.pick(number)
        at, shape = self.placed(where)
        shape = tuple(max(1, n) for n in shape)
        values = np.random.default_rng(seed).standard_normal(shape)
        if what in ("nan", "inf"):
            values[tuple(x % n for x, n in zip(where, shape, strict=False))] = float(what)
        fixed = next(axis for axis, n in enumerate(held.sketch.spec.shape) if n is not None)
        beyond = tuple(n if axis == fixed else 0 for axis, n in enumerate(self.canvas))
        chunk, place = {
            "outside": (values, beyond),
            "before": (values, (-1, *at[1:])),
            "axes": (values[None], at),
            "place": (values, (*at, 0)),
            "text": (values.astype(str), at),
            "place of floats": (values, (0.5,) * len(at)),
        }.get(what, (values, at))
        self.refused(held, lambda sk: sk.update(chunk, at=place))

    def finish(self, held: Any, result: Any) -> None:
        """Check a result against the data: its shape, and that its interval holds the error."""
        self.counts["finalize"] += 1
        data, spec = held.model.data(held.sketch.spec), held.sketch.spec
        assert result.shape == data.shape
        family = getattr(spec, "test_matrix", None)
        if result.error.kind == "heuristic" or family not in (None, sketch.Gaussian()):
            return  # laws are those of normal numbers
        off = float(np.linalg.norm(data - result.to_array()))
        low, high = result.error.interval(CONFIDENCE)
        assert low <= off <= high, (low, off, high)

    @rule(number=PICK)
    def merge_another_spec(self, number: int) -> None:
        held = self.pick(number)
        other = self.stranger(held.sketch.spec)
        self.refused(held, lambda sk: sk.merge(other), sketch.IncompatibleSketchError)

    def stranger(self, spec: Any) -> Any:
        return type(self.make()).from_spec(dataclasses.replace(spec, seed=spec.seed + 1))


FAMILIES = (sketch.Gaussian(), sketch.Gaussian(), sketch.Sign(), sketch.SparseSign(nnz=4))


class Nystrom(PlacedMachine):
    """Generalized Nyström."""

    name = "GeneralizedNystrom"
    canvas = (15, 11)

    def maker(self, shape: Any, dtype: Any, seed: int, probes: int, family: int) -> Any:
        return lambda: sketch.GeneralizedNystrom(
            shape,
            2,
            sketch_rank=4,
            corange_rank=24,  # signs where the rows grow, Gaussian where there are fewer
            dtype=dtype,
            seed=seed,
            error_probes=probes,
            test_matrix=FAMILIES[family],
        )

    @rule(number=PICK, rank=st.sampled_from((None, 4, 1)))
    def finalize(self, number: int, rank: Any) -> None:
        held = self.pick(number)
        self.finish(held, held.sketch.finalize(rank))


class Trains(PlacedMachine):
    """Streaming tensor trains."""

    name = "STTA"
    canvas = (5, 4, 6)

    def maker(self, shape: Any, dtype: Any, seed: int, probes: int, family: int) -> Any:
        return lambda: sketch.STTA(
            shape,
            2,
            sketch_rank=3,
            corange_rank=5,
            dtype=dtype,
            seed=seed,
            error_probes=probes,
            test_tensor=TENSOR_FAMILIES[family],
        )

    @rule(number=PICK)
    def finalize(self, number: int) -> None:
        held = self.pick(number)
        self.finish(held, held.sketch.finalize())


TENSOR_FAMILIES = (
    sketch.StackedTrains(),
    sketch.StackedTrains(block_rank=2),
    sketch.StackedTrains(entries="sign"),
    sketch.KhatriRao(),
)
