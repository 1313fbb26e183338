"""The exact model of a Gram-Nyström sketch: weighted rows."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from strategies import row_sums

from .chunks import Chunk
from .dense import EPS, rows

_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Record:
    """Rows that were added, with their weight, or removed, with a negative one."""

    chunk: Chunk
    weight: float
    number: int  # of the chunk, shared with its removal


@dataclass(frozen=True)
class Rows:
    """What the sketch must hold, and which shifts it ever had.

    Sums are taken about a shift c, products of rows ``x = a - c`` in the precision u of the chunk:
    off by ``gamma_k(u) |x|^2`` for the rows of each chunk, removed ones too, and about any shift
    that the sketch has had, and by a roundoff of the largest sums for each step.
    """

    records: tuple[Record, ...] = ()
    steps: int = 1
    shifts: list[np.ndarray] = field(default_factory=list)

    def added(self, chunk: Chunk, weight: float = 1.0, number: int | None = None) -> Rows:
        """Return the model with rows added, or removed by their number."""
        record = Record(chunk, weight, next(_NUMBERS) if number is None else number)
        return self._with((*self.records, record))

    def scaled(self, factor: Any) -> Rows:
        """Return the model with all weights multiplied."""
        return self._with(
            tuple(dataclasses.replace(r, weight=r.weight * float(factor)) for r in self.records)
        )

    def plus(self, other: Rows) -> Rows:
        """Return the model of a merged sketch."""
        both = Rows(self.records + other.records, self.steps + other.steps + 1)
        both.shifts.extend(self.shifts + other.shifts)
        return both

    def _with(self, records: tuple[Record, ...]) -> Rows:
        return Rows(records, self.steps + 1, list(self.shifts))

    def net(self) -> dict[int, float]:
        """Return the weight of each chunk, removals counted."""
        weights: dict[int, float] = {}
        for record in self.records:
            weights[record.number] = weights.get(record.number, 0.0) + record.weight
        return weights

    def chunks(self) -> list[tuple[int, Chunk]]:
        """Return every chunk once, with its number."""
        return list(
            {record.number: (record.number, record.chunk) for record in self.records}.values()
        )

    def weighted(self, center: bool) -> np.ndarray:
        """Return the rows times the roots of their weights, about their mean if that is asked."""
        net = self.net()
        a = np.concatenate([chunk.values for _, chunk in self.chunks()])
        w = np.concatenate([np.full(len(chunk.values), net[k]) for k, chunk in self.chunks()])
        wide = a.astype(np.result_type(a, np.longdouble))  # whose mean of equal rows is exact
        about = wide - center * (w @ wide) / w.sum()
        return np.sqrt(w)[:, None] * about.astype(a.dtype)

    def check(self, sk: Any) -> None:
        """Compare a sketch with the model."""
        (got, c), n = row_sums(sk), sk.spec.shape[1]
        if not got:
            assert not self.records
            return
        if not any(np.array_equal(c, known) for known in self.shifts):
            self.shifts.append(c)
        omega = np.eye(n) if sk.spec.exact else rows(sk.spec, "range", sk.spec.range_size, n)
        sums = {"gram": 0.0, "total": 0.0, "energy": 0.0, "count": 0.0}
        bounds = dict(sums)
        for record in self.records:
            x, weight = record.chunk.values - c, record.weight
            sums["gram"] = sums["gram"] + weight * omega.conj().T @ (x.conj().T @ x)
            sums["total"] = sums["total"] + weight * x.sum(0, keepdims=True)
            sums["energy"] += weight * np.linalg.norm(x) ** 2
            sums["count"] += weight * len(x)
            for name, bound in self._bounds(record, float(np.linalg.norm(omega)), n).items():
                bounds[name] += bound
        for name, bound in bounds.items():
            off = float(np.linalg.norm(got[name] - sums[name]))
            assert off <= bound + 1e-300, (name, off, bound)

    def _bounds(self, record: Record, size: float, n: int) -> dict[str, float]:
        """Return by how much the sums may be off for one chunk."""
        a, weight = record.chunk.values, abs(record.weight)
        largest = max(float(np.linalg.norm(a - c)) for c in self.shifts)
        largest += 8 * EPS * float(np.linalg.norm(a))  # of shifts in between, which are means
        terms = 8 * (len(a) + n) + 64
        gamma = weight * (terms * record.chunk.roundoff + 16 * self.steps * EPS)
        return {
            "gram": gamma * size * largest**2,
            "total": gamma * np.sqrt(len(a)) * largest,
            "energy": gamma * largest**2,
            "count": weight * len(a) * self.steps * EPS,
        }
